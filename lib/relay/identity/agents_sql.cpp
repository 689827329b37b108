#include "relay/identity/agents_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/labels.hpp"
#include "relay/identity/reported_uses.hpp"
#include "relay/identity/suggestions.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

/// What read_agent() reads.
std::string const agent_columns = R"sql(
       agent_id, org_id, name, array_to_string(ARRAY(SELECT jsonb_array_elements_text(permissions)), ',') AS permissions,
       extract(epoch FROM key_max_age)::bigint AS key_max_age, extract(epoch FROM effective_key_max_age)::bigint AS effective_key_max_age,
       owner, CASE WHEN labels = '{}' THEN '' ELSE (SELECT string_agg(key || '=' || value, E'\n') FROM jsonb_each_text(labels)) END AS labels,
       owner_user_id, status, created_at, created_by, last_used_at)sql";

std::string const find_agent_sql = "SELECT" + agent_columns + " FROM relay.agent_status WHERE agent_id = $1";

constexpr auto keyless_ways_sql = R"sql(
SELECT (SELECT answer.reason FROM relay.decide_legacy(agent.agent_id, agent.org_id) AS answer) = 'ok' AS shared_secret,
       org.auth_mode = 'optional' AS without_key, relay.has_seat(agent.org_id, agent.agent_id) AS has_seat,
       relay.limit_of(agent.org_id, 'agents') AS seats
FROM relay.agents AS agent JOIN relay.organizations AS org ON org.org_id = agent.org_id WHERE agent.agent_id = $1)sql";

constexpr auto lock_agent_sql = "SELECT agent_id FROM relay.agents WHERE agent_id = $1 FOR NO KEY UPDATE";

constexpr auto by_name_sql =
    "SELECT agent_id FROM relay.agents WHERE org_id = $1 AND name = $2 ORDER BY created_at, agent_id LIMIT 1";

constexpr auto update_agent_sql = R"sql(
UPDATE relay.agents SET name = $2, key_max_age = make_interval(secs => $3), owner = $4, labels = jsonb_object($5::text[]),
       owner_user_id = $6
WHERE agent_id = $1)sql";

std::string const list_agents_sql = "SELECT" + agent_columns + R"sql(
FROM relay.agent_status AS agent
WHERE ($1::text IS NULL OR org_id = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR agent_id > $3 COLLATE "C")
  AND ($4::bigint IS NULL OR agent_id IN (SELECT due.agent_id FROM relay.due_keys AS due
                                          WHERE due.listed_from <= now() + make_interval(secs => $4)))
  AND ($5::bigint IS NULL OR COALESCE(last_used_at, created_at) <= now() - make_interval(secs => $5))
  AND ($6::text IS NULL OR EXISTS (SELECT FROM relay.agent_roles AS has WHERE has.agent_id = agent.agent_id AND has.role_id = $6))
  AND ($7::text IS NULL OR owner = $7) AND ($8::text[] IS NULL OR (labels @> jsonb_object($8::text[]) AND labels <> '{}'))
  AND ($9::text IS NULL OR agent_id LIKE $9) AND (NOT $10::boolean OR owner IS NULL)
  AND (NOT $11::boolean OR agent_id IN (SELECT surplus.agent_id FROM relay.surplus_agents AS surplus
                                        WHERE $1::text IS NULL OR surplus.org_id = $1))
  AND ($12::bigint IS NULL
       OR EXISTS (SELECT FROM relay.agent_keys AS key JOIN relay.key_sightings AS seen ON seen.key_id = key.key_id
                  WHERE key.agent_id = agent.agent_id AND COALESCE(seen.bearer_at, seen.last_used_at) > now() - make_interval(secs => $12))
       OR EXISTS (SELECT FROM relay.legacy_agents AS legacy
                  WHERE legacy.agent_id = agent.agent_id AND legacy.last_seen_at > now() - make_interval(secs => $12))))sql";

constexpr auto agents_limit_sql = " LIMIT $13::bigint";

constexpr db::SortColumn agent_sort_columns[] = {
    {"agent_id", "agent_id"}, {"org_id", "org_id"},         {"name", R"(name COLLATE "C")"},  {"owner", "owner"},
    {"status", "status"},     {"created_at", "created_at"}, {"last_used_at", "last_used_at"},
};

