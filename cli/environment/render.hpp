#pragma once

#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/text_of.hpp"

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

}  // namespace relay::cli

template <>
struct relay::EnumText<relay::cli::EnvironmentFormat> {
    using Format = cli::EnvironmentFormat;
    static constexpr auto words = std::to_array<EnumWord<Format>>({{Format::env, "env"},
                                                                   {Format::sh, "sh"},
                                                                   {Format::systemd, "systemd"},
                                                                   {Format::k8s, "k8s"},
                                                                   {Format::json, "json"}});
};

namespace relay::cli {

/// One variable. Its texts belong to others; the value may be secret.
struct Variable {
    std::string_view name;  ///< letters, digits and _
    std::string_view value;  ///< UTF-8 without NUL
};

/// How the manifest of k8s is called.
struct Manifest {
    std::string name{};
    std::optional<std::string> name_space{};
    bool secret = false;
};

/// Returns the text; the same variables always give the same bytes. `manifest` is for k8s only.
///
/// Throws Error (usage) if the format cannot hold a value: env has no way to write a line break.
SecretBuffer render_environment(EnvironmentFormat format, std::vector<Variable> const &variables,
                                Manifest const &manifest);

/// Returns whether Docker Compose, without `format: raw`, would read another value than the one written in env.
bool is_changed_by_compose(std::string_view value);

}  // namespace relay::cli
