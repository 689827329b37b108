#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/manual/manual_text.hpp"

#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// The command tree as plain data, read from what the commands declare: the one source of help, man pages and completions.
namespace relay::cli {

/// A flag or an argument.
struct OptionModel {
    std::vector<std::string> names{};  ///< "-o", "--output": short ones first; empty for an argument
    std::string
        value{};  ///< what stands for the value: "FILE", "table|json", an argument's "AGENT"; empty for a bare flag
    std::string type{};  ///< the type name of its declaration, mostly the same as `value`: what completion goes by
    std::vector<std::string> choices{};  ///< the words of a value that is one of few: "table", "json"
    std::string description{};
    std::string heading{};  ///< "Flags", "Arguments", "Secret", ...
    bool required = false;
    bool repeatable = false;

    bool is_argument() const { return names.empty(); }
    bool takes_value() const { return !value.empty(); }
    /// The description, and whether it is required or may be repeated, where the usage line does not tell.
    std::string full_description() const;
    /// "--output": the first long name, else the short one; an argument's "AGENT".
    std::string const &canonical_name() const;
};

/// A command, or a group of commands.
struct CommandModel {
    Path path{};
    Path alias{};  ///< a second path of the same command; mostly empty
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
    std::vector<CommandModel>
        commands{};  ///< in the order of the table, which is that of their paths; groups before their members

    /// The command or group with this path or alias; null if there is none.
    CommandModel const *find(Path const &path) const;
    /// What stands below `path`, in order, with aliases: `agent` has `agent rotate-key`. The empty path: the first words.
    std::vector<Path> below(Path const &path) const;
};

/// Reads the options that are declared on `app` itself.
std::vector<OptionModel> describe_options(CLI::App const &app);

/// Reads a command, or with a null `leaf` a group.
CommandModel describe_command(Command const &command, CLI::App const *leaf);

/// Reads the whole tree. Commands whose path begins with "__" are for programs, not people, and are left out.
ProgramModel describe_program(std::span<Command const *const> table);

}  // namespace relay::cli
