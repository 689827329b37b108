#pragma once

#include "cli/command_line/command_tree.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

/// Sorts the words of a command line before CLI11 sees them, over CLI11's public getters.
///
/// CLI11 2.1.2 alone takes the flag after a value flag as its value (`--reason --dry-run` would run for real), calls an unknown command
/// "A subcommand is required", reads `-o=json` as "=json", and lets the last of two equal flags win. Here all of that is exit 2.
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

/// Declares the command with this path below the root, and gives the CLI11 app that holds its options.
using EnterCommand = std::function<CLI::App &(Path const &path, Command const &command)>;

/// Sorts `words` (without the program's name); `root` holds the global flags, and `enter` is called once, when the command is known.
///
/// Flags of the program stand anywhere; those of the command after its name, where they win over a global of the same name. A lone `-` is
/// a value; `--` ends the flags. Throws Error (usage) that names the word.
Line sort_words(std::vector<std::string> const &words, std::span<Command const *const> table, CLI::App const &root,
                EnterCommand const &enter);

/// True if the words, which may not parse, ask for JSON: `-o json`, `-ojsonl`, `--output=json`, `--json`; else what `fallback`
/// (RELAY_ADMIN_OUTPUT, or null) says.
bool asks_for_json(std::vector<std::string> const &words, char const *fallback);

}  // namespace relay::cli
