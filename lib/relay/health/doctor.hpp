#pragma once

#include "relay/db/connection_settings.hpp"
#include "relay/db/database.hpp"
#include "relay/health/report.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Looks a relay's database over: one verdict a check.
namespace relay {

/// The ids of all checks: an interface, they stay. In the order in which they are told: first what the others rest on.
std::vector<std::string_view> const &known_checks();

struct Examine {
    std::vector<std::string> checks{};  ///< ids; empty: all
    Surroundings around{};
    std::chrono::milliseconds patience{20'000};  ///< after so long no further question is asked
};

struct Examination {
    std::vector<CheckResult> checks{};  ///< in the order of known_checks
    std::optional<Instant> at{};  ///< the database's clock; none: it did not answer
    std::string db_role{};

    bool any(CheckStatus status) const;
};

/// Makes the checks that are asked for. Never throws for what a check is about: a database that does not answer is the error of
/// `db.connection`, and what rests on it is skipped. A check on which others rest is told when it is an error, also if it was not asked for.
///
/// Each question is a READ ONLY transaction of its own, so that one that cannot be asked leaves the others.
/// Throws Error (usage): the settings of the connection are not valid; Interrupted.
Examination examine(db::Database &database, Examine const &request);

}  // namespace relay
