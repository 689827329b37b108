#include "relay/crypto/legacy_hash.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <string>

namespace {

constexpr auto secret = "correct horse battery staple";

// Made from the secret with hashlib, crypt(3) and PyNaCl.
std::string const sha256_hex = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a";
std::string const sha256_base64 = "xLvLH77JnWW/WdhcjLYu4tuWPw/hBvSD2a+nO9Tjmoo=";
std::string const bcrypt = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
std::string const argon2id =
    "$argon2id$v=19$m=8,t=1,p=1$zm9LQ9WzyWAD3gImwYTLpg$NXB+fIfWpA5l/8ZURfbO5mWQcNwunxS7vB0II6WlUQU";
std::string const argon2i =
    "$argon2i$v=19$m=8,t=3,p=1$MQnaGBH+l3CS0DaHeVWx1Q$xAZXb5vaNmgyg71EEGwaWwmWy1G30yFxpB13SKMupJE";

bool matches(std::string const &hash, std::string_view text = secret) {
    return relay::LegacySecret(relay::SecretBuffer::copy_of(text)).matches(hash);
}

std::string upper(std::string text) {
    for (char &c : text) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
}

}  // namespace

TEST_CASE("the shared secret is found behind each hash that older relays stored") {
    for (std::string const &hash : {sha256_hex, upper(sha256_hex), "sha256:" + sha256_hex, "\\x" + sha256_hex,
                                    sha256_base64, sha256_base64.substr(0, 43), bcrypt, argon2id, argon2i}) {
        CAPTURE(hash);
        CHECK(matches(hash));
        CHECK_FALSE(matches(hash, "correct horse battery stapl"));
        CHECK_FALSE(matches(hash, ""));
    }
}

TEST_CASE("a base64 hash may be URL-safe") {
    CHECK(matches("9La7ZUgSnazxHBqcTf//79SqayH89Ol1TMA7cxy+fCU=", "secret-2"));
    CHECK(matches("9La7ZUgSnazxHBqcTf__79SqayH89Ol1TMA7cxy-fCU", "secret-2"));
}

TEST_CASE("bcrypt in each of its spellings is the same hash") {
    for (char const letter : {'a', 'b', 'y'}) {
        std::string hash = bcrypt;
        hash[2] = letter;
        CHECK(matches(hash));
    }
}

TEST_CASE("a text that is not a hash, or would cost minutes, is an error and not an answer") {
    for (std::string const &text :
         {std::string(), std::string("secret"), sha256_hex.substr(1), sha256_hex + "0", bcrypt.substr(0, 59),
          std::string(43, '!'), std::string("$2b$31$") + bcrypt.substr(7),
          std::string("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdA$aGFzaA"),
          std::string("$argon2id$v=19$m=64,t=4000000000,p=1$c2FsdA$aGFzaA")}) {
        CAPTURE(text);
        CHECK_THROWS_AS(matches(text), relay::Error);
    }
    CHECK_FALSE(matches("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA"));  // too short a salt
}

TEST_CASE("a hash is recognised by its looks") {
    using Shape = relay::LegacyHashShape;
    CHECK(relay::legacy_hash_shape(sha256_hex) == Shape::sha256_hex);
    CHECK(relay::legacy_hash_shape(sha256_base64) == Shape::sha256_base64);
    CHECK(relay::legacy_hash_shape(bcrypt) == Shape::bcrypt);
    CHECK(relay::legacy_hash_shape(argon2i) == Shape::argon2);
    CHECK_FALSE(relay::legacy_hash_shape("relay_sk"));
}
