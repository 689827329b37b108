#include "signing.hpp"

#include <sodium.h>
#include <algorithm>
#include <charconv>
#include <ctime>

namespace gateway {

namespace {

constexpr std::string_view label = "relay";  // of our member in both headers, and the tag
constexpr std::string_view components = R"(("@method" "@authority" "@path" "@query" "content-digest"))";
constexpr std::array<std::string_view, 5> component_items{R"("@method")", R"("@authority")", R"("@path")",
                                                          R"("@query")", R"("content-digest")"};

bool is_printable(char one) { return one > ' ' && one <= '~'; }

template <typename Is>
bool all(std::string_view text, Is const &is) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

std::string lower_case(std::string_view text) {
    std::string made(text);
    for (char &one : made) {
        one = one >= 'A' && one <= 'Z' ? char(one - 'A' + 'a') : one;
    }
    return made;
}

unsigned char const *bytes(std::string_view text) { return reinterpret_cast<unsigned char const *>(text.data()); }

std::string_view view(Bytes32 const &some) { return {reinterpret_cast<char const *>(some.data()), some.size()}; }

Bytes32 sha256(std::string_view text) {
    Bytes32 made{};
    crypto_hash_sha256(made.data(), bytes(text), text.size());
    return made;
}

Bytes32 hmac(Bytes32 const &key, Bytes32 const &message) {
    Bytes32 made{};
    crypto_auth_hmacsha256(made.data(), message.data(), message.size(), key.data());
    return made;
}

std::string base64(std::string_view text, int variant = sodium_base64_VARIANT_ORIGINAL) {
    std::string made(sodium_base64_encoded_len(text.size(), variant), '\0');
    sodium_bin2base64(made.data(), made.size(), bytes(text), text.size(), variant);
    made.pop_back();  // its NUL
    return made;
}

/// Returns what is between the quotes of a value with this form; otherwise nothing.
template <typename Is>
std::optional<std::string> quoted(std::string_view value, std::size_t least, std::size_t most, Is const &is) {
    if (value.size() < least + 2 || value.size() > most + 2 || value.front() != '"' || value.back() != '"') {
        return std::nullopt;
    }
    std::string_view const text = value.substr(1, value.size() - 2);
    return all(text, is) ? std::optional(std::string(text)) : std::nullopt;
}

bool is_id(char one) { return (is_lower(one) || is_digit(one)) && !is_in(one, "ilou"); }

/// Returns an API key without its newline. Throws std::invalid_argument.
std::string_view key_text(std::string_view key) {
    std::string_view const text = key.ends_with('\n') ? key.substr(0, key.size() - 1) : key;
    auto const is_base62 = [](char one) { return is_letter(one) || is_digit(one); };
    if (text.size() != 71 || !text.starts_with("relay_sk_") || !all(text.substr(9, 12), is_id) || text[21] != '_' ||
        !all(text.substr(22), is_base62)) {
        throw std::invalid_argument("this is not an API key");
    }
    return text;
}

std::optional<std::int64_t> seconds(std::string_view value) {
    bool const good = all(value, is_digit) && value.size() <= 12 && (value == "0" || value.front() != '0');
    std::int64_t number = 0;
    return good && std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc()
               ? std::optional(number)
               : std::nullopt;
}

/// The parameters of a signature; each comes once.
struct Said {
    std::optional<std::int64_t> created{};
    std::optional<std::string> nonce{}, keyid{}, tag{};
    std::string text{};  ///< in the order received

