#include "relay/db/fence.hpp"

#include "relay/db/migration_lock.hpp"

#include <thread>

namespace relay::db {
namespace {

using Clock = Watchdog::Clock;
using namespace std::chrono_literals;

constexpr auto fence_patience = 30s;
constexpr auto lock_patience = 3s;
constexpr auto one_attempt = lock_patience + 2s;

constexpr char const *bar_sql = R"sql(
INSERT INTO relay.operations (op_id, state) VALUES ($1, 'aborted') ON CONFLICT (op_id) DO NOTHING RETURNING op_id)sql";

constexpr char const *state_sql = "SELECT state FROM relay.operations WHERE op_id = $1";

// Not to_regclass: it answers from the session's cache, which waiting for the migration lock does not refresh.
constexpr char const *exists_sql = R"sql(
SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = 'relay' AND c.relname = 'operations') AS operations_exist)sql";

}  // namespace

template <typename Attempt>
std::optional<Fate> Fence::persist(Attempt const &attempt) {
    auto const end = Clock::now() + fence_patience;
    auto pause = 50ms;
    for (;;) {
        try {
            if (std::optional<Fate> const fate = attempt(std::min(end, Clock::now() + one_attempt))) {
                return fate;
            }
        } catch (Interrupted const &) {
            // COMMIT was sent before the signal came, so find out its outcome first, or report it as unknown.
        } catch (Error const &error) {
            // Unreachable, or still in flight behind a lock: both may pass. So may a fault that looks permanent (usage),
            // because the same connection string worked a moment ago. A missing privilege does not.
            if (error.kind() != ErrorKind::unavailable && error.kind() != ErrorKind::usage) {
                m_refusal = error.message();
                return std::nullopt;
            }
        } catch (RunAgain const &) {}
        if (Clock::now() + pause >= end) {
            return std::nullopt;
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(1s));
    }
}

std::optional<Fate> Fence::try_once(OperationId const &operation, Deadline deadline) {
    // `local`, because the fence must not wait for the same standby that delays the commit it asks about.
    TransactOptions options;
    options.durability = Durability::local;
    options.check_schema = false;
    options.lock_patience = lock_patience;
    Session session(m_conninfo, m_settings, deadline);
    session.undo_foreign_settings();
    session.begin(options, deadline);
    m_label = session.label();
    if (!session.exec(exists_sql, {}).one().boolean("operations_exist")) {
        // The lost transaction may be the one that creates the table. It holds the migration lock until it ends.
        session.exec(migration_lock.take, {});
        if (!session.exec(exists_sql, {}).one().boolean("operations_exist")) {
            return Fate::aborted;
        }
    }
    if (!session.exec(bar_sql, {operation}).empty()) {
        // If this answer is lost too, the next round finds our own row.
        return session.commit(deadline) == CommitAnswer::committed ? std::optional(Fate::aborted) : std::nullopt;
    }
    return session.exec(state_sql, {operation}).one().value<Fate>("state");
}

Fate Fence::settle(OperationId const &operation) {
    if (auto const fate = persist([&](Deadline deadline) { return try_once(operation, deadline); })) {
        return *fate;
    }
    throw Error(
        ErrorKind::unknown, "the connection broke while committing: the change may or may not have been made",
        {.why = m_refusal.empty() ? "the database could not be asked within 30 s, or the commit is still waiting there"
                                  : "the database could not be asked: " + m_refusal,
         .next = advise(Act::recover, operation),
         .changed = Changed::unknown});
}

Fate Fence::settle_migration(std::function<bool(Transaction &)> const &was_committed) {
    auto const ask = [&](Deadline deadline) -> std::optional<Fate> {
        TransactOptions options;
        options.read_only = true;
        options.check_schema = false;
        options.lock_patience = lock_patience;
        Session session(m_conninfo, m_settings, deadline);
        session.undo_foreign_settings();
        session.begin(options, deadline);
        session.exec(migration_lock.take, {});
        Transaction transaction(session);
        return was_committed(transaction) ? Fate::committed : Fate::aborted;
    };
    if (auto const fate = persist(ask)) {
        return *fate;
    }
    throw Error(ErrorKind::unknown,
                "the connection broke while committing a migration: it may or may not have been applied",
                {.next = advise(Act::show_schema_status), .changed = Changed::unknown});
}

}  // namespace relay::db
