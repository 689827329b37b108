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

/// Who looks for a command on the front page of the program, and where on it.
enum class Audience { of_group, set_up, orgs, agents, incidents, legacy, audit, tenants, other };

/// What a command prints on stdout in JSON mode.
enum class Prints {
    document,  ///< one document, or its lines
    stream,  ///< lines for as long as it runs: no Summary ends them
    text,  ///< a text that is no document, whatever --output says
};

/// One command, as constant data. A file in cli/commands/ defines one, named as the file: `org_create.cpp` holds `Command const org_create`
/// in relay::cli::commands; CMake makes the table of them, in order of file names.
struct Command {
    std::string_view path;  ///< "org create"
    std::string_view summary;  ///< one line, imperative, lower case, no stop, at most 60 characters
    /// Manual text: paragraphs parted by empty lines; then a line `EXAMPLES` and lines `  relay-admin ...`, each optionally under a
    /// `  # comment` line.
    std::string_view doc;
    /// Adds the options and returns what to run; null for a group, which has only subcommands.
    Runner (*declare)(OptionSet &set) = nullptr;
    std::string_view alias = {};  ///< a second path of the same command: "agent rotate-key"
    /// Needed by each group, and by each command that is in none: a member of a group is found through it. A test holds that.
    Audience audience = Audience::of_group;
    int rank = 99;  ///< its place among those of its audience: smaller ones first, equal ones in the order of the table
    /// Context hands out what a change needs to those alone that declare one.
    Effect effect = Effect::reads;
    Prints prints = Prints::document;
    IdFilter completes = IdFilter::all;  ///< which ids Tab offers where it takes ORG, AGENT or KEY-ID
};

/// Every command, in order of file names. Made by CMake.
std::span<Command const *const> command_table();

}  // namespace relay::cli
