#pragma once

#include "relay/audit/months_sql.hpp"
#include "relay/audit/records.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay {

/// What a retention would drop, and whether this login may.
struct RetentionPlan {
    std::vector<EventMonth> months{};  ///< oldest first
    bool may_drop = false;
};

/// Looks at the months before the `keep` whole ones that precede the present one. Reads them whole.
RetentionPlan plan_retention(db::Database &database, int keep);

struct MaintainAudit {
    int months_ahead = 3;
    std::optional<int> keep_months{};  ///< at least 1; none: nothing is dropped
    std::optional<std::int64_t> expect{};  ///< how many months will be dropped
};

struct AuditMaintenance : WriteReceipt {
    std::vector<EventMonth> made{};  ///< with the rows that were moved from the default partition
    sql::Pruned pruned{};
    bool more_to_prune = false;  ///< a kind had more than is taken in one run
    std::vector<EventMonth> dropped{};
};

/// Makes months ahead, takes away what is not kept, and drops old months if asked: up to three transactions, in this order, so that no lock on the
/// audit trail is held while something else is done. Running it again goes on where it stopped.
///
/// Authentication goes on meanwhile: it is held up for about a tenth of a second at a time.
/// Throws Error: denied, the login may not drop months; conflict, `expect` differs; unavailable, auth_events is never free for long enough.
/// `changed` of an error tells whether an earlier step was done.
AuditMaintenance maintain_audit(db::Database &database, MaintainAudit const &request, WriteOptions const &options);

}  // namespace relay
