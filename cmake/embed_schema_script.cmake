# cmake -D schema_dir=... -D output=... -P embed_schema_script.cmake

cmake_minimum_required(VERSION 3.25)

# The text of `file` as a C++ raw string literal.
function(raw_literal file result)
  file(READ "${file}" text)
  if(text MATCHES "\\)embedded\"")
    message(FATAL_ERROR "${file} holds the end of its own raw string literal: )embedded\"")
  endif()
  set(${result} "R\"embedded(${text})embedded\"sv" PARENT_SCOPE)
endfunction()

file(GLOB files LIST_DIRECTORIES false "${schema_dir}/*.sql")
list(SORT files)

set(entries "")
set(count 0)
foreach(file IN LISTS files)
  math(EXPR count "${count} + 1")
  get_filename_component(stem "${file}" NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${file} is not named NNNN_name.sql")
  endif()
  set(number "${CMAKE_MATCH_1}")
  set(name "${CMAKE_MATCH_2}")
  string(REGEX REPLACE "^0+" "" version "${number}")
  if(NOT version STREQUAL count)
    message(FATAL_ERROR "${file} should be number ${count}: migrations are numbered from 0001 without a gap")
  endif()
  file(SHA256 "${file}" checksum)
  raw_literal("${file}" sql)
  string(APPEND entries "    Migration{${version}, \"${name}\"sv, \"${checksum}\"sv, ${sql}},\n")
endforeach()

set(catalog "{}")
if(EXISTS "${schema_dir}/catalog.txt")
  raw_literal("${schema_dir}/catalog.txt" catalog)
endif()

foreach(part recognized.txt shape.sql shape.txt move_aside.sql move_rows.sql)
  raw_literal("${schema_dir}/conversion/${part}" text)
  string(APPEND conversion "    ${text},\n")
endforeach()

file(WRITE "${output}" "// Made from schema/ by cmake/embed_schema_script.cmake.
#include \"relay/db/migrations.hpp\"

#include <array>

namespace relay::db {

using namespace std::string_view_literals;

namespace {
constexpr std::array<Migration, ${count}> all_migrations{{
${entries}}};
constexpr std::string_view catalog = ${catalog};
constexpr Conversion from_before_release{
${conversion}};
}  // namespace

std::span<Migration const> migrations() noexcept {
    return all_migrations;
}

std::string_view expected_catalog() noexcept {
    return catalog;
}

Conversion const &conversion() noexcept {
    return from_before_release;
}

}  // namespace relay::db

int relay::schema_version() noexcept {
    return static_cast<int>(db::migrations().size());
}
")
