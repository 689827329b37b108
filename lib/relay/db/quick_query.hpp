#pragma once

#include "relay/db/database.hpp"
#include "relay/db/watchdog.hpp"

#include <map>
#include <string>
#include <vector>

namespace relay::db {

/// A row by column name; null reads as an empty text.
using TextRow = std::map<std::string, std::string>;

/// Runs one read-only statement on a connection of its own, and is back by `deadline` whatever the server does: for a reader who rather
/// goes without than waits. Nothing is retried, and nothing is said on stderr.
///
/// Only what libpq does before it opens a socket (a name look-up) is outside the deadline's power.
/// Throws Error: usage, a connection string that is not valid; unavailable or denied, anything else, without a promise which.
std::vector<TextRow> quick_query(Settings const &settings, char const *sql, std::vector<std::string> const &params,
                                 Watchdog::Clock::time_point deadline);

}  // namespace relay::db
