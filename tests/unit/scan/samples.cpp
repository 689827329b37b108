#include "tests/unit/scan/samples.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace relay::scan::samples {
namespace {

std::string digits(std::size_t value, std::size_t width, unsigned base) {
    std::string text(width, '0');
    for (std::size_t at = width; at-- > 0; value /= base) {
        text[at] = "0123456789abcdef"[value % base];
    }
    return text;
}

std::string hex_digits(unsigned value, std::size_t width) { return digits(value, width, 16); }

std::string repeated(std::string_view unit, std::size_t size) {
    std::string text;
    while (text.size() < size) {
        text += unit;
    }
    return text;
}

/// Bytes without an order that a decoder could use, the same in each run.
std::string noise(std::size_t size) {
    std::string text;
    unsigned state = 1;
    while (text.size() < size) {
        state = state * 1664525 + 1013904223;
        text += static_cast<char>(state >> 24);
    }
    return text;
}

}  // namespace

std::string base64(std::string const &text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        unsigned group = 0;
        std::size_t const count = std::min<std::size_t>(3, text.size() - at);
        for (std::size_t i = 0; i < 3; ++i) {
            group = (group << 8) | (i < count ? static_cast<unsigned char>(text[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= count ? digits[(group >> (18 - 6 * i)) & 63] : '=';
        }
    }
    return out;
}

std::string od_characters(std::string const &text, std::string const &before, std::string const &after) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); at += 16) {
        result += before + digits(at, 7, 8);
        for (char const c : text.substr(at, 16)) {
            result += std::string("   ") + c;
        }
        result += after;
    }
    return result;
}

std::string base32(std::string const &text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    unsigned bits = 0;
    unsigned group = 0;
    for (char const c : text) {
        group = (group << 8) | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 5; bits -= 5) {
            out += digits[(group >> (bits - 5)) & 31];
        }
    }
    return bits > 0 ? out + digits[(group << (5 - bits)) & 31] : out;
}

std::string words(std::string const &text, std::size_t size, bool little_endian) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < size && at + i < text.size(); ++i) {
            word |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * (little_endian ? i : size - 1 - i));
        }
        out += (out.empty() ? "[" : ", ") + std::to_string(word);
    }
    return out + ']';
}

std::string logged_pairs(std::string const &text, std::string const &before) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 16) {
        out += before + pairs(text.substr(at, 16), " ") + '\n';
    }
    return out;
}

std::string hex(std::string const &text) {
    std::string out;
    for (char const c : text) {
        out += hex_digits(static_cast<unsigned char>(c), 2);
    }
    return out;
}

std::string escaped(std::string const &text) {
    std::string out;
    for (char const c : text) {
        out += "\\u" + hex_digits(static_cast<unsigned char>(c), 4);
    }
    return out;
}

std::string utf16(std::string const &text) {
    std::string out;
    for (char const c : text) {
        out += c;
        out += '\0';
    }
    return out;
}

std::string decimals(std::string const &text) {
    std::string out;
    for (char const c : text) {
        out += (out.empty() ? "" : ",") + std::to_string(static_cast<unsigned char>(c));
    }
    return out;
}

std::string dump(std::string const &text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 16) {
        std::string const row = text.substr(at, 16);
        out += hex_digits(static_cast<unsigned>(at), 8) + ':';
        for (std::size_t i = 0; i < row.size(); i += 2) {
            out += ' ' + hex(row.substr(i, 2));
        }
        out += "  " + row + '\n';
    }
    return out;
}

std::string pairs(std::string const &text, std::string const &between) {
    std::string out;
    for (char const c : text) {
        out += (out.empty() ? "" : between) + hex_digits(static_cast<unsigned char>(c), 2);
    }
    return out;
}

