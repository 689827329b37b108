#include "relay/devices/devices_sql.hpp"

#include "relay/identity/events_sql.hpp"
#include "relay/identity/suggestions.hpp"

namespace relay::sql {
namespace {

// Each statement has the same columns, for read_device.
constexpr auto find_sql = R"sql(
SELECT device_id, agent_id, org_id, name, status, paired_at, token_at, expires_at, seen_at, host(seen_from) AS seen_from
FROM relay.device_status WHERE device_id = $1)sql";

// $4: continue after this device. $5: only those that have not ended.
constexpr auto list_sql = R"sql(
SELECT device_id, agent_id, org_id, name, status, paired_at, token_at, expires_at, seen_at, host(seen_from) AS seen_from
FROM relay.device_status
WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::text IS NULL OR org_id = $2) AND ($3::text IS NULL OR status = $3)
  AND ($4::text IS NULL OR device_id > $4 COLLATE "C") AND (NOT $5::boolean OR status NOT IN ('revoked', 'expired')))sql";

constexpr auto limit_sql = " LIMIT $6::bigint";

constexpr db::SortColumn sort_columns[] = {
    {"device_id", "device_id"},     {"agent_id", "agent_id"}, {"org_id", "org_id"},
    {"name", "name COLLATE \"C\""}, {"status", "status"},     {"paired_at", "paired_at"},
    {"expires_at", "expires_at"},   {"seen_at", "seen_at"},
};

constexpr auto near_sql = R"sql(
SELECT id, 'agent ' || agent_id || ', org ' || org_id AS about
FROM ((SELECT device_id AS id, agent_id, org_id FROM relay.devices WHERE device_id > $1 ORDER BY device_id LIMIT 500)
      UNION ALL (SELECT device_id, agent_id, org_id FROM relay.devices WHERE device_id < $1 ORDER BY device_id DESC LIMIT 500)
      UNION ALL SELECT device_id, agent_id, org_id FROM relay.devices WHERE device_id = ANY ($2::text[])) AS near)sql";

constexpr auto count_sql =
    "SELECT count(*) AS count FROM relay.device_status WHERE agent_id = $1 AND status NOT IN ('revoked', 'expired')";

// What was tried with a wrong token names no agent: two indexes.
constexpr auto events_sql = R"sql(
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
       trace_id, detail, times
FROM ((SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events
       WHERE agent_id = (SELECT d.agent_id FROM relay.devices AS d WHERE d.device_id = $1) AND key_id = $1
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)
      UNION ALL
      (SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
              trace_id, detail, times
       FROM relay.recorded_events WHERE agent_id IS NULL AND key_id = $1
       ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)) AS event
ORDER BY occurred_at DESC, event_id DESC NULLS FIRST LIMIT $2::bigint)sql";

Device read_device(db::Row const &row) {
    return {.device_id = row.id<DeviceId>("device_id"),
            .agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .name = row.text("name"),
            .status = row.value<DeviceStatus>("status"),
            .paired_at = row.instant("paired_at"),
            .token_at = row.instant("token_at"),
            .expires_at = row.instant("expires_at"),
            .seen_at = row.optional_instant("seen_at"),
            .seen_from = row.optional_text("seen_from")};
}

}  // namespace

Device get_device(db::Transaction &transaction, DeviceId const &id) {
    db::Rows const rows = transaction.exec(find_sql, {id});
    if (rows.empty()) {
        throw no_such("device", id.text(), transaction.exec(near_sql, near(id.text())), advise(Act::list_devices));
    }
    return read_device(rows[0]);
}

std::vector<std::string> device_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Device> list_devices(db::Transaction &transaction, DeviceFilter const &filter) {
    return {transaction,
            std::string(list_sql) + db::order_by(sort_columns, filter.sort, "device_id") + limit_sql,
            {filter.agent, filter.org, filter.status, filter.after, filter.not_ended, filter.limit},
            read_device};
}

std::int64_t count_devices(db::Transaction &transaction, AgentId const &agent) {
    return transaction.exec(count_sql, {agent}).one().integer("count");
}

db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, DeviceId const &device, int count) {
    return transaction.ask(events_sql, {device, std::int64_t{count}}, [](db::Rows const &rows) {
        std::vector<Event> events;
        for (db::Row const row : rows) {
            events.push_back(read_event(row));
        }
        return events;
    });
}

}  // namespace relay::sql
