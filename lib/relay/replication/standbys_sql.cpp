#include "relay/replication/standbys_sql.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto place_sql = R"sql(
SELECT here.database_id || '.' || here.timeline AS history, pg_current_wal_flush_lsn()::text AS lsn
FROM relay.feed_history() AS here)sql";

constexpr auto stand_sql = R"sql(
SELECT NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS asked (kind, id)
                   WHERE NOT EXISTS (SELECT FROM relay.revocations AS r
                                     WHERE r.subject_kind = asked.kind AND r.subject_id = asked.id AND r.lifted_at IS NULL)) AS stand)sql";

// A login that may see the progress of standbys reads it directly, any other through a function of relay_owner's.
// Base backups and archivers (pg_receivewal) also receive WAL, but they replay nothing and cannot become the primary;
// a logical subscriber is a different database.
constexpr auto senders_sql = R"sql(
WITH sender AS (
    SELECT pid, application_name, client_addr, state, sync_state, write_lsn, flush_lsn, replay_lsn, reply_time
    FROM pg_stat_replication WHERE pg_has_role('pg_read_all_stats', 'USAGE')
    UNION ALL
    SELECT pid, application_name, client_addr, state, sync_state, write_lsn, flush_lsn, replay_lsn, reply_time
    FROM relay.wal_senders() WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE')
)
SELECT sender.pid, sender.application_name, host(sender.client_addr) AS address, slot.slot_name, sender.state,
       COALESCE(sender.sync_state IN ('sync', 'quorum', 'potential'), false) AS synchronous,
       COALESCE(COALESCE(sender.flush_lsn, slot.restart_lsn) >= $1::pg_lsn, false) AS flushed,
       COALESCE(sender.replay_lsn >= $1::pg_lsn, false) AS replayed,
       pg_wal_lsn_diff($1::pg_lsn, COALESCE(sender.replay_lsn, slot.restart_lsn))::bigint AS behind_bytes,
       floor(extract(epoch FROM clock_timestamp() - sender.reply_time))::bigint AS heard
FROM sender LEFT JOIN pg_replication_slots AS slot ON slot.active_pid = sender.pid
WHERE slot.slot_type IS DISTINCT FROM 'logical' AND sender.state IS DISTINCT FROM 'backup'
  AND NOT (sender.replay_lsn IS NULL
           AND (sender.write_lsn IS NOT NULL OR sender.application_name IN ('pg_receivewal', 'pg_basebackup')))
ORDER BY sender.application_name, sender.pid)sql";

constexpr auto idle_sql = R"sql(
SELECT slot_name, COALESCE(wal_status = 'lost', false) AS lost, COALESCE(restart_lsn >= $1::pg_lsn, false) AS flushed,
       pg_wal_lsn_diff($1::pg_lsn, restart_lsn)::bigint AS behind_bytes
FROM pg_replication_slots
WHERE slot_type = 'physical' AND NOT active AND NOT temporary AND (restart_lsn IS NOT NULL OR wal_status = 'lost')
ORDER BY slot_name)sql";

constexpr auto names_sql = "SELECT current_setting('synchronous_standby_names') AS names";

}  // namespace

WalPlace wal_place(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(place_sql);
    db::Row const row = rows.one();
    return {.history = row.text("history"), .lsn = row.text("lsn")};
}

bool stand_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects) {
    std::vector<SubjectKind> kinds;
    std::transform(subjects.begin(), subjects.end(), std::back_inserter(kinds), kind_of);
    return subjects.empty() ||
           transaction.exec(stand_sql, {db::array_text(kinds), db::array_text(subjects)}).one().boolean("stand");
}

StandbySight sight_standbys(db::Transaction &transaction, std::string const &lsn) {
    StandbySight sight;
    db::Rows const senders = transaction.exec(senders_sql, {lsn});
    for (db::Row const row : senders) {
        sight.senders.push_back({.pid = row.integer("pid"),
                                 .name = row.text("application_name"),
                                 .address = row.optional_text("address"),
                                 .slot = row.optional_text("slot_name"),
                                 .state = row.optional_text("state"),
                                 .synchronous = row.boolean("synchronous"),
                                 .flushed = row.boolean("flushed"),
                                 .replayed = row.boolean("replayed"),
                                 .behind_bytes = row.optional_integer("behind_bytes"),
                                 .heard = row.optional_seconds("heard")});
    }
    db::Rows const idle = transaction.exec(idle_sql, {lsn});
    for (db::Row const row : idle) {
        sight.idle.push_back({.name = row.text("slot_name"),
                              .lost = row.boolean("lost"),
                              .flushed = row.boolean("flushed"),
                              .behind_bytes = row.optional_integer("behind_bytes")});
    }
    sight.synchronous_names = transaction.exec(names_sql).one().text("names");
    return sight;
}

}  // namespace relay::sql
