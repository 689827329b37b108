#pragma once

#include "cli/command_line/option_set.hpp"
#include "cli/command_line/prescan.hpp"

namespace relay::cli {

/// Gives the values of a sorted line to the targets of the options: the global ones first, each set in the order of
/// declaration.
///
/// CLI11 does this, and no other file uses CLI11. The line that CLI11 gets can be read in only one way, so how it reads
/// other lines does not matter. Throws Error (usage) if a target refuses its value.
void bind_line(Line const &line, OptionSet const &globals, OptionSet const &command);

}  // namespace relay::cli
