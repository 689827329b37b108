#pragma once

#include "cli/html/html.hpp"
#include "relay/usage/usage.hpp"

namespace relay::cli::html {

/// Returns a bar for each day of the month: what was used of one meter.
Html usage_svg(UsageOfMonth const &usage, MonthlyUsage const &line);

}  // namespace relay::cli::html
