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

// As jsonb compares: 1 and 1.0 are the same number.
constexpr auto same_sql =
    "SELECT NOT EXISTS (SELECT FROM unnest($2::text[]) AS held WHERE held::jsonb <> $1::jsonb) AS same";

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

db::Pending<std::vector<Grant>> grants_of_agent(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(grants_sql, {agent}, [](db::Rows const &rows) {
        std::vector<Grant> grants;
        for (db::Row const row : rows) {
            grants.push_back({.permission = row.text("permission"),
                              .conditions = row.optional_text("conditions"),
                              .role_id = row.optional_id<RoleId>("role_id")});
        }
        return grants;
    });
}

bool has_all(db::Transaction &transaction, std::vector<Grant> const &grants, std::vector<Permission> const &permissions,
             GrantTerms const &terms) {
    Texts bound;
    for (Permission const &permission : permissions) {
        auto const held = std::find_if(grants.begin(), grants.end(), [&](Grant const &one) {
            return !one.role_id && one.permission == permission.text();
        });
        if (held == grants.end() || (!terms.keep && held->conditions.has_value() != terms.conditions.has_value())) {
            return false;
        }
        if (terms.conditions) {
            bound.push_back(*held->conditions);
        }
    }
    return !terms.conditions ||
           transaction.exec(same_sql, {terms.conditions, db::array_text(bound)}).one().boolean("same");
}

bool has_none(std::vector<Grant> const &grants, std::vector<Permission> const &permissions) {
    return std::none_of(permissions.begin(), permissions.end(), [&](Permission const &permission) {
        return std::any_of(grants.begin(), grants.end(),
                           [&](Grant const &held) { return !held.role_id && held.permission == permission.text(); });
    });
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
