#pragma once

#include "relay/crypto/signing.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <optional>

namespace relay::sql {

/// Returns the id of the key that has this public key, whatever its state, of whichever agent.
std::optional<KeyId> find_public_key(db::Transaction &transaction, VerifyingKey const &key);

/// Inserts a staged key that the first accepted request confirms. `grace`: how long the keys before it work after that.
/// The result throws Error (schema) if no row was inserted.
void stage_public_key(db::Transaction &transaction, KeyId const &id, VerifyingKey const &key, AgentId const &agent,
                      std::optional<Instant> expires_at, std::chrono::seconds grace, Note const &created_by);

/// Throws Error (conflict) if the public key was ever registered, except as `same`.
void refuse_known_public_key(db::Transaction &transaction, VerifyingKey const &key, std::optional<AgentId> const &same);

}  // namespace relay::sql
