#pragma once

#include "relay/db/transaction.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <vector>

namespace relay::sql {

/// Lets one at a time change the window or the list, until the end of the transaction.
void lock_legacy(db::Transaction &transaction);
/// The same without waiting. Returns false if somebody else has it.
bool try_lock_legacy(db::Transaction &transaction);

/// The latest window; none: there never was one.
std::optional<LegacyWindow> find_window(db::Transaction &transaction);

/// Opens a window; none may be open. Returns its id.
std::int64_t open_window(db::Transaction &transaction, Instant deadline, Note const &opened_by);
void set_deadline(db::Transaction &transaction, std::int64_t migration_id, Instant deadline);
/// `state`: aborted or finished; of an open window.
void close_window(db::Transaction &transaction, std::int64_t migration_id, LegacyWindowState state,
                  Note const &closed_by);
/// Aborts the open window, unless somebody has it in hand right now.
void close_if_free(db::Transaction &transaction, Note const &closed_by);
/// The emergency stop: nobody gets in with the shared secret from the commit on, in any window that was opened by now.
void deny_all(db::Transaction &transaction, Note const &stopped_by);

/// Puts imported agents on the list of a window, as its next wave: those of `agents`, or all. Who has left the list stays away, and who is on
/// it stays in its wave. Returns the wave and how many joined.
struct Wave {
    std::int64_t number = 0;
    std::int64_t agents = 0;
};
Wave open_wave(db::Transaction &transaction, std::int64_t migration_id,
               std::optional<std::vector<AgentId>> const &agents);

/// Of `agents`, those that were never imported; in their order.
std::vector<AgentId> not_imported(db::Transaction &transaction, std::vector<AgentId> const &agents);

}  // namespace relay::sql
