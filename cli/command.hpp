#pragma once

#include "cli/effect.hpp"
#include "cli/exit_status.hpp"
#include "relay/completion/records.hpp"

#include <functional>
#include <span>
#include <string_view>

namespace relay::cli {

class Context;
class OptionSet;

/// Does a command's work after parsing has succeeded.
using Runner = std::function<ExitStatus(Context &)>;

/// The section of the front page of the program that lists the command, named after the people who look for it there.
enum class Audience { of_group, set_up, orgs, agents, incidents, legacy, audit, tenants, other };

/// What a command prints on stdout in JSON mode.
enum class Prints {
    document,  ///< one document, or its lines
    stream,  ///< lines as long as it runs, without a Summary at the end
    text,  ///< plain text, whatever --output says
};

/// One command, as constant data. Each file in cli/commands/ defines one, with the same name as the file:
/// `org_create.cpp` defines `Command const org_create` in relay::cli::commands. CMake makes the table of all commands,
/// in order of file names.
struct Command {
    std::string_view path;  ///< "org create"
    std::string_view summary;  ///< one line, imperative, lower case, no full stop, at most 60 characters
    /// Manual text: paragraphs separated by empty lines; then a line `EXAMPLES` and lines `  relay-admin ...`, each
    /// optionally preceded by a `  # comment` line.
    std::string_view doc;
    /// Adds the options and returns what to run; null for a group, which has only subcommands.
    Runner (*declare)(OptionSet &set) = nullptr;
    std::string_view alias = {};  ///< a second path of the same command: "agent rotate-key"
    /// Required for a group, and for a command outside any group; commands in a group are found through it. A test
    /// checks this.
    Audience audience = Audience::of_group;
    int rank = 99;  ///< its place within its audience: lower ranks first, equal ranks in the order of the table
    /// Context gives what a change needs (who changes it and why, --dry-run) only to commands that declare one.
    Effect effect = Effect::reads;
    Prints prints = Prints::document;
    IdFilter completes = IdFilter::all;  ///< which ids Tab offers for ORG, AGENT and KEY-ID
};

/// Returns every command, in order of file names. CMake makes the table.
std::span<Command const *const> command_table();

}  // namespace relay::cli
