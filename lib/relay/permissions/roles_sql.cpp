#include "relay/permissions/roles_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/suggestions.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto insert_sql = R"sql(
INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, role_id) DO NOTHING)sql";

constexpr auto list_sql = R"sql(
SELECT org_id, role_id, name, created_at, created_by,
       (SELECT COALESCE(string_agg(held.permission, ',' ORDER BY held.permission), '') FROM relay.role_permissions AS held
        WHERE held.org_id = role.org_id AND held.role_id = role.role_id) AS permissions,
       (SELECT count(*) FROM relay.agent_roles AS has WHERE has.org_id = role.org_id AND has.role_id = role.role_id) AS agents
FROM relay.roles AS role
WHERE ($1::text IS NULL OR org_id = $1) AND ($2::text IS NULL OR role_id = $2)
  AND ($3::text IS NULL OR (org_id, role_id) > ($3 COLLATE "C", $4::text COLLATE "C")))sql";

constexpr auto limit_sql = " LIMIT $5::bigint";

constexpr db::SortColumn sort_columns[] = {
    {"org_id", "org_id"}, {"role_id", "role_id"},       {"name", R"(name COLLATE "C")"},
    {"agents", "agents"}, {"created_at", "created_at"},
};

constexpr auto lock_sql = "SELECT role_id FROM relay.roles WHERE org_id = $1 AND role_id = $2 FOR UPDATE";

constexpr auto near_sql = R"sql(
SELECT id, '"' || name || '"' AS about
FROM ((SELECT role_id AS id, name FROM relay.roles WHERE org_id = $3 AND role_id > $1 ORDER BY role_id LIMIT 500)
      UNION ALL (SELECT role_id, name FROM relay.roles WHERE org_id = $3 AND role_id < $1 ORDER BY role_id DESC LIMIT 500)
      UNION ALL SELECT role_id, name FROM relay.roles WHERE org_id = $3 AND role_id = ANY ($2::text[])) AS near)sql";

constexpr auto delete_sql = "DELETE FROM relay.roles WHERE org_id = $1 AND role_id = $2";

constexpr auto grants_sql = R"sql(
SELECT permission, conditions::text AS conditions
FROM relay.role_permissions WHERE org_id = $1 AND role_id = $2 ORDER BY permission)sql";

constexpr auto grant_sql = R"sql(
INSERT INTO relay.role_permissions AS held (org_id, role_id, permission, conditions)
SELECT $1, $2, permission, $4::jsonb FROM unnest($3::text[]) AS permission
ON CONFLICT (org_id, role_id, permission) DO UPDATE SET conditions = excluded.conditions
    WHERE NOT $5::boolean AND held.conditions IS DISTINCT FROM excluded.conditions
RETURNING permission AS id)sql";

constexpr auto revoke_sql = R"sql(
DELETE FROM relay.role_permissions WHERE org_id = $1 AND role_id = $2 AND permission = ANY ($3::text[])
RETURNING permission AS id)sql";

constexpr auto of_agent_sql = "SELECT role_id AS id FROM relay.agent_roles WHERE agent_id = $1 ORDER BY role_id";

constexpr auto agents_sql = R"sql(
SELECT agent_id AS id FROM relay.agent_roles WHERE org_id = $1 AND role_id = $2 ORDER BY agent_id LIMIT $3::bigint)sql";

/// Locks the role, so that it cannot be deleted before the assignment is there.
constexpr auto hold_sql = "SELECT role_id FROM relay.roles WHERE org_id = $1 AND role_id = $2 FOR KEY SHARE";

constexpr auto assign_sql = R"sql(
INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by)
SELECT $1, $2, role_id, $4 FROM unnest($3::text[]) AS role_id
ON CONFLICT (agent_id, role_id) DO NOTHING
RETURNING role_id AS id)sql";

constexpr auto unassign_sql =
    "DELETE FROM relay.agent_roles WHERE agent_id = $1 AND role_id = ANY ($2::text[]) RETURNING role_id AS id";

constexpr auto unassign_all_sql =
    "DELETE FROM relay.agent_roles WHERE org_id = $1 AND role_id = $2 RETURNING agent_id AS id";

Role read_role(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .role_id = row.id<RoleId>("role_id"),
            .name = row.text("name"),
            .permissions = db::split_list(row.text("permissions")),
            .agents = row.integer("agents"),
            .created_at = row.instant("created_at"),
            .created_by = row.text("created_by")};
}

