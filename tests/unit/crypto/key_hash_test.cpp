#include "relay/crypto/key_hash.hpp"

#include <doctest/doctest.h>

TEST_CASE("a key hash is SHA-256 twice, in lower-case hexadecimal") {
    // The digest of "abc" is NIST's FIPS 180-2 example; its own hash was computed with sha256sum.
    relay::KeyDigest const digest = relay::KeyDigest::of("abc");
    CHECK(digest.bytes[0] == 0xBA);
    CHECK(digest.bytes[31] == 0xAD);
    CHECK(relay::KeyHash::of(digest).hex() == "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358");
    CHECK(relay::KeyHash{}.hex() == std::string(64, '0'));
    CHECK(relay::KeyHash::algorithm == "sha256d");
}
