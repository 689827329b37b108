#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// True if `text` is well-formed UTF-8 without NUL (no overlong forms, surrogates, or code points past U+10FFFF).
bool is_clean_utf8(std::string_view text);

/// True for C0, DEL, C1, and the bidirectional formatting characters (U+061C, U+200E-F, U+202A-E, U+2066-9).
bool is_hostile_code_point(char32_t code_point);

/// `text` made safe for a terminal or a log: hostile code points and malformed bytes become visible escapes
/// (`\x1b`, `\u202e`); a backslash stays as it is. Everything else is passed on.
std::string escape_for_terminal(std::string_view text);

/// The closest of `candidates` to `given` by Damerau-Levenshtein distance, at most `max(1, size / 3)` away, best first, at most 3.
std::vector<std::string> closest(std::string_view given, std::vector<std::string> const &candidates);

}  // namespace relay
