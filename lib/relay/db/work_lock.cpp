#include "relay/db/work_lock.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

namespace relay::db {
namespace {

// One round trip. If the wait fails, the savepoint is still there.
constexpr std::string_view wait_sql = "SAVEPOINT written_so_far; {}; RELEASE SAVEPOINT written_so_far";

// pg_stat_activity shows pid, role and application to each login, the times only to members of the same role and of
// pg_read_all_stats.
constexpr std::string_view holders_sql = R"sql(
SELECT l.pid::text AS pid, COALESCE(a.usename::text, '') AS role, COALESCE(a.application_name, '') AS application,
       a.xact_start AS since
FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.granted AND l.pid <> pg_backend_pid() AND ({})
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY a.xact_start NULLS LAST, l.pid LIMIT 3)sql";

std::string describe(Row const &row) {
    std::string text = "session " + row.text("pid");
    std::string const role = row.text("role");
    std::string const application = row.text("application");
    text += role.empty() ? "" : " of role " + role;
    text += application.empty() ? "" : " (" + application + ")";
    auto const since = row.optional_instant("since");
    return escape_for_terminal(since ? text + " since " + format_instant(*since) : text);
}

Error held_by_others(Rows const &holders, WorkLock const &lock, Error const &timeout) {
    std::string who;
    std::string next;
    for (Row const row : holders) {
        who += (who.empty() ? "" : ", ") + describe(row);
        next = next.empty() ? "SELECT pg_terminate_backend(" + row.text("pid") + ")" : next;
    }
    return {ErrorKind::unavailable,
            who + (holders.size() == 1 ? " holds" : " hold") + " the lock for " + std::string(lock.work) +
                "; nothing was changed",
            {.why = "one session at a time may do this",
             .next = Advice("try again when it has ended, or end it: " + next),
             .sqlstate = timeout.hint().sqlstate}};
}

}  // namespace

void take(Transaction &transaction, WorkLock const &lock) {
    try {
        transaction.exec_script(fmt::format(wait_sql, lock.take));
    } catch (Error const &error) {
        if (error.hint().sqlstate != "55P03" && error.hint().sqlstate != "57014") {
            throw;
        }
        transaction.return_to_savepoint();
        Rows const holders = transaction.exec(fmt::format(holders_sql, lock.held).c_str());
        if (holders.empty()) {
            throw;  // it has just been released
        }
        throw held_by_others(holders, lock, error);
    }
}

}  // namespace relay::db
