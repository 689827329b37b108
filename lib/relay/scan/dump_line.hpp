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

    /// The form of all its groups.
    struct Groups {
        std::size_t width = 0;  ///< in characters; 0: characters, as od -c prints them
        unsigned bits = 0;  ///< of a digit: 4, 3, or 1 as xxd -b prints them
        std::size_t bytes = 0;
    };

    std::string_view offset{};  ///< its digits
    Groups groups{};
    std::size_t size = 0;  ///< in bytes
    std::array<char, most_bytes> bytes{};  ///< in the order of the line
    std::array<char, most_bytes> swapped{};  ///< the bytes of each group in the other order
};

/// Returns none if the text is not such a line. Ignores what follows the groups, such as a column of text. `before` is
/// that of the line before, if there is one: the first group of the last line may be shorter.
std::optional<DumpLine> read_dump_line(std::string_view text, DumpLine::Groups const &before);

/// Returns an offset as a number; none if a digit does not belong to the base.
std::optional<std::uint64_t> read_offset(std::string_view digits, unsigned base);

}  // namespace relay::scan
