#include "relay/crypto/proof.hpp"

#include <doctest/doctest.h>

using relay::KeyDigest;
using relay::KeyHash;
using relay::KeyProof;
using relay::Sha256;

TEST_CASE("a proof is made with the key and verified with its hash") {
    KeyDigest const key = KeyDigest::of("a key");
    Sha256 const message = Sha256::of("a request");
    KeyProof const proof = KeyProof::make(key, message);
    CHECK(proof.verifies(KeyHash::of(key), message));
    CHECK_FALSE(proof.verifies(KeyHash::of(key), Sha256::of("another request")));
    CHECK_FALSE(proof.verifies(KeyHash::of(KeyDigest::of("another key")), message));
    CHECK_FALSE(KeyProof{key.bytes}.verifies(KeyHash::of(key), message));  // what a bearer key shows
}

TEST_CASE("each bit of a proof counts") {
    KeyDigest const key = KeyDigest::of("a key");
    Sha256 const message = Sha256::of("a request");
    for (std::size_t bit = 0; bit < 256; ++bit) {
        KeyProof changed = KeyProof::make(key, message);
        changed.bytes.at(bit / 8) = static_cast<unsigned char>(changed.bytes.at(bit / 8) ^ (1U << (bit % 8)));
        CHECK_FALSE(changed.verifies(KeyHash::of(key), message));
    }
}

TEST_CASE("the proof that Python's hmac makes") {
    // bytes(a ^ b for a, b in zip(d, hmac.new(sha256(d), sha256(b"a request"), "sha256").digest())), d = sha256(b"a key")
    KeyProof const proof = KeyProof::make(KeyDigest::of("a key"), Sha256::of("a request"));
    CHECK(Sha256{proof.bytes}.hex() == "b58a10d294e736f226944cda1996e7f12ff1fd1f01352c2aa1c4414c93525389");
}
