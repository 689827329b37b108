#pragma once

#include "relay/scan/strand.hpp"

#include <array>
#include <memory>

namespace relay::scan {

class Layer;

/// Decodes long runs of base64, base64url, base32 and hexadecimal digits in a text, also if they are wrapped into lines.
///
/// A run begins with 20 characters in a row, and continues over a line end with at most 64 other characters around it:
/// indentation and quotes; the sign of a diff, if the run begins with one, too; and the prefix of a line (a time, a number)
/// that is as long as the one before the run. A line of 60 characters may also be followed by words of up to four letters
/// before its end, or by a tag of HTML or a blank instead of it, because a shell makes blanks of line ends.
class Runs {
  public:
    static constexpr std::size_t shortest = 20;

    /// `owner` makes the layers of what is decoded.
    explicit Runs(Layer &owner) : m_owner(&owner) {}
    ~Runs();
    void put(char c, Origin const &origin);
    void end();
    bool idle() const { return m_size == 0 && !has_begun(); }
    /// Returns whether the next line may continue a run.
    bool has_begun() const { return m_state != State::outside; }

  private:
    static constexpr std::size_t longest_gap = 64;

    enum class State { outside, inside, between };  ///< between: after the end of a line of a run

    struct Reading {
        Strand strand{};
        std::unique_ptr<Layer> layer{};
        Reading();
        ~Reading();
    };

    void begin();
    void pass_between(char c, Origin const &origin);
    void resume(char c, Origin const &origin);
    bool is_prefix(char c, Origin const &origin);
    void replay();
    void collect(char c, Origin const &origin);
    void end_run();
    void decode(char c, Origin const &origin);
    void decode_base64(char c, Origin const &origin);
    void decode_base32(char c, Origin const &origin);
    void add_base32(unsigned value, Origin const &origin);
    void decode_hex(char c, Origin const &origin);
    void give(Reading &reading, Encoding encoding, char byte, Origin const &origin);

    Layer *m_owner;
    State m_state = State::outside;
    detail::Wiped<std::array<char, shortest>> m_head{};  ///< the first characters, until they are enough
    std::array<Origin, shortest> m_origins{};
    std::size_t m_size = 0;
    std::size_t m_gap = 0;
    bool m_line_end = false;  ///< in the gap
    bool m_in_tag = false;  ///< in the gap
    char m_last = '\0';  ///< of the gap
    std::size_t m_chunk = 0;  ///< characters since the last gap
    char m_sign = '\0';  ///< with which the run begins
    std::uint64_t m_column = 0;  ///< of the run, from 0; 0 also if it is not known
    std::uint64_t m_line_start = 0;  ///< of the last line end in the gap
    /// What may be the prefix of a line. If it is not, it belongs to the run.
    detail::Wiped<std::array<char, longest_gap>> m_held{};
    std::array<Origin, longest_gap> m_held_origins{};
    std::size_t m_held_size = 0;
    detail::Wiped<unsigned> m_base64{};  ///< the bits of the last characters
    unsigned m_count = 0;  ///< characters of base64
    /// Characters of base32 in one case. They are decoded when there are enough of them: in base64, no more are in a row.
    detail::Wiped<std::array<unsigned char, shortest>> m_base32_head{};
    std::array<Origin, shortest> m_base32_origins{};
    std::size_t m_base32_size = 0;
    char m_base32_case = '\0';  ///< a bit of their letters; 0: they are digits so far
    detail::Wiped<unsigned> m_base32{};
    unsigned m_base32_bits = 0;  ///< that are not in a byte yet
    detail::Wiped<unsigned> m_hex{};
    unsigned m_digits = 0;  ///< hexadecimal digits in a row
    Origin m_before{};  ///< of the last character
    detail::Wiped<char> m_before_character{};
    std::size_t m_length = 0;  ///< of the run
    bool m_only_hex = true;  ///< all of the run
    std::array<Reading, 4> m_base64_readings;
    Reading m_base32_reading;
    std::array<Reading, 2> m_hex_readings;
};

}  // namespace relay::scan
