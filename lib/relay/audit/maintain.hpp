#pragma once

#include "relay/audit/months_sql.hpp"
#include "relay/audit/records.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay {

/// The months that a retention would drop, and whether this login may drop them.
struct RetentionPlan {
    std::vector<EventMonth> months{};  ///< oldest first
    bool may_drop = false;
};

/// Returns the months that are older than the `keep` whole months before the current one. Reads all of their rows.
RetentionPlan plan_retention(db::Database &database, int keep);

struct MaintainAudit {
    int months_ahead = 3;
    std::optional<int> keep_months{};  ///< at least 1; none: drop nothing
    std::optional<std::int64_t> expect{};  ///< how many months must be dropped
};

struct AuditMaintenance : WriteReceipt {
    std::vector<EventMonth> made{};  ///< with the rows that were moved from the default partition
    sql::Pruned pruned{};
    std::int64_t plans_ended = 0;  ///< subscriptions that ended by the clock, and are announced now
    bool more_to_prune = false;  ///< there are more rows than one run deletes
    std::vector<EventMonth> dropped{};
    std::int64_t dropped_unsealed = 0;  ///< rows of them that no seal has, if seals are used
};

/// Announces plans that ended by the clock, creates partitions for the months ahead, deletes rows that are too old, and on
/// request drops old months. These are up to four transactions, in this order, so that no lock on the audit trail is held during other work. Another run
/// continues where this one stopped.
///
/// Authentication continues meanwhile, with delays of about a tenth of a second at a time. Throws Error: denied, the
/// login may not drop months; conflict, `expect` differs; unavailable, auth_events was never free for long enough.
/// `changed` of an error says whether an earlier step was done.
AuditMaintenance maintain_audit(db::Database &database, MaintainAudit const &request, WriteOptions const &options);

}  // namespace relay
