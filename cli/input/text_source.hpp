#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace relay::cli {

/// A text of any size that goes through one small buffer.
class TextSource {
  public:
    /// What one record may hold at most: of a text without an end of a line no more is kept in memory.
    static constexpr std::size_t most_at_once = 256 * 1024;

    /// Fills the span from its start and returns how many bytes; 0 at the end.
    using Read = std::function<std::size_t(std::span<char>)>;
    explicit TextSource(Read read) : m_read(std::move(read)) {}
    /// A text in memory, which must outlive the source.
    static TextSource of(std::string_view text);

    /// What is in memory and was not yet taken; valid until the next call of another function.
    std::string_view view() const { return std::string_view(m_buffer).substr(m_taken); }
    /// Reads on behind that. False: the text is at its end, or `most_at_once` is in memory.
    bool read_on();
    void take(std::size_t bytes) { m_taken += bytes; }
    /// True: what is in memory is the whole rest.
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
