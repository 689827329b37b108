#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/create_agent.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// A new agent's row, its first key and their two events.
struct InsertedAgent {
    Key key;
    bool has_revocations = false;  ///< relay.revocations has rows for its id or its organization; they may have ended
};

/// Inserts an agent with its key and their events, in one statement. Returns nothing if the id exists already or the
/// organization does not exist. Waits for a transaction that is inserting the same id. Throws Error (schema) if the key
/// or an event was not inserted.
db::Pending<std::optional<InsertedAgent>> insert_agent(db::Transaction &transaction, CreateAgent const &request,
                                                       ApiKey const &key, Staging const *staging,
                                                       Attribution const &by);

/// Returns what is stored of the agent's first key: its public key, or the hash of `key`.
KeyHash stored_hash(CreateAgent const &request, ApiKey const &key);
/// Keeps the limit of an organization that has inserted an agent from being changed until the end of the transaction.
/// Returns whether there is one: then the caller must check it, under the lock of the organization.
db::Pending<bool> hold_limits(db::Transaction &transaction, OrgId const &org);

/// Reads a new agent back together with its first key. Returns none if the agent is missing, or if the key is not as it
/// was made: its hash, its agent, and active.
db::Pending<std::optional<Agent>> find_made_agent(db::Transaction &transaction, AgentId const &id, KeyId const &key,
                                                  KeyHash const &hash, KeyState state);

}  // namespace relay::sql
