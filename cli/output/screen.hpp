#pragma once

#include "cli/command_line/globals.hpp"

#include <cstddef>
#include <optional>

namespace relay::cli {

/// The size of a terminal, in characters.
struct Screen {
    std::size_t columns = 80;
    std::size_t lines = 24;
    bool draws = true;  ///< it can show lines and dots beyond ASCII
};

/// Returns the terminal behind `descriptor`; none for a pipe or a file. A size that the terminal does not report is
/// taken from COLUMNS and LINES; the default is 80 by 24. `draws` is true in a UTF-8 locale.
std::optional<Screen> screen_of(int descriptor);

/// Returns whether text is printed in a UTF-8 locale: the first of LC_ALL, LC_CTYPE and LANG that is set and not empty
/// decides.
bool is_utf8_locale(Environment const &environment);

/// Returns whether the terminal obeys escape sequences and can move its cursor: false if TERM is dumb or not set.
bool obeys_escapes(Environment const &environment);

}  // namespace relay::cli
