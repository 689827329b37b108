#include "cli/sink/command/spoken_lines.hpp"

#include "relay/model/text.hpp"

#include <sodium.h>
#include <algorithm>

namespace relay::cli {
namespace {

constexpr std::size_t shortest_word = 32;
constexpr std::size_t shown = 400;
constexpr std::string_view of_words = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/_-";

}  // namespace

SpokenLines::SpokenLines(std::string_view secret, std::vector<std::string_view> words) : m_words(std::move(words)) {
    m_line.reserve(longest);  // so that it never moves, which would leave copies in memory
    for (std::size_t at = 0; (at = secret.find_first_of(of_words, at)) != secret.npos;) {
        auto const end = std::min(secret.find_first_not_of(of_words, at), secret.size());
        if (end - at >= shortest_word) {
            m_words.push_back(secret.substr(at, end - at));
        }
        at = end;
    }
}

std::vector<std::string> SpokenLines::feed(std::string_view piece) {
    std::vector<std::string> lines;
    while (!piece.empty()) {
        auto const end = std::min(piece.find('\n'), piece.size());
        // What does not fit is dropped: only the beginning is shown, and a secret must not slip through in two halves.
        m_line.append(piece.substr(0, std::min(end, longest - m_line.size())));
        if (end < piece.size()) {
            if (auto line = take_line(); !line.empty()) {
                lines.push_back(std::move(line));
            }
        }
        piece.remove_prefix(std::min(end + 1, piece.size()));
    }
    return lines;
}

std::string SpokenLines::finish() { return take_line(); }

std::string SpokenLines::take_line() {
    std::string line;
    auto const is_secret = holds_key(m_line) || std::any_of(m_words.begin(), m_words.end(), [&](std::string_view word) {
                               return m_line.find(word) != m_line.npos;
                           });
    if (is_secret) {
        line = withheld;
    } else if (m_line.find_first_not_of(" \t\r") != m_line.npos) {
        auto const end = m_line.ends_with('\r') ? m_line.size() - 1 : m_line.size();
        line = escape_for_terminal(std::string_view(m_line).substr(0, std::min(end, shown)));
    }
    wipe();
    return line;
}

void SpokenLines::wipe() noexcept {
    sodium_memzero(m_line.data(), m_line.size());
    m_line.clear();
}

}  // namespace relay::cli
