#pragma once

#include "cli/command_tree.hpp"

#include <span>
#include <string>

namespace CLI {
class App;
}

/// Help texts for people, from the command table and from what commands declare; 80 columns.
namespace relay::cli {

/// The page of `relay-admin` alone: commands by who needs them. Fits a screen.
std::string overview_text(std::span<Command const *const> table);
/// The overview and the global flags.
std::string root_help_text(CLI::App const &root, std::span<Command const *const> table);
/// A group and its commands.
std::string group_help_text(std::span<Command const *const> table, Path const &path);
/// One command: usage, what it does, arguments and flags, the global flags in short, examples. `path` is as it was asked for.
std::string command_help_text(CLI::App const &root, CLI::App const &leaf, Command const &command, Path const &path);

}  // namespace relay::cli
