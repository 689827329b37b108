#pragma once

#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/identity/deliver_then_commit.hpp"

/// Steps that create_org, create_agent and initialize share; each runs inside the caller's transaction.
namespace relay {

/// Inserts the organization and its event, or compares the request with the organization that exists. Returns true if
/// it was inserted. Throws Error: conflict, it exists with other content.
bool ensure_org(db::Transaction &transaction, CreateOrg const &request, Attribution const &by);

/// A new agent and its first key.
struct MadeAgent {
    Agent agent;
    Key key;
};

/// Inserts the agent, its key and their events, records the operation and prepares the delivery. If the agent exists,
/// compares it with the request and returns nothing. Throws as create_agent.
std::optional<MadeAgent> ensure_agent(db::Transaction &transaction, CreateAgent const &request, ApiKey const &key,
                                      Attribution const &by, DeliverThenCommit &delivery_commit);

/// Throws Error (limit) if the organization now has more agents than its limit allows. The caller holds a lock on its
/// row.
void check_agent_limit(Org const &org);

/// Returns the agent's active key, or else the newest of its staged ones, or else of its retiring ones.
std::optional<Key> present_key(db::Transaction &transaction, AgentId const &agent);

}  // namespace relay
