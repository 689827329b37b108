#include "relay/crypto/proof.hpp"

#include <sodium.h>

namespace relay {
namespace {

using Bytes = std::array<unsigned char, 32>;

Bytes mask(KeyHash const &hash, Sha256 const &message) {
    static_assert(crypto_auth_hmacsha256_KEYBYTES == 32 && crypto_auth_hmacsha256_BYTES == 32);
    Bytes code{};
    crypto_auth_hmacsha256(code.data(), message.bytes.data(), message.bytes.size(), hash.bytes.data());
    return code;
}

Bytes exclusive_or(Bytes const &left, Bytes const &right) {
    Bytes both{};
    for (std::size_t i = 0; i < both.size(); ++i) {
        both.at(i) = static_cast<unsigned char>(left.at(i) ^ right.at(i));
    }
    return both;
}

}  // namespace

KeyProof KeyProof::make(KeyDigest const &key, Sha256 const &message) {
    return {exclusive_or(key.bytes, mask(KeyHash::of(key), message))};
}

bool KeyProof::verifies(KeyHash const &hash, Sha256 const &message) const {
    KeyDigest const shown{{exclusive_or(bytes, mask(hash, message))}};
    return sodium_memcmp(KeyHash::of(shown).bytes.data(), hash.bytes.data(), hash.bytes.size()) == 0;
}

}  // namespace relay
