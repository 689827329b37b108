# Targets for developers: format, format-check, lint, coverage-report. Each exists only where its tool does.

find_program(CLANG_FORMAT_PROGRAM NAMES clang-format-14 clang-format)
find_program(RUN_CLANG_TIDY_PROGRAM NAMES run-clang-tidy-14 run-clang-tidy)
find_program(GCOVR_PROGRAM gcovr)
# Each version formats differently. The code has the form of version 14, which is in Debian 12.
if(CLANG_FORMAT_PROGRAM)
  execute_process(COMMAND "${CLANG_FORMAT_PROGRAM}" --version OUTPUT_VARIABLE clang_format_version)
  if(NOT clang_format_version MATCHES "version 14\\.")
    message(STATUS "No check of the format: it needs clang-format 14")
    set(CLANG_FORMAT_PROGRAM "")
  endif()
endif()
mark_as_advanced(CLANG_FORMAT_PROGRAM RUN_CLANG_TIDY_PROGRAM GCOVR_PROGRAM)

file(GLOB_RECURSE relay_formatted_files CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/lib/*.[ch]pp" "${PROJECT_SOURCE_DIR}/cli/*.[ch]pp" "${PROJECT_SOURCE_DIR}/tests/*.[ch]pp"
  "${PROJECT_SOURCE_DIR}/cmake/*.cpp")
list(FILTER relay_formatted_files EXCLUDE REGEX "/node_modules/")

if(CLANG_FORMAT_PROGRAM)
  add_custom_target(format COMMAND "${CLANG_FORMAT_PROGRAM}" -i ${relay_formatted_files} VERBATIM)
  add_custom_target(format-check COMMAND "${CLANG_FORMAT_PROGRAM}" --dry-run -Werror ${relay_formatted_files} VERBATIM)
endif()

if(RUN_CLANG_TIDY_PROGRAM)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)  # counts for the targets made after this line
  # The library only, so far. It goes by files, so the build must: see unity.cmake.
  if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    add_custom_target(lint
      COMMAND "${RUN_CLANG_TIDY_PROGRAM}" -quiet -p "${PROJECT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}/lib/relay/"
      USES_TERMINAL VERBATIM)
  else()
    add_custom_target(lint COMMAND "${CMAKE_COMMAND}" -E echo "lint needs a debug build with ccache" COMMAND "${CMAKE_COMMAND}" -E false VERBATIM)
  endif()
endif()

# gcov also counts the edges that the compiler makes: out of each call that may throw, and through destructors at a closing brace. No
# test decides about them, so they are left out.
if(RELAY_COVERAGE AND GCOVR_PROGRAM)
  add_custom_target(coverage-report
    COMMAND "${GCOVR_PROGRAM}" --root "${PROJECT_SOURCE_DIR}" --object-directory "${PROJECT_BINARY_DIR}"
      --filter "${PROJECT_SOURCE_DIR}/lib/" --filter "${PROJECT_SOURCE_DIR}/cli/"
      --exclude-throw-branches --exclude-unreachable-branches
      --txt - --json-summary "${PROJECT_BINARY_DIR}/coverage.json" "${PROJECT_BINARY_DIR}"
    COMMAND python3 "${PROJECT_SOURCE_DIR}/tests/support/coverage_by_folder.py" "${PROJECT_BINARY_DIR}/coverage.json"
    USES_TERMINAL VERBATIM)
endif()
