# unit_tests is one ctest. db_tests is one ctest per file, so that ctest can run several, each beside its own cluster
# (RELAY_TEST_DSN).

file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/unit/*.cpp")
file(GLOB_RECURSE db_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/db/*.cpp")

function(relay_test_program name)
  add_executable(${name} ${ARGN})
  relay_sanitizer_defaults(${name})
  target_compile_definitions(${name} PRIVATE RELAY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE
    relay_cli standard_warnings doctest::doctest PkgConfig::LIBPQXX PkgConfig::LIBPQ PkgConfig::LIBSODIUM)
endfunction()

# A filter that finds nothing is a failure, not a success.
set(no_test_ran "test cases: +0 ")

relay_test_program(unit_tests ${unit_sources})
target_link_libraries(unit_tests PRIVATE relay_docgen)
relay_precompile(unit_tests <doctest/doctest.h>)
relay_unity(unit_tests)
# Compiles doctest itself.
set_source_files_properties(unit/main.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
add_test(NAME unit COMMAND unit_tests)
set_tests_properties(unit PROPERTIES LABELS unit PROCESSORS ${relay_usual_processors} TIMEOUT 900 FAIL_REGULAR_EXPRESSION "${no_test_ran}")

if(db_sources)
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/db/main.cpp")
    list(APPEND db_sources unit/main.cpp)
  endif()
  relay_test_program(db_tests ${db_sources})
  relay_unity(db_tests)

  foreach(source IN LISTS db_sources)
    get_filename_component(stem "${source}" NAME_WE)
    file(STRINGS "${source}" cases REGEX "TEST_CASE" LIMIT_COUNT 1)
    if(cases)
      add_test(NAME db/${stem} 
        COMMAND "${RELAY_PYTHON}" "${CMAKE_CURRENT_SOURCE_DIR}/support/with_cluster.py" $<TARGET_FILE:db_tests> "--source-file=*/db/*${stem}.cpp")
      set_tests_properties(db/${stem} PROPERTIES LABELS db PROCESSORS ${relay_usual_processors} TIMEOUT 900 FAIL_REGULAR_EXPRESSION "${no_test_ran}")
    endif()
  endforeach()
endif()
