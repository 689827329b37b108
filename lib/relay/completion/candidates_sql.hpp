#pragma once

#include "relay/completion/records.hpp"
#include "relay/db/database.hpp"
#include "relay/db/watchdog.hpp"

#include <vector>

namespace relay::sql {

/// At most 200 candidates in the order of their ids, by `deadline`. `query` holds only what can stand in an id.
/// Throws Error as db::quick_query.
std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       db::Watchdog::Clock::time_point deadline);

}  // namespace relay::sql
