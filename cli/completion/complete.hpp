#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// True for `__complete WORDS...` and `__complete_bash LINE WORDBREAKS`, which the completion scripts call: dispatched
/// before the command line is parsed, since its words are no command line yet.
bool asks_for_completion(std::vector<std::string> const &words);

/// Prints what may stand at the end of a line that is being typed: `word<TAB>meaning` lines, in which control and bidi
/// characters are escaped. A line that begins with a colon says what the shell itself is to complete: `:files`,
/// `:folders`, or `:program N`, the command line of another program of which N words are before the cursor.
///
/// `__complete` takes the words behind the program's name; the last one is being typed. `__complete_bash` takes the
/// whole line up to the cursor, and bash's COMP_WORDBREAKS: bash replaces what is behind the last of those signs, so a
/// value of `--flag=` comes with its flag if = is none of them.
///
/// Has no side effects, never asks, says nothing on stderr, starts no sandbox, and ends within 400 ms whatever the
/// database does; what cannot be found by then is not offered. The exit code is 0 always.
int complete(std::vector<std::string> const &words);

}  // namespace relay::cli
