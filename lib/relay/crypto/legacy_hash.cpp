#include "relay/crypto/legacy_hash.hpp"

#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace relay {
namespace {

constexpr std::string_view sha256_prefix = "sha256:";
constexpr std::string_view bytea_prefix = "\\x";  // as PostgreSQL writes a column of bytes
constexpr std::size_t bcrypt_size = 60;
/// 2^15 rounds take some seconds; a higher cost is a mistake or a trap.
constexpr int most_bcrypt_cost = 15;
constexpr std::uint64_t most_argon2_kibibytes = 1024U * 1024U;
constexpr std::uint64_t most_argon2_passes = 64;
/// How many different hashes are remembered: salted ones never repeat.
constexpr std::size_t most_answers = 4096;

bool is_base64(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' ||
           c == '-' || c == '_';
}

std::string_view without_prefix(std::string_view hash) {
    for (std::string_view const prefix : {sha256_prefix, bytea_prefix}) {
        if (hash.starts_with(prefix)) {
            return hash.substr(prefix.size());
        }
    }
    return hash;
}

/// Returns the text in a column of bytes that has one, such as a bcrypt string; none: it has other bytes.
std::optional<std::string> text_of_bytes(std::string_view hash) {
    if (!hash.starts_with(bytea_prefix)) {
        return std::nullopt;
    }
    std::string_view const hex = hash.substr(bytea_prefix.size());
    std::string text(hex.size() / 2, '\0');
    std::size_t size = 0;
    bool const is_hex_digit = sodium_hex2bin(reinterpret_cast<unsigned char *>(text.data()), text.size(), hex.data(),
                                             hex.size(), nullptr, &size, nullptr) == 0;
    return is_hex_digit && text.starts_with('$') && size == text.size() ? std::optional(text) : std::nullopt;
}

/// Returns the number after `name` in `$argon2id$v=19$m=65536,t=3,p=4$...`; none if it is not there.
std::optional<std::uint64_t> parameter(std::string_view hash, std::string_view name) {
    std::size_t const at = hash.find(name);
    std::uint64_t value = 0;
    if (at == hash.npos ||
        std::from_chars(hash.data() + at + name.size(), hash.data() + hash.size(), value).ec != std::errc()) {
        return std::nullopt;
    }
    return value;
}

Error too_costly() {
    return {ErrorKind::usage,
            "comparing the hash would take too long or too much memory",
            {.why = "the limits are cost 15 for bcrypt, and 1 GiB and 64 passes for argon2"}};
}

using RawSha256 = std::array<unsigned char, crypto_hash_sha256_BYTES>;

RawSha256 sha256(std::string_view secret) {
    RawSha256 digest{};
    crypto_hash_sha256(digest.data(), reinterpret_cast<unsigned char const *>(secret.data()), secret.size());
    return digest;
}

bool equal(RawSha256 const &stored, std::string_view secret) {
    RawSha256 const own = sha256(secret);
    return sodium_memcmp(stored.data(), own.data(), own.size()) == 0;
}

bool compare_hex(std::string_view hash, std::string_view secret) {
    RawSha256 stored{};
    std::size_t size = 0;
    return sodium_hex2bin(stored.data(), stored.size(), hash.data(), hash.size(), nullptr, &size, nullptr) == 0 &&
           size == stored.size() && equal(stored, secret);
}

bool compare_base64(std::string_view hash, std::string_view secret) {
    bool const url_safe = hash.find_first_of("-_") != hash.npos;
    int const variant = url_safe ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    std::string_view const bare = hash.substr(0, hash.find('='));
    RawSha256 stored{};
    std::size_t size = 0;
    return sodium_base642bin(stored.data(), stored.size(), bare.data(), bare.size(), nullptr, &size, nullptr,
                             variant) == 0 &&
           size == stored.size() && equal(stored, secret);
}

/// crypt(3) needs texts that end in NUL, and keeps its working memory of 32 KiB, which is wiped here.
bool compare_bcrypt(std::string_view hash, std::string_view secret) {
    if ((hash[4] - '0') * 10 + (hash[5] - '0') > most_bcrypt_cost) {
        throw too_costly();
    }
    SecretBuffer text(secret.size() + 1);
    std::copy(secret.begin(), secret.end(), text.writable().begin());
    SecretBuffer work(sizeof(crypt_data));
    auto *const data = reinterpret_cast<crypt_data *>(work.writable().data());
    std::string const setting(hash);
    char const *const made = crypt_r(text.reveal().data(), setting.c_str(), data);
    return made != nullptr && std::strlen(made) == hash.size() && sodium_memcmp(made, hash.data(), hash.size()) == 0;
}

bool compare_argon2(std::string_view hash, std::string_view secret) {
    auto const memory = parameter(hash, "$m=");
    auto const passes = parameter(hash, ",t=");
    if (!memory || !passes || *memory > most_argon2_kibibytes || *passes > most_argon2_passes) {
        throw too_costly();
    }
    std::string const text(hash);
    return crypto_pwhash_str_verify(text.c_str(), secret.data(), secret.size()) == 0;
}

}  // namespace

std::optional<LegacyHashShape> legacy_hash_shape(std::string_view hash) {
    if ((hash.starts_with("$argon2id$") || hash.starts_with("$argon2i$")) && hash.size() < crypto_pwhash_STRBYTES) {
        return LegacyHashShape::argon2;
    }
    bool const is_bcrypt = hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
    if (is_bcrypt && hash.size() == bcrypt_size && hash[6] == '$' && hash[4] >= '0' && hash[4] <= '3' &&
        hash[5] >= '0' && hash[5] <= '9') {
        return LegacyHashShape::bcrypt;
    }
    std::string_view const bare = without_prefix(hash);
    if (bare.size() == 64 && std::all_of(bare.begin(), bare.end(), is_hex_digit)) {
        return LegacyHashShape::sha256_hex;
    }
    std::string_view const unpadded = bare.size() == 44 && bare.ends_with('=') ? bare.substr(0, 43) : bare;
    if (unpadded.size() == 43 && std::all_of(unpadded.begin(), unpadded.end(), is_base64)) {
        return LegacyHashShape::sha256_base64;
    }
    return std::nullopt;
}

bool LegacySecret::compare(std::string_view hash) const {
    start_crypto();
    std::optional<std::string> const text = text_of_bytes(hash);
    hash = text ? std::string_view(*text) : hash;
    auto const shape = legacy_hash_shape(hash);
    if (!shape) {
        throw Error(ErrorKind::usage, "unknown kind of hash",
                    {.why = "known are SHA-256 in hexadecimal or base64, bcrypt, and argon2"});
    }
    switch (*shape) {
        case LegacyHashShape::sha256_hex: return compare_hex(without_prefix(hash), m_secret.reveal());
        case LegacyHashShape::sha256_base64: return compare_base64(without_prefix(hash), m_secret.reveal());
        case LegacyHashShape::bcrypt: return compare_bcrypt(hash, m_secret.reveal());
        case LegacyHashShape::argon2: return compare_argon2(hash, m_secret.reveal());
    }
    return false;
}

bool LegacySecret::matches(std::string const &hash) {
    if (auto const known = m_answers.find(hash); known != m_answers.end()) {
        return known->second;
    }
    bool const answer = compare(hash);
    if (m_answers.size() < most_answers) {
        m_answers.emplace(hash, answer);
    }
    return answer;
}

}  // namespace relay