constexpr auto near_agents_sql = R"sql(
SELECT id, '"' || name || '", org ' || org_id AS about
FROM ((SELECT agent_id AS id, name, org_id FROM relay.agents WHERE agent_id > $1 ORDER BY agent_id LIMIT 500)
      UNION ALL (SELECT agent_id, name, org_id FROM relay.agents WHERE agent_id < $1 ORDER BY agent_id DESC LIMIT 500)
      UNION ALL SELECT agent_id, name, org_id FROM relay.agents WHERE agent_id = ANY ($2::text[])) AS near)sql";

Agent read_agent(db::Row const &row) {
    return {.agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .name = row.text("name"),
            .permissions = db::split_list(row.text("permissions")),
            .key_max_age = row.optional_seconds("key_max_age"),
            .effective_key_max_age = row.optional_seconds("effective_key_max_age"),
            .owner = row.optional_id<OwnerName>("owner"),
            .labels = label_set(row.ids_by_line<Label>("labels")),
            .owner_user_id = row.optional_id<OwnerUserId>("owner_user_id"),
            .status = row.value<Status>("status"),
            .created_at = row.instant("created_at"),
            .created_by = row.text("created_by"),
            .last_used_at = row.optional_instant("last_used_at")};
}

}  // namespace

db::Pending<std::optional<Agent>> ask_agent(db::Transaction &transaction, AgentId const &id) {
    return transaction.ask(find_agent_sql.c_str(), {id}, [](db::Rows const &rows) {
        return rows.empty() ? std::nullopt : std::optional(read_agent(rows[0]));
    });
}

std::optional<Agent> find_agent(db::Transaction &transaction, AgentId const &id) {
    return ask_agent(transaction, id).get();
}

Agent get_agent(db::Transaction &transaction, AgentId const &id) {
    if (auto agent = find_agent(transaction, id)) {
        return *std::move(agent);
    }
    throw no_such("agent", id.text(), transaction.exec(near_agents_sql, near(id.text())), advise(Act::list_agents));
}

void send_agent_lock(db::Transaction &transaction, AgentId const &id) { transaction.send(lock_agent_sql, {id}); }

Agent lock_agent(db::Transaction &transaction, AgentId const &id) {
    send_agent_lock(transaction, id);
    return get_agent(transaction, id);
}

std::optional<AgentId> find_agent_by_name(db::Transaction &transaction, OrgId const &org, DisplayName const &name) {
    db::Rows const rows = transaction.exec(by_name_sql, {org, name});
    return rows.empty() ? std::nullopt : rows[0].optional_id<AgentId>("agent_id");
}

void update_agent(db::Transaction &transaction, AgentId const &id, AgentFields const &fields) {
    transaction.send(update_agent_sql, {id, fields.name, fields.key_max_age, fields.owner, label_pairs(fields.labels),
                                        fields.owner_user_id});
}

std::vector<std::string> agent_sort_fields() { return db::sort_fields(agent_sort_columns); }

db::Stream<Agent> list_agents(db::Transaction &transaction, AgentFilter const &filter) {
    auto const unused = filter.unused_for ? std::optional(silence_to_prove(*filter.unused_for)) : std::nullopt;
    auto const bearer_since =
        filter.bearer_since ? std::optional(silence_to_prove(*filter.bearer_since)) : std::nullopt;
    return {transaction,
            list_agents_sql + db::order_by(agent_sort_columns, filter.sort, "agent_id") + agents_limit_sql,
            {filter.org, filter.status, filter.after, filter.key_due, unused, filter.role, filter.which.owner,
             pairs_or_null(filter.which.labels), pattern_or_null(filter.which.match), filter.which.unowned,
             filter.surplus, bearer_since, filter.limit},
            read_agent};
}

db::Pending<KeylessWays> ask_keyless_ways(db::Transaction &transaction, AgentId const &id) {
    return transaction.ask(keyless_ways_sql, {id}, [](db::Rows const &rows) {
        KeylessWays ways;
        for (db::Row const row : rows) {
            ways = {.has_seat = row.boolean("has_seat"),
                    .seats = row.optional_integer("seats"),
                    .shared_secret = row.boolean("shared_secret"),
                    .without_key = row.boolean("without_key")};
        }
        return ways;
    });
}

}  // namespace relay::sql
