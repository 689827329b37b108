# cmake -D kinds="Agent AgentCreation ..." -D source_dir=... -D bundle_dir=... -D output=... -P json_schemas_script.cmake
#
# source_dir/KIND.schema.json refers to shared definitions as "#/$defs/NAME", kept in source_dir/defs/NAME.json. Here each schema gets
# the definitions that it needs, and those that they need, behind its own ones: the result needs no other file. Texts are joined as they
# are written, since CMake's own JSON functions would sort the keys.

cmake_minimum_required(VERSION 3.25)

# The names of all definitions that `text` refers to.
function(references text result)
  string(REGEX MATCHALL "\"#/\\$defs/[a-z_]+\"" found "${text}")
  list(TRANSFORM found REPLACE "\"#/\\$defs/([a-z_]+)\"" "\\1")
  list(REMOVE_DUPLICATES found)
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

# The shared definitions that `text` needs, in order of their names, as members of "$defs".
function(needed_definitions text own result)
  references("${text}" waiting)
  set(needed "")
  while(waiting)
    list(POP_FRONT waiting name)
    if(name IN_LIST own OR name IN_LIST needed)
      continue()
    endif()
    if(NOT EXISTS "${source_dir}/defs/${name}.json")
      message(FATAL_ERROR "schema/json: there is no definition '${name}'")
    endif()
    list(APPEND needed "${name}")
    file(READ "${source_dir}/defs/${name}.json" definition)
    references("${definition}" more)
    list(APPEND waiting ${more})
  endwhile()
  list(SORT needed)
  set(members "")
  foreach(name IN LISTS needed)
    file(READ "${source_dir}/defs/${name}.json" definition)
    string(STRIP "${definition}" definition)
    string(REPLACE "\n" "\n    " definition "${definition}")
    string(APPEND members ",\n    \"${name}\": ${definition}")
  endforeach()
  set(${result} "${members}" PARENT_SCOPE)
endfunction()

function(own_definitions text result)
  set(names "")
  string(JSON count ERROR_VARIABLE none LENGTH "${text}" "$defs")
  if(NOT none)
    math(EXPR last "${count} - 1")
    foreach(at RANGE ${last})
      string(JSON name MEMBER "${text}" "$defs" ${at})
      list(APPEND names "${name}")
    endforeach()
  endif()
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

function(bundle text file result)
  own_definitions("${text}" own)
  needed_definitions("${text}" "${own}" members)
  if(own)
    set(tail "\n  }\n}\n")
  else()
    set(tail "\n}\n")
    if(members)
      string(SUBSTRING "${members}" 1 -1 members)
      set(members ",\n  \"$defs\": {${members}\n  }")
    endif()
  endif()
  string(LENGTH "${tail}" tail_length)
  string(LENGTH "${text}" length)
  math(EXPR body_length "${length} - ${tail_length}")
  string(SUBSTRING "${text}" 0 ${body_length} body)
  if(NOT text STREQUAL "${body}${tail}")
    message(FATAL_ERROR "${file}: \"$defs\" has to be its last member, indented by two spaces")
  endif()
  set(${result} "${body}${members}${tail}" PARENT_SCOPE)
endfunction()

string(STRIP "${kinds}" kinds)
string(REPLACE " " ";" kinds "${kinds}")
list(SORT kinds)
file(MAKE_DIRECTORY "${bundle_dir}")

set(entries "")
set(count 0)
foreach(kind IN LISTS kinds)
  math(EXPR count "${count} + 1")
  set(file "${source_dir}/${kind}.schema.json")
  file(READ "${file}" text)
  bundle("${text}" "${file}" bundled)
  if(bundled MATCHES "\\)embedded\"")
    message(FATAL_ERROR "${file} holds the end of its own raw string literal: )embedded\"")
  endif()
  string(JSON title GET "${bundled}" title)
  string(JSON description GET "${bundled}" description)
  if(NOT title STREQUAL kind OR description MATCHES "[\"\\\\\n]")
    message(FATAL_ERROR "${file}: its title is its kind, and its description is plain text")
  endif()
  file(WRITE "${bundle_dir}/${kind}.schema.json" "${bundled}")
  string(APPEND entries
    "    JsonSchema{\"${kind}\"sv, \"${description}\"sv, R\"embedded(${bundled})embedded\"sv},\n")
endforeach()

file(WRITE "${output}" "// Made from schema/json/ by cmake/json_schemas_script.cmake.
#include \"cli/documents/json_schemas.hpp\"

#include <array>

namespace relay::cli {

using namespace std::string_view_literals;

namespace {
constexpr std::array<JsonSchema, ${count}> all_schemas{{
${entries}}};
}  // namespace

std::span<JsonSchema const> json_schemas() noexcept {
    return all_schemas;
}

}  // namespace relay::cli
")
