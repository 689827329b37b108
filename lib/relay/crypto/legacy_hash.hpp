#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relay {

/// How an older relay stored its shared secret; told by the looks of the hash.
enum class LegacyHashShape {
    sha256_hex,  ///< 64 hexadecimal digits
    sha256_base64,  ///< 43 characters and `=`, which may be missing; standard or URL-safe
    bcrypt,  ///< `$2a$`, `$2b$`, `$2y$`, 60 characters; crypt(5)
    argon2,  ///< `$argon2id$` or `$argon2i$`, the string of the reference implementation
};

/// None: it is no hash that is known. A prefix `sha256:` is forgiven.
std::optional<LegacyHashShape> legacy_hash_shape(std::string_view hash);

/// Compares stored hashes with one secret. The answers are kept, since in most fleets every row has the same hash, and a slow one costs up to
/// a second.
class LegacySecret {
  public:
    explicit LegacySecret(SecretBuffer secret) : m_secret(std::move(secret)) {}

    /// True if `hash` was made of the secret. Throws Error (usage): not a hash that is known, or one that would cost minutes or gigabytes.
    bool matches(std::string const &hash);

  private:
    bool compare(std::string_view hash) const;

    SecretBuffer m_secret;
    std::unordered_map<std::string, bool> m_answers{};
};

}  // namespace relay
