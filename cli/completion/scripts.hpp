#pragma once

#include <string_view>

/// The completion scripts. They know no command and no flag: they hand the line and the cursor to `relay-admin
/// __complete`, and give the shell what it answers (complete.hpp). So they never differ from the program, and say
/// nothing where there is none.
///
/// None of them ever has the shell evaluate a word of the line or of the database. File names are completed by the
/// shell itself.
namespace relay::cli {

/// For bash 4.3 and later; needs nothing of the bash-completion package.
std::string_view bash_script();
/// For a folder of `$fpath`, or to be sourced after `compinit`.
std::string_view zsh_script();
/// For fish 3.
std::string_view fish_script();

}  // namespace relay::cli
