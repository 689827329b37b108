# relay_cli: the whole program but main(), so that tests can link it. relay-admin: the program.

include(command_table)

file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.cpp")
set(cli_main "${PROJECT_SOURCE_DIR}/cli/main.cpp")
list(REMOVE_ITEM cli_sources "${cli_main}")
list(FILTER cli_sources EXCLUDE REGEX "/cli/(commands|docgen)/")
relay_command_table("${PROJECT_SOURCE_DIR}/cli/commands" "${PROJECT_BINARY_DIR}/generated/command_table.cpp" command_sources)

add_library(relay_cli STATIC ${cli_sources} ${command_sources} "${PROJECT_BINARY_DIR}/generated/command_table.cpp")
target_link_libraries(relay_cli
  PUBLIC standard_settings relay::relay CLI11::CLI11 nlohmann_json::nlohmann_json
  PRIVATE standard_warnings PkgConfig::LIBSODIUM)
if(EXISTS "${cli_main}")
  add_executable(relay-admin "${cli_main}")
  target_link_libraries(relay-admin PRIVATE relay_cli standard_warnings PkgConfig::LIBSODIUM)
  if(RELAY_SANITIZE)
    target_sources(relay-admin PRIVATE "${PROJECT_SOURCE_DIR}/cmake/sanitizer_defaults.cpp")
  endif()
  set_target_properties(relay-admin PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endif()
