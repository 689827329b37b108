#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {

Escape read_percent(std::string_view text) {
    constexpr std::size_t long_form = 6;  // %u005F
    if (text.size() == 1 || (text.size() == 2 && (text[1] == 'u' || text[1] == 'U'))) {
        return Escape::open();
    }
    if (!is_hex_digit(text.back())) {
        return Escape::none();
    }
    bool const is_long = !is_hex_digit(text[1]);
    if (text.size() < (is_long ? long_form : 3)) {
        return Escape::open();
    }
    unsigned code = 0;
    for (char const c : text.substr(is_long ? 2 : 1)) {
        code = (code << 4) | static_cast<unsigned>(hex_value(c));
    }
    return Escape::of(code);
}

}  // namespace relay::scan
