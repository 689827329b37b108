#pragma once

#include "cli/command.hpp"
#include "relay/model/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The command table read as a tree of words: "agent rotate-key" is below "agent", and an alias is a second branch.
namespace relay::cli {

using Path = std::vector<std::string>;

/// Splits "agent rotate-key" into words.
Path split_path(std::string_view path);
std::string join_path(Path const &path);

/// Returns the command or group whose path or alias is `path`; null if there is none.
Command const *find_command(std::span<Command const *const> table, Path const &path);
/// Returns the words that may follow `path`, in the order of the table, each once.
std::vector<std::string> next_words(std::span<Command const *const> table, Path const &path);
/// Returns paths similar to `path`, whose last word is unknown; best first, at most 3.
std::vector<std::string> similar_commands(std::span<Command const *const> table, Path const &path);

/// Returns the advice to read the help of a command or group, or of the program if the path is empty.
Advice help_of(Path const &path);

/// Returns the error for an unknown path. It names the command for words that other programs use (find_other_words), or
/// else similar paths. `following` are the words after the path, up to the first flag.
Error unknown_command(std::span<Command const *const> table, Path const &path, Path const &following = {});

}  // namespace relay::cli
