#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Filters the output of a command that has a secret, so that no part of the secret is passed on: a careless command
/// (`set -x`, `curl -v`) prints it, and a log would keep it.
///
/// A line that contains a key, or a word of the secret content (32 or more letters, digits, +, /, _, -), is replaced by
/// a remark. Other lines are made safe for a terminal and cut after 400 bytes. Buffered text is wiped.
class SpokenLines {
  public:
    /// `secret` must outlive this object, and so must `words`: further texts that no line may show, however short.
    explicit SpokenLines(std::string_view secret, std::vector<std::string_view> words = {});
    ~SpokenLines() { wipe(); }
    SpokenLines(SpokenLines const &) = delete;
    SpokenLines &operator=(SpokenLines const &) = delete;

    /// Returns the lines that are complete now, without their newlines and without blank ones.
    std::vector<std::string> feed(std::string_view piece);
    /// Returns the rest, a line without a newline; empty if there is none.
    std::string finish();

    static constexpr std::string_view withheld = "(a line that contains a secret is not shown)";

  private:
    static constexpr std::size_t longest = 16 * 1024;
    std::string take_line();
    void wipe() noexcept;

    std::vector<std::string_view> m_words{};  ///< of the secret
    std::string m_line{};
};

}  // namespace relay::cli
