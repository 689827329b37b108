#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/conditions.hpp"

/// What an agent may do: permissions of its own, and roles. Gateways see a change with the next call that they check.
namespace relay {

/// An agent as a change of what it may do left it.
struct AgentPermissions : WriteReceipt {
    Agent agent;
    std::vector<Grant> grants{};  ///< all that it may do now, its own permissions and those of its roles
    std::vector<RoleId> roles{};  ///< all that it has now
    std::vector<std::string>
        changed_permissions{};  ///< its own ones that this run gave, took, or put under other terms
    std::vector<RoleId> changed_roles{};  ///< that this run gave or took
};

struct GrantToAgent {
    AgentId agent;
    std::vector<Permission> permissions;
    GrantTerms terms{};
};
/// Gives an agent permissions of its own. What it has already stays as it is, unless the terms say otherwise.
/// Throws Error: not_found, no such agent.
AgentPermissions grant_to_agent(db::Database &database, GrantToAgent const &request, WriteOptions const &options);

struct RevokeFromAgent {
    AgentId agent;
    std::vector<Permission> permissions;
};
/// Takes permissions of its own, with their conditions; what it has by a role stays. Throws Error: not_found, no such agent.
AgentPermissions revoke_from_agent(db::Database &database, RevokeFromAgent const &request, WriteOptions const &options);

struct ChangeRoles {
    AgentId agent;
    std::vector<RoleId> roles;  ///< of the agent's organization
};
/// Throws Error: not_found, no such agent, or its organization has no such role.
AgentPermissions assign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options);
/// A role that the agent does not have changes nothing. Throws Error: not_found, no such agent.
AgentPermissions unassign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options);

}  // namespace relay
