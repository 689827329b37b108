#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/conditions.hpp"

/// An agent's permissions: its direct ones are in relay.agents.permissions, with conditions in
/// relay.agent_conditions; the view relay.agent_grants adds those that it has through roles.
namespace relay::sql {

/// Returns each way in which the agent has a permission, ordered by permission; a direct grant comes before roles.
db::Pending<std::vector<Grant>> grants_of_agent(db::Transaction &transaction, AgentId const &agent);

/// Gives the agent direct permissions. The caller has locked `agent`, which is updated too. Returns the permissions
/// that are new or whose conditions changed.
std::vector<std::string> grant(db::Transaction &transaction, Agent &agent, std::vector<Permission> const &permissions,
                               GrantTerms const &terms);

/// Removes direct permissions and their conditions from the agent. The caller has locked `agent`, which is updated
/// too. Returns those that it had.
std::vector<std::string> revoke(db::Transaction &transaction, Agent &agent, std::vector<Permission> const &permissions);

/// Returns true if `grants`, as they were read back, contain all of `permissions` under these terms, or none of them.
/// Ignores those of roles.
bool has_all(db::Transaction &transaction, std::vector<Grant> const &grants, std::vector<Permission> const &permissions,
             GrantTerms const &terms);
bool has_none(std::vector<Grant> const &grants, std::vector<Permission> const &permissions);

}  // namespace relay::sql
