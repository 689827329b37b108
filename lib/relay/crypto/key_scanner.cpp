#include "relay/crypto/key_scanner.hpp"

#include "relay/crypto/key_format.hpp"

#include <algorithm>

namespace relay {
namespace {

/// True for each `\w` of the key's regular expression. A table, because it is used for every byte of every log.
constexpr std::array<bool, 256> word_characters = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < table.size(); ++c) {
        table[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    }
    return table;
}();

bool is_word_character(char c) { return word_characters[static_cast<unsigned char>(c)]; }

}  // namespace

// A key has only word characters, with a word border on both sides, so it is exactly one word. It is enough to read
// words, and to check those that are as long as a key.

KeyScanner::KeyScanner() : m_pending(ApiKey::length) {}

void KeyScanner::feed(std::string_view piece) {
    while (!piece.empty()) {
        auto const word_end = std::find_if_not(piece.begin(), piece.end(), is_word_character);
        auto const word = static_cast<std::size_t>(word_end - piece.begin());
        take(piece.substr(0, word));
        piece.remove_prefix(word);
        if (!piece.empty()) {
            end_run();
            auto const next = std::find_if(piece.begin(), piece.end(), is_word_character);
            piece.remove_prefix(static_cast<std::size_t>(next - piece.begin()));
        }
    }
}

std::multimap<KeyId, KeyScanner::Found> KeyScanner::finish() {
    end_run();
    std::multimap<KeyId, Found> found;
    for (auto const &[key, type] : m_found) {
        KeyHash hash;
        hash.bytes = key.second;
        found.emplace(key.first, Found{type, hash});
    }
    m_found.clear();
    return found;
}

void KeyScanner::take(std::string_view run) {
    if (m_too_long || run.size() > m_pending.size() - m_pending_size) {
        m_too_long = true;
        return;
    }
    std::copy(run.begin(), run.end(), m_pending.writable().subspan(m_pending_size).begin());
    m_pending_size += run.size();
}

void KeyScanner::end_run() {
    std::string_view const word = m_pending.reveal().substr(0, m_pending_size);
    if (!m_too_long && word.size() == ApiKey::length && detail::find_fault(word) == detail::KeyFault::none) {
        KeyHash const hash = KeyHash::of(KeyDigest::of(word));
        KeyId id = KeyId::parse(word.substr(detail::key_id_at, KeyId::length));
        m_found.emplace(std::pair{std::move(id), hash.bytes}, detail::type_of(word));
    }
    m_pending_size = 0;
    m_too_long = false;
}

}  // namespace relay
