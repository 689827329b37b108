#include "cli/input/text_decoder.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/json_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace relay::cli;
using namespace std::string_view_literals;

namespace {

/// Decodes a text that comes in pieces of `piece` bytes.
std::string decoded_in_pieces(std::string_view text, std::size_t piece) {
    auto raw = [text, piece](std::span<char> room) mutable {
        std::size_t const size = std::min({text.size(), room.size(), piece});
        std::copy_n(text.begin(), size, room.begin());
        text.remove_prefix(size);
        return size;
    };
    TextSource source(decoded(raw, [](std::string_view) {}));
    while (source.read_on()) {}
    return std::string(source.view());
}

struct Case {
    std::string_view bytes;
    std::string_view text;
};

constexpr Case cases[] = {
    {""sv, ""sv},
    {"a\r\nb\rc\n\r"sv, "a\r\nb\nc\n\n"sv},
    {"\xEF\xBB\xBFz\xC3\xBC"sv, "z\xC3\xBC"sv},
    {"caf\xE9"sv, "caf\xE9"sv},
    {"\xFF\xFE"
     "a\0\r\0\n\0\xFC\0\x3D\xD8\0\xDE"sv,
     "a\r\n\xC3\xBC\xF0\x9F\x98\x80"sv},
    {"\xFE\xFF\0a\0\r\0b\x26\x03"sv, "a\nb\xE2\x98\x83"sv},
    {"a\0b\0c\0d\0"sv, "abcd"sv},
    {"\0a\0b\0c\0d"sv, "abcd"sv},
    {"\xFF\xFE\x3D\xD8"sv, "\xED\xA0\x80"sv},  // half a character: bytes that are not UTF-8
    {"\xFF\xFE\x3D\xD8"
     "a\0"sv,
     "\xED\xA0\x80"
     "a"sv},
    {"\xFF\xFE"
     "a\0b"sv,
     "a\xED\xA0\x80"sv},
    {"a,b\0c,d"sv, "a,b\0c,d"sv},  // zero bytes are not UTF-16
};

}  // namespace

TEST_CASE("texts are decoded the same in whatever pieces they come") {
    for (Case const &one : cases) {
        CHECK(decode_text(one.bytes) == one.text);
        for (std::size_t piece = 1; piece <= one.bytes.size(); ++piece) {
            CHECK(decoded_in_pieces(one.bytes, piece) == one.text);
        }
    }
}

TEST_CASE("a text longer than the head and the pieces loses nothing") {
    std::string long_text = "\xFF\xFE";
    std::string expected;
    for (int i = 0; i < 50'000; ++i) {
        long_text += i % 7 == 0 ? "\r\0\n\0"sv : "\xE4\0"sv;
        expected += i % 7 == 0 ? "\r\n" : "\xC3\xA4";
    }
    CHECK(decoded_in_pieces(long_text, 999) == expected);
}

TEST_CASE("invisible blanks around a text do not count") {
    CHECK(trimmed("\xC2\xA0 a b \xE2\x80\x8B\t\r\n\xEF\xBB\xBF") == "a b");
    CHECK(trimmed("\xC3\xA9") == "\xC3\xA9");
    CHECK(trimmed("\xE9 ") == "\xE9");
    CHECK(trimmed(" \xC2\xA0").empty());
}

TEST_CASE("the size of a JSON value follows from its brackets and strings") {
    CHECK(json_value_size("{\"a\":\"}\\\"\"} x") == 11);
    CHECK(json_value_size("[[1],{}],") == 8);
    CHECK(json_value_size("\"a\",") == 3);
    CHECK(json_value_size("12,") == 2);
    for (char const *open : {"", "{", "{\"}", "[\"a\"", "12", "\"\\\""}) {
        CHECK_MESSAGE(json_value_size(open) == std::string_view::npos, open);
    }
}

TEST_CASE("the list inside an object is found") {
    CHECK(json_list_path(R"({"a":1,"keys":[{"x":1}]})") == ".keys");
    CHECK(json_list_path(R"({"meta":{"n":[1]},"data":{"items":[ {)") == ".data.items");
    CHECK(json_list_path(R"({"ids":["a"]})") == ".ids");
    CHECK(json_list_path(R"({"a":"[{","b":{}})").empty());
}
