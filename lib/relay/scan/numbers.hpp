#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/encoding.hpp"
#include "relay/scan/strand.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace relay::scan {

class Collector;
class Layer;

/// How a byte is written.
struct NumberForm {
    Encoding encoding;
    unsigned base;
    std::size_t least_digits;
    std::size_t most_digits;
};

/// Hexadecimal: `70 72 65`, `70:72:65`, `0x70, 0x72, 0x65`. Others: `[112, 114, 101]`, `160 162 145`, `01110000 01110010`.
/// A byte of text has two or three decimal digits.
inline constexpr std::array number_forms{
    NumberForm{Encoding::hex, 16, 2, 2},
    NumberForm{Encoding::numbers, 10, 2, 3},
    NumberForm{Encoding::numbers, 8, 3, 3},
    NumberForm{Encoding::numbers, 2, 8, 8},
};

/// Decodes bytes that are written as numbers of one form, with something between them, as dumps without offsets, packet
/// captures, and arrays in programs and logs have them, also in several lines.
///
/// It begins with eight bytes between which there is always the same. A time, a date or the address of a network card
/// is shorter, and noise is stopped by Strand.
class NumberRow {
  public:
    NumberRow(Collector &collector, NumberForm const &form);
    ~NumberRow();
    void put(char c, std::uint64_t offset);
    void end();
    /// Returns whether a character that belongs to no row would change nothing.
    bool idle() const { return m_count == 0 && m_digits == 0; }

  private:
    struct Byte {
        char value = 0;
        std::uint64_t offset = 0;
    };

    static constexpr std::size_t enough = 8;
    static constexpr std::size_t longest_between = 8;  ///< before there are enough
    static constexpr std::size_t longest_gap = 64;  ///< afterwards, for line ends

    void put_between(char c);
    bool is_whole() const;
    bool may_be_offset() const;
    void complete();
    void give(Byte const &byte);
    void forget();

    Collector *m_collector;
    NumberForm m_form;
    std::unique_ptr<Layer> m_layer;
    Strand m_strand{};
    detail::Wiped<std::array<Byte, enough>> m_kept{};
    std::size_t m_count = 0;  ///< bytes in a row; no more than `enough`
    detail::Wiped<unsigned> m_value{};
    std::size_t m_digits = 0;  ///< of the byte that is being read; more than the form has: too many
    std::uint64_t m_begin = 0;  ///< of that byte
    std::array<char, longest_between> m_between{};  ///< before that byte
    std::size_t m_between_size = 0;
    bool m_line_end = false;  ///< in what is before that byte
    std::array<char, longest_between> m_always{};  ///< between the kept bytes
    std::size_t m_always_size = 0;
};

/// Looks for rows of all forms in the input.
class Numbers {
  public:
    explicit Numbers(Collector &collector);
    /// Takes the next piece of the input. Looks only at few bytes of a text that has no such numbers.
    void feed(std::string_view piece);
    void end();

  private:
    bool idle() const;

    std::array<NumberRow, number_forms.size()> m_rows;
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan
