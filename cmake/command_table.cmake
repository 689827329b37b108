# The table of commands: each file in cli/commands defines `relay::cli::<file name>_command::command`, and a file without its symbol
# fails to link. In order of file names, so nothing hangs on the order of static initialisation.

function(relay_command_table folder output sources_variable)
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  list(SORT sources)

  set(declarations "")
  set(pointers "")
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    string(APPEND declarations "namespace ${name}_command { extern Command const command; }\n")
    string(APPEND pointers "    &${name}_command::command,\n")
  endforeach()
  list(LENGTH sources count)

  file(CONFIGURE OUTPUT "${output}" @ONLY CONTENT [[
// Made from the file names in cli/commands/ by cmake/command_table.cmake.
#include "cli/command.hpp"

#include <array>

namespace relay::cli {

@declarations@

namespace {
constexpr std::array<Command const *, @count@> table{
@pointers@};
}  // namespace

std::span<Command const *const> command_table() {
    return table;
}

}  // namespace relay::cli
]])
  set(${sources_variable} ${sources} PARENT_SCOPE)
endfunction()
