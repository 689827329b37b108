#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/command_line/globals.hpp"

#include <span>
#include <string>
#include <vector>

namespace relay::cli {

/// A command line after parsing and checking, ready to run.
struct Invocation {
    Globals globals{};
    Runner run{};
    Effect effect = Effect::reads;
};

/// Parses `words` (without the program's name), and declares only the options of the command in them. --help and
/// --version return a Runner like any other; no words at all return the overview. Throws Error (usage).
Invocation parse_command_line(std::vector<std::string> const &words, std::span<Command const *const> table,
                              Environment const &environment);

/// Returns the help page of a command or a group, or of the program if `path` is empty. Throws Error (usage) if there
/// is no such command.
std::string help_for(std::span<Command const *const> table, Path const &path);

}  // namespace relay::cli
