#pragma once

#include "relay/db/transaction.hpp"
#include "relay/fleet/import_agents.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace relay {

/// What becomes of the rows of one batch, found out in its transaction.
struct SortedRows {
    std::vector<AgentRow const *> to_create{};
    std::vector<AgentRow const *> without_key{};  ///< agents that exist as their row says, and have no active key
    std::vector<ImportedAgent> others{};
    bool has_locked = false;  ///< an organization with a limit
};

/// The agents of each organization that earlier batches would have created, if these were rolled back.
using TakenSeats = std::map<OrgId, std::int64_t>;

/// Sorts out the rows that create an agent. Locks organizations with a limit, so that it cannot be exceeded.
SortedRows sort_rows(db::Transaction &transaction, std::span<AgentRow const> rows, TakenSeats const &taken);

ImportedAgent outcome_of(AgentRow const &row, ImportOutcome outcome, std::string reason = {});
Receiver receiver_of(AgentRow const &row);

}  // namespace relay
