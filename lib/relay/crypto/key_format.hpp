#pragma once

#include "relay/crypto/api_key.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// The layout of a key, byte by byte; only crypto needs it. The format: product.md, "The key"; vectors:
/// tests/vectors/api_key.json.
namespace relay::detail {

inline constexpr std::size_t prefix_length = 9;
inline constexpr std::size_t key_id_at = prefix_length;
inline constexpr std::size_t separator_at = key_id_at + KeyId::length;
inline constexpr std::size_t secret_at = separator_at + 1;
inline constexpr std::size_t secret_length = 43;
inline constexpr std::size_t checksum_at = secret_at + secret_length;
inline constexpr std::size_t checksum_length = 6;
static_assert(checksum_at + checksum_length == ApiKey::length);

/// What is wrong with a text that should be a key, in the order of the checks.
enum class KeyFault {
    none,
    whitespace,
    length,
    prefix,
    separator,
    key_id_alphabet,
    secret_alphabet,
    secret_out_of_range,
    checksum
};

/// Returns the first fault of `text`, a key without a newline at its end.
KeyFault find_fault(std::string_view text) noexcept;

/// Returns "relay_sk_", "relay_at_" or "relay_dt_".
std::string_view prefix_of(KeyType type) noexcept;

/// Returns the type that belongs to a text's prefix; the text must have one of the three.
KeyType type_of(std::string_view text) noexcept;

/// Returns the CRC-32 of `bytes` as in zlib, PNG and Ethernet (reflected polynomial 0xEDB88320).
std::uint32_t crc32(std::string_view bytes) noexcept;

/// Writes `bytes` as one big-endian number in base62 (`0-9A-Za-z`), padded with zeros to 43 digits.
void encode_secret(std::span<unsigned char const, 32> bytes, std::span<char, secret_length> out) noexcept;

/// Writes the checksum of `text`, 6 digits of base62.
void encode_checksum(std::string_view text, std::span<char, checksum_length> out) noexcept;

/// Returns `count` characters of KeyId::alphabet, for 5 bits each from the front of `bytes`, which must have at least
/// 5 * count bits.
std::string crockford(std::span<unsigned char const> bytes, std::size_t count);

}  // namespace relay::detail
