#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/crypto/sha256.hpp"

#include <array>

namespace relay {

/// Shows that the caller holds a key, and that it has signed a message: SHA-256(key) XOR HMAC-SHA-256(SHA-256(SHA-256(key)),
/// message), as the client proof of SCRAM (RFC 5802). Without the stored hash it says nothing about the key.
struct KeyProof {
    std::array<unsigned char, 32> bytes{};

    /// Makes the proof for SHA-256 of a signature base.
    static KeyProof make(KeyDigest const &key, Sha256 const &message);
    /// Returns whether the holder of the key with this hash has made it for this message.
    bool verifies(KeyHash const &hash, Sha256 const &message) const;
};

}  // namespace relay