std::vector<std::string> tricky_texts() {
    return {
        "leak: " + agent_key + " end\r\n",
        agent_key + token,
        agent_key.substr(0, 40) + "\x1b[01;31m\x1b[K" + agent_key.substr(40),
        "\"a\\n" + agent_key.substr(0, 30) + "\\n" + agent_key.substr(30) + "\"",
        "C:\\" + agent_key,
        "x\r" + agent_key.substr(1),
        escaped(agent_key),
        "%72%65%6c%61%79%5F" + agent_key.substr(6),
        "%2572%2565lay&#95;sk&lowbar;" + agent_key.substr(9) + "&amp",
        "=72elay=5Fsk=5F=\r\n" + agent_key.substr(9),
        agent_key.substr(0, 16) + "  \\\n> > " + agent_key.substr(16) + "\n\n* x",
        utf16("key: " + escaped(agent_key) + "\n"),
        "%" + std::string(1, '\0') + "7" + std::string(1, '\0') + "2" + agent_key.substr(1),
        "auth: Basic " + base64("user:" + agent_key) + "\nnext",
        "a\\u0063mVs" + base64("x" + agent_key).substr(0, 60) + "\n  " + base64("x" + agent_key).substr(60) + "\n",
        base64(base64(agent_key)),
        "key: " + hex(agent_key) + "\\x" + hex(token),
        "2026-11-29 01:02:03 " + pairs(agent_key, ":") + " end",
        "char key[] = {0x" + pairs(agent_key, ", 0x") + "};",
        "7265 " + pairs("see " + agent_key, " ") + "\n" + pairs("\n" + token, " "),
        pairs(base64(agent_key), "-") + "0x, x",
        agent_key.substr(0, 9) + "<em class=\"r\">" + agent_key.substr(9, 20) + "</em>" + agent_key.substr(29),
        "relay_<a href=\"?k=" + agent_key + "\">sk</a>_" + token.substr(9) + agent_key.substr(0, 20) + "<b " + token,
        agent_key.substr(0, 30) + "\x1b]8;;https://h.example/\x1b\\" + agent_key.substr(30) + "\x1b]0;r\a",
        "{\"data\":[" + decimals(agent_key) + "]}\n114,101," + decimals("\n" + token),
        "+" + base64("one\n" + agent_key).substr(0, 60) + "\n+" + base64("one\n" + agent_key).substr(60) + "\n",
        "10:00:01 " + base64("one\n" + agent_key).substr(0, 64) + "\n10:00:02 " +
            base64("one\n" + agent_key).substr(64),
        "key: " + base64("one\n" + agent_key).substr(0, 64) + "\n  " + base64("one\n" + agent_key).substr(64),
        base64("one\n" + agent_key).substr(0, 64) + " " + base64("one\n" + agent_key).substr(64) + " of all <" +
            base64(agent_key),
        dump("see: " + agent_key + "\n"),
        "{\"log\": \"" + dump(agent_key) + "\"}",
        "text\n" + dump(base64(agent_key)) + "other\nlines\nof\ntext\nhere\n" + agent_key.substr(0, 33),
        "\"\\u0030000: 7265 6c61\n\"0000 re \"x",
        "abcdefghijklmnopqrs" + base64(agent_key),
        "a really reliable rel relay_ r e l relay_sk_000g40r40m30 " + base64("relay_sk_"),
        "H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA== " + base64(base64(base64(agent_key))),
    };
}

std::vector<std::pair<std::string, std::string>> hostile_texts(std::size_t size) {
    struct Way {
        std::string name;
        std::string (*encode)(std::string const &);
    };
    std::vector<Way> const ways{{"base64", base64},
                                {"hex", hex},
                                {"escapes", escaped},
                                {"dump", dump},
                                {"pairs", [](std::string const &text) { return pairs(text, " "); }},
                                {"UTF-16", utf16}};
    std::vector<std::pair<std::string, std::string>> texts;
    for (std::string_view const unit : {"\\",
                                        "%",
                                        "&",
                                        "=",
                                        "[",
                                        "#",
                                        "\x1b",
                                        "\"",
                                        "\"0",
                                        "r",
                                        "\r",
                                        "\n",
                                        "a",
                                        "A",
                                        "V",
                                        "f",
                                        "0",
                                        " ",
                                        "cmVs",
                                        "\\u",
                                        "\\u005c",
                                        "%25",
                                        "%2525",
                                        "&amp;",
                                        "&#",
                                        "=3D",
                                        "\x1b[",
                                        "\x1b[0",
                                        "#0",
                                        "\\\"0",
                                        "relay_sk_",
                                        "cmVsYXlf",
                                        "72656c6179",
                                        "\n0000 ",
                                        "\n00000000: 0000 ",
                                        "*\n",
                                        "abcdefghijklmnopqrst ",
                                        "abcdefghijklmnopqrst\n",
                                        "VVVV\n",
                                        "\r\ne",
                                        "relay_sk_<a",
                                        "relay_sk_<a>",
                                        "r\x1b]",
                                        "114, ",
                                        "01110010 ",
                                        "+VVVVVVVVVVVVVVVVVVVV\n",
                                        " 2 VVVVVVVVVVVVVVVVVVVV\n",
                                        "VVVVVVVVVVVVVVVVVVVV a ",
                                        "r\x1b[m"}) {
        texts.emplace_back(std::string(unit), repeated(unit, size));
    }
    std::string const keys = repeated(agent_key + "\\", size / 6);
    std::string const plain = repeated("the quick brown fox: \"jumps\"\n", size / 6);
    for (std::string const &text :
         {keys, plain, repeated("\\\\", size / 6), repeated("UUUU", size / 6), noise(size / 6)}) {
        for (Way const &way : ways) {
            texts.emplace_back(way.name, way.encode(text));
            for (Way const &outer : ways) {
                texts.emplace_back(way.name + " in " + outer.name, outer.encode(way.encode(text)));
                texts.emplace_back(way.name + " in base64 in " + outer.name, outer.encode(base64(way.encode(text))));
            }
        }
    }
    return texts;
}

}  // namespace relay::scan::samples
