#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace relay::cli {

/// A text of any size that passes through one small buffer.
class TextSource {
  public:
    /// The maximum size of a record: if a text has no line end, no more of it than this is kept in memory.
    static constexpr std::size_t most_at_once = 256 * 1024;

    /// Fills the span from its start, and returns how many bytes it wrote; 0 at the end.
    using Read = std::function<std::size_t(std::span<char>)>;
    explicit TextSource(Read read) : m_read(std::move(read)) {}
    /// Returns a source for a text in memory, which must outlive it.
    static TextSource of(std::string_view text);

    /// Returns the text in memory that was not taken yet; valid until the next call of another function.
    std::string_view view() const { return std::string_view(m_buffer).substr(m_taken); }
    /// Reads more. Returns false at the end of the text, or if `most_at_once` is in memory.
    bool read_on();
    void take(std::size_t bytes) { m_taken += bytes; }
    /// Takes the rest of the line, which may be longer than what fits in memory.
    void skip_line();
    /// Returns whether the text in memory is all that is left.
    bool ended() const { return m_ended; }
    std::uint64_t taken() const { return m_dropped + m_taken; }

  private:
    Read m_read;
    std::string m_buffer{};
    std::size_t m_taken = 0;
    std::uint64_t m_dropped = 0;
    bool m_ended = false;
};

}  // namespace relay::cli
