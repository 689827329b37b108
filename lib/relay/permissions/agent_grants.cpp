#include "relay/permissions/agent_grants.hpp"

#include "relay/identity/agent_permissions_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/permission_events.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/permissions/roles_sql.hpp"

#include <algorithm>
#include <functional>

namespace relay {
namespace {

/// Changes the agent, notes in the result what changed, and returns the events.
using Change = std::function<std::vector<sql::NewEvent>(db::Transaction &, AgentPermissions &)>;

/// Whether the agent now is as was asked.
using IsDone = std::function<bool(db::Transaction &, AgentPermissions const &)>;

AgentPermissions change(db::Database &database, AgentId const &agent, WriteOptions const &options, Change const &work,
                        IsDone const &is_done) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        AgentPermissions result{{}, sql::lock_agent(transaction, agent)};
        auto const events = work(transaction, result);
        result.grants = sql::grants_of_agent(transaction, agent).get();
        result.roles = sql::roles_of_agent(transaction, agent).get();
        transaction.confirm(is_done(transaction, result), "the change of agent " + agent.text());
        finish(transaction, result, options.by, events);
        transaction.expect_announcement();
        return result;
    });
}

Holder holder_of(Agent const &agent) { return {.org_id = agent.org_id, .agent_id = agent.agent_id}; }

std::vector<sql::NewEvent> role_events(std::string const &action, Agent const &agent,
                                       std::vector<RoleId> const &roles) {
    std::vector<sql::NewEvent> events;
    for (RoleId const &role : roles) {
        events.push_back(role_event(action, {.org_id = agent.org_id, .agent_id = agent.agent_id, .role_id = role}));
    }
    return events;
}

bool has_role(AgentPermissions const &result, RoleId const &role) {
    return std::find(result.roles.begin(), result.roles.end(), role) != result.roles.end();
}

}  // namespace

AgentPermissions grant_to_agent(db::Database &database, GrantToAgent const &request, WriteOptions const &options) {
    return change(
        database, request.agent, options,
        [&](db::Transaction &transaction, AgentPermissions &result) {
            result.changed_permissions = sql::grant(transaction, result.agent, request.permissions, request.terms);
            return granted_events(holder_of(result.agent), result.changed_permissions, request.terms);
        },
        [&](db::Transaction &transaction, AgentPermissions const &result) {
            return sql::has_all(transaction, result.grants, request.permissions, request.terms);
        });
}

AgentPermissions revoke_from_agent(db::Database &database, RevokeFromAgent const &request,
                                   WriteOptions const &options) {
    return change(
        database, request.agent, options,
        [&](db::Transaction &transaction, AgentPermissions &result) {
            result.changed_permissions = sql::revoke(transaction, result.agent, request.permissions);
            return revoked_events(holder_of(result.agent), result.changed_permissions);
        },
        [&](db::Transaction &, AgentPermissions const &result) {
            return sql::has_none(result.grants, request.permissions);
        });
}

AgentPermissions assign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options) {
    return change(
        database, request.agent, options,
        [&](db::Transaction &transaction, AgentPermissions &result) {
            result.changed_roles = sql::assign(transaction, result.agent, request.roles, options.by.actor);
            return role_events("role_assigned", result.agent, result.changed_roles);
        },
        [&](db::Transaction &, AgentPermissions const &result) {
            return std::all_of(request.roles.begin(), request.roles.end(),
                               [&](RoleId const &role) { return has_role(result, role); });
        });
}

AgentPermissions unassign_roles(db::Database &database, ChangeRoles const &request, WriteOptions const &options) {
    return change(
        database, request.agent, options,
        [&](db::Transaction &transaction, AgentPermissions &result) {
            result.changed_roles = sql::unassign(transaction, result.agent, request.roles);
            return role_events("role_unassigned", result.agent, result.changed_roles);
        },
        [&](db::Transaction &, AgentPermissions const &result) {
            return std::none_of(request.roles.begin(), request.roles.end(),
                                [&](RoleId const &role) { return has_role(result, role); });
        });
}

}  // namespace relay
