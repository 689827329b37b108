#pragma once

#include "cli/command.hpp"

#include <span>
#include <string>

namespace relay::cli::docgen {

/// The table of commands as one JSON object, for tests: what they need to know of commands they read from here.
///
/// `globals` are options; `commands` have path and alias as text ("org create"), is_group, effect, prints, summary and
/// options. An option has names (none: an argument), value, type, choices, required, repeatable and description.
std::string table_json(std::span<Command const *const> table);

}  // namespace relay::cli::docgen
