#include "relay/crypto/signing.hpp"

#include "relay/model/error.hpp"

#include <sodium.h>

#include <algorithm>

namespace relay {
namespace {

constexpr int standard_base64 = sodium_base64_VARIANT_ORIGINAL;

// What DER has before the 32 bytes of a key, in the one form that RFC 8410 allows for each.
constexpr std::array<unsigned char, 16> private_prefix{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
constexpr std::array<unsigned char, 12> public_prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

[[noreturn]] void refuse(std::string_view what, std::string_view how) {
    throw Error(ErrorKind::usage, "not an Ed25519 " + std::string(what) + " in PEM",
                {.next = "make one: " + std::string(how)});
}

/// Puts the 32 bytes of the key after `prefix` into `key`. Returns false if the PEM does not have exactly these.
template <std::size_t N>
bool read_pem(std::string_view pem, std::string_view label, std::array<unsigned char, N> const &prefix,
              unsigned char *key) {
    std::string const begin = "-----BEGIN " + std::string(label) + "-----";
    std::string const end = "-----END " + std::string(label) + "-----";
    std::size_t const at = pem.find(begin);
    std::size_t const stop = at == std::string_view::npos ? at : pem.find(end, at);
    if (stop == std::string_view::npos) {
        return false;
    }
    std::string_view const body = pem.substr(at + begin.size(), stop - at - begin.size());
    constexpr std::size_t key_size = 32;
    SecretBuffer der(N + key_size);
    std::size_t size = 0;
    auto *const bytes = reinterpret_cast<unsigned char *>(der.writable().data());
    if (sodium_base642bin(bytes, der.size(), body.data(), body.size(), " \r\n", &size, nullptr, standard_base64) != 0 ||
        size != der.size() || !std::equal(prefix.begin(), prefix.end(), bytes)) {
        return false;
    }
    std::copy_n(bytes + N, key_size, key);
    return true;
}

}  // namespace

VerifyingKey VerifyingKey::from_pem(std::string_view pem) {
    start_crypto();
    VerifyingKey key;
    static_assert(sizeof key.m_bytes == crypto_sign_PUBLICKEYBYTES);
    if (!read_pem(pem, "PUBLIC KEY", public_prefix, key.m_bytes.data())) {
        refuse("public key", "openssl pkey -in sign.pem -pubout -out sign.pub.pem");
    }
    return key;
}

bool VerifyingKey::verifies(std::string_view text, std::string_view signature) const {
    std::array<unsigned char, crypto_sign_BYTES> bytes{};
    std::size_t size = 0;
    return sodium_base642bin(bytes.data(), bytes.size(), signature.data(), signature.size(), nullptr, &size, nullptr,
                             standard_base64) == 0 &&
           size == bytes.size() &&
           crypto_sign_verify_detached(bytes.data(), reinterpret_cast<unsigned char const *>(text.data()), text.size(),
                                       m_bytes.data()) == 0;
}

SigningKey SigningKey::from_pem(std::string_view pem) {
    start_crypto();
    SecretBuffer seed(crypto_sign_SEEDBYTES);
    auto *const bytes = reinterpret_cast<unsigned char *>(seed.writable().data());
    if (!read_pem(pem, "PRIVATE KEY", private_prefix, bytes)) {
        refuse("private key without a passphrase", "openssl genpkey -algorithm ed25519 -out sign.pem");
    }
    SecretBuffer key(crypto_sign_SECRETKEYBYTES);
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> unused{};
    crypto_sign_seed_keypair(unused.data(), reinterpret_cast<unsigned char *>(key.writable().data()), bytes);
    return SigningKey(std::move(key));
}

std::string SigningKey::sign(std::string_view text) const {
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<unsigned char const *>(text.data()), text.size(),
                         reinterpret_cast<unsigned char const *>(m_key.reveal().data()));
    std::string out(sodium_base64_encoded_len(signature.size(), standard_base64), '\0');
    sodium_bin2base64(out.data(), out.size(), signature.data(), signature.size(), standard_base64);
    out.pop_back();  // the NUL that libsodium adds
    return out;
}

}  // namespace relay
