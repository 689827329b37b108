#include "relay/scan/scanner.hpp"

#include "tests/unit/scan/samples.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace relay;
using namespace relay::scan;
using namespace relay::scan::samples;

namespace {

Findings scan_pieces(std::string const &text, std::size_t piece) {
    Scanner scanner;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        scanner.feed(std::string_view(text).substr(at, piece));
    }
    return scanner.finish();
}

Findings scan_text(std::string const &text) { return scan_pieces(text, text.size() + 1); }

/// Everything that must not depend on the pieces, as a text.
std::string summary(Findings const &findings) {
    std::string text;
    auto const add = [&](std::string const &what, KeyId const &id, Places const &places) {
        text += what + ' ' + id.text() + ' ' + std::to_string(places.count);
        for (Place const &place : places.first) {
            text += ' ' + std::to_string(place.offset) + ':' + std::to_string(place.position->line) + ':' +
                    std::to_string(place.position->column);
            for (Encoding const encoding : place.encodings) {
                text += ' ' + std::string(text_of(encoding));
            }
        }
        text += '\n';
    };
    for (auto const &[id, key] : findings.keys) {
        add("key", id, key.places);
    }
    for (auto const &[id, places] : findings.cut) {
        add("cut", id, places);
    }
    for (Unopened const &one : findings.unopened) {
        text += std::string(one.what) + ' ' + std::to_string(one.places.first.front().offset) + '\n';
    }
    return text + std::to_string(findings.bytes);
}

}  // namespace

TEST_CASE("a key is found with its id, type, hash and place, whatever touches it") {
    for (std::string const before : {"", " ", "key=", "\"", "a", "Z", "0", "_", "\xc3\xa9", "\\", "\\n", "\x1b[31m"}) {
        for (std::string const after : {"", " ", "\"", "a", "Z", "0", "_", "\r\n", "\xc3\xa9", "=="}) {
            Findings const found = scan_text("line\n" + before + agent_key + after);
            REQUIRE(found.keys.size() == 1);
            auto const &[id, key] = *found.keys.begin();
            CHECK(id.text() == "000g40r40m30");
            CHECK(key.type == KeyType::agent);
            CHECK(key.hash.bytes == ApiKey::parse(agent_key).hash().bytes);
            REQUIRE(key.places.first.size() == 1);
            Place const &place = key.places.first.front();
            CHECK(place.offset == 5 + before.size());
            CHECK(place.position->line == 2);
            CHECK(place.position->column == 1 + before.size());
            CHECK(found.cut.empty());
        }
    }
    CHECK(scan_text(token).keys.begin()->second.type == KeyType::org_admin);
}

TEST_CASE("a path in front of a key hides its r in an escape, at every level") {
    for (std::string const before : {"C:\\", "C:\\\\", "C:\\\\\\\\", "%5C", "\\u005c", "\x1b[", "&#92;"}) {
        CHECK_MESSAGE(scan_text(before + agent_key).keys.size() == 1, before);
    }
}

TEST_CASE("two keys without a gap, and a key after one that is cut") {
    CHECK(scan_text(agent_key + token).keys.size() == 2);
    CHECK(scan_text(agent_key + agent_key).keys.begin()->second.places.count == 2);
    CHECK(scan_text(other_key.substr(0, 40) + agent_key).keys.size() == 1);
    CHECK(scan_text(other_key.substr(0, 40) + agent_key).cut.size() == 1);
    CHECK(scan_text("relay_sk_relay_sk_" + agent_key).keys.size() == 1);
}

TEST_CASE("a text with one wrong character is not a key") {
    for (std::size_t at = 0; at < agent_key.size(); ++at) {
        std::string changed = agent_key;
        changed[at] = changed[at] == '0' ? '1' : '0';
        CHECK(scan_text(changed).keys.empty());
    }
}

TEST_CASE("a key that is cut or damaged after its id is named, unless it is whole elsewhere") {
    for (std::size_t size = 21; size < agent_key.size(); ++size) {
        Findings const found = scan_text("x " + agent_key.substr(0, size) + " ...");
        REQUIRE(found.cut.size() == 1);
        CHECK(found.cut.begin()->first.text() == "000g40r40m30");
        CHECK(found.cut.begin()->second.first.front().offset == 2);
    }
    CHECK(scan_text(agent_key.substr(0, 20)).cut.empty());
    CHECK(scan_text(agent_key.substr(0, 40) + "\n" + agent_key).cut.empty());
    // An id over a line end may be two lines that do not belong together.
    CHECK(scan_text(agent_key.substr(0, 15) + "\n" + agent_key.substr(15, 30)).cut.empty());
}

TEST_CASE("the findings do not depend on the pieces") {
    for (std::string const &text : tricky_texts()) {
        std::string const whole = summary(scan_text(text));
        for (std::size_t piece = 1; piece <= text.size(); ++piece) {
            REQUIRE_MESSAGE(summary(scan_pieces(text, piece)) == whole, text << " in pieces of " << piece);
        }
    }
}

