#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/encoding.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace relay::scan {

/// How the numbers of a row are written, and how many bytes each of them holds.
struct NumberForm {
    Encoding encoding;
    unsigned base;
    std::size_t least_digits;
    std::size_t most_digits;
    std::size_t bytes;
    std::size_t enough;  ///< numbers in a line, with which a row begins
};

/// Bytes: `70 72 65`, `0x70, 0x72, 0x65`, `[112, 114, 101]`, `160 162 145`, `01110000 01110010`. Words of two, four and eight
/// of them: `72656c61 795f736b`, `[1919249505, ...]`, as od, hexdump, debuggers and typed arrays print them. The numbers of
/// digits are those of text, of which no byte is large or zero. xxd -b has six numbers in a line.
inline constexpr std::array number_forms{
    NumberForm{Encoding::hex, 16, 2, 2, 1, 8},      NumberForm{Encoding::hex, 16, 4, 4, 2, 4},
    NumberForm{Encoding::hex, 16, 8, 8, 4, 2},      NumberForm{Encoding::hex, 16, 16, 16, 8, 2},
    NumberForm{Encoding::numbers, 10, 1, 3, 1, 8},  NumberForm{Encoding::numbers, 10, 4, 5, 2, 4},
    NumberForm{Encoding::numbers, 10, 9, 10, 4, 2}, NumberForm{Encoding::numbers, 10, 18, 20, 8, 2},
    NumberForm{Encoding::numbers, 8, 3, 3, 1, 8},   NumberForm{Encoding::numbers, 8, 5, 6, 2, 4},
    NumberForm{Encoding::numbers, 8, 10, 11, 4, 2}, NumberForm{Encoding::numbers, 8, 20, 22, 8, 2},
    NumberForm{Encoding::numbers, 2, 8, 8, 1, 6},
};

/// Returns whether a number of this form is bytes of text, or NULs, which UTF-16 has.
bool may_be_text(NumberForm const &form, std::uint64_t value);

/// The digits of a number while it is read.
class Digits {
  public:
    static constexpr std::size_t most = 22;

    /// Takes a digit by its value, below 16, and its place in the input.
    void add(int value, std::uint64_t offset) {
        if (m_size == 0) {
            m_begin = offset;
            m_largest = 0;
        }
        if (m_size < most) {
            m_values.value[m_size] = static_cast<unsigned char>(value);
        }
        ++m_size;
        m_largest = value > m_largest ? value : m_largest;
    }
    void clear() { m_size = 0; }
    /// More than `most`: the number is too long for any form.
    std::size_t size() const { return m_size; }
    std::uint64_t begin() const { return m_begin; }
    bool is_zero() const { return m_size == 1 && m_largest == 0; }

    /// Returns the forms that the number may have, as a set of bits by their places in number_forms.
    unsigned forms() const;
    /// Returns the number; none if it has more than 64 bits.
    std::optional<std::uint64_t> value(unsigned base) const;

  private:
    detail::Wiped<std::array<unsigned char, most>> m_values{};
    std::size_t m_size = 0;
    int m_largest = 0;
    std::uint64_t m_begin = 0;
};

/// Returns whether a row may begin with a number of these digits: in one of its forms, it is text.
bool may_begin_row(std::string_view digits);

}  // namespace relay::scan
