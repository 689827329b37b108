#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// One step through UTF-8 text.
struct DecodedCodePoint {
    char32_t value = 0;  ///< the code point, or the bare byte where `valid` is false
    std::size_t length = 0;  ///< bytes taken: 1 to 4; 1 where `valid` is false; 0 only at the end of the text
    bool valid = false;  ///< well-formed: no overlong form, no surrogate, nothing past U+10FFFF
};

/// Reads the code point that begins at byte `position` of `text`.
DecodedCodePoint decode_utf8(std::string_view text, std::size_t position);

/// True if `text` has only visible ASCII characters and blanks, as most texts do: each is one byte and one column, and
/// needs no escape.
bool is_printable_ascii(std::string_view text);

/// True if `text` is well-formed UTF-8 without NUL (no overlong forms, surrogates, or code points past U+10FFFF).
bool is_clean_utf8(std::string_view text);

/// Makes `text` safe for a terminal or a log: invisible characters (relay/model/unicode.hpp) and malformed bytes become
/// visible escapes (`\x1b`, `\u202e`, `\U000e0041`). A backslash and everything else are unchanged.
std::string escape_for_terminal(std::string_view text);

/// Returns `text` for an error message, in single quotes, escaped, and cut to about `most` bytes (after a whole
/// character, with `...`). Leaves out what may be a secret that was pasted in the wrong place: the secret half of a
/// `relay_sk_`/`relay_at_` key, or 32 or more letters and digits in a row, become `[43 characters withheld]`; so does
/// the whole of a text that may hold a password.
std::string quote_for_message(std::string_view text, std::size_t most = 80);

/// Returns true if `text` contains a key or a large part of one: `relay_sk_` or `relay_at_`, in any case, and 29 more
/// letters, digits or `_`. Such a text was pasted in the wrong place and must be neither stored nor shown.
bool holds_key(std::string_view text);

/// Returns true if `text` may be a connection string with a password: `user:password@host`, with or without a scheme;
/// `password=`, `passwd =`, `pwd=` and the like; an address whose parameters have percent escapes. Rather too often.
bool may_hold_password(std::string_view text);

/// Returns the plural of a noun that has a regular one: "agents", "keys", "anomalies", "standbys".
std::string plural(std::string_view noun);

/// Returns "1 agent" or "2 agents". `noun` is in the singular and has a regular plural.
template <std::integral Count>
std::string counted(Count count, std::string_view noun) {
    return std::to_string(count) + ' ' + (count == 1 ? std::string(noun) : plural(noun));
}

/// Returns the closest of `candidates` to `given` by Damerau-Levenshtein distance in bytes: at most 3, at most
/// `max(1, size / 3)` away, best first. A word in another style (`PAY_BOT` for `pay-bot`) is one away. Equally close ones
/// keep the order of `candidates`.
std::vector<std::string> closest(std::string_view given, std::vector<std::string> const &candidates);

}  // namespace relay
