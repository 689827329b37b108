#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace relay {

/// A point in time, UTC, in the database's own resolution.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// Reads RFC 3339 (`2026-11-22T01:02:03Z`, fractions up to 6 digits, offsets `+01:00`). Throws Error (usage).
Instant parse_instant(std::string_view text);

/// RFC 3339 in UTC with milliseconds: `2026-11-22T01:02:03.000Z`.
std::string format_instant(Instant at);

/// RFC 3339 in UTC with microseconds: loses nothing.
std::string format_instant_exact(Instant at);

/// To the second, for people: `2026-11-22T01:02:03Z`.
std::string format_instant_seconds(Instant at);

/// Reads a duration: a whole number with its unit (`90d 24h 10m 30s`), several in falling order (`1d12h`), or `0`.
/// At most 10 years. Throws Error (usage) for a missing unit, a sign, a fraction, or a number out of range.
std::chrono::seconds parse_duration(std::string_view text);

/// The shortest exact form that parse_duration reads back: `90d`, `36h`, `1h30m`, `0`. (36h, not 1d12h; whole days as days.)
std::string format_duration(std::chrono::seconds duration);

/// For people, the largest unit alone, rounded down: "90 days", "1 hour", "3 minutes", "0 seconds".
std::string describe_duration(std::chrono::seconds duration);

}  // namespace relay
