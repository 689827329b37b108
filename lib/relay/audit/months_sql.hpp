#pragma once

#include "relay/audit/records.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

/// The partitions of relay.auth_events, and rows that are not kept forever. Functions of the schema do the work,
/// because they know which lock may be held when.
namespace relay::sql {

/// Creates the partitions of this month, of the `ahead` months after it, and of each month that has rows in the
/// default partition. Returns what it created: the month and the number of rows that it moved, nothing else of
/// EventMonth.
std::vector<EventMonth> make_event_months(db::Transaction &transaction, int ahead);

/// Returns true if the partitions of these months exist.
bool have_months(db::Transaction &transaction, std::vector<EventMonth> const &made);

/// Returns the months that are older than the `keep` whole months before the current one, oldest first. Reads all of
/// their rows.
std::vector<EventMonth> droppable_months(db::Transaction &transaction, int keep);

/// Returns true if this login may drop months: it is a member of relay_owner, or was granted the function.
bool may_drop_months(db::Transaction &transaction);

/// Drops the months that droppable_months returns, oldest first, and records each in relay.retention_drops and
/// auth_events.
std::vector<EventMonth> drop_months(db::Transaction &transaction, int keep, Attribution const &by);

/// How many rows were deleted because they were too old, and how many floods were moved to auth_events because they
/// are over.
struct Pruned {
    std::int64_t operations = 0;  ///< older than 30 days
    std::int64_t key_changes = 0;  ///< older than 7 days
    std::int64_t key_sightings = 0;  ///< older than 30 days, except a key's latest
    std::int64_t usage = 0;  ///< of organizations, more than 25 whole months ago

    std::int64_t gone = 0;
    std::int64_t seat_changes = 0;
    std::int64_t floods = 0;

    /// Returns the number of deleted rows. Floods and changes of seats do not count, because nothing of them is lost.
    std::int64_t total() const { return operations + key_changes + key_sightings + usage; }
};
/// Deletes at most `most` rows of each kind.
Pruned prune(db::Transaction &transaction, std::int64_t most);

}  // namespace relay::sql
