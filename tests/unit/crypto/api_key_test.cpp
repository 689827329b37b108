#include "relay/crypto/api_key.hpp"
#include "relay/crypto/key_format.hpp"
#include "relay/model/error.hpp"
#include "tests/unit/advice_words.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace {

using relay::ApiKey;
using relay::KeyType;

nlohmann::json vectors() {
    std::ifstream file(RELAY_SOURCE_DIR "/tests/vectors/api_key.json");
    REQUIRE(file.good());
    return nlohmann::json::parse(file);
}

template <std::size_t Size>
std::array<unsigned char, Size> unhex(std::string const &text) {
    std::array<unsigned char, Size> bytes{};
    std::size_t size = 0;
    REQUIRE(sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr) == 0);
    REQUIRE(size == Size);
    return bytes;
}

template <std::size_t Size>
std::string hex(std::array<unsigned char, Size> const &bytes) {
    std::string out(2 * Size + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes.data(), Size);
    out.pop_back();
    return out;
}

/// The message of the refusal; empty if the text was taken. A refusal must not quote the text.
std::string refusal(std::string const &text) {
    try {
        ApiKey::parse(text);
        return "";
    } catch (relay::Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        std::string const told = error.message() + error.hint().why + relay::words_of(error.hint().next);
        for (std::size_t i = 22; i + 8 <= std::min<std::size_t>(text.size(), 100); ++i) {
            CHECK(told.find(text.substr(i, 8)) == std::string::npos);
        }
        return error.message();
    }
}

std::string with_true_checksum(std::string text) {
    std::array<char, 6> checksum{};
    relay::detail::encode_checksum(std::string_view(text).substr(0, 65), checksum);
    return text.replace(65, 6, checksum.data(), 6);
}

std::string const sample = "relay_sk_000g40r40m30_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3SDqBW";

}  // namespace

TEST_CASE("a key made from the bytes of a test vector is that vector's key") {
    nlohmann::json const all = vectors();
    REQUIRE(all["valid"].size() == 16);
    for (auto const &vector : all["valid"]) {
        KeyType const type = vector["prefix"] == "relay_sk_" ? KeyType::agent : KeyType::org_admin;
        ApiKey const key = ApiKey::from_bytes(type, unhex<8>(vector["id_bytes"]), unhex<32>(vector["secret_bytes"]));
        CHECK(std::string(key.reveal()) == vector["key"].get<std::string>());
        CHECK(key.id().text() == vector["key_id"].get<std::string>());
        CHECK(hex(key.digest().bytes) == vector["digest"].get<std::string>());
        CHECK(key.hash().hex() == vector["key_hash"].get<std::string>());
        CHECK(key.type() == type);
    }
}

TEST_CASE("every valid test vector parses to its id, type and hashes") {
    nlohmann::json const all = vectors();
    for (auto const &vector : all["valid"]) {
        ApiKey const key = ApiKey::parse(vector["key"].get<std::string>());
        CHECK(key.id().text() == vector["key_id"].get<std::string>());
        CHECK((key.type() == KeyType::agent) == (vector["prefix"] == "relay_sk_"));
        CHECK(std::string(key.reveal()) == vector["key"].get<std::string>());
        CHECK(key.hash().hex() == vector["key_hash"].get<std::string>());
    }
}

TEST_CASE("one trailing newline is forgiven and does not belong to the key") {
    nlohmann::json const all = vectors();
    REQUIRE(!all["accepted_with_one_newline"].empty());
    for (auto const &vector : all["accepted_with_one_newline"]) {
        CHECK(std::string(ApiKey::parse(vector["text"].get<std::string>()).reveal()) ==
              vector["same_as"].get<std::string>());
    }
}

TEST_CASE("every invalid test vector is refused for its own reason, and never quoted") {
    nlohmann::json const all = vectors();
    REQUIRE(all["invalid"].size() == 12);
    for (auto const &vector : all["invalid"]) {
        std::string const why = vector["why"];
        std::string const told = refusal(vector["text"].get<std::string>());
        CAPTURE(told);
        CHECK(told.starts_with("not a valid key: " + why));
    }
}

TEST_CASE("faults beyond the vectors are distinguished") {
    auto const changed = [](std::size_t at, char c) {
        std::string text = sample;
        text[at] = c;
        return with_true_checksum(text);
    };
    CHECK(refusal(changed(21, '-')).find("separator") != std::string::npos);
    CHECK(refusal(changed(21, '0')).find("separator") != std::string::npos);
    CHECK(refusal(changed(22, '_')).find("secret alphabet") != std::string::npos);
    CHECK(refusal(changed(64, '-')).find("secret alphabet") != std::string::npos);
    CHECK(refusal(changed(9, 'A')).find("key id alphabet") != std::string::npos);
    CHECK(refusal(changed(20, 'u')).find("key id alphabet") != std::string::npos);
    CHECK(refusal(changed(6, 'b')).find("prefix") != std::string::npos);
    CHECK(refusal(sample + "\r\n").find("whitespace") != std::string::npos);
    CHECK(refusal(sample + "\t").find("whitespace") != std::string::npos);
    CHECK(refusal("\n").find("length 0") != std::string::npos);
    CHECK(refusal(sample.substr(0, 70) + "\n").find("length 70") != std::string::npos);
    CHECK(refusal(std::string(71, '\0')).find("prefix") != std::string::npos);
    CHECK(refusal(std::string(1 << 20, 'a')).find("length 1048576") != std::string::npos);
    CHECK(refusal(sample.substr(0, 70) + "\xc3").find("checksum") != std::string::npos);
}

