#include "relay/scan/container.hpp"
#include "relay/scan/dump_line.hpp"
#include "relay/scan/escape.hpp"
#include "relay/scan/inside.hpp"
#include "relay/scan/lines.hpp"
#include "relay/scan/unescape.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace relay::scan;
using namespace std::string_view_literals;

namespace {

/// Decodes one level of escapes. A character outside ASCII becomes \x80.
std::string unescaped(std::string const &text) {
    std::string out;
    Unescape unescape(0);
    auto const next = [&](char c, Origin const &) { out += c; };
    for (char const c : text) {
        unescape.put(c, {}, next);
    }
    unescape.end(next);
    return out;
}

}  // namespace

TEST_CASE("an escape becomes its character") {
    for (auto const &[text, expected] : std::vector<std::pair<std::string, std::string>>{
             {"\\u005f\\u005F", "__"},
             {"\\u{5f}\\u{00005f}", "__"},
             {"\\U0000005f", "_"},
             {"\\x5f0", "_0"},
             {"\\x{5f}", "_"},
             {"\\137\\0377", "_\0377"},
             {"\\n\\r\\t", "\n\r\t"},
             {"\\/\\_\\\\", "/_\\"},
             {"\\u200b", "\x80"},
             {"%5F%5f", "__"},
             {"%u005F", "_"},
             {"=5F=5f", "__"},
             {"&#95;&#x5f;&#X5F;", "___"},
             {"&lowbar;&amp;", "_&"},
             {"&#95 x", "_ x"},
             {"&#8203;", "\x80"},
             {"\x1b[01;31mx\x1b[K", "x"},
             {"[31mx[0m", "x"},
             {"^[[31mx^[(B^[[0my^[", "xy^["},
             {"^a^[x", "^a^[x"},
             {"\x1b(Bx", "x"},
             {"#033[31mx", "\x1bx"},
             {"\x1b[38;2;255;100;100mx", "x"},
             {"\x1b[1;38;2;255;100;100;48;2;100;100;100mx", "x"},
             {"\x1b[200~x\x1b[0 qy", "xy"},
             {"\x1b%Gx\x1b#8y\x1b=0z\x1bMn", "xy0z\x1bMn"},
             {"\x1b]8;;u\x1b\\x", "\x1b]8;;u\ax"},
             {std::string("\xc2\x9b") + "31mx\\u009b0my", std::string("\xc2x\x9b") + "0my"},
             {"x^My^@z^?", "xyz"},
             {"=?utf-8?Q?x?=\r\n =?iso-8859-15?b?y?=", "x?=\r\n y?="},
             {"&#x000000000000005f;&#095", "__"},
         }) {
        CHECK_MESSAGE(unescaped(text) == expected, text);
    }
}

TEST_CASE("what is not an escape passes unchanged, whatever comes after its beginning") {
    for (std::string const text : {"\\",
                                   "%",
                                   "&",
                                   "=",
                                   "[",
                                   "#",
                                   "\x1b",
                                   "\\q",
                                   "\\u00",
                                   "\\u00zz",
                                   "\\x5",
                                   "\\xz",
                                   "\\u{5f",
                                   "\\U005f",
                                   "\\4",
                                   "%5",
                                   "%5g",
                                   "%%",
                                   "100%relay",
                                   "&lowbar",
                                   "&nosuchname;",
                                   "&;",
                                   "&#;",
                                   "&#x;",
                                   "a=b",
                                   "==",
                                   "=7z",
                                   "[31",
                                   "[relay",
                                   "#12",
                                   "#0zz",
                                   "&a&b&c",
                                   "[1[2[3",
                                   "\\u005%\\u00=&"}) {
        CHECK_MESSAGE(unescaped(text) == text, text);
    }
}

TEST_CASE("an escape right after a broken one is read") {
    CHECK(unescaped("%%5F") == "%_");
    CHECK(unescaped("\\u00%5F") == "\\u00_");
    CHECK(unescaped("&am\\x5f") == "&am_");
    CHECK(unescaped("\\0_") == std::string("\0_", 2));
}

TEST_CASE("no more than the longest escape is kept") {
    std::string const text =
        "&" + std::string(1000, 'a') + ";\x1b[" + std::string(1000, '1') + "m\\u{" + std::string(1000, '0') + "}";
    CHECK(unescaped(text) == text);
}

TEST_CASE("a line of a dump is read in each form") {
    auto const bytes = [](std::string_view text, DumpLine::Groups const &before = {}) {
        auto const line = read_dump_line(text, before);
        return line ? std::string(line->bytes.data(), line->size) : "none";
    };
    auto const swapped = [](std::string_view text) {
        auto const line = read_dump_line(text, {});
        return line ? std::string(line->swapped.data(), line->size) : "none";
    };
    CHECK(bytes("00000000: 7265 6c61 795f  relay_") == "relay_");
    CHECK(bytes("00000000: 72 65 6c  rel") == "rel");
    CHECK(bytes("00000000  72 65 6c 61 79 5f 73 6b  5f 30  |relay_sk_0|") == "relay_sk_0");
    CHECK(swapped("0000000 6572 616c") == "rela");
    CHECK(swapped("0000000 062562 060554") == "rela");
    CHECK(bytes("0000000   r   e   l   a       y  \\n") == "rela y\n         ");
    CHECK(bytes("0000000 162 145 154") == "rel");
    CHECK(bytes("\t0x0000:  7265 6c61") == "rela");
    CHECK(bytes("00000010: 303132  012", {8, 4, 4}) == "012");
    CHECK(bytes("00000010: 303132", {16, 4, 8}) == "012");
    CHECK(bytes("00000000: 72656c 61795f  relay_") == "relay_");
    CHECK(bytes("00000000: 72656c61795f736b5f30303030303030  relay_sk_0000000") == "relay_sk_0000000");
    CHECK(bytes("00000000: 01110010 01100101  re") == "re");
    CHECK(swapped("0000000    6572    616c    5f79") == "relay_");
    for (std::string_view const text :
         {"", "0000", "00000000:", "2026-11-29 INFO", "000 72 65", "0000 hello", "deadbeef", "00000000: zz"}) {
        CHECK_MESSAGE(bytes(text) == "none", text);
    }
    CHECK(bytes("0000 " +
                [] {
                    std::string many;
                    for (int i = 0; i < 200; ++i) {
                        many += "61 ";
                    }
                    return many;
                }())
              .size() == DumpLine::most_bytes);
}

