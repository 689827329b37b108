#pragma once

#include "cli/context.hpp"
#include "relay/model/advice.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Commands that people can paste. Every line that advises a command of this program is made here.
namespace relay::cli {

/// `text` as one word of sh: in single quotes unless it needs none.
std::string shell_word(std::string_view text);

/// The words as one line for sh.
std::string shell_line(std::vector<std::string> const &words);

/// A command of this program, given without its name, as a line for sh: with the flags by which this run named its database, unless the
/// command needs no database or names one itself.
std::string command_line(Globals const &globals, std::vector<std::string> const &words);

/// Adds a flag and its value: as one word if the value could be taken for a flag.
void add_flag_words(std::vector<std::string> &words, std::string_view flag, std::string_view value);

/// A command of this program as advice: `own_command({"sandbox", "destroy"})`.
Advice own_command(std::initializer_list<std::string_view> words);
Advice own_command(std::vector<std::string> words);

}  // namespace relay::cli
