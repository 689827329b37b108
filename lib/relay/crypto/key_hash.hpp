#pragma once

#include <array>
#include <string>
#include <string_view>

namespace relay {

namespace detail {
/// 32 bytes of SHA-256 under a name of their own.
template <typename Tag>
struct Sha256Bytes {
    std::array<unsigned char, 32> bytes{};
};
}  // namespace detail

/// SHA-256(key): sent by a gateway to the database. Stolen, it opens the door: treat it as a secret.
struct KeyDigest : detail::Sha256Bytes<KeyDigest> {
    static KeyDigest of(std::string_view key_text);
};

/// SHA-256(KeyDigest), algorithm name `sha256d`: what the database stores. Useless to a thief of the table.
struct KeyHash : detail::Sha256Bytes<KeyHash> {
    static constexpr std::string_view algorithm = "sha256d";
    static KeyHash of(KeyDigest const &digest);
    /// 64 hexadecimal digits in lower case.
    std::string hex() const;
};

}  // namespace relay
