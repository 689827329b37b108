#include "relay/signing/signed_request.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace relay::signing {
namespace {

constexpr std::string_view label = "relay";
constexpr std::array<std::string_view, 5> covered{"@method", "@authority", "@path", "@query", "content-digest"};
constexpr std::array<std::string_view, 2> credential_headers{"authorization", "x-agent-secret"};
constexpr std::size_t proof_size = 32;
constexpr std::size_t ed25519_size = 64;
constexpr std::size_t shortest_nonce = 8;
constexpr std::size_t longest_nonce = 64;
constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999

/// Returns the members of a header that must occur once: a second one would be merged, and its last value would count.
SfDictionary dictionary_of(HttpRequest const &request, std::string_view name) {
    auto const values = values_of(request, name);
    if (values.size() != 1) {
        throw Malformed("the header " + std::string(name) + " occurs " + std::to_string(values.size()) + " times");
    }
    auto dictionary = parse_dictionary(values.front());
    if (!dictionary) {
        throw Malformed("the header " + std::string(name) + " is not a dictionary (RFC 8941), or has a key twice");
    }
    return *std::move(dictionary);
}

SfInnerList input_of(HttpRequest const &request) {
    SfDictionary const dictionary = dictionary_of(request, "signature-input");
    SfMember const *const member = find(dictionary, label);
    SfInnerList const *const list = member == nullptr ? nullptr : std::get_if<SfInnerList>(member);
    if (list == nullptr) {
        throw Malformed("signature-input has no list with the label relay");
    }
    bool const fits = std::equal(list->items.begin(), list->items.end(), covered.begin(), covered.end(),
                                 [](SfItem const &item, std::string_view name) {
                                     auto const *const text = std::get_if<std::string>(&item.value);
                                     return text != nullptr && *text == name && item.parameters.empty();
                                 });
    if (!fits) {
        throw Malformed(
            R"(the signature must cover ("@method" "@authority" "@path" "@query" "content-digest"), without flags)");
    }
    return *list;
}

template <typename T>
T const &parameter(SfInnerList const &input, std::string_view name) {
    auto const found = std::find_if(input.parameters.begin(), input.parameters.end(),
                                    [&](auto const &one) { return one.first == name; });
    T const *const value = found == input.parameters.end() ? nullptr : std::get_if<T>(&found->second);
    if (value == nullptr) {
        throw Malformed("the parameter " + std::string(name) + " is missing or of another type");
    }
    return *value;
}

std::string read_nonce(SfInnerList const &input) {
    auto const &nonce = parameter<std::string>(input, "nonce");
    bool const fits =
        nonce.size() >= shortest_nonce && nonce.size() <= longest_nonce &&
        std::all_of(nonce.begin(), nonce.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
    if (!fits) {
        throw Malformed("the nonce does not have 8 to 64 characters of A-Z, a-z, 0-9, - and _");
    }
    return nonce;
}

KeyId read_key_id(SfInnerList const &input) {
    auto const &text = parameter<std::string>(input, "keyid");
    bool const fits = text.size() == KeyId::length && text.find_first_not_of(KeyId::alphabet) == std::string::npos;
    if (!fits) {
        throw Malformed("keyid is not a key id");
    }
    return KeyId::parse(text);
}

Instant read_created(SfInnerList const &input) {
    std::int64_t const created = parameter<std::int64_t>(input, "created");
    if (created < 0 || created > last_second) {
        throw Malformed("created is not a time");
    }
    return Instant(std::chrono::seconds(created));
}

std::string read_signature(HttpRequest const &request) {
    SfDictionary const dictionary = dictionary_of(request, "signature");
    SfMember const *const member = find(dictionary, label);
    SfItem const *const item = member == nullptr ? nullptr : std::get_if<SfItem>(member);
    SfBytes const *const signature = item == nullptr ? nullptr : std::get_if<SfBytes>(&item->value);
    if (signature == nullptr || !item->parameters.empty()) {
        throw Malformed("signature has no bytes with the label relay");
    }
    if (signature->bytes.size() != proof_size && signature->bytes.size() != ed25519_size) {
        throw Malformed("the signature has neither 32 bytes (a proof) nor 64 (Ed25519)");
    }
    return signature->bytes;
}

void refuse_other_credentials(HttpRequest const &request) {
    for (std::string_view const name : credential_headers) {
        if (!values_of(request, name).empty()) {
            throw Malformed("the request has a signature and also the header " + std::string(name));
        }
    }
}

/// One digest, of one algorithm, and nothing after it.
void check_digest(HttpRequest const &request) {
    SfDictionary const dictionary = dictionary_of(request, "content-digest");
    SfItem const *const item = dictionary.size() == 1 ? std::get_if<SfItem>(&dictionary.front().second) : nullptr;
    SfBytes const *const digest = item == nullptr ? nullptr : std::get_if<SfBytes>(&item->value);
    if (digest == nullptr || dictionary.front().first != "sha-256" || !item->parameters.empty() ||
        digest->bytes.size() != 32) {
        throw Malformed("Content-Digest must have exactly one digest, sha-256");
    }
    if (request.has_trailers) {
        throw Malformed("the request has trailers");
    }
}

}  // namespace

bool has_signature(HttpRequest const &request) {
    return !values_of(request, "signature").empty() || !values_of(request, "signature-input").empty();
}

SignedRequest read_signed_request(HttpRequest const &request, PublicSide const &side) {
    refuse_other_credentials(request);
    SfInnerList const input = input_of(request);
    if (input.parameters.size() != 4 || parameter<std::string>(input, "tag") != label) {
        throw Malformed(R"(the parameters must be created, nonce, keyid and tag="relay", and no other)");
    }
    check_digest(request);
    Components const components = components_of(request, side);
    return {.key_id = read_key_id(input),
            .created = read_created(input),
            .nonce = read_nonce(input),
            .signature = read_signature(request),
            .authority = components.authority,
            .base = signature_base(components, input),
            .body_fits = content_digest(request.body) == components.content_digest};
}

}  // namespace relay::signing
