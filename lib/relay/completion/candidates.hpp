#pragma once

#include "relay/completion/records.hpp"
#include "relay/db/database.hpp"

#include <chrono>
#include <vector>

namespace relay {

/// Returns ids that may complete what is typed, at most 200, in order, by `deadline`, whatever the server does.
///
/// Runs in a read-only transaction. If the words of `query` cannot be ids, sends nothing and returns nothing: one of
/// them may be a key that was pasted in the wrong place, and parameters of statements can end up in the server's log.
/// Throws Error: the database cannot be asked, or does not answer in time.
std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       std::chrono::steady_clock::time_point deadline);

}  // namespace relay
