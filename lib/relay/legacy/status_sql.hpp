#pragma once

#include "relay/db/transaction.hpp"
#include "relay/legacy/records.hpp"

#include <optional>
#include <vector>

/// Reads how far a fleet has moved off its shared secret.
namespace relay::sql {

/// Counts agents by state and activity. `quiet`: how long an agent must not have used the shared secret to count as
/// silent.
LegacyCounts count_legacy(db::Transaction &transaction, std::chrono::seconds quiet);

/// Returns what the silence of the agents that are left can prove.
LegacyWatch legacy_watch(db::Transaction &transaction, LegacyWindow const &window);

/// Returns how fast agents left the list by using their own key: in the last week, or since the window was opened.
LegacyPace legacy_pace(db::Transaction &transaction, std::optional<LegacyWindow> const &window);

/// Returns agents that are still on the list, at most `limit` of each activity: first those on the shared secret,
/// latest use first; then the silent ones, in the same order; then those never seen, by owner.
std::vector<LegacyAgent> stragglers(db::Transaction &transaction, std::chrono::seconds quiet, std::int64_t limit);

/// Returns the owners of those agents; the owner with the most of them on the shared secret comes first.
std::vector<LegacyOwner> straggling_owners(db::Transaction &transaction, std::chrono::seconds quiet,
                                           std::int64_t limit);

/// Returns the size of the list at each of `times`, which are in ascending order; the last point is the list as it is
/// now. Reads the fleet once, whatever its size.
BurnDown burn_down(db::Transaction &transaction, std::vector<Instant> const &times);

}  // namespace relay::sql
