#pragma once

#include "cli/command.hpp"
#include "relay/model/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The command table read as a tree of words: "agent rotate-key" hangs below "agent", and an alias is a second branch.
namespace relay::cli {

using Path = std::vector<std::string>;

/// "agent rotate-key" as words.
Path split_path(std::string_view path);
std::string join_path(Path const &path);

/// The command or group whose path or alias is `path`; null if there is none.
Command const *find_command(std::span<Command const *const> table, Path const &path);
/// The words that may follow `path`, in the order of the table, each once.
std::vector<std::string> next_words(std::span<Command const *const> table, Path const &path);
/// Paths that somebody who wrote `path` may have meant, its last word being unknown; best first, at most 3.
std::vector<std::string> similar_commands(std::span<Command const *const> table, Path const &path);

/// To read the help of a command or group; of the program, for the empty path.
Advice help_of(Path const &path);

/// The error for a path that is in no table: names it, and what was probably meant.
Error unknown_command(std::span<Command const *const> table, Path const &path);

}  // namespace relay::cli
