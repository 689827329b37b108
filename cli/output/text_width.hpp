#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Text measured in the columns of a terminal.
namespace relay::cli {

/// Columns that `text`, well-formed UTF-8, takes: combining marks 0, East Asian wide characters and emoji 2, an emoji with its skin tone,
/// its style (U+FE0F) and all that is joined to it (U+200D) 2, a flag 2. Independent of the locale, and of what a terminal that is
/// older than its fonts makes of emoji.
std::size_t display_width(std::string_view text);

/// `text` with blanks up to `width` columns.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

/// `text` if it fits into `width` columns; else as many whole characters as leave room for the `…` at its end.
std::string cut_to_width(std::string_view text, std::size_t width);

/// The words of `text`, newlines being blanks too and a short parenthesis being one word, in lines of at most `width` columns; at least one line. A word that is wider is broken
/// between characters if it is a script without blanks, but left whole if it is ASCII: such are ids, paths, addresses, which are copied.
std::vector<std::string> wrap_lines(std::string_view text, std::size_t width);

/// wrap_lines behind `indent` blanks, `width` columns in all; each line ends in a newline. Nothing for an empty text.
std::string wrap_words(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace relay::cli
