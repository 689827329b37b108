#pragma once

#include "cli/context.hpp"
#include "relay/model/error.hpp"

#include <string>

namespace relay::cli {

/// True if stderr may be colored (color.hpp).
bool stderr_has_color(ColorChoice choice);

/// `relay-admin: error: ...` and the indented `why:`, `did you mean:`, `next:` lines, escaped; with --verbose also the SQLSTATE. What can be
/// done next is on a line each, the best first; a command on it can be pasted, and acts on the database that `globals` name.
std::string error_text(Error const &error, Globals const &globals, bool color);

/// Writes the error to stderr, in JSON if `globals` ask for it; a stderr that takes nothing is nobody's to hear of.
void report_error(Error const &error, Globals const &globals) noexcept;

}  // namespace relay::cli
