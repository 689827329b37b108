#include "relay/audit/months_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/db/work_lock.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr db::WorkLock months_lock{.work = "the months of the audit trail",
                                   .take = "SELECT relay.lock_event_months()",
                                   .held =
                                       "l.locktype = 'relation' AND l.relation = 'relay.schema_migrations'::regclass"
                                       " AND l.mode = 'ShareUpdateExclusiveLock'"};

constexpr auto make_sql = R"sql(
SELECT to_char(month, 'YYYY-MM') AS month, moved_rows FROM relay.make_event_months($1::integer) ORDER BY month)sql";

constexpr auto have_sql = R"sql(
SELECT count(*) = count(to_regclass('relay.auth_events_' || replace(month, '-', '_'))) AS all_there FROM unnest($1::text[]) AS month)sql";

constexpr auto droppable_sql = R"sql(
SELECT to_char(old.month, 'YYYY-MM') AS month, held.row_count, held.event_count, held.bytes, held.first_at, held.last_at
FROM relay.droppable_event_months($1::integer) AS old (month), relay.measure_event_month(old.month) AS held ORDER BY old.month)sql";

constexpr auto may_drop_sql = R"sql(
SELECT has_function_privilege('relay.drop_event_months(integer, text, text, text, text)', 'EXECUTE') AS may)sql";

constexpr auto drop_sql = R"sql(
SELECT to_char(month, 'YYYY-MM') AS month, row_count, event_count, bytes, first_at, last_at
FROM relay.drop_event_months($1::integer, $2, $3, $4, $5) ORDER BY month)sql";

constexpr auto prune_sql = R"sql(
SELECT relay.prune_operations($1::integer) AS operations, relay.prune_changes($1::integer) AS key_changes,
       relay.prune_sightings($1::integer) AS key_sightings, relay.prune_usage($1::integer) AS usage,
       relay.mark_gone_agents($1::integer) AS gone, relay.forget_seat_changes($1::integer) AS seat_changes,
       relay.settle_floods(most => $1::integer) AS floods)sql";

std::vector<EventMonth> read_months(db::Rows const &rows) {
    std::vector<EventMonth> months;
    std::transform(rows.begin(), rows.end(), std::back_inserter(months), [](db::Row const &row) {
        return EventMonth{.month = row.text("month"),
                          .rows = row.integer("row_count"),
                          .events = row.integer("event_count"),
                          .bytes = row.integer("bytes"),
                          .first_at = row.optional_instant("first_at"),
                          .last_at = row.optional_instant("last_at")};
    });
    return months;
}

}  // namespace

std::vector<EventMonth> make_event_months(db::Transaction &transaction, int ahead) {
    db::take(transaction, months_lock);
    std::vector<EventMonth> made;
    db::Rows const rows = transaction.exec(make_sql, {ahead});
    for (db::Row const row : rows) {
        made.push_back({.month = row.text("month"), .rows = row.integer("moved_rows")});
    }
    return made;
}

bool have_months(db::Transaction &transaction, std::vector<EventMonth> const &made) {
    std::vector<std::string> months;
    for (EventMonth const &month : made) {
        months.push_back(month.month);
    }
    return transaction.exec(have_sql, {db::array_text(months)}).one().boolean("all_there");
}

std::vector<EventMonth> droppable_months(db::Transaction &transaction, int keep) {
    return read_months(transaction.exec(droppable_sql, {keep}));
}

bool may_drop_months(db::Transaction &transaction) { return transaction.exec(may_drop_sql).one().boolean("may"); }

std::vector<EventMonth> drop_months(db::Transaction &transaction, int keep, Attribution const &by) {
    db::take(transaction, months_lock);
    return read_months(transaction.exec(drop_sql, {keep, by.actor, by.reason, by.ticket, by.trace_id}));
}

Pruned prune(db::Transaction &transaction, std::int64_t most) {
    db::Rows const rows = transaction.exec(prune_sql, {most});
    db::Row const row = rows.one();
    return {.operations = row.integer("operations"),
            .key_changes = row.integer("key_changes"),
            .key_sightings = row.integer("key_sightings"),
            .usage = row.integer("usage"),
            .gone = row.integer("gone"),
            .seat_changes = row.integer("seat_changes"),
            .floods = row.integer("floods")};
}

}  // namespace relay::sql
