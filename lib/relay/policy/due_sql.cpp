#include "relay/policy/due_sql.hpp"

#include "relay/db/order_by.hpp"

namespace relay::sql {
namespace {

std::string const due_sql = R"sql(
FROM (SELECT key.key_id, key.agent_id, key.org_id, agent.name AS agent_name, agent.owner, agent.labels, key.due_at AS at, key.reason,
             key.status, key.blocked, key.created_at, key.expires_at, key.last_used_at
      FROM relay.due_keys AS key JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
      WHERE key.listed_from <= now() + make_interval(secs => $1)
        AND ($2::text IS NULL OR agent.org_id = $2) AND ($3::text IS NULL OR agent.owner = $3)
        AND (NOT $4::boolean OR agent.owner IS NULL)
        AND ($5::text[] IS NULL OR (agent.labels @> jsonb_object($5::text[]) AND agent.labels <> '{}'))
        AND ($6::text IS NULL OR agent.agent_id LIKE $6)) AS due)sql";

std::string const keys_sql = R"sql(
SELECT key_id, agent_id, org_id, agent_name, owner,
       CASE WHEN labels = '{}' THEN '' ELSE (SELECT string_agg(key || '=' || value, E'\n') FROM jsonb_each_text(labels)) END AS labels,
       at, reason, at <= now() AS overdue, status = 'expired' AS expired, blocked, created_at, expires_at, last_used_at)sql" +
                             due_sql;

std::string const owners_sql = R"sql(
SELECT owner, count(*) AS keys, count(*) FILTER (WHERE at <= now()) AS overdue, min(at) AS first_at)sql" +
                               due_sql + " GROUP BY owner";

constexpr auto limit_sql = " LIMIT $7::bigint";

constexpr db::SortColumn key_columns[] = {
    {"key_id", "key_id"},
    {"agent_id", "agent_id"},
    {"org_id", "org_id"},
    {"owner", "owner"},
    {"due_at", "at"},
    {"reason", "reason"},
    {"created_at", "created_at"},
    {"expires_at", "expires_at"},
    {"last_used_at", "last_used_at"},
};

constexpr db::SortColumn owner_columns[] = {
    {"owner", "owner"}, {"keys", "keys"}, {"overdue", "overdue"}, {"first_due_at", "first_at"}};

std::vector<db::Param> params_of(DueRequest const &request) {
    return {request.within,
            request.org,
            request.which.owner,
            request.which.unowned,
            pairs_or_null(request.which.labels),
            pattern_or_null(request.which.match),
            request.page.one_more()};
}

DueKey read_due_key(db::Row const &row) {
    return {.key_id = row.id<KeyId>("key_id"),
            .agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .agent_name = row.text("agent_name"),
            .owner = row.optional_id<OwnerName>("owner"),
            .labels = label_set(row.ids_by_line<Label>("labels")),
            .reason = row.value<DueReason>("reason"),
            .at = row.instant("at"),
            .overdue = row.boolean("overdue"),
            .expired = row.boolean("expired"),
            .blocked = row.boolean("blocked"),
            .created_at = row.instant("created_at"),
            .expires_at = row.optional_instant("expires_at"),
            .last_used_at = row.optional_instant("last_used_at")};
}

DueOwner read_due_owner(db::Row const &row) {
    return {.owner = row.optional_id<OwnerName>("owner"),
            .keys = row.integer("keys"),
            .overdue = row.integer("overdue"),
            .first_at = row.instant("first_at")};
}

}  // namespace

db::Stream<DueKey> list_due_keys(db::Transaction &transaction, DueRequest const &request) {
    return {transaction,
            keys_sql +
                db::order_by(key_columns, request.page.sort, request.page.sort.empty() ? "at, key_id" : "key_id") +
                limit_sql,
            params_of(request), read_due_key};
}

db::Stream<DueOwner> list_due_owners(db::Transaction &transaction, DueRequest const &request) {
    return {transaction, owners_sql + db::order_by(owner_columns, request.page.sort, "owner") + limit_sql,
            params_of(request), read_due_owner};
}

}  // namespace relay::sql

namespace relay {

std::vector<std::string> due_key_sort_fields() { return db::sort_fields(sql::key_columns); }
std::vector<std::string> due_owner_sort_fields() { return db::sort_fields(sql::owner_columns); }

}  // namespace relay
