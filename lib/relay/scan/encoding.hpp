#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace relay::scan {

/// A way in which a text can hide a key. A find lists those that it was behind, the outermost first.
enum class Encoding {
    ansi,
    backslash,
    percent,
    html,
    quoted_printable,
    octal_log,
    utf16,
    line_ends,
    separators,
    base64,
    base32,
    hex,
    numbers,
    dump,
    log_lines
};

/// Returns the name for machines, such as "base64".
std::string_view text_of(Encoding encoding);

/// Returns all of them: a scan looks for each one in every text.
std::vector<Encoding> const &all_encodings();

/// The encodings that a character was behind, in one text: a set of (Encoding, how many times it was decoded before).
using Marks = std::uint64_t;
constexpr Marks mark(Encoding encoding, unsigned level = 0) {
    return Marks{1} << (16 * level + static_cast<unsigned>(encoding));
}

/// Appends the encodings of `marks` to a chain, the outermost first.
void append_marks(std::vector<Encoding> &chain, Marks marks);

/// Where a character comes from: its first byte in the input, and the encodings that it was behind.
struct Origin {
    std::uint64_t offset = 0;
    Marks marks = 0;  ///< in the text that the character is part of
    Marks outer = 0;  ///< in the texts that this text was decoded from
};

}  // namespace relay::scan
