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
    /// Reads 32 bytes of standard base64, the PEM, or a line of OpenSSH (`ssh-ed25519 AAAA... comment`). Throws Error (usage) that
    /// says what the text is instead: another kind of key, another length, or a point under which signatures can be made
    /// without a private key.
    static VerifyingKey parse(std::string_view text);
    static VerifyingKey from_bytes(std::array<unsigned char, 32> const &bytes) { return VerifyingKey(bytes); }

    std::array<unsigned char, 32> const &bytes() const { return m_bytes; }
    /// Returns standard base64.
    std::string text() const;
    /// Returns true if `signature`, standard base64, is this key's for exactly this text.
    bool verifies(std::string_view text, std::string_view signature) const;
    /// As verifies, for the 64 bytes of a signature.
    bool verifies_bytes(std::string_view text, std::string_view signature) const;

  private:
    explicit VerifyingKey(std::array<unsigned char, 32> const &bytes) : m_bytes(bytes) {}
    std::array<unsigned char, 32> m_bytes{};
};

/// A private key. `openssl genpkey -algorithm ed25519` writes one.
class SigningKey {
  public:
    /// Makes a new key from random bytes.
    static SigningKey generate();
    /// Reads PEM of an unencrypted PKCS #8 key (RFC 8410), `-----BEGIN PRIVATE KEY-----`. Throws Error (usage), without
    /// quoting the text.
    static SigningKey from_pem(std::string_view pem);
    /// Returns the PEM that from_pem reads, with a newline at its end.
    SecretBuffer pem() const;
    VerifyingKey verifying_key() const;
    /// Returns the signature of a text, in standard base64.
    std::string sign(std::string_view text) const;

  private:
    explicit SigningKey(SecretBuffer key) : m_key(std::move(key)) {}
    SecretBuffer m_key;  ///< as libsodium has it: the seed and the public key
};

}  // namespace relay
