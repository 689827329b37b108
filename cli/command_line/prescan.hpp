#pragma once

#include "cli/command_line/command_tree.hpp"
#include "cli/command_line/option_set.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

/// Sorts the words of a command line before CLI11 sees them.
///
/// CLI11 2.1.2 alone takes the flag after a value flag as its value (`--reason --dry-run` would run for real), calls an
/// unknown command "A subcommand is required", reads `-o=json` as "=json", and lets the last of two equal flags win.
/// Here each of these is handled right or is exit 2.
namespace relay::cli {

/// A command line, sorted.
struct Line {
    Path path{};  ///< the words that name the command, as they were written
    Command const *command = nullptr;  ///< null: none was named
    bool help = false;
    bool version = false;
    std::vector<std::string> globals{};  ///< `--output=json`, `--quiet`
    std::vector<std::string> flags{};  ///< the command's own, in the same form
    std::vector<std::string> positionals{};
};

/// Declares the options of the command, and returns the set that has them.
using EnterCommand = std::function<OptionSet const &(Command const &command)>;

/// Sorts `words` (without the program's name) by the global flags and those of the command that they name: `enter` is
/// called once, when the command is known.
///
/// Global flags may appear anywhere. Flags of the command follow its name, and override a global flag of the same name.
/// A lone `-` is a value; `--` ends the flags. Throws Error (usage) that names the word.
Line sort_words(std::vector<std::string> const &words, std::span<Command const *const> table, OptionSet const &globals,
                EnterCommand const &enter);

/// Returns whether the words, which may not parse, ask for JSON: `-o json`, `-ojsonl`, `--output=json`, `--json`;
/// otherwise whether `fallback` does (RELAY_ADMIN_OUTPUT, or null).
bool asks_for_json(std::vector<std::string> const &words, char const *fallback);

/// Returns whether the words, which may not parse, are of `key due` and have its flag --exec-condition. A misspelled flag
/// is an error like any other (2).
bool asks_for_exec_condition(std::vector<std::string> const &words) noexcept;

/// Returns an exit code of `key due` as systemd's ExecCondition reads it: 0 if a key is due; 1 if
/// not, so that the unit is skipped; everything else is an error, 255.
int as_exec_condition(int code) noexcept;

}  // namespace relay::cli
