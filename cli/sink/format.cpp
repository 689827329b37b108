#include "cli/sink/format.hpp"

#include "cli/json/json.hpp"
#include "cli/sink/k8s.hpp"
#include "relay/crypto/sealed_box.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <sodium.h>
#include <algorithm>
#include <array>

namespace relay::cli {
namespace {

struct FormatName {
    std::string_view name;
    std::string_view extension;
    SecretFormat format;
};

constexpr std::array<FormatName, 5> format_names{{
    {"raw", "key", SecretFormat::raw},
    {"env", "env", SecretFormat::env},
    {"json", "json", SecretFormat::json},
    {"k8s", "yaml", SecretFormat::k8s},
    {"sealed", "sealed.json", SecretFormat::sealed},
}};

SecretBuffer render_raw(NewKey const &issued, Medium medium) {
    auto const label = issued.agent != nullptr ? "API Key:   " : "Admin Token: ";
    return join_secret(
        {medium == Medium::labelled_terminal ? label : "", issued.key.reveal(), medium == Medium::program ? "" : "\n"});
}

SecretBuffer render_env(std::string const &prefix, NewKey const &issued) {
    std::string_view const org = issued.org.text();
    if (issued.agent == nullptr) {
        return join_secret({prefix, "ORG_ID=", org, "\n", prefix, "ADMIN_TOKEN=", issued.key.reveal(), "\n"});
    }
    return join_secret({prefix, "AGENT_ID=", issued.agent->text(), "\n", prefix, "ORG_ID=", org, "\n", prefix,
                        "API_KEY=", issued.key.reveal(), "\n"});
}

/// Written by hand: ids and keys need no escaping, and a JSON library would copy the secret.
SecretBuffer render_json(NewKey const &issued) {
    std::string_view const org = issued.org.text();
    std::string_view const key_id = issued.key.id().text();
    if (issued.agent == nullptr) {
        return join_secret(
            {R"({"org_id":")", org, R"(","key_id":")", key_id, R"(","admin_token":")", issued.key.reveal(), "\"}\n"});
    }
    auto const pieces = json_pieces(issued);
    return join_secret(
        {pieces[0], pieces[1], pieces[2], pieces[3], pieces[4], pieces[5], pieces[6], pieces[7], pieces[8]});
}

SealKey const *seal_key_for(Rendering const &rendering, std::optional<std::string> const &owner, OrgId const &org) {
    return rendering.seal_keys ? rendering.seal_keys->find(owner, org.text()) : &rendering.seal_key.value();
}

/// Returns the members that every sealed secret begins with, without the closing brace.
std::string sealed_members(Rendering const &rendering, NewKey const &issued) {
    auto const *const seal_key = seal_key_for(rendering, issued.owner, issued.org);
    if (seal_key == nullptr) {
        throw Error(ErrorKind::internal, "no public key to seal a secret with");
    }
    return R"({"encrypted_value":")" + seal(seal_key->key, issued.key.reveal()) + R"(","key_id":")" + seal_key->key_id +
           '"';
}

SecretBuffer render_sealed(Rendering const &rendering, NewKey const &issued) {
    return join_secret({sealed_members(rendering, issued), "}\n"});
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Of a key, or of `agent env` in the formats env, systemd and sh.
bool may_be_env(std::string_view content) {
    constexpr std::string_view sh = "export ";
    content.remove_prefix(content.starts_with(sh) ? sh.size() : 0);
    auto const equals = content.find('=');
    auto const name = content.substr(0, equals);
    return equals != std::string_view::npos && std::all_of(name.begin(), name.end(), is_word_character) &&
           (name.ends_with("AGENT_ID") || name.ends_with("ORG_ID") || name.ends_with("TENANT_ID"));
}

/// Of `agent env` in the formats json and k8s.
bool may_be_environment(std::string_view content) {
    constexpr std::string_view json = "{\n  \"";
    auto const name = content.substr(0, content.find("\": \""));
    return (content.starts_with(json) && name.ends_with("TENANT_ID")) ||
           content.starts_with("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"");
}

bool may_be_key(std::string_view content) {
    return (content.starts_with("relay_sk_") || content.starts_with("relay_at_")) && content.size() <= ApiKey::length &&
           std::all_of(content.begin(), content.end(), is_word_character);
}

}  // namespace

std::array<std::string_view, 9> json_pieces(NewKey const &issued) {
    return {R"({"agent_id":")", issued.agent->text(), R"(","org_id":")",
            issued.org.text(),  R"(","key_id":")",    issued.key.id().text(),
            R"(","api_key":")", issued.key.reveal(),  "\"}\n"};
}

