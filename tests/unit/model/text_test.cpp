#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using Names = std::vector<std::string>;

std::string const whole_key = "relay_sk_000g40r40m30_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3SDqBW";

std::string utf8(char32_t c) {
    auto const byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    if (c < 0x80) {
        return {byte(c)};
    }
    if (c < 0x800) {
        return {byte(0xC0 | (c >> 6)), byte(0x80 | (c & 0x3F))};
    }
    if (c < 0x10000) {
        return {byte(0xE0 | (c >> 12)), byte(0x80 | ((c >> 6) & 0x3F)), byte(0x80 | (c & 0x3F))};
    }
    return {byte(0xF0 | (c >> 18)), byte(0x80 | ((c >> 12) & 0x3F)), byte(0x80 | ((c >> 6) & 0x3F)),
            byte(0x80 | (c & 0x3F))};
}

}  // namespace

TEST_CASE("every code point but NUL and the surrogates is clean UTF-8 and decodes to itself") {
    for (char32_t c = 1; c <= 0x10FFFF; ++c) {
        std::string const text = utf8(c);
        bool const surrogate = c >= 0xD800 && c <= 0xDFFF;
        REQUIRE(relay::is_clean_utf8(text) == !surrogate);
        relay::DecodedCodePoint const point = relay::decode_utf8(text, 0);
        REQUIRE(point.valid == !surrogate);
        REQUIRE((surrogate || (point.value == c && point.length == text.size())));
    }
}

