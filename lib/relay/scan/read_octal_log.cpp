#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

namespace relay::scan {

Escape read_octal_log(std::string_view text) {
    switch (text.size()) {
        case 1: return Escape::open();
        case 2: return text[1] == '0' ? Escape::open() : Escape::none();
        case 3: return text[2] >= '0' && text[2] <= '3' ? Escape::open() : Escape::none();
        default: break;
    }
    return is_octal(text[3]) ? Escape::of(static_cast<unsigned>((text[2] - '0') * 8 + (text[3] - '0')))
                             : Escape::none();
}

}  // namespace relay::scan
