#include "relay/crypto/signing.hpp"

#include "relay/crypto/base64.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <sodium.h>

#include <algorithm>

namespace relay {
namespace {

constexpr int pem_base64 = sodium_base64_VARIANT_ORIGINAL;

// What DER has before the 32 bytes of a key, in the one form that RFC 8410 allows for each.
constexpr std::array<unsigned char, 16> private_prefix{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
constexpr std::array<unsigned char, 12> public_prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

[[noreturn]] void refuse(std::string_view what, std::string_view how) {
    throw Error(ErrorKind::usage, "not an Ed25519 " + std::string(what) + " in PEM",
                {.next = "make one: " + std::string(how)});
}

template <std::size_t N>
std::string_view as_text(std::array<unsigned char, N> const &bytes) {
    return {reinterpret_cast<char const *>(bytes.data()), N};
}

[[noreturn]] void expect_public_key(std::string const &what) {
    throw Error(ErrorKind::usage, what + "; an Ed25519 public key has 32 bytes",
                {.next = "give it in base64, in PEM, or as a line that begins with ssh-ed25519"});
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
    if (sodium_base642bin(bytes, der.size(), body.data(), body.size(), " \r\n", &size, nullptr, pem_base64) != 0 ||
        size != der.size() || !std::equal(prefix.begin(), prefix.end(), bytes)) {
        return false;
    }
    std::copy_n(bytes + N, key_size, key);
    return true;
}

/// What OpenSSH has before the 32 bytes of a key: two lengths, and the name of the algorithm.
constexpr std::string_view ssh_name = "ssh-ed25519";
constexpr std::string_view ssh_prefix("\0\0\0\x0bssh-ed25519\0\0\0\x20", 19);

std::string ssh_key_bytes(std::string_view line) {
    std::string_view const rest = line.substr(std::min(line.find_first_not_of(' ', ssh_name.size()), line.size()));
    auto const blob = from_base64(rest.substr(0, rest.find(' ')));
    if (!blob || !blob->starts_with(ssh_prefix)) {
        expect_public_key("this line begins with ssh-ed25519, but has no such key");
    }
    return blob->substr(ssh_prefix.size());
}

/// Returns the bytes of a public key in one of its three forms; there may be too few or too many.
std::string key_bytes(std::string_view text) {
    std::size_t const begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    std::string_view const line = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
    if (line.starts_with(ssh_name)) {
        return ssh_key_bytes(line);
    }
    if (line.starts_with("ssh-") || line.starts_with("ecdsa-") || line.starts_with("sk-")) {
        expect_public_key("this is a key of another kind, " + quote_for_message(line.substr(0, line.find(' '))));
    }
    if (line.find("-----BEGIN") != std::string_view::npos) {
        std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> bytes{};
        if (line.find("PRIVATE KEY-----") != std::string_view::npos) {
            expect_public_key("this is a private key, which its agent keeps for itself");
        }
        if (!read_pem(line, "PUBLIC KEY", public_prefix, bytes.data())) {
            expect_public_key("this PEM is not an Ed25519 public key");
        }
        return std::string(as_text(bytes));
    }
    auto bytes = from_base64(line);
    if (!bytes) {
        expect_public_key("this is not base64, PEM or a line of OpenSSH");
    }
    return *std::move(bytes);
}

}  // namespace

VerifyingKey VerifyingKey::from_pem(std::string_view pem) {
    start_crypto();
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> bytes{};
    if (!read_pem(pem, "PUBLIC KEY", public_prefix, bytes.data())) {
        refuse("public key", "openssl pkey -in sign.pem -pubout -out sign.pub.pem");
    }
    return VerifyingKey(bytes);
}

VerifyingKey VerifyingKey::parse(std::string_view text) {
    start_crypto();
    std::string const key = key_bytes(text);
    if (key.size() != crypto_sign_PUBLICKEYBYTES) {
        expect_public_key("this has " + counted(static_cast<std::int64_t>(key.size()), "byte"));
    }
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> bytes{};
    std::copy(key.begin(), key.end(), bytes.begin());
    // Of the prime-order group, and in its one encoding. Every key that was made from a seed is.
    if (crypto_core_ed25519_is_valid_point(bytes.data()) != 1) {
        expect_public_key("these 32 bytes are a point of small order, or not a point of the curve");
    }
    return VerifyingKey(bytes);
}

std::string VerifyingKey::text() const { return to_base64(as_text(m_bytes)); }

bool VerifyingKey::verifies(std::string_view text, std::string_view signature) const {
    auto const bytes = from_base64(signature);
    return bytes && verifies_bytes(text, *bytes);
}

bool VerifyingKey::verifies_bytes(std::string_view text, std::string_view signature) const {
    return signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(reinterpret_cast<unsigned char const *>(signature.data()),
                                       reinterpret_cast<unsigned char const *>(text.data()), text.size(),
                                       m_bytes.data()) == 0;
}

SigningKey SigningKey::generate() {
    start_crypto();
    SecretBuffer key(crypto_sign_SECRETKEYBYTES);
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> unused{};
    crypto_sign_keypair(unused.data(), reinterpret_cast<unsigned char *>(key.writable().data()));
    return SigningKey(std::move(key));
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

SecretBuffer SigningKey::pem() const {
    constexpr std::string_view head = "-----BEGIN PRIVATE KEY-----\n";
    constexpr std::string_view foot = "\n-----END PRIVATE KEY-----\n";
    SecretBuffer der(private_prefix.size() + crypto_sign_SEEDBYTES);
    auto const end = std::copy(private_prefix.begin(), private_prefix.end(), der.writable().begin());
    std::copy_n(m_key.reveal().begin(), crypto_sign_SEEDBYTES, end);  // the seed comes first
    std::size_t const size = sodium_base64_ENCODED_LEN(private_prefix.size() + crypto_sign_SEEDBYTES, pem_base64);
    SecretBuffer base64(size);
    sodium_bin2base64(base64.writable().data(), size, reinterpret_cast<unsigned char const *>(der.reveal().data()),
                      der.size(), pem_base64);
    SecretBuffer pem(head.size() + size - 1 + foot.size());
    auto at = std::copy(head.begin(), head.end(), pem.writable().begin());
    at = std::copy_n(base64.reveal().begin(), size - 1, at);  // without the NUL that libsodium adds
    std::copy(foot.begin(), foot.end(), at);
    return pem;
}

VerifyingKey SigningKey::verifying_key() const {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> bytes{};
    crypto_sign_ed25519_sk_to_pk(bytes.data(), reinterpret_cast<unsigned char const *>(m_key.reveal().data()));
    return VerifyingKey::from_bytes(bytes);
}

std::string SigningKey::sign(std::string_view text) const {
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<unsigned char const *>(text.data()), text.size(),
                         reinterpret_cast<unsigned char const *>(m_key.reveal().data()));
    return to_base64(as_text(signature));
}

}  // namespace relay
