#pragma once

#include "relay/model/error.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

enum class ColorChoice;

/// True if stderr may be colored (color.hpp).
bool stderr_has_color(ColorChoice choice);

/// `relay-admin: error: ...` and the indented `why:`, `did you mean:`, `next:` lines, escaped; with `verbose` also the SQLSTATE.
std::string error_text(Error const &error, bool color, bool verbose);

/// Writes the error to stderr, in the one form or the other; a stderr that takes nothing is nobody's to hear of.
void report_error(Error const &error, bool json, bool color, bool verbose) noexcept;

}  // namespace relay::cli
