#pragma once

#include "cli/command_line/globals.hpp"

namespace relay::cli {

/// Whether a stream gets color, which never carries a meaning of its own. First of these that says something: --color; NO_COLOR (not empty:
/// no); CLICOLOR_FORCE (neither empty nor 0: yes); not a terminal, or one that obeys no escapes (TERM=dumb): no. Otherwise yes.
/// Sources: https://no-color.org, https://bixense.com/clicolors.
bool wants_color(ColorChoice choice, bool is_terminal, Environment const &environment);

}  // namespace relay::cli
