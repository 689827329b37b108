#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {
namespace {

bool is_parameter(char c) { return c >= '0' && c <= '?'; }

/// A key that comes right after a broken sequence would lose its first letter to it.
Escape ended_by(char last) { return last == 'r' ? Escape::of('\r') : Escape::nothing(); }

/// After `[`. Without ESC, only colours (m) and the erasing of a line (K) are taken for a sequence.
Escape read_control(std::string_view text, bool has_esc) {
    char const last = text.back();
    if (text.size() == 1 || is_parameter(last)) {
        return text.size() < longest_escape - 1 ? Escape::open() : Escape::none();
    }
    return last == 'm' || last == 'K' || (has_esc && is_letter(last)) ? ended_by(last) : Escape::none();
}

}  // namespace

Escape read_ansi(std::string_view text) {
    if (text.starts_with("^[")) {  // one character for two: `[` alone, and what follows it, could be read as a sequence
        text.remove_prefix(1);
    } else if (text.front() == '[') {
        return read_control(text, false);
    }
    if (text.size() == 1) {
        return Escape::open();
    }
    if (text.front() == '^') {
        return Escape::none();
    }
    if (text[1] == '[') {
        return read_control(text.substr(1), true);
    }
    bool const designates = text[1] >= '(' && text[1] <= '+';  // a character set: `ESC ( B`
    return !designates ? Escape::none() : text.size() == 2 ? Escape::open() : ended_by(text[2]);
}

}  // namespace relay::scan
