#pragma once

#include "cli/html/html.hpp"
#include "relay/legacy/status.hpp"

namespace relay::cli::html {

/// Returns the burn-down chart as one `<svg>` with a text alternative: agents left as steps, the even pace to the
/// deadline, the deadline, and a projection at the current pace. Its `data-` attributes give the scale: `data-begin`,
/// `data-end` (RFC 3339) and `data-most` are the sides of the rectangle of class `plot`. Empty if there is no window.
Html burn_down_svg(LegacyStatus const &status);

}  // namespace relay::cli::html
