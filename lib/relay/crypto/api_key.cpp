#include "relay/crypto/api_key.hpp"

#include "relay/crypto/key_format.hpp"
#include "relay/crypto/wiped.hpp"
#include "relay/model/error.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

namespace relay {
namespace {

using detail::KeyFault;

[[noreturn]] void refuse(KeyFault fault, std::string_view text) {
    std::string why;
    switch (fault) {
        case KeyFault::none: break;
        case KeyFault::whitespace: why = "whitespace in it or around it (one newline at its end is allowed)"; break;
        case KeyFault::length:
            why = "length " + std::to_string(text.size()) + " where " + std::to_string(ApiKey::length) + " is needed";
            break;
        case KeyFault::prefix: why = "prefix is not relay_sk_ or relay_at_"; break;
        case KeyFault::separator: why = "separator _ is not after the key id"; break;
        case KeyFault::key_id_alphabet: why = "key id alphabet is 0-9 and a-z without i, l, o and u"; break;
        case KeyFault::secret_alphabet: why = "secret alphabet is 0-9, A-Z and a-z"; break;
        case KeyFault::secret_out_of_range: why = "secret out of range: no key was ever made with it"; break;
        case KeyFault::checksum: why = "checksum does not match: a character was changed"; break;
    }
    throw Error(ErrorKind::usage, "not a valid key: " + why,
                {.next = "copy the whole key again: 71 characters on one line"});
}

}  // namespace

ApiKey::ApiKey(KeyType type, KeyId id, SecretBuffer text)
    : m_type(type), m_id(std::move(id)), m_text(std::move(text)) {}

ApiKey ApiKey::generate(KeyType type) {
    start_crypto();
    detail::Wiped<std::array<unsigned char, 8 + 32>> random;
    randombytes_buf(random.value.data(), random.value.size());  // one system call for both
    std::span<unsigned char const, 8 + 32> const bytes(random.value);
    return from_bytes(type, bytes.first<8>(), bytes.last<32>());
}

ApiKey ApiKey::from_bytes(KeyType type, std::span<unsigned char const, 8> id_bytes,
                          std::span<unsigned char const, 32> secret_bytes) {
    std::string const id = detail::crockford(id_bytes, KeyId::length);
    SecretBuffer text(length);
    std::span<char> const out = text.writable();
    std::string_view const prefix = detail::prefix_of(type);
    std::copy(prefix.begin(), prefix.end(), out.begin());
    std::copy(id.begin(), id.end(), out.subspan<detail::key_id_at>().begin());
    out[detail::separator_at] = '_';
    detail::encode_secret(secret_bytes, out.subspan<detail::secret_at, detail::secret_length>());
    detail::encode_checksum(text.reveal().substr(0, detail::checksum_at),
                            out.subspan<detail::checksum_at, detail::checksum_length>());
    return ApiKey(type, KeyId::parse(id), std::move(text));
}

ApiKey ApiKey::parse(std::string_view text) {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    if (KeyFault const fault = detail::find_fault(text); fault != KeyFault::none) {
        refuse(fault, text);
    }
    return ApiKey(detail::type_of(text), KeyId::parse(text.substr(detail::key_id_at, KeyId::length)),
                  SecretBuffer::copy_of(text));
}

KeyDigest ApiKey::digest() const { return KeyDigest::of(reveal()); }

KeyHash ApiKey::hash() const { return KeyHash::of(digest()); }

}  // namespace relay
