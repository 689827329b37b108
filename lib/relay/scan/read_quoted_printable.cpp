#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {

namespace {

/// `=?charset?Q?`: the begin of an encoded word. `text` is longer than the first two characters.
Escape read_encoded_word(std::string_view text) {
    std::size_t const charset_end = text.find('?', 2);
    if (charset_end == text.npos) {
        bool const may_be = text.back() > ' ' && text.back() <= '~' && text.size() < longest_escape - 3;
        return may_be ? Escape::open() : Escape::none();
    }
    switch (text.size() - charset_end) {
        case 1: return charset_end > 2 ? Escape::open() : Escape::none();
        case 2: return std::string_view("QqBb").find(text.back()) != text.npos ? Escape::open() : Escape::none();
        default: return text.back() == '?' ? Escape::nothing() : Escape::none();
    }
}

}  // namespace

Escape read_quoted_printable(std::string_view text) {
    if (text.size() > 1 && text[1] == '?') {
        return text.size() == 2 ? Escape::open() : read_encoded_word(text);
    }
    if (text.size() > 1 && !is_hex_digit(text.back())) {
        return Escape::none();
    }
    return text.size() < 3 ? Escape::open()
                           : Escape::of(static_cast<unsigned>((hex_value(text[1]) << 4) | hex_value(text[2])));
}

}  // namespace relay::scan
