#include "relay/incident/timeline_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/db/order_by.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

// The row of a block says who, when and why even if its event could not be written.
constexpr auto acts_sql = R"sql(
WITH acts AS (
    SELECT event.ticket, event.occurred_at AS at, event.actor, true AS is_event, false AS in_force, event.org_id,
           COALESCE(event.agent_id, (SELECT key.agent_id FROM relay.agent_keys AS key WHERE key.key_id = event.key_id)) AS agent_id
    FROM relay.auth_events AS event WHERE event.ticket IS NOT NULL AND ($1::text IS NULL OR (left(event.ticket, 200) = left($1, 200) AND event.ticket = $1))
    UNION ALL
    SELECT r.ticket, r.at, r.actor, false, r.lifted_at IS NULL AND (r.until IS NULL OR r.until > now()),
           CASE r.subject_kind WHEN 'org' THEN r.subject_id END,
           CASE r.subject_kind WHEN 'agent' THEN r.subject_id
                               WHEN 'key' THEN (SELECT key.agent_id FROM relay.agent_keys AS key WHERE key.key_id = r.subject_id) END
    FROM relay.revocations AS r WHERE r.ticket IS NOT NULL AND ($1::text IS NULL OR r.ticket = $1)
))sql";

constexpr auto incidents_sql = R"sql(
SELECT ticket, min(at) AS first_at, max(at) AS last_at, count(*) FILTER (WHERE is_event) AS acts, count(DISTINCT agent_id) AS agents,
       COALESCE(string_agg(DISTINCT actor, E'\n'), '') AS actors, count(*) FILTER (WHERE in_force) AS in_force
FROM acts GROUP BY ticket)sql";

constexpr auto limit_sql = " LIMIT $2::bigint";

constexpr db::SortColumn sort_columns[] = {
    {"ticket", "ticket COLLATE \"C\""},
    {"first_at", "min(at)"},
    {"last_at", "max(at)"},
    {"acts", "count(*) FILTER (WHERE is_event)"},
    {"agents", "count(DISTINCT agent_id)"},
    {"in_force", "count(*) FILTER (WHERE in_force)"},
};

constexpr auto incident_agents_sql = R"sql(
SELECT DISTINCT acts.agent_id, agent.org_id, agent.name, agent.owner, agent.status
FROM acts LEFT JOIN relay.agent_status AS agent ON agent.agent_id = acts.agent_id
WHERE acts.agent_id IS NOT NULL ORDER BY agent_id)sql";

constexpr auto orgs_sql = R"sql(
SELECT DISTINCT subject_id AS org_id FROM relay.revocations WHERE subject_kind = 'org' AND ticket = $1 ORDER BY org_id)sql";

constexpr auto tickets_sql = R"sql(
SELECT ticket FROM (SELECT ticket, max(occurred_at) AS last_at FROM relay.auth_events WHERE ticket IS NOT NULL GROUP BY ticket) AS known
ORDER BY last_at DESC LIMIT 1000)sql";

// $1 the ticket, $2 its agents, $3 its organizations, $4 and $5 the time around it.
constexpr auto around_sql = R"sql(
WITH around AS (
    SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id,
           detail, times
    FROM relay.recorded_events
    WHERE left(ticket, 200) = left($1, 200) AND ticket = $1
    UNION ALL
    SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id,
           detail, times
    FROM relay.recorded_events
    WHERE agent_id = ANY ($2::text[]) AND occurred_at BETWEEN $4::timestamptz AND $5::timestamptz AND ticket IS DISTINCT FROM $1
    UNION ALL
    SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id,
           detail, times
    FROM relay.recorded_events
    WHERE occurred_at BETWEEN $4::timestamptz AND $5::timestamptz AND ticket IS DISTINCT FROM $1
      AND agent_id IS NULL
      AND key_id = ANY (ARRAY(SELECT key.key_id FROM relay.agent_keys AS key
                              WHERE key.agent_id = ANY ($2::text[]) OR key.org_id = ANY ($3::text[])))
    UNION ALL
    -- No index leads to these, so nothing is read unless a whole organization was blocked or revoked.
    SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id,
           detail, times
    FROM relay.recorded_events
    WHERE cardinality($3::text[]) > 0
      AND occurred_at BETWEEN $4::timestamptz AND $5::timestamptz AND ticket IS DISTINCT FROM $1
      AND org_id = ANY ($3::text[]) AND (agent_id = ANY ($2::text[])) IS NOT TRUE AND (agent_id IS NOT NULL OR key_id IS NULL)
))sql";

