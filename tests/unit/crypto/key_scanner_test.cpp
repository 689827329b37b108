#include "relay/crypto/key_scanner.hpp"

#include <doctest/doctest.h>

#include <array>
#include <ctime>
#include <string>
#include <vector>

namespace {

using relay::ApiKey;
using relay::KeyScanner;
using relay::KeyType;

std::string const agent_key = "relay_sk_000g40r40m30_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3SDqBW";
std::string const token = "relay_at_72tecmq49pkz_D3OgHZnP1jxwVFktBf1VpgnbvI07UD2UeJHApw2nl5E2WDXm2";

std::size_t count(std::vector<std::string> const &pieces) {
    KeyScanner scanner;
    for (std::string const &piece : pieces) {
        scanner.feed(piece);
    }
    return scanner.finish().size();
}

}  // namespace

TEST_CASE("a key is found with its id, type and hash, wherever it is between word borders") {
    for (std::string const before : {"", " ", "key=", "\"", "(", "\n", "Bearer ", "-", ".", "\xc3\xa9", "\\"}) {
        for (std::string const after : {"", " ", "\"", ")", "\r\n", "\n", ",", "-x", ".", "\xc3\xa9", "=="}) {
            KeyScanner scanner;
            scanner.feed(before + agent_key + after);
            auto const found = scanner.finish();
            REQUIRE(found.size() == 1);
            CHECK(found.begin()->first.text() == "000g40r40m30");
            CHECK(found.begin()->second.type == KeyType::agent);
            CHECK(found.begin()->second.hash.bytes == ApiKey::parse(agent_key).hash().bytes);
        }
    }
}

TEST_CASE("a key inside a longer word does not count") {
    for (std::string const edge : {"a", "Z", "0", "_"}) {
        CHECK(count({edge + agent_key}) == 0);
        CHECK(count({agent_key + edge}) == 0);
        CHECK(count({edge, agent_key}) == 0);
        CHECK(count({agent_key, edge}) == 0);
    }
    CHECK(count({agent_key + agent_key}) == 0);
    CHECK(count({agent_key + token}) == 0);
}

TEST_CASE("a key cut in two at any place is found") {
    std::string const text = "leak: " + agent_key + " end";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CHECK(count({text.substr(0, cut), text.substr(cut)}) == 1);
    }
}

TEST_CASE("a key cut in three at any two places is found") {
    std::string const text = "." + token + ".";
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            REQUIRE(count({text.substr(0, first), text.substr(first, second - first), text.substr(second)}) == 1);
        }
    }
}

TEST_CASE("keys fed byte by byte are found, also behind long words and near misses") {
    std::string const text =
        std::string(500, 'a') + ' ' + agent_key + "x " + agent_key.substr(0, 70) + ' ' + agent_key + "\n\n" + token;
    std::vector<std::string> bytes;
    for (char c : text) {
        bytes.emplace_back(1, c);
    }
    CHECK(count(bytes) == 2);
    CHECK(count({text}) == 2);
}

TEST_CASE("a text that only looks like a key is not found") {
    for (std::size_t at = 0; at < agent_key.size(); ++at) {
        std::string changed = agent_key;
        changed[at] = changed[at] == '0' ? '1' : '0';
        CHECK(count({changed}) == 0);
    }
    CHECK(count({"relay_sk_zzzzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4RkaDz"}) == 0);
    CHECK(count({""}) == 0);
    CHECK(count({}) == 0);
    CHECK(count({std::string(71, 'a')}) == 0);
}

TEST_CASE("the same key counts once, two keys with one id count twice") {
    CHECK(count({agent_key + '\n' + agent_key + '\n' + agent_key}) == 1);
    std::array<unsigned char, 8> const id{1, 2, 3};
    std::array<unsigned char, 32> secret{};
    std::string text;
    for (unsigned char i = 0; i < 3; ++i) {
        secret[31] = i;
        text += std::string(ApiKey::from_bytes(KeyType::agent, id, secret).reveal()) + ' ';
    }
    CHECK(count({text}) == 3);
}

TEST_CASE("NUL bytes and arbitrary binary around a key do no harm") {
    std::string noise;
    for (int i = 0; i < 256; ++i) {
        noise += static_cast<char>(i);
    }
    std::string const nul(1, '\0');
    CHECK(count({noise + nul + agent_key + nul + noise + agent_key}) == 1);
}

TEST_CASE("a scanner is like new after finish") {
    KeyScanner scanner;
    scanner.feed(agent_key);
    CHECK(scanner.finish().size() == 1);
    CHECK(scanner.finish().empty());
    scanner.feed(agent_key.substr(0, 40));
    CHECK(scanner.finish().empty());
    scanner.feed(agent_key.substr(40));
    CHECK(scanner.finish().empty());
    scanner.feed(std::string(100, 'a'));
    CHECK(scanner.finish().empty());
    scanner.feed(agent_key);
    CHECK(scanner.finish().size() == 1);
}

TEST_CASE("the time to scan grows with the text alone, whatever it holds") {
    // Texts that would be slow with a search that starts over at each character: 4 MB each, in seconds even under a sanitizer.
    // The time is the processor's, so it does not matter who else is busy here.
    for (std::string const &unit : {std::string("relay_sk_"), agent_key, agent_key + " ", std::string("a"),
                                    std::string(" "), agent_key.substr(0, 70) + " ", agent_key.substr(0, 70) + "0 "}) {
        std::string text;
        while (text.size() < (4u << 20)) {
            text += unit;
        }
        std::clock_t const start = std::clock();
        count({text});
        CHECK(std::clock() - start < 10 * CLOCKS_PER_SEC);
    }
}
