# Each tests/<label>/test_*.py is one ctest with that label. Its environment:
#   RELAY_ADMIN        the program under test          RELAY_NODE_MODULES  the Node modules of tests/contract; there for contract
#   RELAY_BUILD_DIR    this build tree                 RELAY_SOURCE_DIR    the repository
#   RELAY_RELEASE_DIR  the release build tree; there where the program under test is its program
#
# A test's file says what ctest needs to know, at the start of a line:
#   PROGRAM = "dev"      it runs the program of this build; "release": that of the release build, which ctest brings up to date first;
#                        "package": the same, and ctest runs cli/package first
#   QUICK = True         it belongs to `-L quick`, which does not wait for the release build
#   FULL = True          it belongs to the label `full`, which only `tests/run --full` runs
#   SECONDS = 90         it takes so long that ctest should start it early
#   WAITS = True         it waits most of its time, so ctest runs one more beside it
#   LIMIT = 28800        its time-out in seconds, in place of that of its label: with --full, it takes hours
#
# If a file says nothing, its label decides: the sanitizers triple the time of a start, and the tests start the program
# thousands of times. So a test is "dev" if hostile input or the handling of memory is its subject, and every command is
# run by cli/contract, which is.

option(RELAY_TESTS_QUICK "Run the tests of documents on the program of this build, so that none of -L quick waits for the release build" ON)
option(RELAY_TESTS_ALL_DEV "Run all tests of cli and contract on the program of this build, but those of the release build itself" OFF)

# relay_read_mark(FILE NAME VARIABLE): the value of a line `NAME = value`, without quotes; empty where there is none.
function(relay_read_mark file name variable)
  file(STRINGS "${file}" lines REGEX "^${name} = ")
  string(REGEX MATCH "= \"?([A-Za-z0-9]+)" found "${lines}")
  set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()

# relay_program_of(FILE DEFAULT VARIABLE): dev or release. DEFAULT: what a file without a mark gets; "fast" is the one that starts faster,
# "near" is dev for -L quick, and otherwise as "fast".
function(relay_program_of file default variable)
  relay_read_mark("${file}" PROGRAM program)
  if(NOT program)
    set(program "${default}")
  endif()
  if(program STREQUAL "near")
    set(program fast)
    if(RELAY_TESTS_QUICK)
      set(program dev)
    endif()
  endif()
  if(program STREQUAL "fast")
    set(program dev)
    if(RELAY_SANITIZE AND NOT RELAY_TESTS_ALL_DEV)
      set(program release)
    endif()
  endif()
  if(NOT program MATCHES "^(dev|release|package)$")
    message(FATAL_ERROR "${file}: PROGRAM is \"dev\", \"release\" or \"package\"")
  endif()
  set(${variable} "${program}" PARENT_SCOPE)
endfunction()

# relay_python_suite(LABEL TIMEOUT PROGRAM [QUICK] [SERIAL] [FIXTURES name...])
function(relay_python_suite label timeout default)
  cmake_parse_arguments(PARSE_ARGV 3 suite "QUICK;SERIAL" "" "FIXTURES")
  file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${label}/test_*.py")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tests})
  foreach(test IN LISTS tests)
    get_filename_component(stem "${test}" NAME_WE)
    string(REGEX REPLACE "^test_" "" name "${stem}")
    relay_program_of("${test}" "${default}" program)
    relay_read_mark("${test}" QUICK quick)
    relay_read_mark("${test}" FULL full)
    relay_read_mark("${test}" SECONDS seconds)
    relay_read_mark("${test}" LIMIT limit)
    relay_read_mark("${test}" WAITS waits)
    set(processors ${relay_usual_processors})
    if(waits)
      set(processors 1)
    endif()
    if(NOT limit)
      set(limit "${timeout}")
    endif()
    if(NOT limit MATCHES "^[0-9]+$")
      message(FATAL_ERROR "${test}: LIMIT is a number of seconds")
    endif()

    set(labels "${label}")
    if(quick OR suite_QUICK)
      list(APPEND labels quick)
      if(RELAY_TESTS_QUICK AND NOT program STREQUAL "dev")
        message(FATAL_ERROR "${test}: a quick test does not wait for the release build; it needs PROGRAM = \"dev\"")
      endif()
    endif()

    if(full)
      list(APPEND labels full)
    endif()

    set(fixtures ${suite_FIXTURES})
    set(folder "${PROJECT_BINARY_DIR}")
    if(NOT program STREQUAL "dev")
      set(folder "${relay_release_dir}")
      list(APPEND fixtures release)
    endif()
    if(program STREQUAL "package")
      list(APPEND fixtures package)
    endif()

    add_test(NAME "${label}/${name}"
      COMMAND "${RELAY_PYTHON}" -m pytest -q -p no:cacheprovider "${test}"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set(environment
      "PYTHONDONTWRITEBYTECODE=1"
      "RELAY_ADMIN=${folder}/relay-admin"
      "RELAY_BUILD_DIR=${PROJECT_BINARY_DIR}"
      "RELAY_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
      "RELAY_RELEASE_DIR=${relay_release_dir}"
      "RELAY_NODE_MODULES=${relay_node_dir}/node_modules")
    set_tests_properties("${label}/${name}" PROPERTIES
      LABELS "${labels}"
      TIMEOUT "${limit}"
      COST "${seconds}"
      PROCESSORS "${processors}"
      ENVIRONMENT "${environment}"
      FIXTURES_REQUIRED "${fixtures}"
      RUN_SERIAL "${suite_SERIAL}")
  endforeach()
endfunction()

# The limits are for a machine that is ten times slower than usual: they end what hangs.
relay_python_suite(support 900 dev)
relay_python_suite(docs 1800 near QUICK)
relay_python_suite(cli 1800 fast)
relay_python_suite(contract 1800 fast FIXTURES node_modules)
relay_python_suite(fault 1800 release)
relay_python_suite(bench 1800 release SERIAL)

# Three gateways that are called without a pause.
set_tests_properties(contract/verifier_kit PROPERTIES PROCESSORS ${relay_all_processors})
