#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Measures text in terminal columns.
namespace relay::cli {

/// Returns how many columns `text`, well-formed UTF-8, takes: as column_width of relay/model/unicode.hpp says; an emoji with its skin tone, its style (U+FE0F) and all that is joined to it (U+200D) 2; a flag 2. The result
/// does not depend on the locale, nor on how an older terminal shows emoji.
std::size_t display_width(std::string_view text);

/// Pads `text` with blanks to `width` columns.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);
/// Appends what pad_right and pad_left return.
void append_right(std::string &out, std::string_view text, std::size_t width);
void append_left(std::string &out, std::string_view text, std::size_t width);

/// Returns `text` if it fits into `width` columns; otherwise as many whole characters as fit before a final `…`.
std::string cut_to_width(std::string_view text, std::size_t width);

/// Wraps the words of `text` into lines of at most `width` columns; returns at least one line. Newlines count as
/// blanks, and a short parenthesis as one word. A word that is too wide is broken between characters if its script has
/// no blanks. ASCII words are never broken: they are ids, paths and addresses, which people copy.
std::vector<std::string> wrap_lines(std::string_view text, std::size_t width);

/// As wrap_lines, with each line indented by `indent` blanks and ended by a newline; `width` includes the indent. Empty
/// for an empty text.
std::string wrap_words(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace relay::cli
