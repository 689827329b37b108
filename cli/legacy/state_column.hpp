#pragma once

#include "relay/legacy/import.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// Returns whether a column of another program says whether a row is in use: `status`, `enabled`, `deleted_at`,
/// `expires_at`. An import reads such a column also if it is not mapped, because a row that is not in use must not become
/// an agent that is.
bool is_state_column(std::string_view name);

/// Returns what `text` in the state column `name` says; none: the row is in use.
std::optional<LegacyState> read_state(std::string const &name, std::string const &text);

}  // namespace relay::cli
