#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/conditions.hpp"
#include "relay/model/page.hpp"
#include "relay/permissions/records.hpp"

/// Roles: permissions under a name, which an organization gives to its agents. A change of a role is a change for each agent that has it.
namespace relay {

/// A role as a change left it.
struct ChangedRole : WriteReceipt {
    Role role;
    std::vector<Grant> grants{};
    std::vector<std::string> changed_permissions{};  ///< that this run gave, took, or put under other terms
};

struct CreateRole {
    OrgId org;
    RoleId id;
    DisplayName name;
    std::vector<Permission> permissions{};  ///< empty: none, and a role that is there may have any
};
/// Makes a role, its permissions without conditions. The same request again changes nothing.
/// Throws Error: not_found, no such organization; conflict, the id exists with other content (the fields that differ are named).
ChangedRole create_role(db::Database &database, CreateRole const &request, WriteOptions const &options);

struct GrantToRole {
    OrgId org;
    RoleId id;
    std::vector<Permission> permissions;
    GrantTerms terms{};
};
/// Throws Error: not_found, no such organization or role.
ChangedRole grant_to_role(db::Database &database, GrantToRole const &request, WriteOptions const &options);

struct RevokeFromRole {
    OrgId org;
    RoleId id;
    std::vector<Permission> permissions;
};
/// Throws Error: not_found, no such organization or role.
ChangedRole revoke_from_role(db::Database &database, RevokeFromRole const &request, WriteOptions const &options);

struct DeleteRole {
    OrgId org;
    RoleId id;
    bool force = false;  ///< also if agents have it: they lose it
};
struct DeletedRole : WriteReceipt {
    Role role;  ///< as it was; empty but for its ids if there was none
    std::vector<AgentId> agents{};  ///< that lost it
    std::vector<std::string> suggestions{};  ///< ids that are close, if there was none
};
/// Throws Error: not_found, no such organization; conflict, agents have it.
DeletedRole delete_role(db::Database &database, DeleteRole const &request, WriteOptions const &options);

struct ListRoles {
    std::optional<OrgId> org{};
    PageRequest page{};  ///< its cursor is ORG/ROLE
};
/// Throws Error: not_found, no such organization; usage, no such cursor.
Page<Role> list_roles(db::Database &database, ListRoles const &request);

struct RoleDetails {
    Role role;
    std::vector<Grant> grants{};
    std::vector<AgentId> agents{};  ///< the first ones that have it; role.agents tells how many do
    Instant at{};
    std::string db_role{};
};
/// Throws Error: not_found, no such organization or role, with ids that are close.
RoleDetails show_role(db::Database &database, OrgId const &org, RoleId const &id);

}  // namespace relay