TEST_CASE("the largest secret is in range and the one after it is not") {
    std::string const head = "relay_sk_zzzzzzzzzzzz_";
    CHECK(refusal(with_true_checksum(head + "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1" + "000000")).empty());
    std::string const next =
        refusal(with_true_checksum(head + "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp2" + "000000"));
    CHECK(next.find("secret out of range") != std::string::npos);
}

TEST_CASE("only the top 60 of the 64 id bits make the key id") {
    std::array<unsigned char, 32> const secret{};
    std::array<unsigned char, 8> const low{0, 0, 0, 0, 0, 0, 0, 0x0F};
    std::array<unsigned char, 8> const next{0, 0, 0, 0, 0, 0, 0, 0x10};
    CHECK(ApiKey::from_bytes(KeyType::agent, low, secret).id().text() == "000000000000");
    CHECK(ApiKey::from_bytes(KeyType::agent, next, secret).id().text() == "000000000001");
}

TEST_CASE("ten thousand fresh keys round trip, are distinct, and use the whole alphabets") {
    std::set<std::string> ids;
    std::set<char> id_characters;
    std::set<char> secret_characters;
    for (int i = 0; i < 10000; ++i) {
        KeyType const type = i % 2 == 0 ? KeyType::agent : KeyType::org_admin;
        ApiKey const key = ApiKey::generate(type);
        std::string const text(key.reveal());
        REQUIRE(text.size() == ApiKey::length);
        REQUIRE(text.substr(0, 9) == (type == KeyType::agent ? "relay_sk_" : "relay_at_"));
        ApiKey const again = ApiKey::parse(text);
        REQUIRE(again.id() == key.id());
        REQUIRE(again.type() == type);
        REQUIRE(again.hash().bytes == key.hash().bytes);
        REQUIRE(ids.insert(key.id().text()).second);
        id_characters.insert(text.begin() + 9, text.begin() + 21);
        secret_characters.insert(text.begin() + 22, text.begin() + 65);
    }
    CHECK(id_characters.size() == 32);
    CHECK(secret_characters.size() == 62);
}

TEST_CASE("random secrets read back, as base62, to the bytes that made them") {
    for (int round = 0; round < 2000; ++round) {
        std::array<unsigned char, 32> secret{};
        randombytes_buf(secret.data(), secret.size());
        std::fill_n(secret.begin(), round % 33, static_cast<unsigned char>(round % 3 == 0 ? 0xFF : 0));
        ApiKey const key = ApiKey::from_bytes(KeyType::agent, std::array<unsigned char, 8>{}, secret);
        std::array<unsigned char, 32> read{};
        for (char c : key.reveal().substr(22, 43)) {
            unsigned carry = static_cast<unsigned>(c <= '9' ? c - '0' : c <= 'Z' ? c - 'A' + 10 : c - 'a' + 36);
            for (std::size_t i = read.size(); i-- > 0;) {
                carry += 62u * read[i];
                read[i] = static_cast<unsigned char>(carry);
                carry >>= 8;
            }
            REQUIRE(carry == 0);
        }
        REQUIRE(read == secret);
    }
}

TEST_CASE("every change of a single character is refused") {
    std::string const key(ApiKey::generate(KeyType::agent).reveal());
    for (std::string const &text : {sample, key}) {
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (int c = 0; c < 256; ++c) {
                std::string changed = text;
                changed[at] = static_cast<char>(c);
                if (changed == text || (at == 70 && c == '\n')) {
                    continue;
                }
                CHECK_THROWS_AS(ApiKey::parse(changed), relay::Error);
            }
        }
    }
}

TEST_CASE("every swap of neighbours, every loss and every doubling is refused") {
    for (std::size_t at = 0; at < sample.size(); ++at) {
        std::string lost = sample;
        lost.erase(at, 1);
        CHECK_THROWS_AS(ApiKey::parse(lost), relay::Error);
        std::string doubled = sample;
        doubled.insert(at, 1, sample[at]);
        CHECK_THROWS_AS(ApiKey::parse(doubled), relay::Error);
        if (at > 0 && sample[at] != sample[at - 1]) {
            std::string swapped = sample;
            std::swap(swapped[at], swapped[at - 1]);
            CHECK_THROWS_AS(ApiKey::parse(swapped), relay::Error);
        }
    }
}

TEST_CASE("a key that was moved keeps its text") {
    ApiKey key = ApiKey::parse(sample);
    ApiKey const moved = std::move(key);
    CHECK(std::string(moved.reveal()) == sample);
    CHECK(moved.id().text() == "000g40r40m30");
}

TEST_CASE("the checksum is zlib's CRC-32") {
    CHECK(relay::detail::crc32("123456789") == 0xCBF43926u);
    CHECK(relay::detail::crc32("") == 0u);
}