TEST_CASE("a line and a column are known in any piece") {
    std::string text;
    for (int line = 0; line < 30'000; ++line) {
        text += "\n";
    }
    text += "  " + agent_key + std::string(70'000, '\n');
    for (std::size_t const piece : {std::size_t{1000}, text.size()}) {
        Findings const found = scan_pieces(text, piece);
        auto const position = found.keys.begin()->second.places.first.front().position;
        REQUIRE(position.has_value());
        CHECK(position->line == 30'001);
        CHECK(position->column == 3);
    }
}

TEST_CASE("the work for a byte has a bound, whatever the text is") {
    // Counted, not timed: how many characters the decoders and matchers were given. A layer below has few of them,
    // and few texts look like base64 of text in more than one reading.
    constexpr std::size_t size = 10'000;
    for (auto const &[name, text] : hostile_texts(size)) {
        double const steps = static_cast<double>(scan_text(text).steps) / static_cast<double>(text.size());
        CHECK_MESSAGE(steps <= 32, name << ": " << steps);
    }
}

TEST_CASE("text without a mark of an encoding is skipped") {
    std::string text;
    while (text.size() < 100'000) {
        text +=
            "2026-11-29T01:02:03 INFO worker 17 has handled a request in 12 ms; all is well, and nothing happened\n";
    }
    double const steps = static_cast<double>(scan_text(text).steps) / static_cast<double>(text.size());
    CHECK_MESSAGE(steps < 1, steps);
}

TEST_CASE("words, base32, dumps in a log, and many levels of escapes, in pieces of any size") {
    std::vector<std::string> texts{base32("user:" + agent_key),
                                   logged_pairs("key: " + agent_key, "Nov 29 10:00:00 host app[12]: "),
                                   logged_pairs(agent_key, "app_1  | ")};
    for (std::size_t const size : std::array<std::size_t, 3>{2, 4, 8}) {
        for (bool const little_endian : {false, true}) {
            texts.push_back("{\"data\":" + words("key: " + agent_key, size, little_endian) + '}');
        }
    }
    for (std::size_t backslashes = 1; backslashes <= 128; backslashes *= 2) {
        texts.push_back(agent_key.substr(0, 30) + std::string(backslashes, '\\') + "n  " + agent_key.substr(30));
        texts.push_back("relay" + std::string(backslashes, '\\') + "u005fsk" + agent_key.substr(8));
    }
    for (std::string const &text : texts) {
        Findings const found = scan_text(text);
        REQUIRE_MESSAGE(found.keys.size() == 1, text);
        CHECK(found.keys.begin()->second.hash.bytes == ApiKey::parse(agent_key).hash().bytes);
        for (std::size_t const piece : std::array<std::size_t, 3>{1, 7, 100}) {
            CHECK_MESSAGE(summary(scan_pieces(text, piece)) == summary(found), text << " in pieces of " << piece);
        }
    }
}

TEST_CASE("a word beside numbers that begins as a number does is none, and a number may have the suffix U") {
    std::string const key = "relay_sk_78cdehmz0123_iZ5LKXNDWW4C8L4m0HYhiUgBXS41tGNHoulomkxGkNP386MQt";
    std::string logged;  // as xxd prints it: a row begins `41tGNH`
    std::string array = "{";
    for (std::size_t at = 0; at < key.size(); at += 16) {
        std::string const row = key.substr(at, 16);
        logged += "Nov 29 10:00:00 host app[12]: 000000" + hex(std::string(1, static_cast<char>(at))) + ": ";
        for (std::size_t i = 0; i < row.size(); i += 2) {
            logged += hex(row.substr(i, 2)) + ' ';
        }
        logged += ' ' + row + '\n';
        for (char const c : row) {
            array += "0x" + hex(std::string(1, c)) + "U, ";
        }
    }
    for (std::string const &text : {logged, array + '}'}) {
        REQUIRE_MESSAGE(scan_text(text).keys.size() == 1, text);
        CHECK(summary(scan_pieces(text, 1)) == summary(scan_text(text)));
    }
}

TEST_CASE("what continues in the next line of a log") {
    std::string const begin = agent_key.substr(0, 30);
    std::string const rest = agent_key.substr(30);
    std::string const encoded = base64("user:" + agent_key + " and more of it");
    auto const in_two = [](std::string const &before, std::string const &text, std::string const &after) {
        std::string const half = text.substr(0, text.size() / 2);
        return before + half + after + before + text.substr(half.size()) + after;
    };
    std::vector<std::string> texts{
        // Docker's json-file, CRI and GitLab cut a long line.
        R"({"log":"GET /)" + begin + R"(","stream":"stdout","time":"2026-11-29T03:10:05Z"})" + "\n" + R"({"log":")" +
            rest + R"( 200\n","stream":"stdout","time":"2026-11-29T03:10:05Z"})" + "\n",
        "2026-11-29T03:10:05.1Z stdout P GET /" + begin + "\n2026-11-29T03:10:05.1Z stdout F " + rest + " 200\n",
        "2026-11-29T03:10:05.1Z 00O GET /" + begin + "\n2026-11-29T03:10:05.1Z 00O+" + rest + "\n",
    };
    for (std::string const prefix :
         {"2026-11-29T03:10:05Z ", "2026-11-29 03:10:05,123+01:00 ", "2026/11/29 03:10:05 ", "[03:10:05.5] ",
          "Nov 29 03:10:05 host app[12]: ", "Nov  9 03:10:05 host relay.service: ", "app-1  | ",
          "\x1b[36mapp-1  |\x1b[0m ", "[pod/app-1/main] ", "app | 2026-11-29T03:10:05Z ", "   12\t", "12:"}) {
        for (std::string const &text : {agent_key, encoded}) {
            texts.push_back(in_two(prefix, text, "\n"));
            texts.push_back(in_two(prefix, text, "\r\n"));
            texts.push_back(in_two(R"({"time":1,"msg": ")" + prefix, text, "\"}\n"));
        }
        texts.push_back(od_characters(agent_key, prefix, "\n"));
    }
    texts.push_back("0000000  sp   k   e   y   =\n" + od_characters(agent_key, "", "\n"));  // as od -a
    texts.push_back(od_characters(agent_key, R"({"log":")",
                                  R"(\n","stream":"stderr"})"
                                  "\n"));
    for (std::string const &text : texts) {
        REQUIRE_MESSAGE(scan_text(text).keys.size() == 1, text);
        for (std::size_t const piece : std::array<std::size_t, 3>{1, 7, 300}) {
            CHECK_MESSAGE(summary(scan_pieces(text, piece)) == summary(scan_text(text)), text);
        }
    }
}

