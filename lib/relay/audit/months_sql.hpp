#pragma once

#include "relay/audit/records.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

/// The partitions of relay.auth_events, and what is not kept for ever. Schema functions do the work: they know when which lock may be held.
namespace relay::sql {

/// Makes the partitions of this month, of the `ahead` months after it and of each month that has rows in the default partition. Returns what
/// was made, with the rows that were moved into it; nothing else of an EventMonth is set.
std::vector<EventMonth> make_event_months(db::Transaction &transaction, int ahead);

/// What months the audit trail has before the `keep` whole ones that precede the present one, oldest first. Reads every row of them.
std::vector<EventMonth> droppable_months(db::Transaction &transaction, int keep);

/// True if this login may drop months: a member of relay_owner, or who was granted the function.
bool may_drop_months(db::Transaction &transaction);

/// Drops the months that droppable_months names, with a record of each in relay.retention_drops and auth_events. Oldest first.
std::vector<EventMonth> drop_months(db::Transaction &transaction, int keep, Attribution const &by);

/// How many rows were taken away of what is not kept, at most `most` of each kind; and floods that are over, which are now in auth_events.
struct Pruned {
    std::int64_t operations = 0;  ///< older than 30 days
    std::int64_t key_changes = 0;  ///< older than 7 days
    std::int64_t key_sightings = 0;  ///< older than 30 days, but for a key's latest

    std::int64_t floods = 0;

    /// Without the floods, of which nothing is lost.
    std::int64_t total() const { return operations + key_changes + key_sightings; }
};
Pruned prune(db::Transaction &transaction, std::int64_t most);

}  // namespace relay::sql
