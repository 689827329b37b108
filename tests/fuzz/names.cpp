// A name has nothing invisible; escaped text neither; and no message repeats a key.
#include "relay/crypto/api_key.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <array>

using namespace relay;
using namespace relay::fuzz;

namespace {

bool is_visible(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, at);
        if (!point.valid || is_invisible(point.value)) {
            return false;
        }
        at += point.length;
    }
    return true;
}

std::string const &key() {
    static std::string const text = [] {
        std::array<unsigned char, 8> id{};
        std::array<unsigned char, 32> secret{};
        secret.fill(0x5A);
        return std::string(ApiKey::from_bytes(KeyType::agent, id, secret).reveal());
    }();
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const most = choices.below(120) + 1;
    std::string_view const text = choices.rest();
    if (auto const name = accepted([&] { return DisplayName::parse(text); })) {
        require(name->text() == text && text.size() <= 200 && !text.empty(), "a name is the text, within its length");
        require(is_visible(text) && is_clean_utf8(text), "a name has nothing invisible");
        require(escape_for_terminal(text) == text, "a name needs no escapes");
    }
    if (auto const note = accepted([&] { return Note::parse("reason", text); })) {
        require(is_visible(note->text()) && text.size() <= 1000, "a note has nothing invisible");
    }
    require(is_visible(escape_for_terminal(text)), "escaped text has nothing invisible");
    std::string const quoted = quote_for_message(text, most);
    require(is_visible(quoted) && quoted.size() <= 10 * most + 5, "quoted text has nothing invisible, and a bound");
    std::string const leaky = std::string(text) + ' ' + key() + ' ' + std::string(text);
    require(holds_key(leaky), "a key is noticed");
    require(quote_for_message(leaky, 100'000).find(key().substr(22, 43)) == std::string::npos, "no message has a key");
    return 0;
}
