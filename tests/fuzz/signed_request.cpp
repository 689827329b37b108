// A captured request is read, or refused as Malformed. What was accepted has its bounds, and its base covers what was sent.
#include "relay/signing/signed_request.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace relay::fuzz;
using namespace relay::signing;

namespace {

void check_dictionary(std::string_view text) {
    auto const dictionary = parse_dictionary(text);
    if (!dictionary) {
        return;
    }
    for (auto const &[key, member] : *dictionary) {
        auto const *const list = std::get_if<SfInnerList>(&member);
        if (list != nullptr) {
            auto const again = parse_dictionary("a=" + write(*list));
            require(again.has_value() && again->size() == 1, "the canonical form is a dictionary");
            auto const *const same = std::get_if<SfInnerList>(&again->front().second);
            require(same != nullptr && write(*same) == write(*list), "the canonical form stays the same");
        }
    }
}

void check_request(std::string_view text) {
    HttpRequest const request = parse_http_request(text);
    require(request.body.size() <= text.size(), "a body is not longer than the text");
    auto const found = read_signed_request(request, {});
    require(found.signature.size() == 32 || found.signature.size() == 64, "a signature has its length");
    require(found.nonce.size() >= 8 && found.nonce.size() <= 64, "a nonce has its length");
    require(found.base.starts_with("\"@method\": " + request.method + "\n"), "the base begins with the method");
    require(found.base.find("\n\"@signature-params\": (") != std::string::npos, "the base ends with the parameters");
    require(std::count(found.base.begin(), found.base.end(), '\n') == 5, "no value has a line end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    bool const is_request = choices.below(2) == 0;
    try {
        is_request ? check_request(choices.rest()) : check_dictionary(choices.rest());
    } catch (Malformed const &error) {
        require(std::string_view(error.what()).size() < 200, "a message has a bound");
    }
    return 0;
}
