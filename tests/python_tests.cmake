# Each tests/<label>/test_*.py is one ctest with that label. Its environment:
#   RELAY_ADMIN        the program of this build
#   RELAY_BUILD_DIR    this build tree                 RELAY_SOURCE_DIR    the repository
#   RELAY_RELEASE_DIR  the release build tree; there for fault, bench and test_{install,package,quickstart,reproducible}.py,
#                      whose RELAY_ADMIN is the release program; so is that of test_arguments.py, which starts it thousands of times
#   RELAY_NODE_MODULES the Node modules of tests/contract; there for contract

function(relay_python_suite label timeout)
  cmake_parse_arguments(PARSE_ARGV 2 suite "RELEASE;SERIAL" "" "FIXTURES")
  file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${label}/test_*.py")
  foreach(test IN LISTS tests)
    get_filename_component(stem "${test}" NAME_WE)
    string(REGEX REPLACE "^test_" "" name "${stem}")

    set(program "${PROJECT_BINARY_DIR}/relay-admin")
    set(fixtures ${suite_FIXTURES})
    if(suite_RELEASE OR stem MATCHES "^test_(arguments|install|package|quickstart|reproducible)$")
      set(program "${relay_release_dir}/relay-admin")
      list(APPEND fixtures release)
    endif()

    add_test(NAME "${label}/${name}"
      COMMAND "${RELAY_PYTHON}" -m pytest -q -p no:cacheprovider "${test}"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set(environment
      "PYTHONDONTWRITEBYTECODE=1"
      "RELAY_ADMIN=${program}"
      "RELAY_BUILD_DIR=${PROJECT_BINARY_DIR}"
      "RELAY_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
      "RELAY_RELEASE_DIR=${relay_release_dir}"
      "RELAY_NODE_MODULES=${relay_node_dir}/node_modules")
    set_tests_properties("${label}/${name}" PROPERTIES
      LABELS "${label}"
      TIMEOUT "${timeout}"
      ENVIRONMENT "${environment}"
      FIXTURES_REQUIRED "${fixtures}"
      RUN_SERIAL "${suite_SERIAL}")
  endforeach()
endfunction()

relay_python_suite(support 300)
relay_python_suite(docs 120)
relay_python_suite(cli 1200)
relay_python_suite(contract 600 FIXTURES node_modules)
relay_python_suite(fault 1800 RELEASE)
relay_python_suite(bench 1800 RELEASE SERIAL)

# It measures milliseconds.
set_tests_properties(contract/verifier_kit PROPERTIES RUN_SERIAL TRUE)
