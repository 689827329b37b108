#pragma once

#include "relay/identity/events_sql.hpp"
#include "relay/model/conditions.hpp"

/// The audit events of changes to permissions and roles.
namespace relay {

/// The holder of permissions: an agent, or a role of an organization.
struct Holder {
    OrgId org_id;
    std::optional<AgentId> agent_id{};
    std::optional<RoleId> role_id{};
};

/// Returns one permission_granted event per permission, with the conditions if `terms` sets or removes any.
std::vector<sql::NewEvent> granted_events(Holder const &holder, std::vector<std::string> const &permissions,
                                          GrantTerms const &terms = {});
/// Returns one permission_revoked event per permission.
std::vector<sql::NewEvent> revoked_events(Holder const &holder, std::vector<std::string> const &permissions);

/// Returns a role's event. `action` is role_created, role_deleted, role_assigned or role_unassigned.
sql::NewEvent role_event(std::string action, Holder const &holder);

}  // namespace relay
