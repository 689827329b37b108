#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/ids.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace relay {

/// The kind of owner: `relay_sk_` is an agent's key, `relay_at_` an organization's admin token, `relay_dt_` a refresh token
/// of a device. Gateways make the last kind; this program only finds it.
enum class KeyType { agent, org_admin, device };

/// A key in the clear: 71 ASCII characters, prefix (9) + key id (12) + `_` + secret (43, base62 of 32 bytes) + checksum
/// (6, base62 of the CRC-32 of the 65 characters before it). Move-only; never compared, printed or formatted.
class ApiKey {
  public:
    static constexpr std::size_t length = 71;

    /// Makes a new key: 60 random bits of id and 256 random bits of secret, from libsodium.
    static ApiKey generate(KeyType type);
    /// Makes the key from the top 60 bits of `id_bytes` and from `secret_bytes`, for test vectors.
    static ApiKey from_bytes(KeyType type, std::span<unsigned char const, 8> id_bytes,
                             std::span<unsigned char const, 32> secret_bytes);
    /// Reads a key, and accepts exactly one newline at its end. Throws Error (usage) that names the fault
    /// (whitespace, length, prefix, separator, key id alphabet, secret alphabet, secret out of range, checksum) and
    /// never quotes the text.
    static ApiKey parse(std::string_view text);

    KeyType type() const noexcept { return m_type; }
    KeyId const &id() const noexcept { return m_id; }
    std::string_view reveal() const noexcept { return m_text.reveal(); }
    /// Returns the SHA-256 of the key: what a gateway sends.
    KeyDigest digest() const;
    /// Returns the SHA-256 of the digest: what the database stores.
    KeyHash hash() const;

  private:
    ApiKey(KeyType type, KeyId id, SecretBuffer text);
    KeyType m_type;
    KeyId m_id;
    SecretBuffer m_text;
};

}  // namespace relay
