#include "relay/crypto/key_format.hpp"

#include "relay/crypto/wiped.hpp"

#include <algorithm>

namespace relay::detail {
namespace {

constexpr std::string_view agent_prefix = "relay_sk_";
constexpr std::string_view org_admin_prefix = "relay_at_";
constexpr std::string_view device_prefix = "relay_dt_";
static_assert(agent_prefix.size() == prefix_length && org_admin_prefix.size() == prefix_length &&
              device_prefix.size() == prefix_length);

constexpr std::string_view base62_digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 2^256 - 1. The digits are in ASCII order, so numbers of equal width compare as texts.
constexpr std::string_view largest_secret = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
static_assert(largest_secret.size() == secret_length);

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320u : 0u);
        }
        table[i] = value;
    }
    return table;
}();

bool is_whitespace(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_base62(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool is_key_id_character(char c) noexcept { return KeyId::alphabet.find(c) != std::string_view::npos; }

bool all_of(std::string_view text, bool (*predicate)(char) noexcept) noexcept {
    return std::all_of(text.begin(), text.end(), predicate);
}

/// Writes the last `out.size()` base62 digits of `value`.
template <std::size_t Size>
void write_base62(std::uint32_t value, std::span<char, Size> out) noexcept {
    for (std::size_t i = out.size(); i-- > 0; value /= 62) {
        out[i] = base62_digits[value % 62];
    }
}

}  // namespace

KeyFault find_fault(std::string_view text) noexcept {
    if (std::any_of(text.begin(), text.end(), is_whitespace)) {
        return KeyFault::whitespace;
    }
    if (text.size() != ApiKey::length) {
        return KeyFault::length;
    }
    if (!text.starts_with(prefix_of(type_of(text)))) {
        return KeyFault::prefix;
    }
    if (text[separator_at] != '_') {
        return KeyFault::separator;
    }
    if (!all_of(text.substr(key_id_at, KeyId::length), is_key_id_character)) {
        return KeyFault::key_id_alphabet;
    }
    std::string_view const secret = text.substr(secret_at, secret_length);
    if (!all_of(secret, is_base62)) {
        return KeyFault::secret_alphabet;
    }
    if (secret > largest_secret) {
        return KeyFault::secret_out_of_range;
    }
    std::array<char, checksum_length> checksum{};
    encode_checksum(text.substr(0, checksum_at), checksum);
    return std::equal(checksum.begin(), checksum.end(), text.begin() + checksum_at) ? KeyFault::none
                                                                                    : KeyFault::checksum;
}

std::string_view prefix_of(KeyType type) noexcept {
    switch (type) {
        case KeyType::agent: break;
        case KeyType::org_admin: return org_admin_prefix;
        case KeyType::device: return device_prefix;
    }
    return agent_prefix;
}

KeyType type_of(std::string_view text) noexcept {
    return text.starts_with(org_admin_prefix) ? KeyType::org_admin
           : text.starts_with(device_prefix)  ? KeyType::device
                                              : KeyType::agent;
}

std::uint32_t crc32(std::string_view bytes) noexcept {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (char c : bytes) {
        crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
    }
    return ~crc;
}

void encode_secret(std::span<unsigned char const, 32> bytes, std::span<char, secret_length> out) noexcept {
    constexpr std::size_t digits_a_pass = 5;
    constexpr std::uint32_t divisor = 62u * 62 * 62 * 62 * 62;
    Wiped<std::array<std::uint32_t, 8>> limbs;  // most significant first
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        limbs.value[i / 4] = (limbs.value[i / 4] << 8) | bytes[i];
    }
    // Each pass divides the whole number by 62^5, and the remainder is the next five digits from the right.
    Wiped<std::uint64_t> remainder;
    Wiped<std::array<char, digits_a_pass>> digits;
    for (std::size_t end = out.size(); end > 0;) {
        remainder.value = 0;
        for (std::uint32_t &limb : limbs.value) {
            remainder.value = (remainder.value << 32) | limb;
            limb = static_cast<std::uint32_t>(remainder.value / divisor);
            remainder.value %= divisor;
        }
        write_base62(static_cast<std::uint32_t>(remainder.value), std::span(digits.value));
        std::size_t const count = std::min(end, digits_a_pass);
        end -= count;
        std::copy(digits.value.end() - static_cast<std::ptrdiff_t>(count), digits.value.end(),
                  out.begin() + static_cast<std::ptrdiff_t>(end));
    }
}

void encode_checksum(std::string_view text, std::span<char, checksum_length> out) noexcept {
    write_base62(crc32(text), out);
}

std::string crockford(std::span<unsigned char const> bytes, std::size_t count) {
    std::string out(count, '0');
    for (std::size_t i = 0; i < count; ++i) {
        unsigned value = 0;
        for (std::size_t bit = 5 * i; bit < 5 * i + 5; ++bit) {
            value = (value << 1) | ((unsigned{bytes[bit / 8]} >> (7 - bit % 8)) & 1u);
        }
        out[i] = KeyId::alphabet[value];
    }
    return out;
}

}  // namespace relay::detail
