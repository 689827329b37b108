#pragma once

#include <array>
#include <string>
#include <string_view>

namespace relay {

/// An X25519 public key with which secrets are sealed.
struct SealingKey {
    std::array<unsigned char, 32> bytes{};
    /// Reads 32 bytes of standard base64. Throws Error (usage).
    static SealingKey from_base64(std::string_view text);
};

/// Returns `secret` sealed for `key` by libsodium's crypto_box_seal, in standard base64 with padding: the
/// `encrypted_value` of the GitHub secrets API.
std::string seal(SealingKey const &key, std::string_view secret);

}  // namespace relay
