#include "relay/audit/events_list_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/db/order_by.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/organizations_sql.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto columns_sql = R"sql(
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM )sql";

constexpr auto recorded_sql = "relay.recorded_events AS event WHERE ";
constexpr auto written_sql = "relay.auth_events AS event WHERE ";

// A call with a wrong secret for a known key names no agent. It belongs to the key's agent, organization and owner anyway.
constexpr auto of_agent_sql = "event.agent_id = $1 AND ";
constexpr auto unproven_of_agent_sql = R"sql(
event.agent_id IS NULL AND event.key_id = ANY (ARRAY(SELECT key.key_id FROM relay.agent_keys AS key WHERE key.agent_id = $1)) AND )sql";
constexpr auto of_key_sql = R"sql(
$1::text IS NULL AND event.agent_id = (SELECT key.agent_id FROM relay.agent_keys AS key WHERE key.key_id = $2) AND )sql";
constexpr auto unproven_of_key_sql = "$1::text IS NULL AND event.agent_id IS NULL AND ";
constexpr auto of_org_sql = "$1::text IS NULL AND event.org_id = $3 AND ";
constexpr auto unproven_of_org_sql =
    "$1::text IS NULL AND event.org_id IS DISTINCT FROM $3 AND event.agent_id IS NULL AND ";
constexpr auto of_any_agent_sql = "$1::text IS NULL AND ";

constexpr auto conditions_sql = R"sql(
    ($2::text IS NULL OR event.key_id = $2)
AND ($3::text IS NULL OR event.org_id = $3
     OR (event.agent_id IS NULL AND event.key_id IN (SELECT key.key_id FROM relay.agent_keys AS key WHERE key.org_id = $3)))
AND ($4::text IS NULL OR event.agent_id IN (SELECT agent.agent_id FROM relay.agents AS agent WHERE agent.owner = $4)
     OR (event.agent_id IS NULL
         AND event.key_id IN (SELECT key.key_id FROM relay.agent_keys AS key JOIN relay.agents AS agent USING (agent_id)
                              WHERE agent.owner = $4)))
AND ($5::text[] IS NULL OR event.action = ANY ($5::text[]))
AND ($6::text IS NULL OR event.outcome = $6)
AND ($7::text IS NULL OR (left(event.actor, 200) = left($7, 200) AND event.actor = $7))
AND ($8::inet IS NULL OR event.ip_address <<= $8::inet)
AND ($9::text IS NULL OR (left(event.ticket, 200) = left($9, 200) AND event.ticket = $9))
AND ($10::text IS NULL OR event.trace_id = $10)
AND ($11::timestamptz IS NULL OR event.occurred_at >= $11::timestamptz)
AND ($12::timestamptz IS NULL OR event.occurred_at < $12::timestamptz)
AND ($13::text IS NULL OR event.db_role = $13))sql";

// The floods that have not ended yet have no number, and come first among the events of an instant.
constexpr auto page_sql = R"sql(
AND ($14::timestamptz IS NULL OR (event.occurred_at <= $14::timestamptz
     AND (event.occurred_at < $14::timestamptz OR $15::bigint IS NULL OR event.event_id < $15::bigint))))sql";
constexpr auto newest_first_sql =
    " ORDER BY occurred_at DESC, event_id DESC, CASE WHEN event_id IS NULL THEN event::text END";
constexpr auto limit_sql = " LIMIT $16::bigint";

// The floods of the instant at which the page before ended come first again; $17 of them were in it.
constexpr auto without_passed_sql = R"sql(
FROM (SELECT page.*, CASE WHEN event_id IS NULL AND occurred_at = $14::timestamptz
                          THEN row_number() OVER (ORDER BY occurred_at DESC, event_id DESC, page::text) END AS flood
      FROM ()sql";
constexpr auto passed_sql = R"sql() AS page) AS event WHERE flood IS NULL OR flood > $17::bigint)sql";

constexpr auto numbers_sql = R"sql(
AND event.event_id BETWEEN $14::bigint AND $15::bigint AND event.event_id = ANY ($16::bigint[]) ORDER BY event_id)sql";

constexpr db::SortColumn sort_columns[] = {
    {"occurred_at", "occurred_at"}, {"event_id", "event_id"},     {"action", "action"},
    {"outcome", "outcome"},         {"org_id", "org_id"},         {"agent_id", "agent_id"},
    {"key_id", "key_id"},           {"ip_address", "ip_address"}, {"times", "times"},
};

constexpr auto is_named_sql = R"sql(
SELECT EXISTS (SELECT FROM relay.agents WHERE agent_id = $1) OR EXISTS (SELECT FROM relay.auth_events WHERE agent_id = $1) AS agent,
       EXISTS (SELECT FROM relay.agent_keys WHERE key_id = $2)
       OR EXISTS (SELECT FROM relay.auth_events WHERE agent_id IS NULL AND key_id = $2) AS key,
       EXISTS (SELECT FROM relay.organizations WHERE org_id = $3) AS org)sql";

constexpr auto find_sql = R"sql(
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events WHERE event_id = $1::bigint LIMIT 1)sql";

constexpr auto between_sql = R"sql(
SELECT event_id FROM relay.auth_events WHERE event_id > $1::bigint AND event_id <= $2::bigint ORDER BY event_id LIMIT $3::bigint)sql";

constexpr auto last_id_sql = R"sql(
SELECT COALESCE(max(event_id), 0) AS event_id
FROM (SELECT event_id FROM relay.auth_events ORDER BY occurred_at DESC, event_id DESC LIMIT 1000) AS newest)sql";

