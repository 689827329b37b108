#include "relay/registry/registry_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto primary_sql = "SELECT relay.require_primary('the registry')";

// Each agent with its leases that have not ended. A surplus agent counts as one only if it runs and nothing else refuses it.
// $1: its organization. The places after it are those of the filter; see filter_sql.
constexpr auto from_sql = R"sql(
FROM relay.agent_cards AS card
JOIN relay.agent_status AS agent ON agent.agent_id = card.agent_id
LEFT JOIN LATERAL (
    SELECT count(*) AS instances, count(*) FILTER (WHERE l.ready) AS ready, min(l.started_at) AS since, max(l.ends_at) AS ends_at,
           max(date_part('epoch', statement_timestamp() - l.beat_at - (l.ends_at - l.beat_at) / 3)) AS late
    FROM relay.agent_leases AS l WHERE l.agent_id = card.agent_id AND l.ends_at > statement_timestamp()
    HAVING count(*) > 0) AS lease ON true)sql";

constexpr auto filter_sql = R"sql(
WHERE ($1::text IS NULL OR card.org_id = $1)
  AND ($2::text IS NULL OR relay.card_term(card.org_id, 'skill', $2) = ANY (card.terms))
  AND ($3::text IS NULL OR relay.card_term(card.org_id, 'tag', $3) = ANY (card.terms))
  AND ($4::text IS NULL OR relay.card_term(card.org_id, 'can', $4) = ANY (card.terms))
  AND ($5::text IS NULL OR relay.card_matches(card.agent_id, card.card, lower($5 COLLATE "C"))))sql";

// Of an agent that is gone, the trail has the last event; an ended lease is kept for a day.
constexpr auto columns_sql = R"sql(
SELECT card.agent_id, card.org_id, card.card ->> 'name' AS name, jsonb_array_length(card.card -> 'skills') AS skills,
       COALESCE(lease.instances, 0) AS instances, COALESCE(lease.ready, 0) AS ready, lease.since, lease.ends_at AS lease_ends_at,
       GREATEST(COALESCE(floor(lease.late), 0), 0)::bigint AS late, card.since AS card_since,
       CASE WHEN lease.instances IS NULL THEN GREATEST(gone.ended_at, gone.occurred_at, agent.last_used_at) END AS last_seen_at,
       CASE WHEN lease.instances IS NULL THEN
           CASE WHEN gone.ended_at IS NULL AND gone.action = 'agent_unregistered' THEN 'unregistered' ELSE 'expired' END END AS departure,
       CASE WHEN lease.instances IS NULL THEN 'gone'
            WHEN agent.status <> 'active' THEN agent.status
            WHEN card.agent_id IN (SELECT surplus.agent_id FROM relay.surplus_agents AS surplus) THEN 'over_limit'
            WHEN lease.ready = 0 THEN 'draining'
            ELSE 'running' END AS state)sql";

constexpr auto gone_sql = R"sql(
LEFT JOIN LATERAL (
    SELECT (SELECT max(l.ends_at) FROM relay.agent_leases AS l WHERE l.agent_id = card.agent_id) AS ended_at, last.action, last.occurred_at
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (
        SELECT e.action, e.occurred_at FROM relay.auth_events AS e
        WHERE e.agent_id = card.agent_id AND e.action IN ('agent_registered', 'agent_unregistered')
          AND e.action <> ALL (ARRAY['authenticated', 'legacy_authenticated'])
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT 1) AS last ON true
    WHERE lease.instances IS NULL) AS gone ON true)sql";

constexpr auto list_sql = R"sql(
  AND ($6::text IS NULL OR card.agent_id > $6 COLLATE "C") AND (lease.instances IS NULL) = $7::boolean)sql";

constexpr auto limit_sql = " LIMIT $8::bigint";

constexpr db::SortColumn sort_columns[] = {
    {"agent_id", "card.agent_id"},    {"org_id", "card.org_id"}, {"name", R"((card.card ->> 'name') COLLATE "C")"},
    {"instances", "lease.instances"}, {"since", "lease.since"},  {"lease_ends_at", "lease.ends_at"},
    {"late_seconds", "lease.late"},
};

constexpr auto instances_sql = R"sql(
SELECT instance_id, started_at, beat_at, ends_at, ends_at > statement_timestamp() AS running, ready,
       GREATEST(floor(date_part('epoch', statement_timestamp() - beat_at - (ends_at - beat_at) / 3)), 0)::bigint AS late
FROM relay.agent_leases WHERE agent_id = $1 ORDER BY started_at, instance_id)sql";

constexpr auto entry_sql = "SELECT card_since, instances, since, lease_ends_at FROM relay.registry_entry($1)";

constexpr auto card_sql = "SELECT card::text AS card FROM relay.agent_cards WHERE agent_id = $1";

constexpr auto end_sql =
    "DELETE FROM relay.agent_leases WHERE agent_id = $1 AND ($2::text IS NULL OR instance_id = $2) RETURNING "
    "instance_id";

constexpr auto counts_sql = R"sql(
SELECT count(*) AS agents, COALESCE(sum(lease.instances), 0)::bigint AS instances, count(*) FILTER (WHERE lease.late >= 1) AS late,
       count(*) FILTER (WHERE lease.ready = 0 OR agent.status <> 'active'
                           OR card.agent_id IN (SELECT surplus.agent_id FROM relay.surplus_agents AS surplus)) AS unfound)sql";

