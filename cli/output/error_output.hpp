#pragma once

#include "cli/context.hpp"
#include "relay/model/error.hpp"

#include <string>

namespace relay::cli {

/// Returns whether stderr may be colored (color.hpp).
bool stderr_has_color(ColorChoice choice);

/// Returns `relay-admin: error: ...` and the indented `why:`, `did you mean:` and `next:` lines, escaped; with
/// --verbose also the SQLSTATE. There is one `next:` line for each step of the advice, the best first. A command in it
/// can be pasted, and uses the database that `globals` name.
std::string error_text(Error const &error, Globals const &globals, bool color);

/// Writes the error to stderr, as JSON if `globals` ask for it. If stderr fails, that is not reported: there is nowhere
/// to report it.
void report_error(Error const &error, Globals const &globals);

}  // namespace relay::cli
