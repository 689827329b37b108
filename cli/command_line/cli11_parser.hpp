#pragma once

#include "cli/command_line/option_set.hpp"
#include "cli/command_line/prescan.hpp"

namespace relay::cli {

/// Gives the values of a sorted line to the targets of the options: the global ones first, each set in the order of declaration.
///
/// CLI11 does it, and this is the only file that sees CLI11. The line that CLI11 is handed can be read in one way only, so whatever it
/// thinks of other lines does not matter. Throws Error (usage): a value that its target refuses.
void bind_line(Line const &line, OptionSet const &globals, OptionSet const &command);

}  // namespace relay::cli
