#pragma once

#include "relay/model/time.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Returns how far `at` is from `now`, for people: "3 minutes ago", "in 90 days", "just now". Uses one unit, the
/// largest that fits at least twice or exactly once: 90 minutes are not "1 hour". Past times are rounded down, future
/// ones to the nearest.
std::string relative_time(Instant at, Instant now);

/// Returns "2027-02-20T01:02:03Z (in 90 days)" or "... (3 days ago)"; without `now`, the time only.
std::string describe_time(Instant at, std::optional<Instant> now);

}  // namespace relay::cli
