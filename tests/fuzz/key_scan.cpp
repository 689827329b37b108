// KeyScanner finds the same keys in a text as a whole and in pieces of any size, and every key that is alone on a line.
#include "relay/crypto/key_scanner.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

using namespace relay;
using namespace relay::fuzz;

namespace {

std::string made_key(unsigned char number) {
    std::array<unsigned char, 8> id{};
    std::array<unsigned char, 32> secret{};
    id.fill(number);
    secret.fill(static_cast<unsigned char>(number * 7));
    return std::string(ApiKey::from_bytes(number % 2 == 0 ? KeyType::agent : KeyType::org_admin, id, secret).reveal());
}

std::set<std::string> ids_of(KeyScanner &scanner) {
    std::set<std::string> ids;
    for (auto const &[id, found] : scanner.finish()) {
        ids.insert(id.text());
    }
    return ids;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const piece = choices.below(200) + 1;
    std::string text;
    std::set<std::string> certain;
    for (char const c : choices.rest()) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0xF0) {
            text += c;
            continue;
        }
        std::string const key = made_key(byte % 8);  // whole, cut, with a character in it, or alone on a line
        switch (byte / 8 % 2) {
            case 0: text += byte % 2 == 0 ? key : key.substr(0, 40) + "\x1b[0m" + key.substr(40); break;
            default: text += "\n" + key + "\n"; certain.insert(key.substr(9, 12));
        }
    }
    KeyScanner whole;
    whole.feed(text);
    std::set<std::string> const found = ids_of(whole);
    require(std::includes(found.begin(), found.end(), certain.begin(), certain.end()),
            "a key alone on a line is found");
    KeyScanner in_pieces;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        in_pieces.feed(std::string_view(text).substr(at, piece));
    }
    require(ids_of(in_pieces) == found, "pieces give what the whole gives");
    require(ids_of(in_pieces).empty(), "a scanner begins anew after its end");
    return 0;
}