std::optional<Instant> instant_of(std::optional<PastTime> const &time, Instant now) {
    if (!time) {
        return std::nullopt;
    }
    auto const *const age = std::get_if<std::chrono::seconds>(&*time);
    return age != nullptr ? now - *age : std::get<Instant>(*time);
}

/// Returns $1 to $13.
std::vector<db::Param> conditions(db::Transaction &transaction, EventFilter const &filter) {
    std::optional<std::string> actions;
    if (!filter.actions.empty()) {
        actions = db::array_text(filter.actions);
    }
    return {filter.agent,
            filter.key,
            filter.org,
            filter.owner,
            actions,
            filter.outcome,
            filter.actor,
            filter.address,
            filter.ticket,
            filter.trace,
            instant_of(filter.since, transaction.now()),
            instant_of(filter.until, transaction.now()),
            filter.db_role};
}

/// The two places in the indexes at which the events of an agent, a key or an organization are.
struct Places {
    char const *proven;
    char const *unproven;
};

std::optional<Places> places_of(EventFilter const &filter) {
    if (filter.agent) {
        return Places{of_agent_sql, unproven_of_agent_sql};
    }
    if (filter.key) {
        return Places{of_key_sql, unproven_of_key_sql};
    }
    return filter.org ? std::optional(Places{of_org_sql, unproven_of_org_sql}) : std::nullopt;
}

/// Returns the statement without its end. `part` ends the reading of each place.
std::string events_sql(EventFilter const &filter, std::string const &part) {
    auto const place = [&](char const *where) {
        return std::string(columns_sql) + recorded_sql + where + conditions_sql + page_sql;
    };
    std::optional<Places> const places = places_of(filter);
    return places ? std::string(columns_sql) + "((" + place(places->proven) + part + ") UNION ALL (" +
                        place(places->unproven) + part + ")) AS event"
                  : place(of_any_agent_sql);
}

}  // namespace

std::vector<std::string> event_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Event> list_events(db::Transaction &transaction, EventPage const &page) {
    std::vector<db::Param> params = conditions(transaction, page.filter);
    params.emplace_back(page.after ? std::optional(page.after->occurred_at) : std::nullopt);
    params.emplace_back(page.after ? page.after->event_id : std::nullopt);
    std::int64_t const passed = page.after && !page.after->event_id ? page.after->floods : 0;
    params.emplace_back(page.limit ? std::optional(*page.limit + passed) : std::nullopt);
    std::string const newest_first = std::string(newest_first_sql) + limit_sql;
    std::string sql = page.sort.empty()
                          ? events_sql(page.filter, newest_first) + newest_first
                          : events_sql(page.filter, "") + db::order_by(sort_columns, page.sort, "event_id") + limit_sql;
    if (passed > 0) {
        params.emplace_back(passed);
        sql = std::string(columns_sql).substr(0, std::string_view(columns_sql).rfind("FROM")) + without_passed_sql +
              sql + passed_sql + newest_first_sql;
    }
    return {transaction, sql, params, read_event};
}

void require_known(db::Transaction &transaction, EventFilter const &filter) {
    if (!filter.agent && !filter.key && !filter.org) {
        return;
    }
    db::Rows const rows = transaction.exec(is_named_sql, {filter.agent, filter.key, filter.org});
    if (filter.agent && !rows.one().boolean("agent")) {
        get_agent(transaction, *filter.agent);
    }
    if (filter.key && !rows.one().boolean("key")) {
        get_key(transaction, *filter.key);
    }
    if (filter.org && !rows.one().boolean("org")) {
        get_org(transaction, *filter.org);
    }
}

std::optional<Event> find_event(db::Transaction &transaction, std::int64_t event_id) {
    db::Rows const rows = transaction.exec(find_sql, {event_id});
    return rows.empty() ? std::nullopt : std::optional(read_event(rows[0]));
}

std::vector<Event> events_with(db::Transaction &transaction, EventFilter const &filter,
                               std::vector<std::int64_t> const &ids) {
    if (ids.empty()) {
        return {};
    }
    std::vector<db::Param> params = conditions(transaction, filter);
    auto const [least, most] = std::minmax_element(ids.begin(), ids.end());
    std::vector<std::string> texts;
    std::transform(ids.begin(), ids.end(), std::back_inserter(texts),
                   [](std::int64_t id) { return std::to_string(id); });
    params.emplace_back(*least);
    params.emplace_back(*most);
    params.emplace_back(db::array_text(texts));
    std::string sql = std::string(columns_sql) + written_sql;
    sql += filter.agent ? std::string("((") + of_agent_sql + "true) OR (" + unproven_of_agent_sql + "true)) AND "
                        : of_any_agent_sql;
    std::vector<Event> events;
    for (db::Row const row : transaction.exec((sql + conditions_sql + numbers_sql).c_str(), params)) {
        events.push_back(read_event(row));
    }
    return events;
}

std::vector<std::int64_t> event_ids_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to,
                                            std::optional<std::int64_t> limit) {
    std::vector<std::int64_t> ids;
    for (db::Row const row : transaction.exec(between_sql, {after, up_to, limit})) {
        ids.push_back(row.integer("event_id"));
    }
    return ids;
}

std::int64_t last_event_id(db::Transaction &transaction) {
    return transaction.exec(last_id_sql).one().integer("event_id");
}

}  // namespace relay::sql
