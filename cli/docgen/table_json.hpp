#pragma once

#include "cli/command.hpp"

#include <span>
#include <string>

namespace relay::cli::docgen {

/// Returns the table of commands as one JSON object. Tests read from it what they need to know about commands.
///
/// `globals` are options; `commands` have path and alias as text ("org create"), is_group, effect, prints, summary and
/// options. An option has names (none: an argument), value, type, choices, required, repeatable and description.
std::string table_json(std::span<Command const *const> table);

}  // namespace relay::cli::docgen
