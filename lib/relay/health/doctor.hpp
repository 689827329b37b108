#pragma once

#include "relay/db/connection_settings.hpp"
#include "relay/db/database.hpp"
#include "relay/health/known_checks.hpp"
#include "relay/health/report.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Checks a relay's database and its set-up: one verdict per check.
namespace relay {

struct Examine {
    std::vector<std::string> checks{};  ///< ids; empty: all
    Surroundings around{};
    std::chrono::milliseconds patience{20'000};  ///< after this time, no further query is sent
};

struct Examination {
    std::vector<CheckResult> checks{};  ///< in the order of known_checks
    std::optional<Instant> at{};  ///< the database's clock; none: it did not answer
    std::string db_role{};

    bool any(CheckStatus status) const;
};

/// Runs the requested checks. What a check finds is a result, never an exception: a database that does not answer is
/// an error of `db.connection`, and the checks that depend on it are skipped. A check that others depend on is also
/// in the result if it was not requested, when it is an error.
///
/// Each query runs in its own READ ONLY transaction, so that one that fails does not affect the others.
/// Throws Error (usage): the settings of the connection are not valid; Interrupted.
Examination examine(db::Database &database, Examine const &request);

}  // namespace relay
