#include "relay/model/escape.hpp"

#include "relay/model/text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>

using namespace relay;

TEST_CASE("text without escapes stays as it is") {
    for (char const *const text :
         {"", "plain", "a\\b", "C:\\x", "\\", "\\\\n", "\\xzz", "\\x41", "\\u00e9", "tab\there\r\n", "\u00e9"}) {
        CHECK(escape_reversibly(text) == text);
        CHECK(unescape(text) == text);
    }
}

TEST_CASE("an escape differs from a text that looks like one") {
    CHECK(escape_reversibly("\x1b") == "\\x1b");
    CHECK(escape_reversibly("\\x1b") == "\\\\x1b");
    CHECK(escape_reversibly("\\\x1b") == "\\\\\\x1b");
    CHECK(escape_reversibly("\u202e") == "\\u202e");
    CHECK(escape_reversibly("\U000e0041") == "\\U000e0041");
    CHECK(unescape("\\x1b[0m") == "\x1b[0m");
}

TEST_CASE("every text comes back") {
    constexpr std::array<std::string_view, 13> pieces{"\\",  "\\x1b",  "x1b", "u202e",  "\x1b", "\u202e", "\U000e0041",
                                                      "U00", "0e0041", "a",   "\u0085", "\t",   "\u00e9"};
    std::mt19937 random(17);
    std::uniform_int_distribution<std::size_t> piece(0, pieces.size() - 1);
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (std::size_t size = piece(random); size > 0; --size) {
            text += pieces[piece(random)];
        }
        std::string const escaped = escape_reversibly(text);
        REQUIRE(unescape(escaped) == text);
        REQUIRE(escape_reversibly(unescape(escaped)) == escaped);
    }
}
