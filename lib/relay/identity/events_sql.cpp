#include "relay/identity/events_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto insert_event_sql = R"sql(
INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
SELECT event->>'action', event->>'org_id', event->>'agent_id', event->>'key_id', event->'detail', $2, $3, $4, $5
FROM jsonb_array_elements($1::jsonb) AS event)sql";

// Two indexes: of what the agent did, and of what was tried with a wrong secret for one of its keys, which names no agent.
// $2: how many. $3: without mere uses, for which the first index has a smaller sister.
constexpr auto last_of_agent_sql = R"sql(
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
       trace_id, detail, times
FROM ((SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events
       WHERE agent_id = $1 AND (NOT $3::boolean OR action NOT IN ('authenticated', 'legacy_authenticated', 'device_refreshed'))
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)
      UNION ALL
      (SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events
       WHERE agent_id IS NULL AND key_id = ANY (ARRAY(SELECT k.key_id FROM relay.agent_keys AS k WHERE k.agent_id = $1))
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)) AS event
ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)sql";

constexpr auto last_of_key_sql = R"sql(
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
       trace_id, detail, times
FROM ((SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events
       WHERE agent_id = (SELECT k.agent_id FROM relay.agent_keys AS k WHERE k.key_id = $1) AND key_id = $1
         AND (NOT $3::boolean OR action NOT IN ('authenticated', 'legacy_authenticated', 'device_refreshed'))
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)
      UNION ALL
      (SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events WHERE agent_id IS NULL AND key_id = $1
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)) AS event
ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)sql";

// Not older than the key, so that only the newest months are searched.
constexpr auto waits_sql = R"sql(
SELECT EXISTS (SELECT FROM relay.auth_events
               WHERE agent_id = $1 AND occurred_at >= $3::timestamptz AND key_id = $2 AND action = 'key_rotated'
                 AND detail ? 'grace_once_used_seconds') AS waits)sql";

constexpr auto previous_sql = R"sql(
SELECT detail->>'previous_key_id' AS key_id FROM relay.auth_events
WHERE agent_id = $1 AND key_id = $2 AND action = 'key_rotated' AND occurred_at >= $3::timestamptz
ORDER BY occurred_at DESC, event_id DESC LIMIT 1)sql";

std::string quote(std::string_view text) {
    std::string json = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr std::string_view digits = "0123456789abcdef";
            json += "\\u00";
            json += digits[static_cast<unsigned char>(c) >> 4U];
            json += digits[static_cast<unsigned char>(c) & 0xFU];
        } else {
            json += c;
        }
    }
    return json + "\"";
}

std::string to_json(NewEvent const &event) {
    std::string json = "{\"action\":" + quote(event.action);
    auto const add = [&](char const *key, auto const &id) {
        if (id) {
            json += std::string(",\"") + key + "\":" + quote(id->text());
        }
    };
    add("org_id", event.org_id);
    add("agent_id", event.agent_id);
    add("key_id", event.key_id);
    if (auto const detail = event.detail.json()) {
        json += ",\"detail\":" + *detail;
    }
    return json + "}";
}

std::vector<Event> read_events(db::Rows const &rows) {
    std::vector<Event> events;
    for (db::Row const row : rows) {
        events.push_back(read_event(row));
    }
    return events;
}

}  // namespace

void Detail::add_raw(std::string_view key, std::string const &value) {
    m_entries += (m_entries.empty() ? "" : ",") + quote(key) + ":" + value;
}

Detail &Detail::add(std::string_view key, std::string_view text) {
    add_raw(key, quote(text));
    return *this;
}

Detail &Detail::add(std::string_view key, std::int64_t number) {
    add_raw(key, std::to_string(number));
    return *this;
}

Detail &Detail::add_json(std::string_view key, std::string const &json) {
    add_raw(key, json);
    return *this;
}

std::optional<std::string> Detail::json() const {
    return m_entries.empty() ? std::nullopt : std::optional("{" + m_entries + "}");
}

void insert_events(db::Transaction &transaction, Attribution const &by, std::vector<NewEvent> const &events,
                   std::function<void(std::size_t)> written) {
    std::string json = "[";
    for (NewEvent const &event : events) {
        json += (json.size() > 1 ? "," : "") + to_json(event);
    }
    transaction.send(insert_event_sql, {json + "]", by.reason, by.ticket, by.actor, by.trace_id},
                     [written = std::move(written)](db::Rows const &rows) { written(rows.affected()); });
}

void record_events(db::Transaction &transaction, Attribution const &by, std::vector<NewEvent> const &events) {
    insert_events(transaction, by, events, [&transaction, asked = events.size()](std::size_t written) {
        transaction.require(written == asked, "an event of the audit trail (relay.auth_events)");
    });
}

Event read_event(db::Row const &row) {
    return {.event_id = row.optional_integer("event_id"),
            .occurred_at = row.instant("occurred_at"),
            .org_id = row.optional_id<OrgId>("org_id"),
            .agent_id = row.optional_id<AgentId>("agent_id"),
            .key_id = row.optional_id<KeyId>("key_id"),
            .action = row.text("action"),
            .outcome = row.value<Outcome>("outcome"),
            .reason = row.optional_text("reason"),
            .ip_address = row.optional_text("ip_address"),
            .actor = row.optional_text("actor"),
            .db_role = row.text("db_role"),
            .ticket = row.optional_text("ticket"),
            .trace_id = row.optional_text("trace_id"),
            .detail = row.optional_text("detail"),
            .times = row.integer("times")};
}

db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, AgentId const &agent, int count) {
    return transaction.ask(last_of_agent_sql, {agent, count, false}, read_events);
}

db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, KeyId const &key, int count) {
    return transaction.ask(last_of_key_sql, {key, count, false}, read_events);
}

db::Pending<std::vector<Event>> last_changes(db::Transaction &transaction, AgentId const &agent, int count) {
    return transaction.ask(last_of_agent_sql, {agent, count, true}, read_events);
}

db::Pending<std::vector<Event>> last_changes(db::Transaction &transaction, KeyId const &key, int count) {
    return transaction.ask(last_of_key_sql, {key, count, true}, read_events);
}

bool waits_for_use(db::Transaction &transaction, Key const &active) {
    return transaction.exec(waits_sql, {active.agent_id, active.key_id, active.created_at}).one().boolean("waits");
}

std::optional<KeyId> previous_key(db::Transaction &transaction, Key const &key) {
    db::Rows const rows = transaction.exec(previous_sql, {key.agent_id, key.key_id, key.created_at});
    return rows.empty() ? std::nullopt : rows[0].optional_id<KeyId>("key_id");
}

}  // namespace relay::sql
