#pragma once

#include "relay/scan/strand.hpp"

#include <array>
#include <memory>

namespace relay::scan {

class Layer;

/// Decodes long runs of base64, base64url and hexadecimal digits in a text, also if they are wrapped into lines.
///
/// A run begins with 20 characters in a row, and continues over a line end with at most 64 other characters around it.
class Runs {
  public:
    static constexpr std::size_t shortest = 20;

    /// `owner` makes the layers of what is decoded.
    explicit Runs(Layer &owner) : m_owner(&owner) {}
    ~Runs();
    void put(char c, Origin const &origin);
    void end();
    bool idle() const { return m_size == 0 && m_state == State::outside; }

  private:
    enum class State { outside, inside, between };  ///< between: after the end of a line of a run

    struct Reading {
        Strand strand{};
        std::unique_ptr<Layer> layer{};
        Reading();
        ~Reading();
    };

    void begin();
    void decode(char c, Origin const &origin);
    void decode_base64(int value, Origin const &origin);
    void decode_hex(char c, Origin const &origin);
    void give(Reading &reading, Encoding encoding, char byte, Origin const &origin);

    Layer *m_owner;
    State m_state = State::outside;
    detail::Wiped<std::array<char, shortest>> m_head{};  ///< the first characters, until they are enough
    std::array<Origin, shortest> m_origins{};
    std::size_t m_size = 0;
    std::size_t m_gap = 0;
    bool m_line_end = false;  ///< in the gap
    detail::Wiped<unsigned> m_base64{};  ///< the bits of the last characters
    unsigned m_count = 0;  ///< characters of base64
    detail::Wiped<unsigned> m_hex{};
    unsigned m_digits = 0;  ///< hexadecimal digits in a row
    Origin m_before{};  ///< of the last character
    detail::Wiped<char> m_before_character{};
    std::size_t m_length = 0;  ///< of the run
    std::array<Reading, 4> m_base64_readings;
    std::array<Reading, 2> m_hex_readings;
};

}  // namespace relay::scan
