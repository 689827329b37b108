#pragma once

#include "cli/input/text_source.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Texts as editors, spreadsheets and shells write them. Every door through which a text comes in uses this decoder, so
/// the same file means the same thing to every command.
namespace relay::cli {

enum class Encoding { utf8, utf16_le, utf16_be, utf32 };

/// How a text is encoded, and how many bytes of it are a byte order mark.
struct EncodingFound {
    Encoding encoding = Encoding::utf8;
    std::size_t mark = 0;
};

/// How many bytes of a text detect_encoding and other_kind look at.
inline constexpr std::size_t text_head_size = 4096;

/// Returns how a text is encoded that begins with `head`: by its byte order mark, otherwise by the zero bytes that
/// UTF-16 has in every second place.
EncodingFound detect_encoding(std::string_view head);

/// Turns UTF-8 or UTF-16 into UTF-8, and a line end that is only a carriage return into a newline. CR LF stays, because
/// a quoted field may contain it. Half a character of UTF-16 becomes bytes that are not UTF-8, so its row is refused.
/// Bytes that are not UTF-8 are passed on: the reader knows their line.
class TextDecoder {
  public:
    explicit TextDecoder(Encoding encoding) : m_encoding(encoding) {}

    /// Passes the decoded text to `put`, piece by piece. Keeps at most one unfinished character.
    template <typename Put>
    void feed(std::string_view bytes, Put const &put) {
        if (m_encoding == Encoding::utf8) {
            end_lines(bytes, put);
            return;
        }
        for (char const byte : bytes) {
            if (!m_has_byte) {
                m_byte = static_cast<unsigned char>(byte);
                m_has_byte = true;
            } else {
                m_has_byte = false;
                auto const second = static_cast<unsigned char>(byte);
                bool const little = m_encoding == Encoding::utf16_le;
                put_unit(static_cast<char32_t>(little ? m_byte | second << 8U : m_byte << 8U | second), put);
            }
        }
    }

    /// Ends the text.
    template <typename Put>
    void finish(Put const &put) {
        if (m_has_byte || m_high != 0) {
            put_character(lone_half, put);
        }
        if (m_carriage_return) {
            put("\n");
        }
    }

  private:
    static constexpr char32_t lone_half = 0xD800;

    /// Works in stretches between carriage returns: a gigabyte without one is only copied.
    template <typename Put>
    void end_lines(std::string_view text, Put const &put) {
        while (!text.empty()) {
            if (m_carriage_return) {
                put(text.front() == '\n' ? "\r" : "\n");
            }
            std::size_t const end = text.find('\r');
            m_carriage_return = end != text.npos;
            put(text.substr(0, end));
            text.remove_prefix(m_carriage_return ? end + 1 : text.size());
        }
    }

    template <typename Put>
    void put_unit(char32_t unit, Put const &put) {
        bool const is_low = unit >= 0xDC00 && unit <= 0xDFFF;
        if (m_high != 0) {
            char32_t const high = m_high;
            m_high = 0;
            put_character(is_low ? 0x10000 + ((high - 0xD800) << 10U) + (unit - 0xDC00) : lone_half, put);
            if (is_low) {
                return;
            }
        }
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            m_high = unit;
        } else {
            put_character(unit, put);
        }
    }

    /// Writes UTF-8. A surrogate gets the three bytes that no reader of UTF-8 accepts.
    template <typename Put>
    void put_character(char32_t value, Put const &put) {
        std::array<char, 4> bytes{};
        std::size_t size = 0;
        auto const add = [&](unsigned mark, unsigned shift, unsigned mask) {
            bytes[size++] = static_cast<char>(mark | (value >> shift & mask));
        };
        if (value < 0x80) {
            add(0, 0, 0x7FU);
        } else if (value < 0x800) {
            add(0xC0U, 6, 0x1FU);
        } else if (value < 0x10000) {
            add(0xE0U, 12, 0xFU);
        } else {
            add(0xF0U, 18, 0x7U);
            add(0x80U, 12, 0x3FU);
        }
        if (value >= 0x800) {
            add(0x80U, 6, 0x3FU);
        }
        if (value >= 0x80) {
            add(0x80U, 0, 0x3FU);
        }
        end_lines({bytes.data(), size}, put);
    }

    Encoding m_encoding;
    unsigned m_byte = 0;
    bool m_has_byte = false;
    char32_t m_high = 0;
    bool m_carriage_return = false;
};

/// Returns a reader of the decoded text. It first fills `text_head_size` bytes and passes them to `check`, which may
/// throw to refuse the text.
TextSource::Read decoded(TextSource::Read raw, std::function<void(std::string_view head)> check);

/// Returns the decoded text. Only for a text that is not secret.
std::string decode_text(std::string_view raw);

}  // namespace relay::cli
