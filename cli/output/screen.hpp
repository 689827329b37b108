#pragma once

#include "cli/command_line/globals.hpp"

#include <cstddef>
#include <optional>

namespace relay::cli {

/// The size of a terminal, in characters.
struct Screen {
    std::size_t columns = 80;
    std::size_t lines = 24;
};

/// The terminal behind `descriptor`; null if there is none: a pipe, a file. What the terminal does not tell is taken from COLUMNS and LINES,
/// else it is 80 by 24.
std::optional<Screen> screen_of(int descriptor);

/// False for TERM=dumb, or none at all: such a terminal obeys no escape sequence and has no cursor to move.
bool obeys_escapes(Environment const &environment);

}  // namespace relay::cli
