#pragma once

#include "relay/completion/records.hpp"
#include "relay/db/database.hpp"
#include "relay/db/watchdog.hpp"

#include <vector>

namespace relay::sql {

/// Returns at most 200 candidates in order of id, by `deadline`. The words of `query` must be possible ids or parts
/// of ids.
/// Throws Error as db::quick_query.
std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       db::Watchdog::Clock::time_point deadline);

}  // namespace relay::sql
