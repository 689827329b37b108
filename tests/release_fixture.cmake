# Tests of the installation, of faults and of speed need the release build: a test with the fixture `release` gets it
# built, in build/release as by the preset.

set(relay_release_dir "${PROJECT_SOURCE_DIR}/build/release")

add_test(NAME fixture/release COMMAND "${CMAKE_COMMAND}" --workflow --preset release WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
# -O2 finds problems that -O0 of the dev build does not: its warnings count as well.
set_tests_properties(fixture/release PROPERTIES
  FIXTURES_SETUP release PROCESSORS 2 TIMEOUT 3600 FAIL_REGULAR_EXPRESSION "warning:")
