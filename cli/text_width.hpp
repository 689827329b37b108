#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text measured in the columns of a terminal.
namespace relay::cli {

/// Columns that `text`, well-formed UTF-8, takes: combining marks 0, East Asian wide characters and emoji 2 (Unicode 15, UAX 11, in ranges
/// coarse enough to be stable between versions). Independent of the locale.
std::size_t display_width(std::string_view text);

/// `text` with blanks up to `width` columns.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

/// The words of `text`, newlines being blanks too, in lines of at most `width` columns behind `indent` blanks; each line ends in a newline.
std::string wrap_words(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace relay::cli
