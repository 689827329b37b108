#include "relay/crypto/sealed_box.hpp"

#include "relay/crypto/base64.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"

#include <sodium.h>

#include <algorithm>
#include <string>
#include <vector>

namespace relay {
namespace {

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
    auto const decoded = relay::from_base64(text);
    if (!decoded) {
        refuse("not 32 bytes of standard base64 with padding");
    }
    if (decoded->size() != key.bytes.size()) {
        refuse(std::to_string(decoded->size()) + " bytes where 32 are needed");
    }
    std::copy(decoded->begin(), decoded->end(), key.bytes.begin());
    seal_bytes(key, "");  // refuses a key that cannot seal now, not after the work
    return key;
}

std::string seal(SealingKey const &key, std::string_view secret) {
    std::vector<unsigned char> const box = seal_bytes(key, secret);
    return to_base64({reinterpret_cast<char const *>(box.data()), box.size()});
}

}  // namespace relay
