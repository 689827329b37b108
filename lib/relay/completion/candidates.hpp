#pragma once

#include "relay/completion/records.hpp"
#include "relay/db/database.hpp"

#include <chrono>
#include <vector>

namespace relay {

/// Ids that may follow what is typed, at most 200, in their order, by `deadline` whatever the server does.
///
/// Reads only, in a transaction that can do nothing else. Asks nothing, and answers nothing, if the words of `query` cannot be ids: one
/// of them may be a key that was pasted in the wrong place, and a statement's parameters end up in the server's log.
/// Throws Error: the database cannot be asked, or not that quickly.
std::vector<Candidate> find_candidates(db::Settings const &settings, CandidateQuery const &query,
                                       std::chrono::steady_clock::time_point deadline);

}  // namespace relay
