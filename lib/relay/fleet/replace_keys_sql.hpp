#pragma once

#include "relay/db/transaction.hpp"
#include "relay/fleet/new_keys_sql.hpp"
#include "relay/fleet/rotate_fleet.hpp"
#include "relay/model/attribution.hpp"

#include <map>
#include <optional>
#include <vector>

/// The usual rotation (relay/identity/usual_rotation_sql.hpp) of many agents, as one statement.
namespace relay::sql {

/// Replaces the active key of each agent by its new one, and marks keys whose grace is over as retired. The caller has
/// locked the agents, and found that no other key of theirs works. Throws Error (schema) if an event was not written.
void replace_keys_of_agents(db::Transaction &transaction, std::vector<NewKey> const &keys, RotateFleet const &request,
                            Attribution const &by);

/// An old key, as it is now.
struct ReplacedKey {
    KeyId key_id;
    std::optional<Instant> works_until{};  ///< none: it has ended
};
/// Returns what is read back: the old key of each new one, if both are as they should be. The result throws db::RunAgain if
/// an agent was revoked meanwhile.
db::Pending<std::map<KeyId, ReplacedKey>> ask_replaced_keys(db::Transaction &transaction,
                                                            std::vector<NewKey> const &keys,
                                                            RotateFleet const &request);

}  // namespace relay::sql
