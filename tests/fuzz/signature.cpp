// The kit's reader of signed requests (tests/contract/kit/signing.hpp): what it accepts has one base, whose lines are those of the
// request, and the canonical spelling of what it accepts reads back.
#include "tests/contract/kit/signing.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace relay::fuzz;
using gateway::Malformed;
using gateway::Request;
using gateway::Signed;

namespace {

gateway::Place const place{.names = {"relay.example.com"}, .proxies = {"192.0.2.1"}};
constexpr std::string_view params = R"(;created=1796000000;nonce="k2Jx0Vn8Q1m7";keyid="000g40r40m30";tag="relay")";
constexpr std::string_view components = R"(("@method" "@authority" "@path" "@query" "content-digest"))";
constexpr std::string_view signature = "relay=:d0t6av3to7kqjvvpE1EyvuitRMoZJXp8i4K+LiBLjZk=:";

Request good() {
    return {.method = "POST",
            .target = "/p?q",
            .headers = {{"Host", "relay.example.com"},
                        {"Content-Digest", gateway::digest_of("")},
                        {"Signature-Input", "relay=" + std::string(components) + std::string(params)},
                        {"Signature", std::string(signature)}}};
}

/// Returns what is read; nothing: it is refused, or it is not signed.
std::optional<Signed> found(Request const &request) {
    try {
        return gateway::read(request, place);
    } catch (Malformed const &error) {
        require(std::string_view(error.what()).size() < 200, "a message has a bound");
        return std::nullopt;
    }
}

std::string_view last_line(std::string_view text) { return text.substr(text.rfind('\n') + 1); }

void check(Request const &request) {
    auto const read = found(request);
    if (!read) {
        return;
    }
    std::string_view const base = read->base;
    require(std::count(base.begin(), base.end(), '\n') == 5, "the base has six lines");
    require(std::all_of(base.begin(), base.end(), [](char one) { return one == '\n' || (one >= ' ' && one <= '~'); }),
            "they are printable");
    require(base.starts_with("\"@method\": " + request.method + "\n\"@authority\": relay.example.com\n\"@path\": /"),
            "they are those of the request");
    require(base.find("\n\"content-digest\": " + read->digest + "\n") != std::string_view::npos, "with its digest");
    require(read->signature.size() == 32 || read->signature.size() == 64, "a signature has one of two lengths");
    require(read->nonce.size() >= 8 && read->nonce.size() <= 64 && read->key_id.size() == 12, "and so have the others");
    require(read->created >= 0 && read->created < 1'000'000'000'000, "the time is in seconds");

    constexpr std::string_view name = "\"@signature-params\": ";
    std::string_view const line = last_line(base);
    require(line.starts_with(name), "the last line has the parameters");
    Request again = request;
    for (auto &[header, value] : again.headers) {
        if (header == "Signature-Input") {
            value = "relay=" + std::string(line.substr(name.size()));
        }
    }
    auto const same = found(again);
    require(same && same->base == base && same->signature == read->signature, "the canonical spelling reads back");
}

/// A member of another label before or after ours changes nothing, unless the text has that label.
void check_dictionary(std::string const &text) {
    auto const value = [](std::string const &header) -> std::optional<std::string> {
        try {
            auto const one = gateway::member(header, "relay");
            return one ? std::optional(std::string(*one)) : std::optional<std::string>("none");
        } catch (Malformed const &) {
            return std::nullopt;
        }
    };
    auto const alone = value(text);
    if (alone && !text.empty() && text.size() < 8000 && text.find("-it") == text.npos) {
        require(value("*before-it=(1 \"x\");b, " + text) == alone && value(text + " ,\t*after-it") == alone,
                "members do not mix");
    }
    require(!alone || text.empty() || !value(text + ","), "a comma at the end is refused");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const what = choices.below(8);
    std::string const text(choices.rest());
    Request request = good();
    if (what < 4) {
        request.headers[std::size_t(what)].second = text;
    } else if (what == 4) {
        request.target = text;
    } else if (what == 5) {
        request.method = text;
    } else if (what == 6) {
        request.headers[2].second = "relay=" + std::string(components) + text;
    } else {
        std::size_t const at = std::min(text.find(':'), text.size());
        request.headers.emplace_back(text.substr(0, at), text.substr(std::min(at + 1, text.size())));
        request.peer = "192.0.2.1";
    }
    check(request);
    check_dictionary(text);
    return 0;
}
