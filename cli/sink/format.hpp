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
/// The extension of a file in --secrets-dir: key, env, json, yaml, sealed.json.
std::string_view extension_of(SecretFormat format) noexcept;

/// What a file with many secrets, one a line, begins with: json and sealed have such files; empty: none.
constexpr std::string_view first_words_of_lines(SecretFormat format) noexcept {
    return format == SecretFormat::json     ? R"({"agent_id":")"
           : format == SecretFormat::sealed ? R"({"encrypted_value":")"
                                            : "";
}

/// How a secret is rendered; checked beforehand by open_sink.
struct Rendering {
    SecretFormat format = SecretFormat::raw;
    std::string env_prefix = "RELAY_";
    std::optional<std::string> k8s_name{};
    std::optional<std::string> k8s_namespace{};
    std::optional<SealKey> seal_key{};  ///< for sealed, unless seal_keys is set
    std::shared_ptr<SealKeys const> seal_keys{};  ///< for sealed: whose is sealed to which
};

/// Where it is shown: raw has no trailing newline except on a terminal, and a label only where nothing else is on stdout's screen.
enum class Medium { program, terminal, labelled_terminal };

/// The whole content for one secret.
///
/// raw: the key. env: RELAY_AGENT_ID, RELAY_ORG_ID, RELAY_API_KEY, values that need no quoting in sh, systemd, compose or docker.
/// json: one object agent_id, org_id, key_id, api_key. k8s: one Secret manifest. sealed: {"encrypted_value","key_id"}, the body that the
/// GitHub API takes. For an organization's admin token: no agent id, and ADMIN_TOKEN, admin_token instead of the API key.
/// Throws Error (usage) if the id makes no Kubernetes name.
SecretBuffer render_secret(Rendering const &rendering, NewKey const &issued, Medium medium);

/// Why nothing can be rendered for this one: there is no key to seal it to, or its id makes no Kubernetes name.
std::optional<std::string> why_not_rendered(Rendering const &rendering, Recipient const &recipient);

/// The line of a file with many sealed keys: {"encrypted_value","key_id","agent_id","org_id","owner","api_key_id"}; the first two are the body that the GitHub
/// API takes, the last is the public half of the key inside.
SecretBuffer render_sealed_line(Rendering const &rendering, NewKey const &issued);

/// The JSON line of an agent's key, in the pieces of which it is made: they live as long as `issued`. For one buffer with many lines.
std::array<std::string_view, 9> json_pieces(NewKey const &issued);

/// True if `content` is empty or begins as what render_secret makes: tells a file that a killed run left from somebody else's.
bool may_be_rendered(std::string_view content) noexcept;

/// The pieces, joined in guarded memory.
SecretBuffer join_secret(std::initializer_list<std::string_view> pieces);
/// Standard base64 with padding, in guarded memory.
SecretBuffer base64_secret(std::string_view bytes);

}  // namespace relay::cli
