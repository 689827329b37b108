#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/command_line/option_set.hpp"
#include "cli/manual/manual_text.hpp"

#include <span>
#include <string>
#include <vector>

/// The command tree as plain data, as the commands declare it: the single source for help, man pages and completion.
namespace relay::cli {

/// A command, or a group of commands.
struct CommandModel {
    Path path{};
    Path alias{};  ///< a second path of the same command; usually empty
    std::string summary{};
    ManualText manual{};
    bool is_group = false;
    IdFilter completes = IdFilter::all;  ///< which ids are worth offering
    std::vector<OptionModel>
        options{};  ///< its own flags and arguments in the order of their declaration; none for a group
};

/// The whole program.
struct ProgramModel {
    std::vector<OptionModel> globals{};
    std::vector<CommandModel> commands{};  ///< in the order of the table, sorted by path; groups before their members

    /// Returns the command or group with this path or alias; null if there is none.
    CommandModel const *find(Path const &path) const;
    /// Returns the paths directly below `path`, in order, aliases included: `agent` has `agent rotate-key`. The empty
    /// path has the first words.
    std::vector<Path> below(Path const &path) const;
};

/// Returns the global flags.
std::vector<OptionModel> describe_globals();

/// Returns the model of one command or group.
CommandModel describe_command(Command const &command);

/// Returns the whole tree, without commands whose path begins with "__": these are for programs, not people.
ProgramModel describe_program(std::span<Command const *const> table);

}  // namespace relay::cli
