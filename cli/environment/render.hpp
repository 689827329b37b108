#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The variables of a process, as the text that its starter reads.
namespace relay::cli {

enum class EnvironmentFormat {
    env,  ///< docker run --env-file; Docker Compose with `format: raw`: the text after = as it is
    sh,  ///< sh(1): export lines, for the command `.`
    systemd,  ///< EnvironmentFile=, systemd.exec(5)
    k8s,  ///< a manifest for envFrom: a ConfigMap, or a Secret if something in it is secret
    json,  ///< one object
};

/// Returns the words of --format, in the order of the enum.
std::vector<std::string> const &environment_formats();
/// Returns the format of a word of these.
EnvironmentFormat environment_format(std::string_view word);

/// One variable. Its texts belong to others; the value may be secret.
struct Variable {
    std::string_view name;  ///< letters, digits and _
    std::string_view value;  ///< UTF-8 without NUL
};

/// How the manifest of k8s is called.
struct ManifestForm {
    std::string name{};
    std::optional<std::string> name_space{};
    bool secret = false;
};

/// Returns the text; the same variables always give the same bytes. `manifest` is for k8s only.
///
/// Throws Error (usage) if the format cannot hold a value: env has no way to write a line break.
SecretBuffer render_environment(EnvironmentFormat format, std::vector<Variable> const &variables,
                                ManifestForm const &manifest);

/// Returns whether Docker Compose, without `format: raw`, would read another value than the one written in env.
bool is_changed_by_compose(std::string_view value);

}  // namespace relay::cli
