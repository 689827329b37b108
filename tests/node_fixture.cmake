# The Node modules of tests/contract, exactly as its lock file says, in the build tree. Runs npm only when the lock file changed.

set(relay_node_dir "${PROJECT_BINARY_DIR}/contract")

file(GLOB lock_file CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/contract/package-lock.json")

if(lock_file)
  find_program(NPM_PROGRAM npm)
  mark_as_advanced(NPM_PROGRAM)
  add_test(NAME fixture/node_modules
    COMMAND "${CMAKE_COMMAND}"
      -D "npm=${NPM_PROGRAM}"
      -D "source_dir=${CMAKE_CURRENT_SOURCE_DIR}/contract"
      -D "target_dir=${relay_node_dir}"
      -P "${CMAKE_CURRENT_SOURCE_DIR}/install_node_modules.cmake")
  set_tests_properties(fixture/node_modules PROPERTIES FIXTURES_SETUP node_modules LABELS contract PROCESSORS ${relay_usual_processors} TIMEOUT 1800)
endif()
