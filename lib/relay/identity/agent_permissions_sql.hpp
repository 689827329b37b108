#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/conditions.hpp"

/// What agents may do: relay.agents.permissions with relay.agent_conditions, and what relay.agent_grants makes of these and of roles.
namespace relay::sql {

/// Each way in which the agent has a permission, in the order of the permissions; its own one first.
std::vector<Grant> grants_of_agent(db::Transaction &transaction, AgentId const &agent);

/// Gives the agent permissions of its own. `agent` was locked, and follows. Returns the permissions that were new, or came under other terms.
std::vector<std::string> grant(db::Transaction &transaction, Agent &agent, std::vector<Permission> const &permissions,
                               GrantTerms const &terms);

/// Takes permissions of its own away from the agent, with their conditions. `agent` was locked, and follows. Returns those that it had.
std::vector<std::string> revoke(db::Transaction &transaction, Agent &agent, std::vector<Permission> const &permissions);

}  // namespace relay::sql
