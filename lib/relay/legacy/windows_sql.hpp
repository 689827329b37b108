#pragma once

#include "relay/db/transaction.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <vector>

namespace relay::sql {

/// Takes the lock that lets one transaction at a time change the window or the list.
void lock_legacy(db::Transaction &transaction);

/// Returns the latest window; none: no window was ever opened.
std::optional<LegacyWindow> find_window(db::Transaction &transaction);

/// Opens a window; none may be open. Returns its id.
std::int64_t open_window(db::Transaction &transaction, Instant deadline, Note const &opened_by);
void set_deadline(db::Transaction &transaction, std::int64_t migration_id, Instant deadline);
/// Closes an open window. `state`: aborted or finished.
void close_window(db::Transaction &transaction, std::int64_t migration_id, LegacyWindowState state,
                  Note const &closed_by);
/// Aborts the open window, unless another session has its row locked.
void close_if_free(db::Transaction &transaction, Note const &closed_by);
/// The emergency stop: from the commit on, gateways refuse the shared secret in every window that was opened until
/// now.
void deny_all(db::Transaction &transaction, Attribution const &by);

/// Puts imported agents (`agents`, or all) on the list of a window, as its next wave. Agents that have left the list
/// are not added again, and those on it stay in their wave. Returns the wave and how many joined.
struct Wave {
    std::int64_t number = 0;
    std::int64_t agents = 0;
};
Wave open_wave(db::Transaction &transaction, std::int64_t migration_id,
               std::optional<std::vector<AgentId>> const &agents);

/// Returns true if the function that gateways call would accept the shared secret of any agent.
bool accepts_shared_secret(db::Transaction &transaction);
/// Returns true if all agents that open_wave puts on the list of a window are there.
bool have_joined(db::Transaction &transaction, std::int64_t migration_id,
                 std::optional<std::vector<AgentId>> const &agents);

/// Returns those of `agents` that were never imported, in their order.
std::vector<AgentId> not_imported(db::Transaction &transaction, std::vector<AgentId> const &agents);

}  // namespace relay::sql
