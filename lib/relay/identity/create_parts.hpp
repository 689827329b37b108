#pragma once

#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/identity/deliver_then_commit.hpp"

/// What create_org, create_agent and initialize share: steps inside a transaction of theirs.
namespace relay {

/// Inserts the organization with its event, or compares it with the one that is there: true if it was made.
/// Throws Error: conflict, it exists with other content.
bool ensure_org(db::Transaction &transaction, CreateOrg const &request, Attribution const &by);

/// An agent and the key that it was made with.
struct MadeAgent {
    Agent agent;
    Key key;
};

/// Inserts the agent with its key and their events, records the operation and prepares the delivery; or compares it with the one that is
/// there, and returns nothing. Throws as create_agent.
std::optional<MadeAgent> ensure_agent(db::Transaction &transaction, CreateAgent const &request, ApiKey const &key,
                                      Attribution const &by, DeliverThenCommit &delivery_commit);

/// Throws Error (limit) if the organization now has more agents than it may. Its row must be locked.
void check_agent_limit(Org const &org);

/// The agent's active key, or else its retiring one.
std::optional<Key> present_key(db::Transaction &transaction, AgentId const &agent);

}  // namespace relay
