#include "relay/legacy/windows_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/db/work_lock.hpp"

namespace relay::sql {
namespace {

constexpr db::WorkLock legacy_lock{.work = "the legacy migration",
                                   .take = "SELECT relay.lock_legacy()",
                                   .held =
                                       "l.locktype = 'relation' AND l.relation = 'relay.legacy_migrations'::regclass"
                                       " AND l.mode = 'ShareUpdateExclusiveLock'"};

constexpr auto find_sql = R"sql(
SELECT period.migration_id, period.opened_at, period.opened_by, period.deadline, stop.deny_all, period.closed_at, period.closed_by,
       CASE WHEN period.state = 'finished' THEN 'finished' WHEN stop.deny_all THEN 'denied'
            WHEN period.deadline <= statement_timestamp() THEN 'expired' ELSE period.state END AS state
FROM relay.legacy_migrations AS period
CROSS JOIN LATERAL (
    SELECT relay.is_stopped(period.opened_order, period.opened_at) AS deny_all) AS stop
ORDER BY period.migration_id DESC LIMIT 1)sql";

constexpr auto open_sql =
    "INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES ($1::timestamptz, $2) RETURNING migration_id";

constexpr auto deadline_sql =
    "UPDATE relay.legacy_migrations SET deadline = $2::timestamptz WHERE migration_id = $1::bigint";

constexpr auto close_sql =
    "UPDATE relay.legacy_migrations SET state = $2, closed_by = $3 WHERE migration_id = $1::bigint";

constexpr auto close_free_sql = R"sql(
UPDATE relay.legacy_migrations SET state = 'aborted', closed_by = $1
WHERE migration_id = (SELECT migration_id FROM relay.legacy_migrations WHERE state = 'open' FOR NO KEY UPDATE SKIP LOCKED))sql";

constexpr auto deny_sql = "INSERT INTO relay.legacy_stops (stopped_by, ticket, reason) VALUES ($1, $2, $3)";

constexpr auto wave_sql = R"sql(
WITH next AS (
    SELECT COALESCE(max(wave), 0) + 1 AS wave FROM relay.legacy_agents WHERE migration_id = $1::bigint
), joined AS (
    UPDATE relay.legacy_agents AS agent SET migration_id = $1::bigint, wave = next.wave
    FROM next
    WHERE agent.migration_id IS DISTINCT FROM $1::bigint
      AND NOT EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = agent.agent_id)
      AND ($2::text[] IS NULL OR agent.agent_id = ANY ($2::text[] COLLATE "C"))
    RETURNING agent.agent_id
)
SELECT next.wave, (SELECT count(*) FROM joined) AS agents FROM next)sql";

constexpr auto not_imported_sql = R"sql(
SELECT wanted.id FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
WHERE NOT EXISTS (SELECT FROM relay.legacy_agents AS agent WHERE agent.agent_id = wanted.id COLLATE "C")
ORDER BY wanted.place)sql";

constexpr auto accepts_sql = "SELECT relay.accepts_shared_secret() AS accepts";

constexpr auto not_joined_sql = R"sql(
SELECT count(*) AS agents FROM relay.legacy_agents AS agent
WHERE agent.migration_id IS DISTINCT FROM $1::bigint
  AND NOT EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = agent.agent_id)
  AND ($2::text[] IS NULL OR agent.agent_id = ANY ($2::text[] COLLATE "C")))sql";

}  // namespace

void lock_legacy(db::Transaction &transaction) { db::take(transaction, legacy_lock); }

std::optional<LegacyWindow> find_window(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(find_sql);
    if (rows.empty()) {
        return std::nullopt;
    }
    db::Row const row = rows[0];
    return LegacyWindow{.migration_id = row.integer("migration_id"),
                        .state = row.value<LegacyWindowState>("state"),
                        .opened_at = row.instant("opened_at"),
                        .opened_by = row.text("opened_by"),
                        .deadline = row.instant("deadline"),
                        .deny_all = row.boolean("deny_all"),
                        .closed_at = row.optional_instant("closed_at"),
                        .closed_by = row.optional_text("closed_by")};
}

std::int64_t open_window(db::Transaction &transaction, Instant deadline, Note const &opened_by) {
    db::Rows const rows = transaction.exec(open_sql, {deadline, opened_by});
    transaction.require(rows.size() == 1, "the new window");
    return rows.one().integer("migration_id");
}

void set_deadline(db::Transaction &transaction, std::int64_t migration_id, Instant deadline) {
    transaction.exec(deadline_sql, {migration_id, deadline});
    transaction.expect_announcement();
}

void close_window(db::Transaction &transaction, std::int64_t migration_id, LegacyWindowState state,
                  Note const &closed_by) {
    transaction.exec(close_sql, {migration_id, state, closed_by});
    transaction.expect_announcement();
}

void close_if_free(db::Transaction &transaction, Note const &closed_by) {
    transaction.exec(close_free_sql, {closed_by});
}

void deny_all(db::Transaction &transaction, Attribution const &by) {
    transaction.require(transaction.exec(deny_sql, {by.actor, by.ticket, by.reason}).affected() == 1,
                        "the stop of the shared secret", {"the shared secret may still be accepted"});
}

Wave open_wave(db::Transaction &transaction, std::int64_t migration_id,
               std::optional<std::vector<AgentId>> const &agents) {
    std::optional<std::string> const ids = agents ? std::optional(db::array_text(*agents)) : std::nullopt;
    db::Rows const rows = transaction.exec(wave_sql, {migration_id, ids});
    return {.number = rows.one().integer("wave"), .agents = rows.one().integer("agents")};
}

bool accepts_shared_secret(db::Transaction &transaction) {
    return transaction.exec(accepts_sql).one().boolean("accepts");
}

bool have_joined(db::Transaction &transaction, std::int64_t migration_id,
                 std::optional<std::vector<AgentId>> const &agents) {
    std::optional<std::string> const ids = agents ? std::optional(db::array_text(*agents)) : std::nullopt;
    return transaction.exec(not_joined_sql, {migration_id, ids}).one().integer("agents") == 0;
}

std::vector<AgentId> not_imported(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    return transaction.exec(not_imported_sql, {db::array_text(agents)}).ids<AgentId>("id");
}

}  // namespace relay::sql
