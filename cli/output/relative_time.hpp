#pragma once

#include "relay/model/time.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// How far `at` is from `now`, for people: "3 minutes ago", "in 90 days", "just now". One unit, the largest of which there are two (or exactly
/// one): 90 minutes are not "1 hour". The past is rounded down, what is to come to the nearest.
std::string relative_time(Instant at, Instant now);

/// "2027-02-20T01:02:03Z (in 90 days)", "... (3 days ago)"; without `now` the time alone.
std::string describe_time(Instant at, std::optional<Instant> now);

}  // namespace relay::cli
