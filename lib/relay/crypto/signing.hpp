#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <array>
#include <string>
#include <string_view>

/// Ed25519 signatures, with keys in the files that OpenSSL makes and reads.
namespace relay {

/// A public key. `openssl pkey -in sign.pem -pubout` writes one.
class VerifyingKey {
  public:
    /// Reads PEM of a SubjectPublicKeyInfo (RFC 8410), `-----BEGIN PUBLIC KEY-----`. Throws Error (usage).
    static VerifyingKey from_pem(std::string_view pem);
    /// Returns true if `signature`, standard base64, is this key's for exactly this text.
    bool verifies(std::string_view text, std::string_view signature) const;

  private:
    std::array<unsigned char, 32> m_bytes{};
};

/// A private key. `openssl genpkey -algorithm ed25519` writes one.
class SigningKey {
  public:
    /// Reads PEM of an unencrypted PKCS #8 key (RFC 8410), `-----BEGIN PRIVATE KEY-----`. Throws Error (usage), without
    /// quoting the text.
    static SigningKey from_pem(std::string_view pem);
    /// Returns the signature of a text, in standard base64.
    std::string sign(std::string_view text) const;

  private:
    explicit SigningKey(SecretBuffer key) : m_key(std::move(key)) {}
    SecretBuffer m_key;  ///< as libsodium has it: the seed and the public key
};

}  // namespace relay
