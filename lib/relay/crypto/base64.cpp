#include "relay/crypto/base64.hpp"

#include <sodium.h>

namespace relay {
namespace {

constexpr int standard_base64 = sodium_base64_VARIANT_ORIGINAL;

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3, '\0');
    std::size_t size = 0;
    if (text.size() % 4 != 0 ||
        sodium_base642bin(reinterpret_cast<unsigned char *>(bytes.data()), bytes.size(), text.data(), text.size(),
                          nullptr, &size, nullptr, standard_base64) != 0) {
        return std::nullopt;
    }
    bytes.resize(size);
    return bytes;
}

std::string to_base64(std::string_view bytes) {
    std::string text(sodium_base64_encoded_len(bytes.size(), standard_base64), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<unsigned char const *>(bytes.data()), bytes.size(),
                      standard_base64);
    text.pop_back();  // the NUL that libsodium adds
    return text;
}

}  // namespace relay
