#pragma once

#include <string>

namespace relay::cli {

/// Positionals cross CLI11 behind this mark. It keeps CLI11 2.1.2 from reading a word in brackets as a list (`[a,b]` loses its brackets),
/// one that starts with a hyphen as a flag, and one that is also the name of a command as that command.
constexpr char positional_mark = '=';

inline std::string mark(std::string const &word) { return positional_mark + word; }
inline std::string unmark(std::string const &word) { return word.substr(1); }

}  // namespace relay::cli
