#include "relay/model/unicode.hpp"

#include <doctest/doctest.h>
#include <initializer_list>
#include <string_view>

TEST_CASE("what people cannot see is invisible, by property") {
    struct Range {
        char32_t first;
        char32_t last;
        char const *property;
    };
    for (Range const range : {Range{0x00, 0x1F, "Cc"},
                              Range{0x7F, 0x9F, "Cc"},
                              Range{0x00AD, 0x00AD, "soft hyphen"},
                              Range{0x034F, 0x034F, "combining grapheme joiner"},
                              Range{0x061C, 0x061C, "bidi"},
                              Range{0x115F, 0x1160, "Hangul fillers"},
                              Range{0x17B4, 0x17B5, "Khmer inherent vowels"},
                              Range{0x180B, 0x180F, "Mongolian variation selectors"},
                              Range{0x200B, 0x200F, "joiners, bidi"},
                              Range{0x2028, 0x202E, "Zl, Zp, bidi"},
                              Range{0x2060, 0x206F, "word joiner, bidi, and one that is reserved"},
                              Range{0x3164, 0x3164, "Hangul filler"},
                              Range{0xE000, 0xF8FF, "private use"},
                              Range{0xFDD0, 0xFDEF, "noncharacters"},
                              Range{0xFE00, 0xFE0F, "variation selectors"},
                              Range{0xFEFF, 0xFEFF, "byte order mark"},
                              Range{0xFFA0, 0xFFA0, "half-width Hangul filler"},
                              Range{0xFFF0, 0xFFFB, "reserved, interlinear annotation"},
                              Range{0xFFFE, 0xFFFF, "noncharacters"},
                              Range{0x1BCA0, 0x1BCA3, "shorthand format controls"},
                              Range{0x1D173, 0x1D17A, "musical format controls"},
                              Range{0xE0000, 0xE0FFF, "tags, variation selectors, and what is reserved for more"},
                              Range{0xF0000, 0x10FFFF, "private use, noncharacters"}}) {
        CAPTURE(range.property);
        for (char32_t c = range.first; c <= range.last; ++c) {
            CHECK(relay::is_invisible(c));
        }
    }
    for (char32_t plane = 0; plane <= 0x10; ++plane) {
        CHECK(relay::is_invisible(plane * 0x10000 + 0xFFFE));
    }
}

TEST_CASE("what people can see is not invisible") {
    for (unsigned c : {0x20U,   0x7EU,   0xA0U,   0x0300U, 0x0600U, 0x0605U, 0x06DDU, 0x070FU,  0x08E2U,  0x200AU,
                       0x2010U, 0x2800U, 0x3000U, 0x3042U, 0xAC00U, 0xFFFCU, 0xFFFDU, 0x110BDU, 0x1F600U, 0x20000U}) {
        CAPTURE(c);
        CHECK(!relay::is_invisible(c));
    }
    CHECK(relay::is_invisible(0x110000));  // beyond Unicode
}

TEST_CASE("the version of Unicode is that of the database's class, or later") {
    CHECK(relay::unicode_version() >= std::string_view("15.0.0"));
}
