#pragma once

#include <optional>
#include <string>

namespace relay::cli {

/// Returns the address of the registry: `flag` (of --registry-url), else the variable RELAY_ADMIN_REGISTRY_URL; none if neither
/// is set.
///
/// Throws Error (usage), which names its origin: it is not https:// (or http:// of this machine), has blanks or other
/// characters that no URL has, or a password.
std::optional<std::string> registry_url(std::optional<std::string> const &flag);

}  // namespace relay::cli
