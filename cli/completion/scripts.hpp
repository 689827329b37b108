#pragma once

#include "cli/command_line/command_model.hpp"

#include <string>

/// The completion scripts, made from the command tree. Commands, flags and choices stand in them; for ids they call
/// `relay-admin __complete` with the words of the line as arguments. None of them ever has the shell evaluate a word of the line or of
/// the database, and without the program they are silent.
namespace relay::cli {

/// For bash 4.3 and later; needs nothing of the bash-completion package.
std::string bash_script(ProgramModel const &program);
/// For a folder of `$fpath`, or to be sourced after `compinit`.
std::string zsh_script(ProgramModel const &program);
/// For fish 3.
std::string fish_script(ProgramModel const &program);

}  // namespace relay::cli
