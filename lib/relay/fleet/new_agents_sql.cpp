#include "relay/fleet/new_agents_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/labels.hpp"

namespace relay::sql {
namespace {

constexpr auto existing_sql = R"sql(
SELECT agent.agent_id, agent.org_id, agent.name,
       array_to_string(ARRAY(SELECT jsonb_array_elements_text(agent.permissions)), ',') AS permissions, agent.owner,
       COALESCE((SELECT string_agg(key || '=' || value, E'\n') FROM jsonb_each_text(agent.labels)), '') AS labels,
       extract(epoch FROM agent.key_max_age)::bigint AS key_max_age,
       EXISTS (SELECT FROM relay.agent_keys AS key WHERE key.agent_id = agent.agent_id AND key.state = 'active') AS has_active_key
FROM relay.agents AS agent WHERE agent.agent_id = ANY ($1::text[] COLLATE "C"))sql";

constexpr auto standing_sql = R"sql(
SELECT row.subject_id, CASE WHEN bool_or(row.kind = 'revoke') THEN 'revoked' ELSE 'blocked' END AS standing
FROM relay.standing_revocations AS row
WHERE row.subject_id = ANY ($1::text[] COLLATE "C") AND row.subject_kind IN ('agent', 'org') GROUP BY row.subject_id)sql";

// The events are in the same statement as the keys, as relay.audit_new_keys demands. An empty text is a null: an array of texts has none.
constexpr auto insert_sql = R"sql(
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
        AS new (agent_id, org_id, name, permissions, max_age, owner, labels, key_id, hash)
), made AS (
    INSERT INTO relay.agents (agent_id, org_id, name, permissions, key_max_age, owner, labels, created_by)
    SELECT new.agent_id, new.org_id, new.name, new.permissions::jsonb, make_interval(secs => NULLIF(new.max_age, '')::bigint),
           NULLIF(new.owner, ''), jsonb_object(new.labels::text[]), $10
    FROM new
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
    SELECT event.action, new.org_id, new.agent_id, event.key_id, event.detail, $11, $12, $10, $13
    FROM new CROSS JOIN LATERAL (VALUES ('agent_created', NULL, jsonb_build_object('name', new.name)),
                                        ('key_issued', new.key_id, NULL)) AS event (action, key_id, detail)
)
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT new.key_id, new.agent_id, new.org_id, decode(new.hash, 'hex'),
       now() + COALESCE(make_interval(secs => NULLIF(new.max_age, '')::bigint), org.key_max_age), $10
FROM new JOIN relay.organizations AS org ON org.org_id = new.org_id COLLATE "C")sql";

constexpr auto made_sql = R"sql(
SELECT count(*) AS agents
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS made (agent_id, org_id, name, permissions, owner)
JOIN relay.agents AS agent ON agent.agent_id = made.agent_id COLLATE "C"
WHERE agent.org_id = made.org_id AND agent.name = made.name AND agent.permissions = made.permissions::jsonb
  AND COALESCE(agent.owner, '') = made.owner)sql";

/// The agents, column by column, as the statements take them.
struct AgentColumns {
    explicit AgentColumns(std::vector<CreateAgent const *> const &agents) {
        for (CreateAgent const *agent : agents) {
            ids.push_back(agent->id.text());
            orgs.push_back(agent->org.text());
            names.push_back(agent->name.text());
            permissions.push_back(db::json_array(permission_texts(agent->permissions)));
            max_ages.push_back(agent->key_max_age ? std::to_string(agent->key_max_age->count()) : "");
            owners.push_back(agent->owner ? agent->owner->text() : "");
            labels.push_back(label_pairs(agent->labels));
        }
    }
    std::vector<std::string> ids{};
    std::vector<std::string> orgs{};
    std::vector<std::string> names{};
    std::vector<std::string> permissions{};
    std::vector<std::string> max_ages{};
    std::vector<std::string> owners{};
    std::vector<std::string> labels{};
};

}  // namespace

std::map<AgentId, ExistingAgent> existing_agents(db::Transaction &transaction, std::vector<AgentId> const &ids) {
    std::map<AgentId, ExistingAgent> agents;
    db::Rows const rows = transaction.exec(existing_sql, {db::array_text(ids)});
    for (db::Row const row : rows) {
        agents.emplace(row.id<AgentId>("agent_id"),
                       ExistingAgent{.org_id = row.id<OrgId>("org_id"),
                                     .name = row.text("name"),
                                     .permissions = db::split_list(row.text("permissions")),
                                     .owner = row.optional_text("owner"),
                                     .labels = label_set(row.ids_by_line<Label>("labels")),
                                     .key_max_age = row.optional_seconds("key_max_age"),
                                     .has_active_key = row.boolean("has_active_key")});
    }
    return agents;
}

std::map<std::string, std::string> standing_of(db::Transaction &transaction, std::vector<std::string> const &ids) {
    std::map<std::string, std::string> standing;
    db::Rows const rows = transaction.exec(standing_sql, {db::array_text(ids)});
    for (db::Row const row : rows) {
        standing.emplace(row.text("subject_id"), row.text("standing"));
    }
    return standing;
}

void insert_agents(db::Transaction &transaction, std::vector<CreateAgent const *> const &agents,
                   std::vector<NewKey> const &keys, Attribution const &by) {
    AgentColumns const columns(agents);
    NewKeyColumns const key_columns(keys);
    find_rows_by_key(transaction);
    transaction.send(insert_sql,
                     {db::array_text(columns.ids), db::array_text(columns.orgs), db::array_text(columns.names),
                      db::array_text(columns.permissions), db::array_text(columns.max_ages),
                      db::array_text(columns.owners), db::array_text(columns.labels), db::array_text(key_columns.ids),
                      db::array_text(key_columns.hashes), by.actor, by.reason, by.ticket, by.trace_id},
                     [&transaction, all = keys.size()](db::Rows const &rows) {
                         transaction.require(rows.affected() == all, "a new key of this batch");
                     });
}

db::Pending<bool> agents_as_made(db::Transaction &transaction, std::vector<CreateAgent const *> const &agents,
                                 std::vector<NewKey> const &keys) {
    AgentColumns const columns(agents);
    NewKeyColumns const key_columns(keys);
    auto const all = static_cast<std::int64_t>(keys.size());
    auto const there = count_keys_as_made(transaction, key_columns.ids, key_columns.hashes, key_columns.agents);
    return transaction.ask(
        made_sql,
        {db::array_text(columns.ids), db::array_text(columns.orgs), db::array_text(columns.names),
         db::array_text(columns.permissions), db::array_text(columns.owners)},
        [=](db::Rows const &rows) { return there.get() == all && rows.one().integer("agents") == all; });
}

}  // namespace relay::sql