TEST_CASE("malformed UTF-8 of every sort is distinguished from good") {
    for (std::string const text : {"\x80",
                                   "\xbf",
                                   "\xc0\x80",
                                   "\xc1\xbf",
                                   "\xe0\x80\x80",
                                   "\xe0\x9f\xbf",
                                   "\xf0\x80\x80\x80",
                                   "\xf0\x8f\xbf\xbf",
                                   "\xf4\x90\x80\x80",
                                   "\xf5\x80\x80\x80",
                                   "\xff",
                                   "\xfe",
                                   "\xc3",
                                   "\xc3(",
                                   "\xe2\x82",
                                   "\xe2(\xa1",
                                   "\xe2\x82(",
                                   "\xf0\x9f\x98",
                                   "\xf0\x9f\x98(",
                                   "a\xc3",
                                   "\xed\xa0\x80",
                                   "\xed\xbf\xbf",
                                   "\xc3\xc3\xa9"}) {
        CAPTURE(text);
        CHECK(!relay::is_clean_utf8(text));
    }
    CHECK(relay::is_clean_utf8(""));
    CHECK(relay::is_clean_utf8("Zahlungsabwicklung \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    CHECK(!relay::is_clean_utf8(std::string("a\0b", 3)));
    CHECK(relay::decode_utf8("a", 1).length == 0);
}

TEST_CASE("characters that could control a terminal are shown as escapes, all others are passed on") {
    CHECK(relay::escape_for_terminal("plain \\ text ~") == "plain \\ text ~");
    CHECK(relay::escape_for_terminal("\x1b[31mred") == "\\x1b[31mred");
    CHECK(relay::escape_for_terminal("a\r\n\tb\x7f") == "a\\x0d\\x0a\\x09b\\x7f");
    CHECK(relay::escape_for_terminal(std::string("\0", 1)) == "\\x00");
    CHECK(relay::escape_for_terminal("\xc2\x85\xc2\x9b") == "\\u0085\\u009b");
    CHECK(relay::escape_for_terminal("\xe2\x80\xae") == "\\u202e");
    CHECK(relay::escape_for_terminal("\xd8\x9c") == "\\u061c");
    CHECK(relay::escape_for_terminal("\xf3\xa0\x81\x81") == "\\U000e0041");
    CHECK(relay::escape_for_terminal("a\xc2\xad\xe2\x80\xa8\xef\xbb\xbf") == "a\\u00ad\\u2028\\ufeff");
    CHECK(relay::escape_for_terminal("\xff\xc3") == "\\xff\\xc3");
    CHECK(relay::escape_for_terminal("\x9b") == "\\x9b");
    CHECK(relay::escape_for_terminal("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(relay::escape_for_terminal("").empty());
}

TEST_CASE("for every input, the escaped text is clean and not hostile") {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            std::string const text{static_cast<char>(a), static_cast<char>(b), '\x80', 'x'};
            std::string const safe = relay::escape_for_terminal(text);
            REQUIRE(relay::is_clean_utf8(safe));
            for (std::size_t i = 0; i < safe.size();) {
                auto const point = relay::decode_utf8(safe, i);
                REQUIRE(!relay::is_invisible(point.value));
                i += point.length;
            }
        }
    }
}

TEST_CASE("a quotation is escaped and cut at a character's border") {
    CHECK(relay::quote_for_message("acme") == "'acme'");
    CHECK(relay::quote_for_message("") == "''");
    CHECK(relay::quote_for_message("a\x1b") == "'a\\x1b'");
    CHECK(relay::quote_for_message("abcdef", 6) == "'abcdef'");
    CHECK(relay::quote_for_message("abcdefg", 6) == "'abcdef...'");
    CHECK(relay::quote_for_message("abcde\xc3\xa4", 6) == "'abcde...'");
    CHECK(relay::quote_for_message("abcde\xc3\xa4", 7) == "'abcde\xc3\xa4'");
    CHECK(relay::quote_for_message(std::string(200, '-')) == "'" + std::string(80, '-') + "...'");
}

TEST_CASE("a quotation holds no secret that was pasted in the wrong place") {
    CHECK(relay::quote_for_message(whole_key) == "'relay_sk_000g40r40m30[50 characters withheld]'");
    CHECK(relay::quote_for_message("x=" + whole_key + ".") == "'x=relay_sk_000g40r40m30[50 characters withheld].'");
    CHECK(relay::quote_for_message("x" + whole_key) == "'xrelay_sk_000g40r40m30[50 characters withheld]'");
    CHECK(relay::quote_for_message("RELAY_SK_000G40R40M30_003AUL") == "'RELAY_SK_000G40R40M30[7 characters withheld]'");
    CHECK(relay::quote_for_message("relay_at_000g40r40m30_003aUl") == "'relay_at_000g40r40m30[7 characters withheld]'");
    CHECK(relay::quote_for_message("relay_sk_000g40r40m30") == "'relay_sk_000g40r40m30'");
    CHECK(relay::quote_for_message("relay_sk_") == "'relay_sk_'");
    CHECK(relay::quote_for_message(whole_key.substr(22)) == "'[49 characters withheld]'");
    CHECK(relay::quote_for_message(std::string(31, 'a')) == "'" + std::string(31, 'a') + "'");
    CHECK(relay::quote_for_message(std::string(32, 'a')) == "'[32 characters withheld]'");
    CHECK(relay::quote_for_message("__" + std::string(32, 'a') + "_b") == "'__[32 characters withheld]_b'");
    CHECK(relay::quote_for_message(std::string(40, 'a') + "_" + whole_key, 200) ==
          "'[40 characters withheld]_relay_sk_000g40r40m30[50 characters withheld]'");
}

TEST_CASE("no piece of a key gets through a quotation, however the key is wrapped or cut") {
    for (std::string const before : {"", " ", "a", "_", "Bearer ", "relay_", "relay_sk_", "\xff"}) {
        for (std::size_t size = 22; size <= whole_key.size(); ++size) {
            std::string const told = relay::quote_for_message(before + whole_key.substr(0, size), 500);
            for (std::size_t i = 22; i + 4 <= size; ++i) {
                REQUIRE(told.find(whole_key.substr(i, 4)) == std::string::npos);
            }
        }
    }
}

TEST_CASE("a key is seen in a text, in any case and place, and the mere prefix is not one") {
    CHECK(relay::holds_key(whole_key));
    CHECK(relay::holds_key("leaked: " + whole_key + " in a log"));
    CHECK(relay::holds_key("x" + whole_key + "y"));
    CHECK(relay::holds_key("relay_at_000g40r40m30_0123456789abcdef"));
    CHECK(!relay::holds_key("relay_at_000g40r40m30_0123456789abcde"));
    CHECK(relay::holds_key("RELAY_SK_000G40R40M30_0123456789ABCDEF"));
    CHECK(relay::holds_key("relay_sk_ relay_sk_000g40r40m30_0123456789abcdef"));
    CHECK(!relay::holds_key("relay_sk_000g40r40m30"));
    CHECK(!relay::holds_key("relay_sk_ and then much more text, but no key at all"));
    CHECK(!relay::holds_key("relay_pk_000g40r40m30_0123456789abcdef"));
    CHECK(!relay::holds_key(""));
}

TEST_CASE("a typing error of each kind finds the word that was meant") {
    Names const commands{"org", "agent", "rotate-key", "block", "unblock", "revoke", "restore", "key"};
    for (std::string const typo : {"agnet", "agen", "aagent", "agenx", "gent", "agentt"}) {
        CAPTURE(typo);
        REQUIRE(!relay::closest(typo, commands).empty());
        CHECK(relay::closest(typo, commands).front() == "agent");
    }
    CHECK(relay::closest("rotat-key", commands) == Names{"rotate-key"});
    CHECK(relay::closest("rotatekey", commands) == Names{"rotate-key"});
    CHECK(relay::closest("blok", commands) == Names{"block"});
    CHECK(relay::closest("ogr", commands) == Names{"org"});
    CHECK(relay::closest("kye", commands) == Names{"key"});
    CHECK(relay::closest("ROTATE_KEY", commands) == Names{"rotate-key"});
}

TEST_CASE("a swap is one error, also with a letter between") {
    CHECK(relay::closest("ab", {"ba"}) == Names{"ba"});
    CHECK(relay::closest("ca", {"abc"}).empty());  // 2 away, 1 allowed
    CHECK(relay::closest("cazzzz", {"abczzzz"}) ==
          Names{"abczzzz"});  // the same 2, of 2 allowed; 3 without Lowrance and Wagner
}

TEST_CASE("the limit is a third of the length, at least one") {
    CHECK(relay::closest("a", {"b"}) == Names{"b"});
    CHECK(relay::closest("a", {"bc"}).empty());
    CHECK(relay::closest("abcde", {"abcxy"}).empty());
    CHECK(relay::closest("abcdef", {"abcdxy"}) == Names{"abcdxy"});
    CHECK(relay::closest("abcdef", {"abcxyz"}).empty());
    CHECK(relay::closest("abcdef", {"abcdefgh"}) == Names{"abcdefgh"});
    CHECK(relay::closest("abcdef", {"abcdefghi"}).empty());
    CHECK(relay::closest("abcdef", {"abcd"}) == Names{"abcd"});
}

TEST_CASE("the best come first, at most three, each once, equals in their order") {
    CHECK(relay::closest("agents", {"agentxx", "agent", "agentx", "agents", "agenty"}) ==
          Names{"agents", "agent", "agentx"});
    CHECK(relay::closest("aaa", {"aab", "aac", "aad", "aae"}) == Names{"aab", "aac", "aad"});
    CHECK(relay::closest("aaa", {"aab", "aab", "aac"}) == Names{"aab", "aac"});
    CHECK(relay::closest("", {"a", ""}).empty());
    CHECK(relay::closest("abc", {}).empty());
}

TEST_CASE("passwords are seen in keywords and in addresses") {
    for (char const *text :
         {"host=x password = y", "PASSWD=y", "pwd=y", "passphrase='y'", "postgresql://u:p@h/d", "mysql://u:p@h:3306/d",
          "u:p@h", "postgresql://h/d?p%61ssword=x", "--dsn=postgresql://u:p@h/d"}) {
        CAPTURE(std::string(text));
        CHECK(relay::may_hold_password(text));
        CHECK(relay::quote_for_message(text) ==
              "'[" + std::to_string(std::string(text).size()) + " characters withheld]'");
    }
    for (char const *text : {"postgresql://u@h:5432/d", "postgresql://h:5432/d", "host=x passfile=/y", "Acme Corp",
                             "org:acme", "a@b.example", "password"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(relay::may_hold_password(text));
    }
}

TEST_CASE("a noun and its count") {
    CHECK(relay::counted(1, "anomaly") == "1 anomaly");
    CHECK(relay::counted(2, "anomaly") == "2 anomalies");
    CHECK(relay::counted(0, "key") == "0 keys");
    CHECK(relay::plural("policy") == "policies");
    CHECK(relay::plural("standby") == "standbys");
}
