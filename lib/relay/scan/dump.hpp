#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/dump_line.hpp"
#include "relay/scan/encoding.hpp"

#include <array>
#include <memory>

namespace relay::scan {

class Layer;

/// Decodes dumps of bytes (DumpLine), line by line, also those that print `*` instead of equal lines.
class Dump {
  public:
    /// `owner` makes the layers of what is decoded.
    explicit Dump(Layer &owner);
    ~Dump();
    void put(char c, Origin const &origin) {
        if (m_state != State::other || c == '\n' || c == '\r' || c == '"') {
            read(c, origin);
        }
    }
    void end();
    /// Returns whether the rest of this line does not matter. At a line end, the next characters decide again.
    bool idle() const { return m_state == State::other && m_last_size == 0; }

    /// Returns whether a line that begins with `c` may be one of a dump: the cheap test.
    static bool may_begin_line(char c);
    /// The same for a quote with `c` after it: a dump as a string of JSON begins in the middle of a line.
    static bool may_begin_string(char c) { return c == '0' || c == '\t'; }

  private:
    enum class State { offset, line, other };

    void read(char c, Origin const &origin);
    void forget();
    void finish_line();
    /// Returns the base of the offsets if `line` comes right after the last one, otherwise 0.
    unsigned base_after(DumpLine const &line) const;
    void give(DumpLine const &line);
    std::size_t equal_lines(DumpLine const &next) const;

    static constexpr std::size_t longest_line = 256;
    /// In lines of 16 bytes, a key in UTF-32 has no more.
    static constexpr std::size_t most_equal_lines = 18;

    Layer *m_owner;
    State m_state = State::offset;
    detail::Wiped<std::array<char, longest_line>> m_text{};
    std::size_t m_size = 0;
    std::size_t m_digits = 0;
    bool m_after_quote = false;
    Origin m_origin{};  ///< of the line
    detail::Wiped<std::array<char, DumpLine::most_bytes>> m_last{};
    detail::Wiped<std::array<char, DumpLine::most_bytes>> m_last_swapped{};
    DumpLine::Groups m_last_groups{};
    unsigned m_others = 0;  ///< lines since the last one of the dump
    std::size_t m_last_size = 0;  ///< 0: the last line was not one of a dump
    std::array<char, 16> m_last_offset{};
    std::size_t m_last_offset_size = 0;
    unsigned m_base = 0;  ///< of the offsets; 0: not known
    bool m_equal = false;  ///< the last line was `*`
    std::unique_ptr<Layer> m_in_order;
    std::unique_ptr<Layer> m_swapped;
};

}  // namespace relay::scan
