#include "relay/crypto/key_hash.hpp"

#include "relay/crypto/secret_buffer.hpp"

#include <sodium.h>

namespace relay {
namespace {

std::array<unsigned char, 32> sha256(unsigned char const *bytes, std::size_t size) {
    start_crypto();
    std::array<unsigned char, 32> out{};
    static_assert(sizeof out == crypto_hash_sha256_BYTES);
    crypto_hash_sha256(out.data(), bytes, size);
    return out;
}

}  // namespace

KeyDigest KeyDigest::of(std::string_view key_text) {
    KeyDigest digest;
    digest.bytes = sha256(reinterpret_cast<unsigned char const *>(key_text.data()), key_text.size());
    return digest;
}

KeyHash KeyHash::of(KeyDigest const &digest) {
    KeyHash hash;
    hash.bytes = sha256(digest.bytes.data(), digest.bytes.size());
    return hash;
}

std::string detail::hex(std::array<unsigned char, 32> const &bytes) {
    std::string out(2 * bytes.size() + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
    out.pop_back();
    return out;
}

}  // namespace relay
