#include "relay/legacy/stop.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/incident/trail.hpp"
#include "relay/legacy/status_sql.hpp"
#include "relay/legacy/windows_sql.hpp"

namespace relay {
namespace {

sql::NewEvent event_of(std::optional<LegacyWindow> const &window) {
    sql::Detail detail;
    if (window) {
        detail.add("migration_id", window->migration_id);
    }
    return {.action = "migration_denied_all", .detail = std::move(detail)};
}

bool is_closed_for_good(std::optional<LegacyWindow> const &window) {
    return !window || window->deny_all || window->state == LegacyWindowState::finished;
}

}  // namespace

StoppedLegacy stop_legacy(db::Database &database, WriteOptions const &options) {
    StoppedLegacy result;
    IncidentReceipt const receipt = run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        result = {};
        note_who(result, transaction);
        result.window = sql::find_window(transaction);
        // Checks nothing first: a window that a `start` is opening right now is not visible yet. The row is also
        // evidence.
        sql::deny_all(transaction, options.by);
        sql::close_if_free(transaction, options.by.actor);
        trail.record(transaction, options.by, {event_of(result.window)});
        result.window = sql::find_window(transaction);
        result.changed = true;
        bool const closed = is_closed_for_good(result.window) &&
                            (trail.depth() == ReadBack::rows || !sql::accepts_shared_secret(transaction));
        transaction.confirm(closed, "the stop of the shared secret", {"the shared secret may still be accepted"});
        IncidentReceipt made;
        note_who(made, transaction);
        made.changed = result.changed;
        return made;
    });
    result.trail_missing = receipt.trail_missing;
    try {
        database.transact(reading(), [&](db::Transaction &transaction) {
            result.counts = sql::count_legacy(transaction, usual_legacy_quiet);
        });
    } catch (Error const &error) {
        result.counts_missing = error.message();
    }
    return result;
}

}  // namespace relay
