#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {
namespace {

bool is_parameter(char c) { return c >= '0' && c <= '?'; }
bool is_intermediate(char c) { return c >= ' ' && c <= '/'; }

/// Whether a sequence with parameters may end with `c`. Of the signs, those that no key or other escape has.
bool is_final(char c) { return is_letter(c) || std::string_view("@`{|}~").find(c) != std::string_view::npos; }

/// A key that comes right after a broken sequence would lose its first letter to it.
Escape ended_by(char last) { return last == 'r' ? Escape::of('\r') : Escape::nothing(); }

/// After `[`. Without ESC, only colours (m) and the erasing of a line (K) are taken for a sequence.
Escape read_control(std::string_view text, bool has_esc) {
    char const last = text.back();
    if (text.size() == 1 || is_parameter(last) || (has_esc && is_intermediate(last))) {
        return text.size() < longest_escape - 1 ? Escape::open() : Escape::none();
    }
    return last == 'm' || last == 'K' || (has_esc && is_final(last)) ? ended_by(last) : Escape::none();
}

/// After ESC, which is one character of `text`.
Escape read_after_escape(std::string_view text) {
    char const next = text[1];
    char const last = text.back();
    if (next == '[') {
        return read_control(text.substr(1), true);
    }
    if (next == '\\') {
        return Escape::of('\a');  // both end a string of the terminal (Matcher)
    }
    if (!is_intermediate(next)) {
        // Modes of the keyboard. Of the other sequences of two characters, the second may also be that of a key: if the
        // ESC of a colour was an escape itself, the rest of the colour was taken for one without ESC.
        return next == '=' || next == '>' ? Escape::nothing() : Escape::none();
    }
    // A character set: `ESC ( B`, `ESC % G`
    bool const is_open = is_intermediate(last) && text.size() < longest_escape;
    return is_open ? Escape::open() : is_parameter(last) || is_final(last) ? ended_by(last) : Escape::none();
}

}  // namespace

Escape read_ansi(std::string_view text) {
    if (text.front() == '[' || text.front() == '\x9b') {
        return read_control(text, false);
    }
    if (text.size() == 1) {
        return Escape::open();
    }
    if (text.front() == '^') {
        if (text[1] != '[') {  // another control character, as cat -v shows it
            return text[1] == '?' || (text[1] >= '@' && text[1] <= '_') ? Escape::nothing() : Escape::none();
        }
        text.remove_prefix(1);  // one character for two
        if (text.size() == 1) {  // `[` alone, and what follows it, could be read as a sequence
            return Escape::open();
        }
    }
    return read_after_escape(text);
}

}  // namespace relay::scan
