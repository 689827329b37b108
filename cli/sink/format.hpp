#pragma once

#include "cli/sink/batch/seal_keys.hpp"
#include "cli/sink/seal_key.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/identity/delivery.hpp"

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

enum class SecretFormat { raw, env, json, k8s, sealed };

/// Reads `--secret-format`. Throws Error (usage) with suggestions.
SecretFormat parse_secret_format(std::string_view text);
/// Returns the extension of a file in --secrets-dir: key, env, json, yaml, sealed.json.
std::string_view extension_of(SecretFormat format) noexcept;

/// Returns how a file with many secrets, one per line, begins. Only json and sealed have such files; empty for the
/// others.
constexpr std::string_view first_words_of_lines(SecretFormat format) noexcept {
    return format == SecretFormat::json     ? R"({"agent_id":")"
           : format == SecretFormat::sealed ? R"({"encrypted_value":")"
                                            : "";
}

/// How a secret is rendered. open_sink checks this beforehand.
struct Rendering {
    SecretFormat format = SecretFormat::raw;
    std::string env_prefix = "RELAY_";
    std::optional<std::string> k8s_name{};
    std::optional<std::string> k8s_namespace{};
    std::optional<SealKey> seal_key{};  ///< for sealed, unless seal_keys is set
    std::shared_ptr<SealKeys const> seal_keys{};  ///< for sealed: a public key per owner or organization
};

/// Where a secret is shown. In raw format, it has a final newline only on a terminal, and a label only if nothing else
/// is printed there.
enum class Medium { program, terminal, labelled_terminal };

/// Returns the whole content for one secret.
///
/// raw: the key. env: RELAY_AGENT_ID, RELAY_ORG_ID, RELAY_API_KEY, with values that need no quotes in sh, systemd,
/// compose or docker. json: one object with agent_id, org_id, key_id, api_key. k8s: one Secret manifest. sealed:
/// {"encrypted_value","key_id"}, the body that the GitHub API expects. An organization's admin token has no agent id,
/// and ADMIN_TOKEN or admin_token instead of the API key.
/// Throws Error (usage) if the id cannot be turned into a Kubernetes name.
SecretBuffer render_secret(Rendering const &rendering, NewKey const &issued, Medium medium);

/// Returns why no secret can be rendered for this recipient: there is no public key to seal with, or the id cannot be
/// turned into a Kubernetes name.
std::optional<std::string> why_not_rendered(Rendering const &rendering, Recipient const &recipient);

/// Returns one line of a file with many sealed keys:
/// {"encrypted_value","key_id","agent_id","org_id","owner","api_key_id"}. The first two are the body that the GitHub
/// API expects; the last is the key id (the public part) of the sealed key.
SecretBuffer render_sealed_line(Rendering const &rendering, NewKey const &issued);

/// Returns the JSON line of an agent's key, in pieces that live as long as `issued`. For appending many lines to one
/// buffer.
std::array<std::string_view, 9> json_pieces(NewKey const &issued);

/// Returns whether `content` is empty or begins as render_secret output does. It distinguishes a file that a killed run
/// left from a file of others.
bool may_be_rendered(std::string_view content) noexcept;

/// Joins the pieces in guarded memory.
SecretBuffer join_secret(std::initializer_list<std::string_view> pieces);
/// Returns standard base64 with padding, in guarded memory.
SecretBuffer base64_secret(std::string_view bytes);

}  // namespace relay::cli