    [[noreturn]] static void refuse() { throw Malformed("a parameter is unknown, came twice, or has another form"); }
    /// Takes a value that must have come, and no other before it.
    template <typename Value>
    static void once(std::optional<Value> &held, std::optional<Value> const &value) {
        if (held || !value) {
            refuse();
        }
        held = value;
    }
    void add(std::string_view name, std::string_view value) {
        if (name == "created") {
            once(created, seconds(value));
        } else if (name == "nonce") {
            once(nonce, quoted(value, 8, 64,
                               [](char one) { return is_letter(one) || is_digit(one) || one == '_' || one == '-'; }));
        } else if (name == "keyid") {
            once(keyid, quoted(value, 12, 12, is_id));
        } else if (name == "tag") {
            once(tag, value == R"("relay")" ? std::optional(std::string(label)) : std::nullopt);
        } else {
            refuse();
        }
        text.append(";").append(name).append("=").append(value);
    }
};

Said parameters_of(std::string_view text) {
    Reader reader(text);
    bool fixed = reader.take('(');
    for (std::string_view const item : component_items) {
        bool const apart = reader.blanks() > 0 || item == component_items.front();
        fixed = fixed && apart && reader.take(item);
    }
    reader.blanks();
    if (!fixed || !reader.take(')')) {
        throw Malformed("the components are not " + std::string(components));
    }
    Said found;
    for (auto const &[name, value] : reader.parameters()) {
        found.add(name, value);
    }
    if (!reader.at_end() || !found.created || !found.nonce || !found.keyid || !found.tag) {
        throw Malformed("a parameter is missing");
    }
    return found;
}

/// Returns the bytes of `:BASE64:` if there are 32 or 64, spelled in the only way.
std::optional<std::string> signature_of(std::string_view value) {
    if (value.size() < 2 || value.front() != ':' || value.back() != ':') {
        return std::nullopt;
    }
    std::string_view const text = value.substr(1, value.size() - 2);
    std::string made(64, '\0');
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char *>(made.data()), made.size(), text.data(), text.size(),
                          nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
        return std::nullopt;
    }
    made.resize(size);
    return (size == 32 || size == 64) && base64(made) == text ? std::optional(made) : std::nullopt;
}

bool is_digest(std::string_view value) {
    constexpr std::string_view start = "sha-256=";
    if (!value.starts_with(start)) {
        return false;
    }
    auto const found = signature_of(value.substr(start.size()));
    return found && found->size() == 32;
}

std::vector<std::string_view> values(Request const &request, std::string_view name) {
    std::vector<std::string_view> found;
    for (auto const &[header, value] : request.headers) {
        if (lower_case(header) == name) {
            std::string_view text = value;
            while (!text.empty() && is_in(text.front(), " \t")) {
                text.remove_prefix(1);
            }
            while (!text.empty() && is_in(text.back(), " \t")) {
                text.remove_suffix(1);
            }
            found.push_back(text);
        }
    }
    return found;
}

struct Target {
    std::optional<std::string_view> authority{};  ///< of an absolute target
    std::string_view path{}, query{};
};

Target target_of(std::string_view text) {
    Target found;
    if (!all(text, is_printable) || is_in('#', text)) {
        throw Malformed("the method or the target");
    }
    std::string_view rest = text;
    for (std::string_view const scheme : {"http://", "https://"}) {
        if (lower_case(text.substr(0, scheme.size())) == scheme) {
            rest = text.substr(scheme.size());
            found.authority = rest.substr(0, rest.find_first_of("/?"));
            rest.remove_prefix(found.authority->size());
        }
    }
    std::size_t const mark = std::min(rest.find('?'), rest.size());
    found.path = rest.substr(0, mark);
    found.query = rest.substr(mark);
    if (!found.path.starts_with('/') && (!found.path.empty() || !found.authority)) {
        throw Malformed("the target is not a path");
    }
    return found;
}

std::string authority_of(Request const &request, std::optional<std::string_view> absolute, Place const &place) {
    auto const hosts = values(request, "host"), forwarded = values(request, "x-forwarded-host");
    std::set<std::string> shown;
    for (std::string_view const one : hosts) {
        shown.insert(normal(one, place.scheme));
    }
    if (request.authority) {
        shown.insert(normal(*request.authority, place.scheme));
    }
    if (absolute) {
        shown.insert(normal(*absolute, place.scheme));
    }
    if (hosts.size() > 1 || shown.size() != 1 || (hosts.empty() && !request.authority)) {
        throw Malformed("two hosts, or none");
    }
    if (forwarded.size() > 1 || (forwarded.size() == 1 && !place.proxies.contains(request.peer))) {
        throw Malformed("X-Forwarded-Host");
    }
    std::string const authority = forwarded.empty() ? *shown.begin() : normal(forwarded.front(), place.scheme);
    if (authority.empty() || !place.names.contains(authority)) {
        throw Malformed("not a host of this gateway");
    }
    return authority;
}

std::string base_of(std::string_view method, std::string_view authority, std::string_view path, std::string_view query,
                    std::string_view digest, std::string_view parameters) {
    std::string base;
    auto const line = [&](std::string_view name, std::string_view value) {
        base.append("\"").append(name).append("\": ").append(value).append("\n");
    };
    line("@method", method);
    line("@authority", authority);
    line("@path", path.empty() ? "/" : path);
    line("@query", query.empty() ? "?" : query);
    line("content-digest", digest);
    return base.append("\"@signature-params\": ").append(components).append(parameters);
}

}  // namespace

Bytes32 Signed::message() const { return sha256(base); }

std::string digest_of(std::string_view body) { return "sha-256=:" + base64(view(sha256(body))) + ":"; }

std::string normal(std::string_view authority, std::string_view scheme) {
    std::string made = lower_case(authority);
    std::string_view const port = scheme == "http" ? ":80" : ":443";
    if (made.ends_with(port)) {
        made.resize(made.size() - port.size());
    }
    return made;
}

