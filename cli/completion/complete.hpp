#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// True for `__complete WORDS...`, which the completion scripts call: dispatched before the command line is parsed, since its words are no
/// command line yet.
bool asks_for_completion(std::vector<std::string> const &words);

/// Prints `word<TAB>meaning` lines, in which control and bidi characters are escaped, for the last of the words behind `__complete`.
///
/// Has no side effects, never asks, says nothing on stderr, starts no sandbox, and ends within 400 ms whatever the database does; what
/// cannot be found by then is not offered. The exit code is 0 always.
int complete(std::vector<std::string> const &words);

}  // namespace relay::cli
