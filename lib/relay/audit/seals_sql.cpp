#include "relay/audit/seals_sql.hpp"

#include "relay/audit/event_form.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto begin_sql = "SELECT relay.begin_seals()";

constexpr auto head_sql = R"sql(
SELECT seal_no, encode(hash, 'hex') AS hash, up_to_event_id, sealed_at FROM relay.event_seals ORDER BY seal_no DESC LIMIT 1)sql";

constexpr auto after_sql = R"sql(
SELECT seal_no, after_event_id, up_to_event_id, complete_up_to, array_to_string(open_writers, ',') AS open_writers,
       encode(entries, 'hex') AS entries, encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash, sealed_at, actor, db_role
FROM relay.event_seals
WHERE seal_no > $1::bigint AND ($2 = 'all' OR ($2 = 'ranges') = (up_to_event_id > after_event_id)) ORDER BY seal_no LIMIT 1)sql";

constexpr auto add_sql = "SELECT relay.add_seal($1::bigint, $2) AS seal_no";

// The texts depend on no setting: schema/README.md describes them.
constexpr auto rows_sql = R"sql(
SELECT event_id,
       CASE WHEN isfinite(occurred_at)
            THEN LEAST(GREATEST(extract(year FROM occurred_at AT TIME ZONE 'UTC') * 12
                                + extract(month FROM occurred_at AT TIME ZONE 'UTC') - 1, 0), 65535)::integer ELSE 0 END AS month,
       CASE WHEN isfinite(occurred_at)
            THEN (extract(epoch FROM date_trunc('minute', occurred_at AT TIME ZONE 'UTC'))::bigint * 1000000
                  + extract(microseconds FROM occurred_at AT TIME ZONE 'UTC')::bigint)::text
            ELSE occurred_at::text END AS occurred_at,
       org_id, agent_id, key_id, action, outcome, reason, text(ip_address) AS ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events WHERE event_id > $1::bigint AND event_id <= $2::bigint ORDER BY event_id)sql";

constexpr auto next_sql = R"sql(
SELECT min(event_id) AS event_id FROM relay.auth_events WHERE event_id > $1::bigint AND event_id <= $2::bigint)sql";

constexpr auto unsealed_sql = R"sql(
SELECT count(*) AS count, min(occurred_at) AS since, count(DISTINCT (event_id - $1::bigint - 1) / $2::bigint) AS ranges
FROM relay.auth_events WHERE event_id > $1::bigint)sql";

constexpr auto unsealed_before_sql = R"sql(
SELECT count(*) AS count FROM relay.auth_events
WHERE event_id > (SELECT max(up_to_event_id) FROM relay.event_seals)
  AND occurred_at < (SELECT (max(month) + interval '1 month') AT TIME ZONE 'UTC' FROM relay.droppable_event_months($1::integer) AS month))sql";

// A month is dropped at the earliest when a whole month lies between it and the present, and the same transaction writes
// an event with the same figures. That event may itself be in a month that was dropped later.
constexpr auto dropped_sql = R"sql(
SELECT to_char(dropped.month, 'YYYY-MM') AS name,
       (extract(year FROM dropped.month) * 12 + extract(month FROM dropped.month) - 1)::integer AS month,
       sum(dropped.row_count)::bigint AS rows, COALESCE(min(dropped.first_event_id), 0) AS first_event_id,
       COALESCE(max(dropped.last_event_id), 0) AS last_event_id
FROM relay.retention_drops AS dropped
WHERE dropped.month + interval '2 months' <= date_trunc('month', dropped.dropped_at AT TIME ZONE 'UTC')
  AND NOT EXISTS (SELECT FROM relay.event_months() AS there WHERE there.month = dropped.month)
  AND (EXISTS (SELECT FROM relay.auth_events AS e
               WHERE e.action = 'audit_month_dropped' AND e.occurred_at BETWEEN dropped.dropped_at AND dropped.dropped_at + interval '1 hour'
                 AND e.detail ->> 'month' = to_char(dropped.month, 'YYYY-MM') AND e.detail ->> 'rows' = dropped.row_count::text)
       OR EXISTS (SELECT FROM relay.retention_drops AS later
                  WHERE later.month = date_trunc('month', dropped.dropped_at AT TIME ZONE 'UTC') AND later.dropped_at > dropped.dropped_at))
GROUP BY dropped.month ORDER BY name)sql";

constexpr char const *columns[] = {"event_id", "occurred_at", "org_id",   "agent_id",   "key_id",
                                   "action",   "outcome",     "reason",   "ip_address", "actor",
                                   "db_role",  "ticket",      "trace_id", "detail",     "times"};

