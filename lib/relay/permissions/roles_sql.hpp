#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/conditions.hpp"
#include "relay/model/error.hpp"
#include "relay/permissions/records.hpp"

/// Roles, their permissions, and the agents that have them. An agent can have roles of its organization only.
namespace relay::sql {

/// Inserts a role. Returns false if the organization has a role with that id. Waits for a transaction that is
/// inserting it.
bool insert_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, DisplayName const &name,
                 Note const &created_by);

std::optional<Role> find_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// As find_role; throws Error (not_found) that suggests similar ids of that organization.
Role get_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// Locks the role until the transaction ends, so that neither its permissions nor its agents change; otherwise as
/// find_role.
std::optional<Role> lock_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// Returns the Error (not_found) of get_role.
Error no_such_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);

/// Deletes a role and its permissions. No agent may have it.
void delete_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);

struct RolePlace {
    OrgId org_id;
    RoleId role_id;
};
struct RoleFilter {
    std::optional<OrgId> org{};
    std::optional<RolePlace> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
/// Returns the fields that roles can be sorted by.
std::vector<std::string> role_sort_fields();
/// Returns roles in order of `sort`, then of organization and id.
db::Stream<Role> list_roles(db::Transaction &transaction, RoleFilter const &filter);

/// Returns the role's permissions, in order.
std::vector<Grant> grants_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id);
/// Adds permissions to a role. Returns those that are new or whose conditions changed.
std::vector<std::string> grant(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                               std::vector<Permission> const &permissions, GrantTerms const &terms);
/// Removes permissions from a role. Returns those that it had.
std::vector<std::string> revoke(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                                std::vector<Permission> const &permissions);

/// Returns the agent's roles, in order of id.
db::Pending<std::vector<RoleId>> roles_of_agent(db::Transaction &transaction, AgentId const &agent);
/// Returns the first `most` agents that have the role, in order of id.
std::vector<AgentId> agents_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, int most);
/// Assigns roles to an agent. Returns those that it did not have before. Throws as get_role.
std::vector<RoleId> assign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles,
                           Note const &assigned_by);
/// Takes roles from an agent. Returns those that it had.
std::vector<RoleId> unassign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles);
/// Takes the role from all agents. Returns the agents that had it.
std::vector<AgentId> unassign_all(db::Transaction &transaction, OrgId const &org, RoleId const &id);

}  // namespace relay::sql
