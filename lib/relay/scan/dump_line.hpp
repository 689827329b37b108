#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace relay::scan {

/// A line of a dump: an offset and groups of digits, as xxd, hexdump, od, tcpdump -X and Format-Hex print them.
struct DumpLine {
    static constexpr std::size_t most_bytes = 64;

    std::string_view offset{};  ///< its digits
    std::size_t width = 0;  ///< of a group, in characters
    bool has_words = false;  ///< groups of several bytes: the machine's byte order decides which comes first
    bool is_octal = false;  ///< the offset has the base of the groups
    std::size_t size = 0;  ///< in bytes
    std::array<char, most_bytes> bytes{};  ///< in the order of the line
    std::array<char, most_bytes> swapped{};  ///< the bytes of each group in the other order
};

/// Returns none if the text is not such a line. Ignores what follows the groups, such as a column of text. `width` is
/// that of the line before: the first group of the last line may be shorter. 0: there is none.
std::optional<DumpLine> read_dump_line(std::string_view text, std::size_t width);

/// Returns an offset as a number; none if a digit does not belong to the base.
std::optional<std::uint64_t> read_offset(std::string_view digits, unsigned base);

}  // namespace relay::scan
