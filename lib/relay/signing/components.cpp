#include "relay/crypto/base64.hpp"
#include "relay/crypto/sha256.hpp"
#include "relay/signing/signed_request.hpp"

#include <algorithm>
#include <optional>

namespace relay::signing {
namespace {

std::string_view default_port(std::string_view scheme) { return scheme == "http" ? ":80" : ":443"; }

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

/// The header that HTTP/1.1 has, and the pseudo-header that HTTP/2 has; both are the same if both are there.
std::string host_of(HttpRequest const &request, std::string_view scheme) {
    auto const hosts = values_of(request, "host");
    auto const pseudo = values_of(request, ":authority");
    if (hosts.size() > 1 || pseudo.size() > 1) {
        throw Malformed("Host occurs more than once");
    }
    if (hosts.empty() && pseudo.empty()) {
        throw Malformed("there is no Host");
    }
    std::string const host = normal_authority(hosts.empty() ? pseudo.front() : hosts.front(), scheme);
    if (!pseudo.empty() && normal_authority(pseudo.front(), scheme) != host) {
        throw Malformed("Host and :authority differ");
    }
    return host;
}

/// The host that a proxy says its caller has asked for; none: it says nothing.
std::optional<std::string> forwarded_host(HttpRequest const &request, PublicSide const &side) {
    auto const hosts = values_of(request, "x-forwarded-host");
    if (hosts.empty()) {
        return std::nullopt;
    }
    if (!side.is_proxied) {
        throw Malformed("X-Forwarded-Host is set, and no proxy is known that sets it");
    }
    if (hosts.size() > 1) {
        throw Malformed("X-Forwarded-Host occurs more than once");
    }
    return normal_authority(hosts.front(), side.scheme);
}

/// A request target in absolute form (http://host/path) has an authority, too.
struct Target {
    std::string_view authority{};
    std::string_view path_and_query{};
};

Target split(std::string_view target) {
    if (target.starts_with('/')) {
        return {.path_and_query = target};
    }
    std::size_t const scheme_end = std::min(target.find("://"), target.size());
    std::string const scheme = lower_case(target.substr(0, scheme_end));
    if (scheme_end == target.size() || (scheme != "http" && scheme != "https")) {
        throw Malformed("the request target has no path");
    }
    std::string_view const rest = target.substr(scheme_end + 3);
    std::size_t const end = std::min(rest.find_first_of("/?"), rest.size());
    if (end == 0) {
        throw Malformed("the request target has no host");
    }
    return {.authority = rest.substr(0, end), .path_and_query = rest.substr(end)};
}

}  // namespace

std::string normal_authority(std::string_view text, std::string_view scheme) {
    std::string authority = lower_case(text);
    if (authority.ends_with(default_port(scheme))) {
        authority.resize(authority.size() - default_port(scheme).size());
    }
    if (authority.empty() || !is_visible_ascii(authority) ||
        authority.find_first_of("@/?#,\"\\") != std::string::npos) {
        throw Malformed("Host is not a name with an optional port");
    }
    return authority;
}

Components components_of(HttpRequest const &request, PublicSide const &side) {
    Components parts{.method = request.method};
    if (parts.method.empty() || !is_visible_ascii(parts.method)) {
        throw Malformed("the method has a blank or a byte that is not ASCII");
    }
    if (parts.method == "CONNECT" || request.target == "*") {
        throw Malformed("CONNECT and OPTIONS * have no path to sign");
    }
    if (!is_visible_ascii(request.target) || request.target.find('#') != std::string::npos) {
        throw Malformed("the request target has a blank, a # or a byte that is not ASCII");
    }
    Target const target = split(request.target);
    parts.authority = host_of(request, side.scheme);
    if (!target.authority.empty() && normal_authority(target.authority, side.scheme) != parts.authority) {
        throw Malformed("Host and the request target differ");
    }
    if (auto forwarded = forwarded_host(request, side)) {
        parts.authority = *std::move(forwarded);
    }
    if (!side.authorities.empty() &&
        std::find(side.authorities.begin(), side.authorities.end(), parts.authority) == side.authorities.end()) {
        throw Malformed("the host " + parts.authority + " is not a name of this gateway");
    }
    std::size_t const mark = target.path_and_query.find('?');
    parts.path = target.path_and_query.substr(0, mark);
    parts.path = parts.path.empty() ? "/" : parts.path;
    parts.query = mark == std::string_view::npos ? "?" : std::string(target.path_and_query.substr(mark));
    auto const digests = values_of(request, "content-digest");
    if (digests.size() != 1) {
        throw Malformed("Content-Digest occurs " + std::to_string(digests.size()) + " times");
    }
    parts.content_digest = digests.front();
    return parts;
}

SfInnerList signature_parameters(Instant created, std::string const &nonce, KeyId const &key_id) {
    SfInnerList list;
    for (auto const *const name : {"@method", "@authority", "@path", "@query", "content-digest"}) {
        list.items.push_back({.value = std::string(name)});
    }
    auto const seconds = std::chrono::floor<std::chrono::seconds>(created).time_since_epoch().count();
    list.parameters = {
        {"created", std::int64_t{seconds}}, {"nonce", nonce}, {"keyid", key_id.text()}, {"tag", std::string("relay")}};
    return list;
}

std::string signature_base(Components const &components, SfInnerList const &parameters) {
    return "\"@method\": " + components.method + "\n\"@authority\": " + components.authority +
           "\n\"@path\": " + components.path + "\n\"@query\": " + components.query +
           "\n\"content-digest\": " + components.content_digest + "\n\"@signature-params\": " + write(parameters);
}

std::string content_digest(std::string_view body) {
    auto const digest = Sha256::of(body).bytes;
    return "sha-256=:" + to_base64({reinterpret_cast<char const *>(digest.data()), digest.size()}) + ':';
}

}  // namespace relay::signing
