#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/command_line/globals.hpp"
#include "cli/command_line/prescan.hpp"

#include "relay/model/error.hpp"

#include <span>
#include <string>
#include <vector>

namespace relay::cli {

/// A command line after parsing and checking, ready to run.
struct Invocation {
    Globals globals{};
    Runner run{};
    Effect effect = Effect::reads;
    Line line{};  ///< as it was typed; its command is null for --help and --version
    bool takes_org = false;  ///< the command is about AGENT or --org ORG
};

/// Parses `words` (without the program's name), and declares only the options of the command in them. --help and
/// --version return a Runner like any other; no words at all return the overview. Throws Error (usage).
Invocation parse_command_line(std::vector<std::string> const &words, std::span<Command const *const> table,
                              Environment const &environment);

/// Returns the error of a command, made better by a look into the database of at most a second. If it is about an id
/// that does not exist, the text may be the id of something else or a name: says so, and gives the command for it. If a
/// privilege is missing, says which one, and the statement that gives it.
Error explained(Error const &error, Invocation const &invocation);

/// Returns the help page of a command or a group, or of the program if `path` is empty. Throws Error (usage) if there
/// is no such command.
std::string help_for(std::span<Command const *const> table, Path const &path);

}  // namespace relay::cli
