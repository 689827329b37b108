#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Takes apart what a command says while it holds a secret, so that none of the secret gets any further: a log keeps what a command was careless
/// with (`set -x`, `curl -v`).
///
/// A line that has a key in it, or a word of the secret content (32 and more letters, digits, +, /, _, -), is replaced by a remark. The others are
/// made safe for a terminal and cut after 400 bytes. What waits for its end is wiped.
class SpokenLines {
  public:
    /// `secret` must live as long.
    explicit SpokenLines(std::string_view secret);
    ~SpokenLines() { wipe(); }
    SpokenLines(SpokenLines const &) = delete;
    SpokenLines &operator=(SpokenLines const &) = delete;

    /// Returns the lines that have come to their end, without their newlines and without blank ones.
    std::vector<std::string> feed(std::string_view piece);
    /// What is left of a line that never ended; empty if nothing.
    std::string finish();

    static constexpr std::string_view withheld = "(a line with a secret in it, withheld)";

  private:
    static constexpr std::size_t longest = 16 * 1024;
    std::string take_line();
    void wipe() noexcept;

    std::vector<std::string_view> m_words{};  ///< of the secret
    std::string m_line{};
};

}  // namespace relay::cli
