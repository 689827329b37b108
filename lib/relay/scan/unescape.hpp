#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/characters.hpp"
#include "relay/scan/encoding.hpp"
#include "relay/scan/escape.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace relay::scan {

/// Decodes the escapes of a text, one level of them, and passes everything else on. The last of the levels also decodes
/// what it made itself: text that was escaped more often has escapes of escapes, such as `\\\\\\\\n`.
///
/// Decodes more than is meant (`=5F` of a plain text). That hides no key: an escape begins with a character that a key
/// cannot have, and none can end with the `r` that a key begins with, except `\r`, which Matcher knows.
class Unescape {
  public:
    static constexpr unsigned levels = 3;

    explicit Unescape(unsigned level) : m_level(level) {}

    /// Calls `next(char, Origin)` for each character that is decoded.
    template <typename Next>
    void put(char c, Origin const &origin, Next const &next) {
        if (m_size == 0 && m_mark == 0 && !is_introducer(c)) {
            next(c, origin);
        } else {
            push(c, origin, next);
        }
    }
    /// Ends the text: characters that waited for more are not an escape, unless the end of a line would have ended it.
    template <typename Next>
    void end(Next const &next) {
        if (m_size > 0) {
            m_text.value[m_size] = '\n';
            m_origins[m_size] = m_origins[m_size - 1];
            ++m_size;
            if (Escape const escape = read(); escape.state == Escape::State::ended) {
                decode(escape, next);
            } else {
                --m_size;
            }
        }
        flush(m_size, next);
        m_mark = 0;
    }
    bool idle() const { return m_size == 0 && m_mark == 0; }

    static constexpr bool is_introducer(char c) { return introducers[c]; }

  private:
    static constexpr Table<bool> introducers{
        [](char c) { return std::string_view("\\%&=[#^\x1b\x9b").find(c) != std::string_view::npos; }};

    Escape read() const;
    Encoding encoding() const;

    template <typename Next>
    void flush(std::size_t count, Next const &next) {
        m_size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            emit(m_text.value[i], m_origins[i], next);
        }
    }

    /// Passes on what the text means, which is an escape.
    template <typename Next>
    void decode(Escape const &escape, Next const &next) {
        Origin from = m_origins[0];
        from.marks |= mark(encoding(), m_level) | m_origins[m_size - 1].marks;
        if (escape.character == '\r') {
            from.offset = m_origins[m_size - 1].offset;  // its `r` may be that of a key
        }
        m_size = 0;
        if (escape.empty) {
            m_mark |= from.marks;
        } else if (m_level == levels - 1 && is_introducer(escape.character)) {
            push(escape.character, from, next);  // of `%2525255F`: an escape at any number of levels
        } else {
            emit(escape.character, from, next);
        }
    }

    /// Passes a character on, with the mark of what was between it and the one before.
    template <typename Next>
    void emit(char c, Origin origin, Next const &next) {
        origin.marks |= std::exchange(m_mark, 0);
        next(c, origin);
    }

    template <typename Next>
    void push(char c, Origin const &origin, Next const &next) {
        if (m_size == 0 && !is_introducer(c)) {
            emit(c, origin, next);
            return;
        }
        m_text.value[m_size] = c;
        m_origins[m_size++] = origin;
        Escape const escape = read();
        if (escape.state == Escape::State::open) {
            return;
        }
        if (escape.state == Escape::State::none) {
            bool const alone = m_size == 1;
            flush(m_size - (alone ? 0 : 1), next);
            if (!alone) {
                put(c, origin, next);  // it may begin an escape itself
            }
            return;
        }
        decode(escape, next);
        if (escape.state == Escape::State::ended) {
            put(c, origin, next);
        }
    }

    detail::Wiped<std::array<char, longest_escape>> m_text{};
    std::array<Origin, longest_escape> m_origins{};
    std::size_t m_size = 0;
    unsigned m_level;
    Marks m_mark = 0;  ///< of escapes that mean no character, since the last character
};

}  // namespace relay::scan
