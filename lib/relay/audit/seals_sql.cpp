#include "relay/audit/seals_sql.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto begin_sql = "SELECT relay.begin_seals()";

constexpr auto last_sql = R"sql(
SELECT seal_no, after_event_id, up_to_event_id, closed, '' AS entries, encode(previous_hash, 'hex') AS previous_hash,
       encode(hash, 'hex') AS hash, sealed_at, actor, db_role
FROM relay.event_seals ORDER BY seal_no DESC LIMIT 1)sql";

constexpr auto after_sql = R"sql(
SELECT seal_no, after_event_id, up_to_event_id, closed, encode(entries, 'hex') AS entries,
       encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash, sealed_at, actor, db_role
FROM relay.event_seals WHERE seal_no > $1::bigint ORDER BY seal_no LIMIT $2::bigint)sql";

constexpr auto closed_sql = R"sql(
SELECT COALESCE(max(up_to_event_id), 0) AS up_to_event_id FROM relay.event_seals WHERE closed)sql";

constexpr auto add_sql = R"sql(
SELECT relay.add_seal($1::bigint, $2::bigint, $3::bigint, $4::boolean, decode($5, 'hex'), decode($6, 'hex'), decode($7, 'hex'),
                      $8::timestamptz, $9))sql";

// The texts depend on no setting: schema/README.md describes them.
constexpr auto rows_sql = R"sql(
SELECT event_id,
       CASE WHEN isfinite(occurred_at)
            THEN LEAST(GREATEST(extract(year FROM occurred_at AT TIME ZONE 'UTC') * 12
                                + extract(month FROM occurred_at AT TIME ZONE 'UTC') - 1, 0), 65535)::integer ELSE 0 END AS month,
       CASE WHEN isfinite(occurred_at) THEN (extract(epoch FROM occurred_at) * 1000000)::bigint::text
            ELSE occurred_at::text END AS occurred_at,
       org_id, agent_id, key_id, action, outcome, reason, text(ip_address) AS ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events WHERE event_id > $1::bigint AND event_id <= $2::bigint ORDER BY event_id LIMIT $3::bigint)sql";

constexpr auto next_sql = R"sql(
SELECT min(event_id) AS event_id FROM relay.auth_events WHERE event_id > $1::bigint AND event_id <= $2::bigint)sql";

constexpr auto unsealed_sql = R"sql(
SELECT count(*) AS count, min(occurred_at) AS since FROM relay.auth_events WHERE event_id > $1::bigint)sql";

constexpr auto dropped_sql = R"sql(
SELECT DISTINCT to_char(dropped.month, 'YYYY-MM') AS name,
       (extract(year FROM dropped.month) * 12 + extract(month FROM dropped.month) - 1)::integer AS month
FROM relay.retention_drops AS dropped
WHERE NOT EXISTS (SELECT FROM relay.event_months() AS there WHERE there.month = dropped.month) ORDER BY name)sql";

constexpr char const *columns[] = {"event_id", "occurred_at", "org_id",   "agent_id",   "key_id",
                                   "action",   "outcome",     "reason",   "ip_address", "actor",
                                   "db_role",  "ticket",      "trace_id", "detail",     "times"};

constexpr std::size_t entry_size = 26;

/// Each value as its number of bytes, a colon, the bytes and a comma; null as a minus sign and a comma.
std::string form_of(db::Row const &row) {
    std::string form = "relay-event/1\n";
    for (char const *const column : columns) {
        if (auto const text = row.optional_text(column)) {
            form += std::to_string(text->size()) + ':' + *text + ',';
        } else {
            form += "-,";
        }
    }
    return form;
}

SealEntry entry_of(db::Row const &row) {
    SealEntry entry{.event_id = row.integer("event_id"), .month = static_cast<std::uint16_t>(row.integer("month"))};
    Sha256 const hash = Sha256::of(form_of(row));
    std::copy_n(hash.bytes.begin(), entry.digest.size(), entry.digest.begin());
    return entry;
}

std::string from_hex(std::string const &hex) {
    auto const digit = [](char letter) { return letter <= '9' ? letter - '0' : letter - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    }
    return bytes;
}

std::string to_hex(std::string const &bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (char const byte : bytes) {
        hex += digits[static_cast<unsigned char>(byte) >> 4U];
        hex += digits[static_cast<unsigned char>(byte) & 0xFU];
    }
    return hex;
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
                              .closed = row.boolean("closed"),
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

std::optional<Seal> last_seal(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(last_sql);
    return rows.empty() ? std::nullopt : std::optional(read_seal(rows[0]).seal);
}

std::optional<SealHead> head_of(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(last_sql);
    if (rows.empty()) {
        return std::nullopt;
    }
    StoredSeal const last = read_seal(rows[0]);
    return SealHead{.seal_no = last.seal.seal_no,
                    .hash = last.hash,
                    .up_to_event_id = last.seal.up_to_event_id,
                    .sealed_at = last.seal.sealed_at};
}

std::vector<StoredSeal> seals_after(db::Transaction &transaction, std::int64_t seal_no, int most) {
    std::vector<StoredSeal> seals;
    for (db::Row const row : transaction.exec(after_sql, {seal_no, most})) {
        seals.push_back(read_seal(row));
    }
    return seals;
}

std::int64_t last_closed_end(db::Transaction &transaction) {
    return transaction.exec(closed_sql).one().integer("up_to_event_id");
}

void add_seal(db::Transaction &transaction, Seal const &seal, Sha256 const &hash) {
    transaction.exec(add_sql,
                     {seal.seal_no, seal.after_event_id, seal.up_to_event_id, seal.closed,
                      to_hex(entry_bytes(seal.entries)), seal.previous.hex(), hash.hex(), seal.sealed_at, seal.actor});
    auto const stored = seals_after(transaction, seal.seal_no - 1, 1);
    transaction.confirm(stored.size() == 1 && stored[0].hash == hash && hash_of(stored[0].seal) == hash,
                        "seal " + std::to_string(seal.seal_no) + " of the audit trail");
}

std::vector<SealEntry> entries_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to,
                                       std::int64_t most) {
    std::vector<SealEntry> entries;
    for (db::Row const row : transaction.exec(rows_sql, {after, up_to, most})) {
        entries.push_back(entry_of(row));
    }
    return entries;
}

std::optional<std::int64_t> next_event_id(db::Transaction &transaction, std::int64_t after, std::int64_t up_to) {
    return transaction.exec(next_sql, {after, up_to}).one().optional_integer("event_id");
}

UnsealedRows rows_after(db::Transaction &transaction, std::int64_t event_id) {
    db::Rows const rows = transaction.exec(unsealed_sql, {event_id});
    return {.count = rows.one().integer("count"), .since = rows.one().optional_instant("since")};
}

std::vector<DroppedMonth> dropped_months(db::Transaction &transaction) {
    std::vector<DroppedMonth> months;
    for (db::Row const row : transaction.exec(dropped_sql)) {
        months.push_back({.month = static_cast<std::uint16_t>(row.integer("month")), .name = row.text("name")});
    }
    return months;
}

}  // namespace relay::sql
