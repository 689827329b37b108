#pragma once

#include <array>
#include <string>
#include <string_view>

namespace relay {

namespace detail {
std::string hex(std::array<unsigned char, 32> const &bytes);

/// 32 bytes of SHA-256, as a distinct type for each Tag.
template <typename Tag>
struct Sha256Bytes {
    std::array<unsigned char, 32> bytes{};
    /// Returns 64 hexadecimal digits in lower case.
    std::string hex() const { return detail::hex(bytes); }
};
}  // namespace detail

/// SHA-256(key), which a gateway sends to the database. Treat it as a secret: it is enough to act as the agent.
struct KeyDigest : detail::Sha256Bytes<KeyDigest> {
    static KeyDigest of(std::string_view key_text);
};

/// SHA-256(KeyDigest), algorithm name `sha256d`, which the database stores. It is useless to a thief of the table.
struct KeyHash : detail::Sha256Bytes<KeyHash> {
    static constexpr std::string_view algorithm = "sha256d";
    static KeyHash of(KeyDigest const &digest);
};

}  // namespace relay
