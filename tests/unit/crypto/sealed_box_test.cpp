#include "relay/crypto/sealed_box.hpp"
#include "relay/model/error.hpp"
#include "tests/unit/advice_words.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <array>
#include <string>
#include <vector>

namespace {

struct KeyPair {
    std::array<unsigned char, 32> public_half{};
    std::array<unsigned char, 32> private_half{};

    KeyPair() { crypto_box_keypair(public_half.data(), private_half.data()); }
};

std::string base64(unsigned char const *bytes, std::size_t size, int variant = sodium_base64_VARIANT_ORIGINAL) {
    std::string out(sodium_base64_encoded_len(size, variant), '\0');
    sodium_bin2base64(out.data(), out.size(), bytes, size, variant);
    out.pop_back();
    return out;
}

/// Opens a box with libsodium itself; "(not opened)" if it cannot.
std::string open(KeyPair const &pair, std::string const &sealed) {
    std::vector<unsigned char> box(sealed.size());
    std::size_t size = 0;
    REQUIRE(sodium_base642bin(box.data(), box.size(), sealed.data(), sealed.size(), nullptr, &size, nullptr,
                              sodium_base64_VARIANT_ORIGINAL) == 0);
    REQUIRE(size >= crypto_box_SEALBYTES);
    std::vector<unsigned char> text(size - crypto_box_SEALBYTES + 1);
    if (crypto_box_seal_open(text.data(), box.data(), size, pair.public_half.data(), pair.private_half.data()) != 0) {
        return "(not opened)";
    }
    return {text.begin(), text.end() - 1};
}

std::string refusal_of_key(std::string const &text) {
    try {
        relay::SealingKey::from_base64(text);
        return "";
    } catch (relay::Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        if (text.size() > 6) {
            CHECK((error.message() + error.hint().why + relay::words_of(error.hint().next)).find(text.substr(0, 6)) ==
                  std::string::npos);
        }
        return error.message();
    }
}

}  // namespace

TEST_CASE("a sealed secret opens with the private half, and only with it") {
    KeyPair const pair;
    auto const key = relay::SealingKey::from_base64(base64(pair.public_half.data(), 32));
    CHECK(key.bytes == pair.public_half);
    for (std::string const &secret :
         {std::string("relay_sk_..."), std::string(), std::string("a\0b", 3), std::string(10000, 'x')}) {
        std::string const sealed = relay::seal(key, secret);
        CHECK(sealed.size() == (secret.size() + 48 + 2) / 3 * 4);
        CHECK(open(pair, sealed) == secret);
        CHECK(open(KeyPair(), sealed) == "(not opened)");
    }
}

TEST_CASE("sealing twice gives two texts") {
    KeyPair const pair;
    auto const key = relay::SealingKey::from_base64(base64(pair.public_half.data(), 32));
    CHECK(relay::seal(key, "same") != relay::seal(key, "same"));
}

TEST_CASE("a sealing key may end in one newline, as files do") {
    KeyPair const pair;
    std::string const text = base64(pair.public_half.data(), 32);
    CHECK(relay::SealingKey::from_base64(text + "\n").bytes == pair.public_half);
    CHECK(!refusal_of_key(text + "\n\n").empty());
    CHECK(!refusal_of_key(" " + text).empty());
}

TEST_CASE("a text that is not a sealing key is refused and not quoted") {
    std::array<unsigned char, 80> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    bytes[0] = 0xFB;  // '+' in standard base64, '-' in the form for addresses
    bytes[1] = 0xEF;
    CHECK(refusal_of_key(base64(bytes.data(), 31)).find("31 bytes") != std::string::npos);
    CHECK(refusal_of_key(base64(bytes.data(), 33)).find("33 bytes") != std::string::npos);
    CHECK(refusal_of_key(base64(bytes.data(), 64)).find("64 bytes") != std::string::npos);
    CHECK(!refusal_of_key(base64(bytes.data(), 80)).empty());
    CHECK(!refusal_of_key(base64(bytes.data(), 32, sodium_base64_VARIANT_URLSAFE)).empty());
    CHECK(!refusal_of_key(base64(bytes.data(), 32, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)).empty());
    CHECK(refusal_of_key("").find("0 bytes") != std::string::npos);
    CHECK(!refusal_of_key("this is not base64 at all!").empty());
    CHECK(!refusal_of_key(base64(bytes.data(), 32) + std::string(1, '\0')).empty());
}

TEST_CASE("a key on a weak point of the curve is refused before any work") {
    std::array<unsigned char, 32> zero{};
    CHECK(refusal_of_key(base64(zero.data(), 32)).find("weak point") != std::string::npos);
    zero[0] = 1;
    CHECK(refusal_of_key(base64(zero.data(), 32)).find("weak point") != std::string::npos);
}
