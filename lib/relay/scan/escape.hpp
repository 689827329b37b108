#pragma once

#include <cstddef>
#include <string_view>

namespace relay::scan {

/// What a text that begins like an escape means so far.
struct Escape {
    enum class State {
        open,  ///< it may become one
        whole,  ///< it is one, and its last character belongs to it
        ended,  ///< it is one that ends before its last character
        none  ///< it is not one
    };
    State state = State::none;
    char character = '\0';  ///< of a whole one
    bool empty = false;  ///< a whole one that means no character

    static constexpr Escape open() { return {State::open}; }
    static constexpr Escape none() { return {}; }
    static constexpr Escape nothing() { return {State::whole, '\0', true}; }
    /// Returns the escape of a code point. Outside ASCII all are alike, because a key has none of them, except 0x9B, with
    /// which a control sequence can begin.
    static constexpr Escape of(unsigned code, State state = State::whole) {
        return {state, code < 0x80 || code == 0x9B ? static_cast<char>(code) : '\x80'};
    }
};

/// The longest text that can be an escape.
inline constexpr std::size_t longest_escape = 48;

// Each reader gets a text that begins with its introducer. It is called for each character that comes, and only if all
// before it gave `open`, so it looks at the last character alone.

/// `\n` `\/` `\_` `\x5f` `\x{5f}` `\137` `\u005f` `\u{5f}` `\U0000005f`, as JSON, C, Python, JavaScript, shells and
/// Markdown write them.
Escape read_backslash(std::string_view text);
/// `%5F` (RFC 3986), `%u005F` (JavaScript's escape).
Escape read_percent(std::string_view text);
/// `=5F` (RFC 2045), and as nothing `=?utf-8?Q?`, with which each line of a header begins (RFC 2047). A soft line break
/// needs no reader: `=`, `?` and line ends are skipped inside a key.
Escape read_quoted_printable(std::string_view text);
/// `&#95;` `&#x5f;` `&lowbar;` (HTML).
Escape read_entity(std::string_view text);
/// Control sequences of ECMA-48: `ESC [ 31 m`, `ESC ( B`, `ESC =`; also with `^[` for ESC, as `cat -v` and terminals show
/// it, and without ESC, which many logs drop. Other control characters of `cat -v`, such as `^M`.
Escape read_ansi(std::string_view text);
/// `#033`: a control character, as rsyslog writes it.
Escape read_octal_log(std::string_view text);

/// Returns whether `c`, with `next` after it, may begin an escape: the cheap test before any reader.
bool may_begin_escape(char c, char next);

}  // namespace relay::scan