std::optional<Signed> read(Request const &request, Place const &place) {
    auto const inputs = values(request, "signature-input"), signatures = values(request, "signature");
    if (inputs.size() > 1 || signatures.size() > 1) {
        throw Malformed("a header came twice");
    }
    auto const input = inputs.empty() ? std::nullopt : member(inputs.front(), label);
    auto const shown = signatures.empty() ? std::nullopt : member(signatures.front(), label);
    if (!input && !shown) {
        return std::nullopt;
    }
    for (std::string const &name : place.credentials) {
        if (!values(request, name).empty()) {
            throw Malformed("two credentials");
        }
    }
    auto const digests = values(request, "content-digest");
    auto const signature = signature_of(shown.value_or(""));
    if (!signature || !input || digests.size() != 1 || !is_digest(digests.front())) {
        throw Malformed("Signature, Signature-Input and Content-Digest go together, with one sha-256");
    }
    Said const parameters = parameters_of(*input);
    if (!all(request.method, is_token) || request.method == "CONNECT") {
        throw Malformed("the method or the target");
    }
    Target const target = target_of(request.target);
    std::string const authority = authority_of(request, target.authority, place);
    return Signed{
        .key_id = *parameters.keyid,
        .created = *parameters.created,
        .nonce = *parameters.nonce,
        .digest = std::string(digests.front()),
        .signature = *signature,
        .base = base_of(request.method, authority, target.path, target.query, digests.front(), parameters.text)};
}

bool proves(Bytes32 const &verifier, Bytes32 const &message, std::string_view proof) {
    if (proof.size() != verifier.size()) {
        return false;
    }
    Bytes32 digest = hmac(verifier, message);
    for (std::size_t at = 0; at < digest.size(); ++at) {
        digest[at] ^= bytes(proof)[at];
    }
    return sodium_memcmp(sha256(view(digest)).data(), verifier.data(), verifier.size()) == 0;
}

bool verifies(Bytes32 const &public_key, std::string_view base, std::string_view signature) {
    return signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(bytes(signature), bytes(base), base.size(), public_key.data()) == 0;
}

Proof::Proof(std::string_view key)
    : Signer(std::string(key_text(key).substr(9, 12))),
      m_digest(sha256(key_text(key))),
      m_verifier(sha256(view(m_digest))) {}

std::string Proof::sign(std::string_view base) const {
    Bytes32 made = hmac(m_verifier, sha256(base));
    for (std::size_t at = 0; at < made.size(); ++at) {
        made[at] ^= m_digest[at];
    }
    return std::string(view(made));
}

Bytes32 seed_of(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN PRIVATE KEY-----", end = "-----END PRIVATE KEY-----";
    constexpr std::array<unsigned char, 16> pkcs8{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                  0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    std::size_t const from = pem.find(begin), to = pem.find(end);
    std::array<unsigned char, 48> der{};
    std::size_t size = 0;
    bool const good =
        from != pem.npos && to != pem.npos && from + begin.size() < to &&
        sodium_base642bin(der.data(), der.size(), pem.data() + from + begin.size(), to - from - begin.size(), " \r\n",
                          &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
    if (!good || size != der.size() || !std::equal(pkcs8.begin(), pkcs8.end(), der.begin())) {
        throw std::invalid_argument("this is not a private key of Ed25519 in PEM");
    }
    Bytes32 seed{};
    std::copy(der.begin() + pkcs8.size(), der.end(), seed.begin());
    return seed;
}

Ed25519::Ed25519(std::string key_id, Bytes32 const &seed) : Signer(std::move(key_id)) {
    Bytes32 public_key{};
    crypto_sign_seed_keypair(public_key.data(), m_key.data(), seed.data());
}

std::string Ed25519::sign(std::string_view base) const {
    std::string made(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char *>(made.data()), nullptr, bytes(base), base.size(),
                         m_key.data());
    return made;
}

std::map<std::string, std::string> sign(Signer const &signer, std::string_view method, std::string_view url,
                                        std::string_view body, std::optional<std::int64_t> created,
                                        std::optional<std::string> const &nonce) {
    try {
        Target const target = target_of(url);
        bool const is_host = target.authority && all(*target.authority, [](char one) {
                                 return is_letter(one) || is_digit(one) || is_in(one, ".:[]-");
                             });
        if (!is_host || !all(method, is_token) || method == "CONNECT") {
            throw Malformed("");
        }
        std::string random(16, '\0');
        randombytes_buf(random.data(), random.size());
        std::string parameters = ";created=" + std::to_string(created.value_or(std::time(nullptr))) + ";nonce=\"";
        parameters.append(nonce ? *nonce : base64(random, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
        parameters.append("\";keyid=\"").append(signer.key_id()).append("\";tag=\"relay\"");
        std::string const authority =
            normal(*target.authority, lower_case(url.substr(0, 5)) == "http:" ? "http" : "https");
        std::string const base = base_of(method, authority, target.path, target.query, digest_of(body), parameters);
        return {{"Content-Digest", digest_of(body)},
                {"Signature-Input", "relay=" + std::string(components) + parameters},
                {"Signature", "relay=:" + base64(signer.sign(base)) + ":"}};
    } catch (Malformed const &) {
        throw std::invalid_argument("this cannot be signed: " + std::string(method) + " " + std::string(url));
    }
}

}  // namespace gateway
