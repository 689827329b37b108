#pragma once

#include "cli/html/html.hpp"
#include "relay/legacy/status.hpp"

namespace relay::cli::html {

/// The burn-down as one `<svg>` with a text alternative: agents left as steps, the even pace to the deadline, the deadline, and how it goes on
/// at the pace so far. Its `data-` attributes tell the scale: `data-begin`, `data-end` (RFC 3339) and `data-most` are the sides of the
/// rectangle of class `plot`. Empty without a window.
Html burn_down_svg(LegacyStatus const &status);

}  // namespace relay::cli::html
