#pragma once

#include "cli/sink/format.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// A DNS-1123 subdomain (at most 253 characters): what Kubernetes takes as the name of a Secret.
bool is_k8s_name(std::string_view text) noexcept;
/// A DNS-1123 label (at most 63 characters): a namespace.
bool is_k8s_namespace(std::string_view text) noexcept;
/// The name for an id: in lower case, `_` made `-`. Throws Error (usage) that asks for --k8s-name if that is no name.
std::string k8s_name_for(std::string_view id);
/// True if k8s_name_for(id) is a name.
bool can_name_k8s(std::string_view id);
/// One v1 Secret of type Opaque, labelled as managed by relay-admin; the same bytes for the same secret.
SecretBuffer render_k8s(Rendering const &rendering, NewKey const &issued);

}  // namespace relay::cli
