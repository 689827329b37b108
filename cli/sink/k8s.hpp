#pragma once

#include "cli/sink/format.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// Returns whether `text` is a valid name of a Kubernetes Secret: a DNS-1123 subdomain of at most 253 characters.
bool is_k8s_name(std::string_view text) noexcept;
/// Returns whether `text` is a valid namespace: a DNS-1123 label of at most 63 characters.
bool is_k8s_namespace(std::string_view text) noexcept;
/// Returns the Secret name for an id: in lower case, with `_` replaced by `-`. If that is not a valid name, throws
/// Error (usage) that asks for --k8s-name.
std::string k8s_name_for(std::string_view id);
/// Returns whether k8s_name_for(id) succeeds.
bool can_name_k8s(std::string_view id);
/// Returns one v1 Secret of type Opaque, labelled as managed by relay-admin. The same secret always gives the same
/// bytes.
SecretBuffer render_k8s(Rendering const &rendering, NewKey const &issued);

}  // namespace relay::cli
