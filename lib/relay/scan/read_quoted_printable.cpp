#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {

Escape read_quoted_printable(std::string_view text) {
    if (text.size() > 1 && !is_hex_digit(text.back())) {
        return Escape::none();
    }
    return text.size() < 3 ? Escape::open()
                           : Escape::of(static_cast<unsigned>((hex_value(text[1]) << 4) | hex_value(text[2])));
}

}  // namespace relay::scan
