#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace relay {

/// A point in time, UTC, in the database's resolution.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// The longest duration that parse_duration accepts: ten years of 365 days.
inline constexpr std::chrono::seconds longest_duration = std::chrono::days{3650};

/// Reads RFC 3339 (`2026-11-22T01:02:03Z`, fractions of up to 6 digits, offsets such as `+01:00`), and what
/// PostgreSQL prints with DateStyle ISO (`2026-11-22 01:02:03.5+00`). The year must be 1 to 9999, also after the
/// offset is applied. Throws Error (usage), also for leap seconds (`:60`), `infinity` and a missing offset.
Instant parse_instant(std::string_view text);

/// Returns RFC 3339 in UTC with milliseconds, rounded down: `2026-11-22T01:02:03.000Z`.
/// This and the next two functions throw Error (internal) for an instant outside the years 1 to 9999.
std::string format_instant(Instant at);

/// Returns RFC 3339 in UTC with microseconds, so nothing is lost.
std::string format_instant_exact(Instant at);

/// Returns the instant to the second, rounded down, for people: `2026-11-22T01:02:03Z`.
std::string format_instant_seconds(Instant at);

/// Reads a duration: a whole number with its unit (`90d`, `24h`, `10m`, `30s`), several of them from the largest unit
/// to the smallest (`1d12h`), or `0`; at most longest_duration. Throws Error (usage) for a missing unit, a sign, a
/// fraction, or a number out of range.
std::chrono::seconds parse_duration(std::string_view text);

/// Returns the shortest exact form that parse_duration reads back: `90d`, `36h`, `1h30m`, `0`. (36h, not 1d12h; whole
/// days as days.) A negative duration gets a minus sign, which parse_duration refuses.
std::string format_duration(std::chrono::seconds duration);

/// Returns only the largest unit, rounded down, for people: "90 days", "1 hour", "3 minutes", "0 seconds". With a
/// minus sign if negative.
std::string describe_duration(std::chrono::seconds duration);

}  // namespace relay
