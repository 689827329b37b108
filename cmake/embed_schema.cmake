# Embeds schema/NNNN_name.sql, schema/catalog.txt and schema/conversion/: see lib/relay/db/migrations.hpp. The work is done at build time, by
# embed_schema_script.cmake, so an edited file is a rebuild of one source and not a new configuration.

file(GLOB schema_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/schema/*.sql" "${PROJECT_SOURCE_DIR}/schema/catalog.txt"
  "${PROJECT_SOURCE_DIR}/schema/conversion/*")

add_custom_command(
  OUTPUT "${PROJECT_BINARY_DIR}/generated/embedded_schema.cpp"
  COMMAND "${CMAKE_COMMAND}"
    -D "schema_dir=${PROJECT_SOURCE_DIR}/schema"
    -D "output=${PROJECT_BINARY_DIR}/generated/embedded_schema.cpp"
    -P "${PROJECT_SOURCE_DIR}/cmake/embed_schema_script.cmake"
  DEPENDS ${schema_files} "${PROJECT_SOURCE_DIR}/cmake/embed_schema_script.cmake"
  COMMENT "Embedding schema/"
  VERBATIM)
