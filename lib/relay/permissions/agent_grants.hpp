#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/conditions.hpp"

/// What an agent may do: direct permissions and roles. A change applies to the next call that a gateway checks.
namespace relay {

/// An agent after a change of its permissions or roles.
struct AgentPermissions : WriteReceipt {
    Agent agent;
    std::vector<Grant> grants{};  ///< everything that it may do now, directly and through roles
    std::vector<RoleId> roles{};  ///< all roles that it has now
    std::vector<std::string> changed_permissions{};  ///< direct permissions that were added, removed or changed
    std::vector<RoleId> changed_roles{};  ///< roles that were assigned or unassigned
};

struct GrantToAgent {
    AgentId agent;
    std::vector<Permission> permissions;
    GrantTerms terms{};
};
/// Gives an agent direct permissions. Those that it has already keep their conditions, unless the terms say
/// otherwise.
/// Throws Error: not_found, no such agent.
AgentPermissions grant_to_agent(db::Database &database, GrantToAgent const &request, WriteOptions const &options);

struct RevokeFromAgent {
    AgentId agent;
    std::vector<Permission> permissions;
};
/// Removes direct permissions and their conditions; permissions through roles remain. Throws Error: not_found, no
/// such agent.
AgentPermissions revoke_from_agent(db::Database &database, RevokeFromAgent const &request, WriteOptions const &options);

struct ChangeRoles {
    AgentId agent;
    std::vector<RoleId> roles;  ///< of the agent's organization
};
/// Assigns roles to an agent. Throws Error: not_found, no such agent, or its organization has no such role.
AgentPermissions assign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options);
/// Takes roles from an agent; a role that it does not have changes nothing. Throws Error: not_found, no such agent.
AgentPermissions unassign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options);

}  // namespace relay