TEST_CASE("a key is cut anywhere in a log whose other lines end in nothing") {
    std::string const time = "2026-11-29T03:10:05Z ";
    for (std::string const end : {"\n", "\r\n", "\x1b[0m\n", "\", \"x\": 1}\r\n"}) {
        std::string const begin = end.starts_with('"') ? R"({"log": ")" + time : time;
        std::string const words = begin + "a request was handled after a retry" + end;
        for (std::size_t at = 1; at < agent_key.size(); ++at) {
            std::string const text = words + words + begin + "key " + agent_key.substr(0, at) + end + begin +
                                     agent_key.substr(at) + " now" + end + words;
            REQUIRE_MESSAGE(scan_text(text + std::string(1000, '\n')).keys.size() == 1, text);
            CHECK(scan_pieces(text, 1).keys.size() == 1);
        }
    }
}

TEST_CASE("a key in a log is counted once in each line") {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "2026-11-29T03:10:05Z INFO " + agent_key + " was used\n";
    }
    Places const places = scan_text(text).keys.begin()->second.places;
    CHECK(places.count == 1000);
    CHECK(places.first.front().encodings.empty());
}

TEST_CASE("what is encoded too often, or compressed inside base64, is named") {
    CHECK(scan_text("data: H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==").unopened.front().what == "gzip in base64");
    std::string const thrice = base64(base64(base64("user:" + agent_key)));
    CHECK(scan_text(base64(base64("user:" + agent_key))).keys.size() == 1);
    CHECK(scan_text(thrice).keys.empty());
    CHECK(scan_text(thrice).unopened.size() == 1);
    CHECK(scan_text(agent_key + " some text").unopened.empty());
}

TEST_CASE("a scanner is like new after finish") {
    Scanner scanner;
    scanner.feed(agent_key + "\n\\");
    CHECK(scanner.finish().keys.size() == 1);
    CHECK(summary(scanner.finish()) == "0");
    scanner.feed(agent_key.substr(0, 40));
    CHECK(scanner.finish().cut.size() == 1);
    scanner.feed(agent_key.substr(40));
    CHECK(scanner.finish().keys.empty());
    scanner.feed(base64(agent_key).substr(0, 50));
    CHECK(scanner.finish().keys.empty());
    scanner.feed(base64(agent_key).substr(50));
    CHECK(scanner.finish().keys.empty());
    scanner.feed(agent_key);
    Findings const found = scanner.finish();
    CHECK(found.keys.begin()->second.places.first.front().position->line == 1);
}

TEST_CASE("the same key counts once, two keys with one id count twice") {
    CHECK(scan_text(agent_key + '\n' + agent_key).keys.size() == 1);
    std::array<unsigned char, 8> const id{1, 2, 3};
    std::array<unsigned char, 32> secret{};
    std::string text;
    for (unsigned char i = 0; i < 3; ++i) {
        secret[31] = i;
        text += std::string(ApiKey::from_bytes(KeyType::agent, id, secret).reveal());
    }
    CHECK(scan_text(text).keys.size() == 3);
}
