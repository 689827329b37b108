#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/rotate_key.hpp"

#include <optional>

/// What a rotation refuses, once the keys of its agent are read and locked. Each function throws Error: conflict.
namespace relay {

/// Throws Error (conflict) if the agent is revoked.
void refuse_revoked(Agent const &agent);

/// Whether a rotation also ends a key that is in grace already.
bool ends_others(RotateKey const &request);

/// Refuses a rotation that would make a third live key, unless it ends the one in grace.
void refuse_third_key(db::Transaction &transaction, RotateKey const &request, sql::CurrentKeys const &keys,
                      std::optional<Key> const &in_grace);

/// Refuses one more delivery after several that no one confirmed.
void refuse_sixth_staged(db::Transaction &transaction, AgentId const &agent, sql::CurrentKeys const &keys);

/// Returns the expiry of the new key. A rotation neither extends nor removes an expiry that was set on purpose. Throws Error
/// also: usage, it has passed.
std::optional<Instant> new_expiry(db::Transaction &transaction, RotateKey const &request, sql::CurrentKeys const &keys);

}  // namespace relay
