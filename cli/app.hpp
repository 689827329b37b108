#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/command_line/globals.hpp"

#include <span>
#include <string>
#include <vector>

namespace relay::cli {

/// What a command line asks for: parsed, checked, and not yet begun.
struct Invocation {
    Globals globals{};
    Runner run{};
    Effect effect = Effect::reads;
};

/// Parses `words` (without the program's name). --help and --version come back as a Runner like any other; no words at all mean the
/// overview. Declares the options of the named command only. Throws Error (usage).
Invocation parse_command_line(std::vector<std::string> const &words, std::span<Command const *const> table,
                              Environment const &environment);

/// The help page of a command, of a group, or with an empty path of the program. Throws Error (usage): no such command.
std::string help_for(std::span<Command const *const> table, Path const &path);

}  // namespace relay::cli
