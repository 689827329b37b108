#pragma once

#include "relay/db/transaction.hpp"
#include "relay/legacy/records.hpp"

#include <optional>
#include <vector>

/// How far a fleet is off its shared secret: what is only read.
namespace relay::sql {

/// `quiet`: how long an agent must not have used the shared secret to count as silent.
LegacyCounts count_legacy(db::Transaction &transaction, std::chrono::seconds quiet);

/// How fast agents left the list by a key of their own: in the last week, or since the window was opened.
LegacyPace legacy_pace(db::Transaction &transaction, std::optional<LegacyWindow> const &window);

/// Those who are not off the list, at most `limit` of each activity: on the shared secret, who used it last first; then silent, the same way;
/// then never seen, by owner.
std::vector<LegacyAgent> stragglers(db::Transaction &transaction, std::chrono::seconds quiet, std::int64_t limit);

/// Whose they are, the owner with most of them on the shared secret first.
std::vector<LegacyOwner> straggling_owners(db::Transaction &transaction, std::chrono::seconds quiet,
                                           std::int64_t limit);

/// The list at each of `times`, which rise; the last point is the list as it is now. One pass over the fleet, whatever its size.
BurnDown burn_down(db::Transaction &transaction, std::vector<Instant> const &times);

}  // namespace relay::sql
