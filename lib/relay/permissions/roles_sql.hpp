#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/conditions.hpp"
#include "relay/model/error.hpp"
#include "relay/permissions/records.hpp"

/// relay.roles, what they permit, and who has them. An agent has roles of its own organization only.
namespace relay::sql {

/// False if the organization has a role of that id; waits for a transaction that is inserting it.
bool insert_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, DisplayName const &name,
                 Note const &created_by);

std::optional<Role> find_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// As find_role; throws Error (not_found) with ids of that organization that are close.
Role get_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// Holds the role until the end, so that neither its permissions nor who has it change; then as find_role.
std::optional<Role> lock_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// The Error (not_found) of get_role.
Error no_such_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);

/// With its permissions. No agent may have it.
void delete_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);

struct RolePlace {
    OrgId org_id;
    RoleId role_id;
};
struct RoleFilter {
    std::optional<OrgId> org{};
    std::optional<RolePlace> after{};
    std::optional<std::int64_t> limit{};
};
/// In order of organization and id.
std::vector<Role> list_roles(db::Transaction &transaction, RoleFilter const &filter);

/// In the order of the permissions.
std::vector<Grant> grants_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// Returns the permissions that were new to the role, or came under other terms.
std::vector<std::string> grant(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                               std::vector<Permission> const &permissions, GrantTerms const &terms);
/// Returns the permissions that the role had.
std::vector<std::string> revoke(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                                std::vector<Permission> const &permissions);

/// In order of id.
std::vector<RoleId> roles_of_agent(db::Transaction &transaction, AgentId const &agent);
/// The first `most` in order of id.
std::vector<AgentId> agents_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, int most);
/// Returns the roles that the agent did not have before. Throws as get_role.
std::vector<RoleId> assign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles,
                           Note const &assigned_by);
/// Returns the roles that the agent had.
std::vector<RoleId> unassign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles);
/// Takes the role from everybody; returns the agents that had it.
std::vector<AgentId> unassign_all(db::Transaction &transaction, OrgId const &org, RoleId const &id);

}  // namespace relay::sql
