#include "relay/crypto/sealed_box.hpp"

#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"

#include <sodium.h>

#include <algorithm>
#include <string>
#include <vector>

namespace relay {
namespace {

constexpr int standard_base64 = sodium_base64_VARIANT_ORIGINAL;

// The text is not quoted, because it may be the private key, or a file that was given by mistake.
[[noreturn]] void refuse(std::string const &fault) {
    throw Error(ErrorKind::usage, "not a sealing key: " + fault,
                {.next = "give 32 bytes of an X25519 public key in standard base64"});
}

std::vector<unsigned char> seal_bytes(SealingKey const &key, std::string_view secret) {
    start_crypto();
    std::vector<unsigned char> box(crypto_box_SEALBYTES + secret.size());
    auto const *const bytes = reinterpret_cast<unsigned char const *>(secret.data());
    if (crypto_box_seal(box.data(), bytes, secret.size(), key.bytes.data()) != 0) {
        refuse("a weak point of the curve");
    }
    return box;
}

}  // namespace

SealingKey SealingKey::from_base64(std::string_view text) {
    start_crypto();
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    SealingKey key;
    static_assert(sizeof key.bytes == crypto_box_PUBLICKEYBYTES);
    std::array<unsigned char, 2 * sizeof key.bytes> decoded{};
    std::size_t size = 0;
    if (sodium_base642bin(decoded.data(), decoded.size(), text.data(), text.size(), nullptr, &size, nullptr,
                          standard_base64) != 0) {
        refuse("not 32 bytes of standard base64 with padding");
    }
    if (size != key.bytes.size()) {
        refuse(std::to_string(size) + " bytes where 32 are needed");
    }
    std::copy_n(decoded.begin(), key.bytes.size(), key.bytes.begin());
    seal_bytes(key, "");  // refuses a key that cannot seal now, not after the work
    return key;
}

std::string seal(SealingKey const &key, std::string_view secret) {
    std::vector<unsigned char> const box = seal_bytes(key, secret);
    std::string out(sodium_base64_encoded_len(box.size(), standard_base64), '\0');
    sodium_bin2base64(out.data(), out.size(), box.data(), box.size(), standard_base64);
    out.pop_back();  // the NUL that libsodium adds
    return out;
}

}  // namespace relay
