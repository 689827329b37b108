#include "relay/identity/agent_permissions_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/agents_sql.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto grants_sql = R"sql(
SELECT permission, conditions::text AS conditions, role_id
FROM relay.agent_grants WHERE agent_id = $1 ORDER BY permission, role_id NULLS FIRST)sql";

constexpr auto permissions_sql = "UPDATE relay.agents SET permissions = $2::jsonb WHERE agent_id = $1";

constexpr auto bind_sql = R"sql(
INSERT INTO relay.agent_conditions AS bound (agent_id, org_id, permission, conditions)
SELECT $1, $2, permission, $4::jsonb FROM unnest($3::text[]) AS permission
ON CONFLICT (agent_id, permission) DO UPDATE SET conditions = excluded.conditions
    WHERE bound.conditions IS DISTINCT FROM excluded.conditions
RETURNING permission)sql";

constexpr auto free_sql =
    "DELETE FROM relay.agent_conditions WHERE agent_id = $1 AND permission = ANY ($2::text[]) RETURNING permission";

using Texts = std::vector<std::string>;

Texts read_permissions(db::Rows const &rows) {
    Texts texts;
    for (db::Row const row : rows) {
        texts.push_back(row.text("permission"));
    }
    return texts;
}

/// Returns what is in `first` but not in `second`; both are sorted.
Texts without(Texts const &first, Texts const &second) {
    Texts rest;
    std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(rest));
    return rest;
}

Texts together(Texts const &first, Texts const &second) {
    Texts all;
    std::set_union(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(all));
    return all;
}

void write_permissions(db::Transaction &transaction, Agent &agent, Texts permissions) {
    if (permissions != agent.permissions) {
        transaction.exec(permissions_sql, {agent.agent_id, db::json_array(permissions)});
        agent.permissions = std::move(permissions);
    }
}

/// Returns the permissions whose conditions changed, sorted.
Texts apply(db::Transaction &transaction, Agent const &agent, Texts const &permissions, GrantTerms const &terms) {
    if (terms.keep) {
        return {};
    }
    std::string const names = db::array_text(permissions);
    Texts changed = read_permissions(
        terms.conditions ? transaction.exec(bind_sql, {agent.agent_id, agent.org_id, names, terms.conditions})
                         : transaction.exec(free_sql, {agent.agent_id, names}));
    std::sort(changed.begin(), changed.end());
    return changed;
}

}  // namespace

std::vector<Grant> grants_of_agent(db::Transaction &transaction, AgentId const &agent) {
    std::vector<Grant> grants;
    db::Rows const rows = transaction.exec(grants_sql, {agent});
    for (db::Row const row : rows) {
        grants.push_back({.permission = row.text("permission"),
                          .conditions = row.optional_text("conditions"),
                          .role_id = row.optional_id<RoleId>("role_id")});
    }
    return grants;
}

std::vector<std::string> grant(db::Transaction &transaction, Agent &agent, std::vector<Permission> const &permissions,
                               GrantTerms const &terms) {
    Texts const asked = permission_texts(permissions);
    Texts held = agent.permissions;
    std::sort(held.begin(), held.end());
    Texts const added = without(asked, held);
    if (!added.empty()) {
        write_permissions(transaction, agent, together(held, asked));
    }
    return together(added, apply(transaction, agent, asked, terms));
}

std::vector<std::string> revoke(db::Transaction &transaction, Agent &agent,
                                std::vector<Permission> const &permissions) {
    Texts const asked = permission_texts(permissions);
    Texts held = agent.permissions;
    std::sort(held.begin(), held.end());
    Texts const rest = without(held, asked);
    Texts const gone = without(held, rest);
    if (!gone.empty()) {
        write_permissions(transaction, agent, rest);
        transaction.exec(free_sql, {agent.agent_id, db::array_text(gone)});
    }
    return gone;
}

}  // namespace relay::sql
