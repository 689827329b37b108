#pragma once

#include "relay/db/database.hpp"
#include "relay/db/watchdog.hpp"

#include <map>
#include <string>
#include <vector>

namespace relay::db {

/// A row by column name; null is an empty text.
using TextRow = std::map<std::string, std::string>;

/// Runs one read-only statement on a separate connection and returns by `deadline`, whatever the server does: for a
/// caller that would rather have no answer than wait. Retries nothing and prints nothing.
///
/// The deadline does not cover what libpq does before it opens a socket (a name look-up). Throws Error: usage, the
/// connection string is not valid; unavailable or denied, for anything else, in no fixed way.
std::vector<TextRow> quick_query(Settings const &settings, char const *sql, std::vector<std::string> const &params,
                                 Watchdog::Clock::time_point deadline);

}  // namespace relay::db
