#pragma once

#include "cli/command_line/globals.hpp"

namespace relay::cli {

/// Returns whether a stream gets color; color never carries a meaning alone. The first of these decides: --color;
/// NO_COLOR (set and not empty: no); CLICOLOR_FORCE (set, not empty and not 0: yes); not a terminal, or one without
/// escape sequences such as TERM=dumb: no; otherwise yes.
/// Sources: https://no-color.org, https://bixense.com/clicolors.
bool wants_color(ColorChoice choice, bool is_terminal, Environment const &environment);

}  // namespace relay::cli
