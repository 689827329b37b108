#pragma once

#include "cli/command_line/command_model.hpp"

#include <span>
#include <string>
#include <vector>

/// Help texts of at most 80 columns, made from the command table and from what commands declare.
namespace relay::cli {

/// Returns the overview, global flags, exit codes, environment variables and files.
std::string root_help_text(std::vector<OptionModel> const &globals, std::span<Command const *const> table);
/// Returns the help of a group: its commands.
std::string group_help_text(std::span<Command const *const> table, Path const &path);
/// Returns the help of one command: usage, description, arguments and flags, global flags in short, exit codes,
/// examples. `path` is the path as the user gave it, which may be the alias.
std::string command_help_text(std::vector<OptionModel> const &globals, CommandModel const &command, Path const &path);

}  // namespace relay::cli
