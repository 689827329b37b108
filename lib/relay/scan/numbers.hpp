#pragma once

#include "relay/scan/number_row.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace relay::scan {

class Collector;

/// Looks for rows of numbers in the input, as dumps, packet captures, debuggers, and arrays in programs and logs have
/// them, also in several lines.
///
/// In each line of a row, the same may be before its first number and anything behind its last one: an offset, a column of
/// text, what a log writes before its lines. The text before is the same if digits are where digits were, and letters
/// where letters were.
class Numbers {
  public:
    explicit Numbers(Collector &collector);
    /// Takes the next piece of the input. Looks only at few bytes of a text that has no such numbers.
    void feed(std::string_view piece);
    void end();

  private:
    static constexpr std::size_t longest_between = 8;  ///< before a row has begun
    static constexpr std::size_t longest_wait = 384;  ///< until a row continues
    static constexpr std::size_t longest_before = 128;  ///< in a line

    bool idle() const { return m_digits.size() == 0 && m_busy == 0; }
    void put(char c, std::uint64_t offset);
    void read(char c, std::uint64_t offset);
    void complete();
    void drop_word();
    void put_between(char c);
    void interrupt();
    void begin_line();
    void end_rows();
    void pass_before(char c, std::uint64_t offset);
    void replay();
    std::uint64_t first_of_line(NumberRow const &row) const;
    void remember_before(std::uint64_t begin);
    char at(std::uint64_t offset) const;

    template <typename Visit>
    void each_busy(Visit visit);

    Collector *m_collector;
    std::array<NumberRow, number_forms.size()> m_rows;
    unsigned m_busy = 0;  ///< the rows that are, as bits
    Digits m_digits{};
    bool m_has_suffix = false;  ///< a `U` follows them
    char m_last = '\0';
    std::array<char, longest_between> m_between{};  ///< before the number that comes
    std::size_t m_between_size = 0;
    std::array<char, longest_between> m_always{};  ///< before the last number
    std::size_t m_always_size = 0;
    bool m_begins_line = false;
    std::size_t m_waited = 0;  ///< since the last number of a row
    /// What is before the first number of a row in its line.
    detail::Wiped<std::array<char, longest_before>> m_before{};
    std::size_t m_before_size = 0;
    /// What may be the same in this line. If it is not, its numbers belong to the row.
    detail::Wiped<std::array<char, longest_before>> m_held{};
    std::array<std::uint64_t, longest_before> m_held_offsets{};
    std::size_t m_held_size = 0;
    bool m_is_before = false;
    /// The last bytes before this piece, each at its offset in the input, in a ring.
    detail::Wiped<std::array<char, 1024>> m_history{};
    std::string_view m_piece{};
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan
