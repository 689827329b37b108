// ApiKey::parse accepts exactly the keys: what it accepts reads back, a made key is accepted, and no key survives the
// change of a character.
#include "relay/crypto/api_key.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>

using namespace relay;
using namespace relay::fuzz;

namespace {

void check_text(std::string_view text) {
    auto const key = accepted([&] { return ApiKey::parse(text); });
    if (!key) {
        return;
    }
    std::string_view const alone = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
    require(key->reveal() == alone, "a key is the text itself");
    require(alone.size() == ApiKey::length, "a key has its length");
    require(alone.substr(9, 12) == key->id().text(), "the key id is part of the key");
}

void check_made(Choices choices) {
    std::array<unsigned char, 8> id{};
    std::array<unsigned char, 32> secret{};
    constexpr std::array types{KeyType::agent, KeyType::org_admin, KeyType::device};
    KeyType const type = types[choices.below(types.size())];
    auto const fill = [&](auto &bytes) {
        std::string_view const part = choices.take(bytes.size());
        std::copy(part.begin(), part.end(), bytes.begin());
    };
    fill(id);
    fill(secret);
    ApiKey const key = ApiKey::from_bytes(type, id, secret);
    auto const again = accepted([&] { return ApiKey::parse(key.reveal()); });
    require(again && again->id() == key.id() && again->type() == type, "a made key is accepted");
    require(again->hash().bytes == key.hash().bytes, "and has the same hash");
    std::string other(key.reveal());
    std::size_t const at = choices.below(other.size());
    auto const changed = static_cast<char>(choices.below(256));
    if (other[at] != changed) {
        other[at] = changed;
        auto const kept = accepted([&] { return ApiKey::parse(other); });
        // The prefixes differ in one character or two (relay_at_, relay_dt_), and the checksum covers them, too.
        require(!kept, "no key survives the change of a character");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    if (choices.below(2) == 0) {
        check_text(choices.rest());
    } else {
        check_made(choices);
    }
    return 0;
}
