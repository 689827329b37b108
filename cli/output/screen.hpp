#pragma once

#include "cli/command_line/globals.hpp"

#include <cstddef>
#include <optional>

namespace relay::cli {

/// A terminal: its size, in characters.
struct Screen {
    std::size_t columns = 80;
    std::size_t lines = 24;
    bool draws = true;  ///< it shows more than ASCII: lines and dots to draw with
};

/// The terminal behind `descriptor`; null if there is none: a pipe, a file. What the terminal does not tell is taken from COLUMNS and LINES,
/// else it is 80 by 24. It draws if the locale is one of UTF-8.
std::optional<Screen> screen_of(int descriptor);

/// True if the locale of what is printed is one of UTF-8: the first of LC_ALL, LC_CTYPE and LANG that is set and not empty says so.
bool is_utf8_locale(Environment const &environment);

/// False for TERM=dumb, or none at all: such a terminal obeys no escape sequence and has no cursor to move.
bool obeys_escapes(Environment const &environment);

}  // namespace relay::cli