// $6: how many. All acts come first, then the events nearest to an act.
constexpr auto timeline_events_sql = R"sql(
, placed AS (
    SELECT around.*, (ticket = $1) IS TRUE AS under_ticket,
           max(occurred_at) FILTER (WHERE ticket = $1) OVER (ORDER BY occurred_at) AS act_before,
           min(occurred_at) FILTER (WHERE ticket = $1) OVER (ORDER BY occurred_at DESC) AS act_after
    FROM around
), ranked AS (
    SELECT placed.*, row_number() OVER (
               ORDER BY under_ticket DESC, LEAST(occurred_at - act_before, act_after - occurred_at), occurred_at, event_id) AS rank
    FROM placed
)
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail,
       times, under_ticket
FROM ranked WHERE under_ticket OR rank <= $6::bigint ORDER BY occurred_at, event_id)sql";

constexpr auto figures_sql = R"sql(
SELECT count(*) AS events, COALESCE(sum(times) FILTER (WHERE outcome = 'failed'), 0)::bigint AS refusals,
       count(*) FILTER (WHERE action IN ('authenticated', 'legacy_authenticated')) AS uses, count(DISTINCT ip_address) AS addresses
FROM around)sql";

std::vector<std::string> lines_of(std::string const &text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t const end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

Incident read_incident(db::Row const &row) {
    return {.ticket = row.text("ticket"),
            .first_at = row.instant("first_at"),
            .last_at = row.instant("last_at"),
            .acts = row.integer("acts"),
            .agents = row.integer("agents"),
            .actors = lines_of(row.text("actors")),
            .in_force = row.integer("in_force")};
}

}  // namespace

std::vector<std::string> incident_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Incident> list_incidents(db::Transaction &transaction, std::vector<SortField> const &sort,
                                    std::optional<std::int64_t> limit) {
    return {transaction,
            std::string(acts_sql) + incidents_sql + db::order_by(sort_columns, sort, "ticket") + limit_sql,
            {std::nullopt, limit},
            read_incident};
}

std::optional<Incident> find_incident(db::Transaction &transaction, std::string const &ticket) {
    db::Rows const rows = transaction.exec((std::string(acts_sql) + incidents_sql).c_str(), {ticket});
    return rows.empty() ? std::nullopt : std::optional(read_incident(rows[0]));
}

std::vector<std::string> tickets_like(db::Transaction &transaction, std::string const &ticket) {
    std::vector<std::string> known;
    for (db::Row const row : transaction.exec(tickets_sql)) {
        known.push_back(row.text("ticket"));
    }
    return closest(ticket, known);
}

std::vector<IncidentAgent> agents_of_incident(db::Transaction &transaction, std::string const &ticket) {
    std::vector<IncidentAgent> agents;
    for (db::Row const row : transaction.exec((std::string(acts_sql) + incident_agents_sql).c_str(), {ticket})) {
        agents.push_back({.agent_id = row.id<AgentId>("agent_id"),
                          .org_id = row.optional_id<OrgId>("org_id"),
                          .name = row.optional_text("name"),
                          .owner = row.optional_text("owner"),
                          .status = row.optional_value<Status>("status")});
    }
    return agents;
}

std::vector<std::string> orgs_of_incident(db::Transaction &transaction, std::string const &ticket) {
    std::vector<std::string> orgs;
    for (db::Row const row : transaction.exec(orgs_sql, {ticket})) {
        orgs.push_back(row.text("org_id"));
    }
    return orgs;
}

void read_events_of_incident(db::Transaction &transaction, IncidentTimeline &timeline, std::int64_t limit) {
    std::vector<std::string> agents;
    std::transform(timeline.agents.begin(), timeline.agents.end(), std::back_inserter(agents),
                   [](IncidentAgent const &agent) { return agent.agent_id.text(); });
    std::vector<db::Param> params{timeline.incident.ticket, db::array_text(agents), db::array_text(timeline.orgs),
                                  timeline.from, timeline.to};
    db::Rows const figures = transaction.exec((std::string(around_sql) + figures_sql).c_str(), params);
    timeline.figures = {.events = figures.one().integer("events"),
                        .refusals = figures.one().integer("refusals"),
                        .uses = figures.one().integer("uses"),
                        .addresses = figures.one().integer("addresses")};
    params.emplace_back(limit);
    for (db::Row const row : transaction.exec((std::string(around_sql) + timeline_events_sql).c_str(), params)) {
        timeline.events.push_back({.event = read_event(row), .under_ticket = row.boolean("under_ticket")});
    }
}

}  // namespace relay::sql
