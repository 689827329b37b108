# Makes the JSON Schemas of schema/json self-contained, embeds them (cli/documents/json_schemas.hpp), and installs them. The work is done at
# build time, by json_schemas_script.cmake, so an edited file needs no new configuration.

file(GLOB json_schema_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/schema/json/*.schema.json")
file(GLOB json_definition_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/schema/json/defs/*.json")
set(json_schema_dir "${PROJECT_BINARY_DIR}/generated/json")

set(json_kinds "")
set(bundled_json_schemas "")
foreach(file IN LISTS json_schema_files)
  get_filename_component(name "${file}" NAME)
  list(APPEND bundled_json_schemas "${json_schema_dir}/${name}")
  string(REPLACE ".schema.json" "" kind "${name}")
  string(APPEND json_kinds " ${kind}")
endforeach()

add_custom_command(
  OUTPUT "${PROJECT_BINARY_DIR}/generated/json_schemas.cpp" ${bundled_json_schemas}
  COMMAND "${CMAKE_COMMAND}"
    -D "kinds=${json_kinds}"  # told, not found: so a removed file is a changed command, and made anew
    -D "source_dir=${PROJECT_SOURCE_DIR}/schema/json"
    -D "bundle_dir=${json_schema_dir}"
    -D "output=${PROJECT_BINARY_DIR}/generated/json_schemas.cpp"
    -P "${PROJECT_SOURCE_DIR}/cmake/json_schemas_script.cmake"
  DEPENDS ${json_schema_files} ${json_definition_files} "${PROJECT_SOURCE_DIR}/cmake/json_schemas_script.cmake"
  COMMENT "Bundling schema/json/"
  VERBATIM)

install(FILES ${bundled_json_schemas} DESTINATION "${CMAKE_INSTALL_DATADIR}/relay-admin/json")
