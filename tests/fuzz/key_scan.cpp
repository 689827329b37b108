// The scanner finds the same in a text as a whole and in pieces of any size, and every key that is written whole. Its work for
// a byte has a bound.
#include "relay/scan/scanner.hpp"
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

/// The ids of the keys, and the offsets at which whole and cut ones are.
std::set<std::string> seen(scan::Findings const &findings) {
    std::set<std::string> all;
    auto const add = [&](std::string const &what, KeyId const &id, scan::Places const &places) {
        all.insert(id.text());
        for (scan::Place const &place : places.first) {
            all.insert(what + id.text() + std::to_string(place.offset));
        }
    };
    for (auto const &[id, key] : findings.keys) {
        add("key ", id, key.places);
    }
    for (auto const &[id, places] : findings.cut) {
        add("cut ", id, places);
    }
    return all;
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
    scan::Scanner whole;
    whole.feed(text);
    scan::Findings const findings = whole.finish();
    std::set<std::string> const found = seen(findings);
    require(std::includes(found.begin(), found.end(), certain.begin(), certain.end()), "a whole key is found");
    require(findings.steps <= 200 * (text.size() + 64), "the work for a byte has a bound");
    scan::Scanner in_pieces;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        in_pieces.feed(std::string_view(text).substr(at, piece));
    }
    require(seen(in_pieces.finish()) == found, "pieces give what the whole gives");
    require(seen(in_pieces.finish()).empty(), "a scanner begins anew after its end");
    return 0;
}
