#include "relay/db/lock_holders.hpp"

#include "relay/db/quick_query.hpp"
#include "relay/db/transaction.hpp"
#include "relay/model/text.hpp"

namespace relay::db {
namespace {

using namespace std::chrono_literals;

constexpr auto question_patience = 500ms;

// The server does not say which lock it was. Readers are in no one's way, and neither is a session that only waits.
constexpr auto lock_holders_sql = R"sql(
SELECT pid, role, application, mode, name FROM (
    SELECT DISTINCT ON (l.pid) l.pid::text AS pid, COALESCE(a.usename::text, '') AS role, COALESCE(a.application_name, '') AS application,
           l.mode, n.nspname || '.' || c.relname AS name, a.backend_start,
           array_position('{AccessExclusiveLock,ExclusiveLock,ShareRowExclusiveLock,ShareLock,RowExclusiveLock,RowShareLock}'::text[], l.mode)
               AS rank
    FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid() AND n.nspname = 'relay' AND c.relkind IN ('r', 'p')
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'RowExclusiveLock', 'RowShareLock')
    ORDER BY l.pid, rank) AS holders
ORDER BY rank, backend_start, pid LIMIT 3)sql";

std::string describe(TextRow const &row) {
    std::string text = "session " + row.at("pid");
    text += row.at("role").empty() ? "" : " of role " + row.at("role");
    text += row.at("application").empty() ? "" : " (" + row.at("application") + ")";
    return escape_for_terminal(text + " holds " + row.at("mode") + " on " + row.at("name"));
}

std::vector<TextRow> ask_holders(Transaction &transaction) {
    std::vector<TextRow> holders;
    Rows const rows = transaction.exec(lock_holders_sql);
    for (Row const row : rows) {
        TextRow &holder = holders.emplace_back();
        for (char const *const column : {"pid", "role", "application", "mode", "name"}) {
            holder[column] = row.text(column);
        }
    }
    return holders;
}

std::vector<TextRow> find_holders(Settings const &settings) {
    try {
        return quick_query(settings, lock_holders_sql, {}, Watchdog::Clock::now() + question_patience);
    } catch (Error const &) {
        return {};
    }
}

std::string ending(TextRow const &holder) { return "SELECT pg_terminate_backend(" + holder.at("pid") + ")"; }

std::string describe(std::vector<TextRow> const &holders) {
    std::string text;
    for (TextRow const &row : holders) {
        text += (text.empty() ? "pg_locks shows: " : ", ") + describe(row);
    }
    return text;
}

}  // namespace

std::string describe_lock_holders(Transaction &transaction) { return describe(ask_holders(transaction)); }

Error with_lock_holders(Settings const &settings, Error const &timeout) {
    std::vector<TextRow> const holders = find_holders(settings);
    if (holders.empty()) {
        return timeout;
    }
    Hint hint = timeout.hint();
    hint.why += describe(holders);
    hint.next = Advice("try again when it has ended, or end it: " + ending(holders.front()));
    return {timeout.kind(), timeout.message(), hint};
}

std::string describe_wait(Database &database) {
    TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    options.lock_patience = question_patience;
    std::vector<TextRow> holders;
    try {
        database.transact(options, [&](Transaction &transaction) { holders = ask_holders(transaction); });
    } catch (Error const &) {
        return {};
    }
    if (holders.empty()) {
        return {};
    }
    return "the command waits for a lock; " + describe(holders) +
           "; it continues when that session has ended, or end it: " + ending(holders.front());
}

}  // namespace relay::db
