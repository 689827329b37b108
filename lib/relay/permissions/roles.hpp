#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/conditions.hpp"
#include "relay/model/page.hpp"
#include "relay/permissions/records.hpp"

/// Roles: named sets of permissions that an organization gives to its agents. A change of a role applies to each
/// agent that has it.
namespace relay {

/// A role after a change.
struct ChangedRole : WriteReceipt {
    Role role;
    std::vector<Grant> grants{};
    std::vector<std::string> changed_permissions{};  ///< permissions that were added, removed or got new conditions
};

struct CreateRole {
    OrgId org;
    RoleId id;
    DisplayName name;
    std::vector<Permission> permissions{};  ///< empty: a new role has none, and an existing one may have any
};
/// Creates a role whose permissions have no conditions. The same request again changes nothing. Throws Error:
/// not_found, no such organization; conflict, the id exists with other content (the message names the fields that
/// differ).
ChangedRole create_role(db::Database &database, CreateRole const &request, WriteOptions const &options);

struct GrantToRole {
    OrgId org;
    RoleId id;
    std::vector<Permission> permissions;
    GrantTerms terms{};
};
/// Adds permissions to a role. Throws Error: not_found, no such organization or role.
ChangedRole grant_to_role(db::Database &database, GrantToRole const &request, WriteOptions const &options);

struct RevokeFromRole {
    OrgId org;
    RoleId id;
    std::vector<Permission> permissions;
};
/// Removes permissions from a role. Throws Error: not_found, no such organization or role.
ChangedRole revoke_from_role(db::Database &database, RevokeFromRole const &request, WriteOptions const &options);

struct DeleteRole {
    OrgId org;
    RoleId id;
    bool force = false;  ///< delete it even if agents have it: they lose it
};
struct DeletedRole : WriteReceipt {
    Role role;  ///< as it was; if it did not exist, only its ids are set
    std::vector<AgentId> agents{};  ///< agents that lost it
    std::vector<std::string> suggestions{};  ///< similar ids, if it did not exist
};
/// Deletes a role; one that does not exist changes nothing. Throws Error: not_found, no such organization; conflict,
/// agents have it.
DeletedRole delete_role(db::Database &database, DeleteRole const &request, WriteOptions const &options);

struct ListRoles {
    std::optional<OrgId> org{};
    PageRequest page{};  ///< its cursor is ORG/ROLE
};
/// Returns the fields that `page.sort` can name.
std::vector<std::string> role_sort_fields();
/// Returns a page of roles. Throws Error: not_found, no such organization; usage, not a cursor.
ListEnd list_roles(db::Database &database, ListRoles const &request, EachItem<Role> const &each);

struct RoleDetails {
    Role role;
    std::vector<Grant> grants{};
    std::vector<AgentId> agents{};  ///< the first agents that have it; role.agents says how many there are
    Instant at{};
    std::string db_role{};
};
/// Returns a role with its grants and agents. Throws Error: not_found, no such organization or role, with similar
/// ids.
RoleDetails show_role(db::Database &database, OrgId const &org, RoleId const &id);

}  // namespace relay
