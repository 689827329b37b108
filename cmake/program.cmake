# relay_cli: the whole program but main(), so that tests can link it. relay-admin: the program.

include(command_table)
include(json_schemas)

file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.cpp")
set(cli_main "${PROJECT_SOURCE_DIR}/cli/main.cpp")
list(REMOVE_ITEM cli_sources "${cli_main}")
list(FILTER cli_sources EXCLUDE REGEX "/cli/(commands|docgen)/")
relay_command_table("${PROJECT_SOURCE_DIR}/cli/commands" "${PROJECT_BINARY_DIR}/generated/command_table.cpp" command_sources)

add_library(relay_cli STATIC ${cli_sources} ${command_sources} "${PROJECT_BINARY_DIR}/generated/command_table.cpp"
  "${PROJECT_BINARY_DIR}/generated/json_schemas.cpp")
target_link_libraries(relay_cli
  PUBLIC standard_settings relay::relay nlohmann_json::nlohmann_json
  PRIVATE standard_warnings CLI11::CLI11 PkgConfig::LIBSODIUM)
relay_precompile(relay_cli cli/command.hpp cli/command_line/options.hpp cli/context.hpp cli/documents/browse.hpp
  cli/documents/stamp.hpp cli/output/output.hpp cli/sink/sink.hpp relay/db/database.hpp relay/identity/records.hpp)
relay_unity(relay_cli)
if(EXISTS "${cli_main}")
  add_executable(relay-admin "${cli_main}")
  target_link_libraries(relay-admin PRIVATE relay_cli standard_warnings PkgConfig::LIBSODIUM)
  relay_sanitizer_defaults(relay-admin NO_LEAK_CHECK)
  relay_link_map(relay-admin)
  set_target_properties(relay-admin PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endif()

# relay-admin-docgen: writes what is made from the command table into completions/ and man/. A tool of ours, never installed.
if(RELAY_BUILD_TESTS)
  file(GLOB docgen_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/docgen/*.cpp")
  set(docgen_main "${PROJECT_SOURCE_DIR}/cli/docgen/main.cpp")
  list(REMOVE_ITEM docgen_sources "${docgen_main}")
  add_library(relay_docgen STATIC ${docgen_sources})
  target_link_libraries(relay_docgen PUBLIC relay_cli PRIVATE standard_warnings)
  add_executable(relay-admin-docgen "${docgen_main}")
  target_link_libraries(relay-admin-docgen PRIVATE relay_docgen standard_warnings)
  relay_sanitizer_defaults(relay-admin-docgen NO_LEAK_CHECK)
  set_target_properties(relay-admin-docgen PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endif()