constexpr auto skills_sql = R"sql(
SELECT skill.value ->> 'id' AS skill, count(*) AS agents, sum(lease.ready)::bigint AS instances)sql";

constexpr auto of_each_skill_sql = R"sql(
  AND lease.ready > 0 AND agent.status = 'active'
  AND NOT (card.agent_id IN (SELECT surplus.agent_id FROM relay.surplus_agents AS surplus))
GROUP BY skill.value ->> 'id'
ORDER BY instances DESC, agents DESC, (skill.value ->> 'id') COLLATE "C" LIMIT $6::bigint)sql";

std::vector<db::Param> filter(WhichRegistered const &which) {
    return {which.org, which.skill, which.tag, which.capability,
            which.match ? std::optional(db::like_pattern(*which.match)) : std::nullopt};
}

RegisteredAgent read_registered(db::Row const &row) {
    return {.agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .name = row.text("name"),
            .state = row.value<RunState>("state"),
            .instances = row.integer("instances"),
            .ready = row.integer("ready"),
            .skills = row.integer("skills"),
            .since = row.optional_instant("since"),
            .lease_ends_at = row.optional_instant("lease_ends_at"),
            .late = row.seconds("late"),
            .card_since = row.instant("card_since"),
            .last_seen_at = row.optional_instant("last_seen_at"),
            .departure = row.optional_value<Departure>("departure")};
}

}  // namespace

void require_primary(db::Transaction &transaction) { transaction.exec(primary_sql, {}); }

std::vector<std::string> registered_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<RegisteredAgent> list_registered(db::Transaction &transaction, ListRegistered const &request) {
    std::vector<db::Param> params = filter(request.which);
    params.insert(params.end(), {request.page.after, request.gone, request.page.one_more()});
    return {transaction,
            std::string(columns_sql) + from_sql + gone_sql + filter_sql + list_sql +
                db::order_by(sort_columns, request.page.sort, "card.agent_id") + limit_sql,
            std::move(params), read_registered};
}

std::optional<RegisteredAgent> find_registered(db::Transaction &transaction, AgentId const &agent) {
    static std::string const find_sql = std::string(columns_sql) + from_sql + gone_sql + " WHERE card.agent_id = $1";
    db::Rows const rows = transaction.exec(find_sql.c_str(), {agent});
    return rows.empty() ? std::nullopt : std::optional(read_registered(rows[0]));
}

std::optional<RegistryEntry> registry_entry(db::Transaction &transaction, AgentId const &agent) {
    db::Rows const rows = transaction.exec(entry_sql, {agent});
    if (rows.empty()) {
        return std::nullopt;
    }
    return RegistryEntry{.card_since = rows[0].instant("card_since"),
                         .instances = rows[0].optional_integer("instances"),
                         .since = rows[0].optional_instant("since"),
                         .lease_ends_at = rows[0].optional_instant("lease_ends_at")};
}

std::string card_of(db::Transaction &transaction, AgentId const &agent) {
    return transaction.exec(card_sql, {agent}).one().text("card");
}

std::vector<Instance> instances_of(db::Transaction &transaction, AgentId const &agent) {
    std::vector<Instance> instances;
    db::Rows const rows = transaction.exec(instances_sql, {agent});
    for (db::Row const row : rows) {
        instances.push_back({.instance_id = row.id<InstanceId>("instance_id"),
                             .started_at = row.instant("started_at"),
                             .beat_at = row.instant("beat_at"),
                             .lease_ends_at = row.instant("ends_at"),
                             .running = row.boolean("running"),
                             .ready = row.boolean("ready"),
                             .late = row.seconds("late")});
    }
    return instances;
}

RegistrySummary count_registered(db::Transaction &transaction, WhichRegistered const &which) {
    static std::string const sql = std::string(counts_sql) + from_sql + filter_sql + " AND lease.instances IS NOT NULL";
    db::Rows const rows = transaction.exec(sql.c_str(), filter(which));
    db::Row const row = rows.one();
    return {.agents = row.integer("agents"),
            .instances = row.integer("instances"),
            .late = row.integer("late"),
            .unfound = row.integer("unfound")};
}

std::vector<SkillCapacity> skill_capacity(db::Transaction &transaction, WhichRegistered const &which,
                                          std::int64_t most) {
    static std::string const sql = std::string(skills_sql) + from_sql +
                                   " CROSS JOIN LATERAL jsonb_array_elements(card.card -> 'skills') AS skill (value)" +
                                   filter_sql + of_each_skill_sql;
    std::vector<db::Param> params = filter(which);
    params.emplace_back(most);
    std::vector<SkillCapacity> skills;
    db::Rows const rows = transaction.exec(sql.c_str(), params);
    for (db::Row const row : rows) {
        skills.push_back({row.text("skill"), row.integer("agents"), row.integer("instances")});
    }
    return skills;
}

std::vector<InstanceId> end_leases(db::Transaction &transaction, AgentId const &agent,
                                   std::optional<InstanceId> const &instance) {
    return transaction.exec(end_sql, {agent, instance}).ids<InstanceId>("instance_id");
}

}  // namespace relay::sql