std::vector<std::string> read_permissions(db::Rows const &rows) {
    std::vector<std::string> permissions;
    for (db::Row const row : rows) {
        permissions.push_back(row.text("id"));
    }
    std::sort(permissions.begin(), permissions.end());
    return permissions;
}

template <typename Id>
std::vector<Id> read_ids(db::Rows const &rows) {
    std::vector<Id> ids = rows.ids<Id>("id");
    std::sort(ids.begin(), ids.end());
    return ids;
}

/// Returns the roles without duplicates, sorted so that two commands lock the same roles in the same order.
std::vector<RoleId> each_once(std::vector<RoleId> roles) {
    std::sort(roles.begin(), roles.end());
    roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
    return roles;
}

}  // namespace

bool insert_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, DisplayName const &name,
                 Note const &created_by) {
    return transaction.exec(insert_sql, {org, id, name, created_by}).affected() == 1;
}

std::optional<Role> find_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    db::Rows const rows = transaction.exec(list_sql, {org, id, std::nullopt, std::nullopt});
    return rows.empty() ? std::nullopt : std::optional(read_role(rows[0]));
}

Error no_such_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    std::vector<db::Param> candidates = near(id.text());
    candidates.emplace_back(org);
    Hint hint = no_such("role", id.text(), transaction.exec(near_sql, candidates), advise(Act::list_roles, org)).hint();
    return {ErrorKind::not_found, "org " + org.text() + " has no role " + id.text(), std::move(hint)};
}

Role get_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    if (auto role = find_role(transaction, org, id)) {
        return *std::move(role);
    }
    throw no_such_role(transaction, org, id);
}

std::optional<Role> lock_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    transaction.exec(lock_sql, {org, id});
    return find_role(transaction, org, id);
}

void delete_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    transaction.exec(delete_sql, {org, id});
}

std::vector<std::string> role_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Role> list_roles(db::Transaction &transaction, RoleFilter const &filter) {
    auto const after_org = filter.after ? std::optional(filter.after->org_id) : std::nullopt;
    auto const after_role = filter.after ? std::optional(filter.after->role_id) : std::nullopt;
    return {transaction,
            std::string(list_sql) + db::order_by(sort_columns, filter.sort, "org_id, role_id") + limit_sql,
            {filter.org, std::nullopt, after_org, after_role, filter.limit},
            read_role};
}

std::vector<Grant> grants_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    std::vector<Grant> grants;
    db::Rows const rows = transaction.exec(grants_sql, {org, id});
    for (db::Row const row : rows) {
        grants.push_back({.permission = row.text("permission"), .conditions = row.optional_text("conditions")});
    }
    return grants;
}

std::vector<std::string> grant(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                               std::vector<Permission> const &permissions, GrantTerms const &terms) {
    std::string const names = db::array_text(permission_texts(permissions));
    return read_permissions(transaction.exec(grant_sql, {org, id, names, terms.conditions, terms.keep}));
}

std::vector<std::string> revoke(db::Transaction &transaction, OrgId const &org, RoleId const &id,
                                std::vector<Permission> const &permissions) {
    return read_permissions(transaction.exec(revoke_sql, {org, id, db::array_text(permission_texts(permissions))}));
}

db::Pending<std::vector<RoleId>> roles_of_agent(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(of_agent_sql, {agent}, read_ids<RoleId>);
}

std::vector<AgentId> agents_of_role(db::Transaction &transaction, OrgId const &org, RoleId const &id, int most) {
    return read_ids<AgentId>(transaction.exec(agents_sql, {org, id, most}));
}

std::vector<RoleId> assign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles,
                           Note const &assigned_by) {
    std::vector<RoleId> const wanted = each_once(roles);
    for (RoleId const &role : wanted) {
        if (transaction.exec(hold_sql, {agent.org_id, role}).empty()) {
            throw no_such_role(transaction, agent.org_id, role);
        }
    }
    return read_ids<RoleId>(
        transaction.exec(assign_sql, {agent.agent_id, agent.org_id, db::array_text(wanted), assigned_by}));
}

std::vector<RoleId> unassign(db::Transaction &transaction, Agent const &agent, std::vector<RoleId> const &roles) {
    return read_ids<RoleId>(transaction.exec(unassign_sql, {agent.agent_id, db::array_text(each_once(roles))}));
}

std::vector<AgentId> unassign_all(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    return read_ids<AgentId>(transaction.exec(unassign_all_sql, {org, id}));
}

}  // namespace relay::sql
