#include "relay/crypto/sha256.hpp"

#include "relay/crypto/key_hash.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"

#include <sodium.h>

#include <algorithm>

namespace relay {

Sha256 Sha256::of(std::string_view bytes) {
    start_crypto();
    Sha256 hash;
    static_assert(sizeof hash.bytes == crypto_hash_sha256_BYTES);
    crypto_hash_sha256(hash.bytes.data(), reinterpret_cast<unsigned char const *>(bytes.data()), bytes.size());
    return hash;
}

Sha256 Sha256::parse(std::string_view hex) {
    Sha256 hash;
    std::size_t size = 0;
    if (hex.size() != 2 * hash.bytes.size() || !std::all_of(hex.begin(), hex.end(), is_lower_hex_digit) ||
        sodium_hex2bin(hash.bytes.data(), hash.bytes.size(), hex.data(), hex.size(), nullptr, &size, nullptr) != 0) {
        throw Error(ErrorKind::usage, "a hash has 64 hexadecimal digits in lower case");
    }
    return hash;
}

std::string Sha256::hex() const { return detail::hex(bytes); }

}  // namespace relay