TEST_CASE("compressed and encrypted files are known by their first bytes") {
    CHECK(find_container("\x1f\x8b\x08\0"sv)->opens == "zcat FILE");
    CHECK(find_container("BZh91AY&SY"sv)->name == "bzip2");
    CHECK(find_container("\xfd\x37zXZ\0"sv)->name == "xz");
    CHECK(find_container("\x28\xb5\x2f\xfd"sv)->name == "zstd");
    CHECK(find_container("PK\x03\x04"sv)->name == "zip");
    CHECK(find_container("7z\xbc\xaf\x27\x1c"sv)->name == "7z");
    CHECK(find_container("age-encryption.org/v1\n"sv)->name == "age");
    CHECK(find_container("Salted__12345678"sv)->name == "openssl enc");
    CHECK(find_container("-----BEGIN PGP MESSAGE-----\n"sv)->name == "PGP");
    CHECK(find_container("LZIP\x01\x0c"sv)->opens == "lzip -dc FILE");
    CHECK(find_container("LUKS\xba\xbe\0\x02"sv)->name == "LUKS");
    CHECK(find_container("\xff\x06\0\0sNaPpY"sv)->name == "snappy");
    CHECK(find_container("-----BEGIN PKCS7-----\n"sv)->name == "PKCS #7");
    CHECK(find_container("-----BEGIN CMS-----\n"sv)->name == "PKCS #7");
    CHECK(find_container("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"sv)->name == "encrypted PEM");
    CHECK(find_container("ENC[AES256_GCM,data:"sv)->name == "sops");
    CHECK(find_container("begin 644 keys.txt\nM<F5L87E"sv)->name == "uuencode");
    CHECK(find_container("begin 0600 a\r\n"sv)->opens == "uudecode -o - FILE");
    CHECK(find_container("=ybegin line=128 size=71 name=key\n"sv)->name == "yEnc");
    for (std::string_view const text : {""sv, "relay_sk_"sv, "BZh is a text"sv, "\xff\xfe"sv, "x = 1"sv, "Salted"sv,
                                        "{"sv, "begin 644"sv, "begin 900 keys\n"sv, "begin the drill\n"sv}) {
        CHECK_MESSAGE(!find_container(text), text);
    }
}

TEST_CASE("lines and columns") {
    Lines lines;
    lines.feed("one\ntwo\n\nfo");
    lines.feed("ur");
    auto const at = [&](std::uint64_t offset) {
        auto const position = lines.position_of(offset);
        return std::to_string(position->line) + ':' + std::to_string(position->column);
    };
    CHECK(at(0) == "1:1");
    CHECK(at(3) == "1:4");
    CHECK(at(4) == "2:1");
    CHECK(at(8) == "3:1");
    CHECK(at(12) == "4:4");
    lines.feed(std::string(10'000, '\n'));
    CHECK(!lines.position_of(4));
}

TEST_CASE("packed parts are found wherever they begin, in pieces of any size") {
    struct Part {
        std::string_view header;
        std::string_view name;
    };
    constexpr std::array parts{
        Part{"\x1f\x8b\x08\x08\0\0\0\0\x02\x03 and more"sv, "gzip"},
        Part{"BZh91AY&SY"sv, "bzip2"},
        Part{"PK\x03\x04\x14\0\0\0\x08\0"sv, "zip"},
        Part{"\x28\xb5\x2f\xfd\x24"sv, "zstd"},
        Part{"-----BEGIN PGP MESSAGE-----\n"sv, "PGP"},
        Part{"$ANSIBLE_VAULT;1.1;AES256"sv, "ansible-vault"},
        Part{"LZIP\x01\x0c"sv, "lzip"},
        Part{"LUKS\xba\xbe\0\x02"sv, "LUKS"},
        Part{"\xff\x06\0\0sNaPpY"sv, "snappy"},
        Part{"-----BEGIN PKCS7-----\n"sv, "PKCS #7"},
        Part{"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"sv, "encrypted PEM"},
        Part{"ENC[AES256_GCM,data:x,iv:y]"sv, "sops"},
    };
    for (Part const &part : parts) {
        for (std::size_t const before : {0U, 1U, 47U, 48U, 49U, 200U}) {
            std::string const text = std::string(before, 'P') + std::string(part.header);
            for (std::size_t const piece : {1U, 7U, 64U, 1000U}) {
                std::vector<std::pair<std::string_view, std::uint64_t>> found;
                Inside inside(
                    [&](Container const &kind, std::uint64_t offset) { found.emplace_back(kind.name, offset); });
                for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
                    inside.feed(rest.substr(0, piece));
                }
                inside.end();
                REQUIRE(found.size() == 1);
                CHECK(found[0].first == part.name);
                CHECK(found[0].second == before);
            }
        }
    }
}
