#pragma once

#include "cli/command_line/command_model.hpp"

#include <span>
#include <string>
#include <vector>

/// Help texts for people, from the command table and from what commands declare; 80 columns.
namespace relay::cli {

/// The overview, the global flags, the exit codes, environment and files.
std::string root_help_text(std::vector<OptionModel> const &globals, std::span<Command const *const> table);
/// A group and its commands.
std::string group_help_text(std::span<Command const *const> table, Path const &path);
/// One command: usage, what it does, arguments and flags, the global flags in short, examples. `path` is as it was
/// asked for.
std::string command_help_text(std::vector<OptionModel> const &globals, CommandModel const &command, Path const &path);

}  // namespace relay::cli
