#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// Returns true for `__complete WORDS...` and `__complete_bash LINE WORDBREAKS`, which the completion scripts call.
/// They are dispatched before the command line is parsed, because their words are not a complete command line.
bool asks_for_completion(std::vector<std::string> const &words);

/// Prints what may follow at the end of a line that is being typed: `word<TAB>meaning` lines, in which invisible
/// characters are escaped. A line that begins with a colon says what the shell itself must complete: `:files`,
/// `:folders`, or `:program N`, the command line of another program of which N words are before the cursor.
///
/// `__complete` takes the words after the program's name; the last one is being typed. `__complete_bash` takes the
/// whole line up to the cursor, and bash's COMP_WORDBREAKS: bash replaces what follows the last of those characters, so
/// an offer for the value of `--flag=` includes the flag unless = is one of them.
///
/// Has no side effects, never asks, prints nothing on stderr, does not start the sandbox, and ends within 400 ms
/// whatever the database does. What is not found by then is not offered. The exit code is always 0.
int complete(std::vector<std::string> const &words);

}  // namespace relay::cli
