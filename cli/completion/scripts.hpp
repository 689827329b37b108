#pragma once

#include <string_view>

/// The completion scripts. They know no command and no flag: they pass the line and the cursor to `relay-admin
/// __complete`, and the answer (complete.hpp) to the shell. So they always fit the program, and print nothing if the
/// program is not installed.
///
/// No script lets the shell evaluate a word from the line or the database. The shell itself completes file names.
namespace relay::cli {

/// Returns the script for bash 4.3 and later, which does not need the bash-completion package.
std::string_view bash_script();
/// Returns the script for zsh: put it into a folder of `$fpath`, or source it after `compinit`.
std::string_view zsh_script();
/// Returns the script for fish 3.
std::string_view fish_script();

}  // namespace relay::cli
