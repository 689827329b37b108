#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/layer.hpp"
#include "relay/scan/log_prefix.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace relay::scan {

/// Reads the input as a log: without what is before and around the text of its lines, and with the parts of a long line joined.
/// So a key, a run of base64 or a dump continues in the next line.
class LogLines {
  public:
    explicit LogLines(Collector &collector) : m_text(collector, {Encoding::log_lines}) {}
    /// Takes the next piece of the input. Of a text that is not a log, looks only at the starts of lines.
    void feed(std::string_view piece);
    void end();

  private:
    enum class State { prefix, text, json, rest };

    std::size_t take_prefix(std::string_view piece, std::uint64_t offset);
    void begin_text(std::string_view head, std::uint64_t offset);
    std::size_t take_text(std::string_view piece, std::uint64_t offset);
    std::size_t take_json(std::string_view piece, std::uint64_t offset);

    Layer m_text;
    State m_state = State::prefix;
    /// The start of a line that is in more than one piece.
    detail::Wiped<std::array<char, longest_log_prefix>> m_head{};
    std::size_t m_head_size = 0;
    bool m_is_part = false;
    bool m_ended = false;  ///< a line end is to come before the next text
    bool m_escaped = false;  ///< in JSON: the last character was `\`
    bool m_line_end = false;  ///< in JSON: the last two were `\n`
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan
