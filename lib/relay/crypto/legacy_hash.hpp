#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relay {

/// How an older relay stored its shared secret, recognized by the form of the hash.
enum class LegacyHashShape {
    sha256_hex,  ///< 64 hexadecimal digits
    sha256_base64,  ///< 43 characters and an optional `=`; standard or URL-safe
    bcrypt,  ///< `$2a$`, `$2b$`, `$2y$`, 60 characters; crypt(5)
    argon2,  ///< `$argon2id$` or `$argon2i$`, the string of the reference implementation
};

/// Returns the form of a hash; none: unknown. A prefix `sha256:` is accepted, and `\x` of a column of bytes.
std::optional<LegacyHashShape> legacy_hash_shape(std::string_view hash);

/// Compares stored hashes with one secret. It remembers the answers, because in most fleets every row has the same
/// hash, and a slow one takes up to a second.
class LegacySecret {
  public:
    explicit LegacySecret(SecretBuffer secret) : m_secret(std::move(secret)) {}

    /// Returns true if `hash` was made from the secret; a column of bytes may have the text of the hash. Throws Error (usage): an unknown kind of hash, or one that
    /// would take minutes or gigabytes.
    bool matches(std::string const &hash);

  private:
    bool compare(std::string_view hash) const;

    SecretBuffer m_secret;
    std::unordered_map<std::string, bool> m_answers{};
};

}  // namespace relay
