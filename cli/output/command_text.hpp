#pragma once

#include "cli/context.hpp"
#include "relay/model/advice.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Commands that people can paste. Every line that advises a command of this program is made here.
namespace relay::cli {

/// Returns `text` as one word of sh, in single quotes if it needs them.
std::string shell_word(std::string_view text);

/// Returns the words as one line for sh.
std::string shell_line(std::vector<std::string> const &words);

/// Returns a command of this program as a line for sh. `words` do not include the program's name. The flags that name
/// this run's database are added, unless the command needs no database or names one itself.
std::string command_line(Globals const &globals, std::vector<std::string> const &words);

/// Appends a flag and its value to `words`: as one word if the value could be taken for a flag.
void add_flag_words(std::vector<std::string> &words, std::string_view flag, std::string_view value);

/// Returns a command of this program as advice: `own_command({"sandbox", "destroy"})`.
Advice own_command(std::initializer_list<std::string_view> words);
Advice own_command(std::vector<std::string> words);

}  // namespace relay::cli
