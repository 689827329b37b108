#pragma once

#include "relay/identity/events_sql.hpp"
#include "relay/model/conditions.hpp"

/// The events of a change of what agents may do.
namespace relay {

/// Of whom they are: an agent, or a role of an organization.
struct Holder {
    OrgId org_id;
    std::optional<AgentId> agent_id{};
    std::optional<RoleId> role_id{};
};

/// permission_granted, one for each; with the conditions if `terms` set any.
std::vector<sql::NewEvent> granted_events(Holder const &holder, std::vector<std::string> const &permissions,
                                          GrantTerms const &terms = {});
/// permission_revoked, one for each.
std::vector<sql::NewEvent> revoked_events(Holder const &holder, std::vector<std::string> const &permissions);

/// `action` is role_created, role_deleted, role_assigned or role_unassigned.
sql::NewEvent role_event(std::string action, Holder const &holder);

}  // namespace relay
