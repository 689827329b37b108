#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {
namespace {

unsigned hex_number(std::string_view digits) {
    unsigned value = 0;
    for (char const c : digits) {
        value = (value << 4) | static_cast<unsigned>(hex_value(c));
    }
    return value;
}

/// `\x5f` and its kin: `width` digits after the letter, or any number of them in braces.
Escape read_hex(std::string_view text, std::size_t width) {
    constexpr std::size_t digits_at = 2;
    char const last = text.back();
    bool const braces = text.size() > digits_at && text[digits_at] == '{' && text[1] != 'U';
    if (braces && text.size() == digits_at + 1) {
        return Escape::open();
    }
    if (braces && last == '}') {
        return Escape::of(hex_number(text.substr(digits_at + 1, text.size() - digits_at - 2)));
    }
    if (!is_hex_digit(last) || text.size() > digits_at + 1 + 8) {
        return Escape::none();
    }
    bool const complete = !braces && text.size() == digits_at + width;
    return complete ? Escape::of(hex_number(text.substr(digits_at))) : Escape::open();
}

/// `\137` has three digits; a `\0` without more of them is NUL.
Escape read_octal(std::string_view text) {
    if (!is_octal(text.back())) {
        return text.size() == 3 && text[1] == '0' ? Escape::of('\0', Escape::State::ended) : Escape::none();
    }
    if (text.size() < 4) {
        return Escape::open();
    }
    unsigned const value = (unsigned(text[1] - '0') << 6) | (unsigned(text[2] - '0') << 3) | unsigned(text[3] - '0');
    return Escape::of(value & 0xFF);
}

}  // namespace

Escape read_backslash(std::string_view text) {
    if (text.size() == 1) {
        return Escape::open();
    }
    char const kind = text[1];
    switch (kind) {
        case 'x': return text.size() == 2 ? Escape::open() : read_hex(text, 2);
        case 'u': return text.size() == 2 ? Escape::open() : read_hex(text, 4);
        case 'U': return text.size() == 2 ? Escape::open() : read_hex(text, 8);
        case 'n':
        case 'v':
        case 'f': return Escape::of('\n');
        case 'r': return Escape::of('\r');
        case 't':
        case 'b':
        case 'a': return Escape::of('\t');
        case 'e': return Escape::of('\x1b');
        default: break;
    }
    if (is_octal(kind) && kind <= '3') {
        return read_octal(text);
    }
    bool const ascii = kind > ' ' && kind <= '~';
    return ascii && !is_letter_or_digit(kind) ? Escape::of(static_cast<unsigned char>(kind)) : Escape::none();
}

}  // namespace relay::scan
