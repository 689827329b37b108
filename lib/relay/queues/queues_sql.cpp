#include "relay/queues/queues_sql.hpp"

#include <string_view>

namespace relay::sql {
namespace {

/// $1: organization; $2: without shared queues; $3 and $4: after this kind and agent; $5: how many.
constexpr auto list_sql = R"sql(
SELECT relay_api.queue_name($1, queue.kind, NULLIF(queue.agent_id, '')) AS name, $1 AS org_id, queue.kind,
       NULLIF(queue.agent_id, '') AS agent_id, NULL AS hyphen_name,
       '' AS kinds, '' AS orgs, '' AS agents
FROM (SELECT shared.place, shared.kind, '' COLLATE "C" AS agent_id
      FROM unnest(ARRAY['agents', 'orchestrator', 'dlq']) WITH ORDINALITY AS shared (kind, place)
      WHERE NOT $2::boolean AND shared.place > COALESCE(array_position(ARRAY['agents', 'orchestrator', 'dlq', 'agent'], $3), 0)
      UNION ALL
      SELECT 4, 'agent', agent.agent_id FROM relay.agents AS agent
      WHERE agent.org_id = $1 AND agent.agent_id > COALESCE($4, '')) AS queue
ORDER BY queue.agent_id, queue.place LIMIT $5::bigint)sql";

/// The same with the names that were drawn first: an agent of any organization can have the same one. The lines of `kinds`, `orgs` and
/// `agents` belong together; a shared queue has - for an agent.
constexpr auto hyphen_sql = R"sql(
WITH every AS (
    SELECT agent.org_id, 4 AS place, 'agent' AS kind, agent.agent_id, agent.org_id || '-' || agent.agent_id AS hyphen_name
    FROM relay.agents AS agent
    UNION ALL
    SELECT org.org_id, shared.place, shared.kind, '' COLLATE "C", org.org_id || '-' || shared.kind
    FROM relay.organizations AS org
    CROSS JOIN unnest(ARRAY['agents', 'orchestrator', 'dlq']) WITH ORDINALITY AS shared (kind, place)),
queue AS (
    SELECT * FROM every
    WHERE every.org_id = $1 AND NOT ($2::boolean AND every.kind <> 'agent')
      AND (every.agent_id, every.place) > (COALESCE($4, ''),
           COALESCE(array_position(ARRAY['agents', 'orchestrator', 'dlq', 'agent'], $3), 0))
    ORDER BY every.agent_id, every.place LIMIT $5::bigint)
SELECT relay_api.queue_name($1, queue.kind, NULLIF(queue.agent_id, '')) AS name, $1 AS org_id, queue.kind,
       NULLIF(queue.agent_id, '') AS agent_id, queue.hyphen_name,
       COALESCE(string_agg(other.kind || E'\n', '' ORDER BY other.org_id, other.agent_id, other.kind), '') AS kinds,
       COALESCE(string_agg(other.org_id || E'\n', '' ORDER BY other.org_id, other.agent_id, other.kind), '') AS orgs,
       COALESCE(string_agg(COALESCE(NULLIF(other.agent_id, ''), '-') || E'\n', ''
                           ORDER BY other.org_id, other.agent_id, other.kind) FILTER (WHERE other.kind IS NOT NULL), '') AS agents
FROM queue
LEFT JOIN every AS other ON lower(other.hyphen_name) = lower(queue.hyphen_name)
     AND (other.org_id, other.kind, other.agent_id) <> (queue.org_id, queue.kind, queue.agent_id)
GROUP BY queue.place, queue.kind, queue.agent_id, queue.hyphen_name
ORDER BY queue.agent_id, queue.place)sql";

constexpr auto names_sql = R"sql(
SELECT relay_api.queue_name($1, 'agents') AS agents, relay_api.queue_name($1, 'orchestrator') AS orchestrator,
       relay_api.queue_name($1, 'dlq') AS dlq, relay_api.queue_name($1, 'agent', $2) AS agent)sql";

constexpr auto owner_sql = "SELECT org_id, kind, agent_id FROM relay_api.queue_owner($1) WHERE org_id IS NOT NULL";

QueueOwner read_owner(db::Row const &row) {
    return {.org_id = row.id<OrgId>("org_id"),
            .kind = row.value<QueueKind>("kind"),
            .agent_id = row.optional_id<AgentId>("agent_id")};
}

std::vector<QueueOwner> read_sharing(db::Row const &row) {
    std::vector<OrgId> const orgs = row.ids_by_line<OrgId>("orgs");
    std::vector<AgentId> const agents = row.ids_by_line<AgentId>("agents");
    std::vector<QueueOwner> owners;
    std::string const kinds = row.text("kinds");
    std::string_view rest = kinds;
    for (std::size_t at = 0; at < orgs.size(); ++at) {
        QueueOwner owner{.org_id = orgs[at], .kind = from_text<QueueKind>(rest.substr(0, rest.find('\n'))).value()};
        if (owner.kind == QueueKind::agent) {
            owner.agent_id = agents[at];
        }
        owners.push_back(std::move(owner));
        rest.remove_prefix(rest.find('\n') + 1);
    }
    return owners;
}

Queue read_queue(db::Row const &row) {
    return {{read_owner(row)}, row.text("name"), row.optional_text("hyphen_name"), read_sharing(row)};
}

}  // namespace

db::Stream<Queue> list_queues(db::Transaction &transaction, QueueFilter const &filter) {
    std::optional<QueueKind> kind;
    std::optional<AgentId> agent;
    if (filter.after) {
        kind = filter.after->kind;
        agent = filter.after->agent_id;
    }
    return {transaction,
            filter.also_hyphen ? hyphen_sql : list_sql,
            {filter.org, filter.agents_only, kind, agent, filter.limit},
            read_queue};
}

QueueNames queue_names(db::Transaction &transaction, OrgId const &org, std::optional<AgentId> const &agent) {
    db::Rows const rows = transaction.exec(names_sql, {org, agent});
    db::Row const row = rows.one();
    return {.org_id = org,
            .agent_id = agent,
            .agents = row.text("agents"),
            .orchestrator = row.text("orchestrator"),
            .dlq = row.text("dlq"),
            .agent = row.optional_text("agent")};
}

std::optional<QueueOwner> queue_owner(db::Transaction &transaction, std::string const &name) {
    db::Rows const rows = transaction.exec(owner_sql, {name});
    return rows.empty() ? std::nullopt : std::optional(read_owner(rows.one()));
}

}  // namespace relay::sql
