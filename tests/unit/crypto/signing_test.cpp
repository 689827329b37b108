#include "relay/crypto/signing.hpp"

#include "relay/crypto/base64.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <string>

using relay::SigningKey;
using relay::VerifyingKey;

namespace {

// RFC 8032, section 7.1, test 1.
constexpr auto rfc_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
constexpr auto rfc_public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr auto rfc_signature =
    "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";

std::string why_not(std::string_view text) {
    try {
        VerifyingKey::parse(text);
    } catch (relay::Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        return error.message();
    }
    return "accepted";
}

std::string of_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return bytes;
}

}  // namespace

TEST_CASE("the keys and the signature of RFC 8032") {
    SigningKey const key = SigningKey::from_pem(rfc_pem);
    CHECK(key.verifying_key().text() == rfc_public);
    CHECK(key.sign("") == rfc_signature);
    CHECK(VerifyingKey::parse(rfc_public).verifies("", rfc_signature));
    CHECK_FALSE(VerifyingKey::parse(rfc_public).verifies("a", rfc_signature));
    CHECK(key.pem().reveal() == rfc_pem);
}

TEST_CASE("a new key signs, and its PEM holds it") {
    SigningKey const key = SigningKey::generate();
    SigningKey const again = SigningKey::from_pem(key.pem().reveal());
    CHECK(key.verifying_key().bytes() == again.verifying_key().bytes());
    CHECK(key.verifying_key().verifies("text", again.sign("text")));
    CHECK(key.verifying_key().bytes() != SigningKey::generate().verifying_key().bytes());
}

TEST_CASE("a public key in base64, in PEM, and as a line of OpenSSH") {
    auto const expected = VerifyingKey::parse(rfc_public).bytes();
    for (std::string const &text :
         {std::string(rfc_public) + "\n",
          std::string("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea bot@host\n"),
          std::string("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"),
          std::string("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                      "-----END PUBLIC KEY-----\n")}) {
        CHECK(VerifyingKey::parse(text).bytes() == expected);
    }
}

TEST_CASE("what is not a public key is named, and 32 bytes are expected") {
    CHECK(why_not(relay::to_base64(std::string(31, 'a'))) == "this has 31 bytes; an Ed25519 public key has 32 bytes");
    CHECK(why_not(relay::to_base64(std::string(33, 'a'))) == "this has 33 bytes; an Ed25519 public key has 32 bytes");
    CHECK(why_not("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC root@host") ==
          "this is a key of another kind, 'ssh-rsa'; an Ed25519 public key has 32 bytes");
    CHECK(why_not("ssh-ed25519 AAAAC3Nz") ==
          "this line begins with ssh-ed25519, but has no such key; an Ed25519 public key has 32 bytes");
    CHECK(why_not("ssh-ed25519") ==
          "this line begins with ssh-ed25519, but has no such key; an Ed25519 public key has 32 bytes");
    CHECK(why_not(rfc_pem) ==
          "this is a private key, which its agent keeps for itself; an Ed25519 public key has 32 bytes");
    CHECK(why_not("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\n-----END PUBLIC KEY-----\n") ==
          "this PEM is not an Ed25519 public key; an Ed25519 public key has 32 bytes");
    for (char const *const text :
         {"", "\n", "hello", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "AAAA====", "\xff\xfe"}) {
        CHECK(why_not(text) != "accepted");
    }
}

TEST_CASE("points of small order are refused, in each encoding, and what is not a point") {
    for (char const *const hex : {
             "0100000000000000000000000000000000000000000000000000000000000000",
             "0100000000000000000000000000000000000000000000000000000000000080",
             "0000000000000000000000000000000000000000000000000000000000000000",
             "0000000000000000000000000000000000000000000000000000000000000080",
             "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
             "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
             "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
             "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
             "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
             "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
             "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
             "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
             "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
             "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
             "0200000000000000000000000000000000000000000000000000000000000000",
         }) {
        CHECK(why_not(relay::to_base64(of_hex(hex))) ==
              "these 32 bytes are a point of small order, or not a point of the curve; an Ed25519 public key has 32 "
              "bytes");
    }
}