SecretFormat parse_secret_format(std::string_view text) {
    std::vector<std::string> names;
    for (auto const &known : format_names) {
        if (known.name == text) {
            return known.format;
        }
        names.emplace_back(known.name);
    }
    throw Error(ErrorKind::usage, "unknown secret format '" + std::string(text) + "'",
                {.next = "choose raw, env, json, k8s or sealed", .suggestions = closest(text, names)});
}

std::string_view extension_of(SecretFormat format) noexcept {
    return format_names[static_cast<std::size_t>(format)].extension;
}

SecretBuffer render_secret(Rendering const &rendering, NewKey const &issued, Medium medium) {
    switch (rendering.format) {
        case SecretFormat::raw: return render_raw(issued, medium);
        case SecretFormat::env: return render_env(rendering.env_prefix, issued);
        case SecretFormat::json: return render_json(issued);
        case SecretFormat::k8s: return render_k8s(rendering, issued);
        case SecretFormat::sealed: return render_sealed(rendering, issued);
    }
    throw Error(ErrorKind::internal, "no renderer for a secret format");
}

std::optional<std::string> why_not_rendered(Rendering const &rendering, Recipient const &recipient) {
    if (rendering.format == SecretFormat::sealed &&
        seal_key_for(rendering, recipient.owner, recipient.org) == nullptr) {
        return "no public key to seal with: --seal-keys has no entry for " +
               (recipient.owner ? "its owner " + quote_for_message(*recipient.owner) + ", its organization or *"
                                : std::string("its organization or * (the agent has no owner)"));
    }
    if (rendering.format == SecretFormat::k8s && !rendering.k8s_name && !can_name_k8s(recipient.agent.text())) {
        return "its id cannot be turned into a Kubernetes name";
    }
    return std::nullopt;
}

SecretBuffer render_sealed_line(Rendering const &rendering, NewKey const &issued) {
    auto const owner = issued.owner ? json_string(*issued.owner) : std::string("null");
    return join_secret({sealed_members(rendering, issued), R"(,"agent_id":")", issued.agent->text(), R"(","org_id":")",
                        issued.org.text(), R"(","owner":)", owner, R"(,"api_key_id":")", issued.key.id().text(),
                        "\"}\n"});
}

bool may_be_rendered(std::string_view content) noexcept {
    return content.empty() || may_be_key(content) || may_be_env(content) || content.starts_with(R"({"agent_id":")") ||
           content.starts_with(R"({"org_id":")") || content.starts_with(R"({"encrypted_value":")") ||
           content.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"") || may_be_environment(content);
}

SecretBuffer join_secret(std::initializer_list<std::string_view> pieces) {
    std::size_t size = 0;
    for (auto const piece : pieces) {
        size += piece.size();
    }
    SecretBuffer joined(size);
    auto out = joined.writable().begin();
    for (auto const piece : pieces) {
        out = std::copy(piece.begin(), piece.end(), out);
    }
    return joined;
}

SecretBuffer base64_secret(std::string_view bytes) {
    start_crypto();
    auto const size = sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    SecretBuffer encoded(size);
    sodium_bin2base64(encoded.writable().data(), size, reinterpret_cast<unsigned char const *>(bytes.data()),
                      bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    encoded.truncate(size - 1);  // the terminating NUL
    return encoded;
}

}  // namespace relay::cli
