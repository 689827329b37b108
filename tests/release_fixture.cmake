# Tests of what is installed, of faults and of speed need the release build: a test that asks for the fixture `release`
# gets it built, in build/release as by the preset.

set(relay_release_dir "${PROJECT_SOURCE_DIR}/build/release")

add_test(NAME fixture/release COMMAND "${CMAKE_COMMAND}" --workflow --preset release WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
# -O2 sees what -O0 of the dev build does not: its warnings count as well.
set_tests_properties(fixture/release PROPERTIES
  FIXTURES_SETUP release PROCESSORS ${relay_all_processors} TIMEOUT 3600 FAIL_REGULAR_EXPRESSION "warning:")

# Tests of packages ask for the fixture `package` as well: all of them look at the same files, in build/package.
add_test(NAME fixture/package COMMAND "${PROJECT_SOURCE_DIR}/cli/package" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
set_tests_properties(fixture/package PROPERTIES
  FIXTURES_SETUP package FIXTURES_REQUIRED release PROCESSORS ${relay_all_processors} TIMEOUT 1200 FAIL_REGULAR_EXPRESSION "warning:")