constexpr std::size_t entry_size = 26;

SealEntry entry_of(db::Row const &row) {
    std::string form;
    for (char const *const column : columns) {
        append_column(form, row.optional_text(column));
    }
    return seal_entry(row.integer("event_id"), static_cast<std::uint16_t>(row.integer("month")), form);
}

std::string from_hex(std::string const &hex) {
    auto const digit = [](char letter) { return letter <= '9' ? letter - '0' : letter - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    }
    return bytes;
}

std::uint64_t number_at(std::string const &bytes, std::size_t at, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
        number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
    }
    return number;
}

std::vector<SealEntry> read_entries(std::string const &bytes) {
    std::vector<SealEntry> entries;
    for (std::size_t at = 0; at + entry_size <= bytes.size(); at += entry_size) {
        SealEntry entry{.event_id = static_cast<std::int64_t>(number_at(bytes, at, 8)),
                        .month = static_cast<std::uint16_t>(number_at(bytes, at + 8, 2))};
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + 10), entry.digest.size(), entry.digest.begin());
        entries.push_back(entry);
    }
    return entries;
}

StoredSeal read_seal(db::Row const &row) {
    std::string const entries = from_hex(row.text("entries"));
    StoredSeal found{.seal = {.seal_no = row.integer("seal_no"),
                              .after_event_id = row.integer("after_event_id"),
                              .up_to_event_id = row.integer("up_to_event_id"),
                              .complete_up_to = row.integer("complete_up_to"),
                              .open_writers = row.text("open_writers"),
                              .entries = read_entries(entries),
                              .sealed_at = row.instant("sealed_at"),
                              .actor = row.text("actor"),
                              .db_role = row.text("db_role")},
                     .well_formed = entries.size() % entry_size == 0};
    try {
        found.seal.previous = Sha256::parse(row.text("previous_hash"));
        found.hash = Sha256::parse(row.text("hash"));
    } catch (Error const &) {
        found.well_formed = false;
    }
    return found;
}

}  // namespace

void begin_seals(db::Transaction &transaction) { transaction.exec(begin_sql); }

std::optional<SealHead> head_of(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(head_sql);
    if (rows.empty()) {
        return std::nullopt;
    }
    return SealHead{.seal_no = rows[0].integer("seal_no"),
                    .hash = Sha256::parse(rows[0].text("hash")),
                    .up_to_event_id = rows[0].integer("up_to_event_id"),
                    .sealed_at = rows[0].instant("sealed_at")};
}

std::optional<StoredSeal> seal_after(db::Transaction &transaction, std::int64_t seal_no, std::string_view which) {
    db::Rows const rows = transaction.exec(after_sql, {seal_no, std::string(which)});
    return rows.empty() ? std::nullopt : std::optional(read_seal(rows[0]));
}

std::optional<std::int64_t> add_seal(db::Transaction &transaction, std::int64_t up_to, std::string const &actor) {
    return transaction.exec(add_sql, {up_to, actor}).one().optional_integer("seal_no");
}

std::vector<SealEntry> entries_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to) {
    std::vector<SealEntry> entries;
    for (db::Row const row : transaction.exec(rows_sql, {after, up_to})) {
        entries.push_back(entry_of(row));
    }
    return entries;
}

std::optional<std::int64_t> next_event_id(db::Transaction &transaction, std::int64_t after, std::int64_t up_to) {
    return transaction.exec(next_sql, {after, up_to}).one().optional_integer("event_id");
}

UnsealedRows rows_after(db::Transaction &transaction, std::int64_t event_id) {
    db::Rows const rows = transaction.exec(unsealed_sql, {event_id, numbers_per_step});
    return {.count = rows.one().integer("count"),
            .ranges = rows.one().integer("ranges"),
            .since = rows.one().optional_instant("since")};
}

std::int64_t unsealed_before(db::Transaction &transaction, int keep) {
    return transaction.exec(unsealed_before_sql, {keep}).one().integer("count");
}

std::vector<DroppedMonth> dropped_months(db::Transaction &transaction) {
    std::vector<DroppedMonth> months;
    for (db::Row const row : transaction.exec(dropped_sql)) {
        months.push_back({.month = static_cast<std::uint16_t>(row.integer("month")),
                          .name = row.text("name"),
                          .rows = row.integer("rows"),
                          .first_event_id = row.integer("first_event_id"),
                          .last_event_id = row.integer("last_event_id")});
    }
    return months;
}

}  // namespace relay::sql
