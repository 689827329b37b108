#include "relay/incident/trail.hpp"

#include "relay/db/sqlstate.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/missing_events_sql.hpp"

#include <algorithm>

namespace relay {
namespace {

using namespace std::chrono_literals;

constexpr auto first_patience = 500ms;
constexpr auto trail_patience = 2s;
constexpr auto lock_not_available = "55P03";

db::TransactOptions on_the_primary(WriteOptions const &options, std::chrono::milliseconds lock_patience) {
    db::TransactOptions transact = writing(options);
    transact.durability = db::Durability::local;
    transact.lock_patience = lock_patience;
    return transact;
}

/// Returns why some events are missing. The audit trail must not undo the block.
std::string swallowed(std::size_t written, std::size_t asked) {
    return "the audit trail took " + std::to_string(written) + " of " + std::to_string(asked) +
           (asked == 1 ? " event" : " events") + ": a rule or a trigger interferes";
}

/// An admin token concerns no gateway.
bool announces(IncidentReceipt const &receipt) {
    return receipt.items.empty() ||
           std::any_of(receipt.items.begin(), receipt.items.end(),
                       [](IncidentItem const &item) { return item.changed && !item.is_token; });
}

IncidentReceipt run_once(db::Database &database, db::TransactOptions const &transact, Trail &trail,
                         std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    IncidentReceipt receipt;
    database.transact(transact, [&](db::Transaction &transaction) {
        trail.begin();
        transaction.record_operation(*transact.operation);
        receipt = work(transaction, trail);
        if (!receipt.changed) {
            transaction.nothing_to_do();
        } else if (announces(receipt)) {
            transaction.expect_announcement();
        }
    });
    return receipt;
}

/// Waits for a lock as long as the command may take.
db::TransactOptions steadfast(WriteOptions const &options) { return on_the_primary(options, 1h); }

/// Runs an attempt that waits for no lock but that on its own rows. If someone holds that, names the session, because only
/// its end lets the change happen, and waits.
IncidentReceipt without_side_channels(db::Database &database, WriteOptions const &options,
                                      std::function<IncidentReceipt(db::TransactOptions)> const &attempt) {
    try {
        return attempt(urgent(options));
    } catch (Error const &error) {
        if (error.hint().sqlstate != lock_not_available || error.hint().changed != Changed::no) {
            throw;
        }
    }
    database.report_wait("nothing is changed yet");
    return attempt(steadfast(options));
}

}  // namespace

db::TransactOptions urgent(WriteOptions const &options) { return on_the_primary(options, first_patience); }

db::TransactOptions patient(WriteOptions const &options) {
    return on_the_primary(options, db::TransactOptions().lock_patience);
}

void Trail::begin() {
    m_events.clear();
    m_missing.reset();
}

void Trail::note(std::vector<sql::NewEvent> const &events, std::size_t written) {
    if (m_follows) {
        m_events.insert(m_events.end(), events.begin(), events.end());
    } else if (written != events.size()) {
        m_missing = swallowed(written, events.size());
    }
}

void Trail::record(db::Transaction &transaction, Attribution const &by, std::vector<sql::NewEvent> const &events) {
    if (m_follows) {
        m_events.insert(m_events.end(), events.begin(), events.end());
    } else {
        sql::insert_events(transaction, by, events, [this, asked = events.size()](std::size_t written) {
            if (written != asked) {
                m_missing = swallowed(written, asked);
            }
        });
    }
}

std::optional<std::string> Trail::write(db::Database &database, WriteOptions const &options, Instant since) const {
    if (m_events.empty()) {
        return m_missing;
    }
    try {
        database.transact(on_the_primary(options, trail_patience), [&](db::Transaction &transaction) {
            std::size_t const present = sql::insert_missing_events(transaction, options.by, m_events, since);
            if (present != m_events.size()) {
                throw Error(ErrorKind::schema, swallowed(present, m_events.size()));
            }
            transaction.confirm(true, "");
        });
    } catch (Error const &error) {
        return error.message();
    } catch (Interrupted const &) {
        return "interrupted";
    }
    return std::nullopt;
}

IncidentReceipt insist(db::Database &database, WriteOptions const &options,
                       std::function<IncidentReceipt(db::TransactOptions const &, Trail &)> const &attempt) {
    try {
        Trail trail(false);
        IncidentReceipt receipt = attempt(urgent(options), trail);
        receipt.trail_missing = trail.write(database, options, receipt.at);
        return receipt;
    } catch (Error const &error) {
        // Not after five tries, which were against other sessions, and not without a SQLSTATE: then it was not the
        // server that refused.
        std::string const &sqlstate = error.hint().sqlstate;
        if (sqlstate.empty() || db::is_retryable(sqlstate) || error.hint().changed != Changed::no) {
            throw;
        }
    }
    Trail trail(true);
    IncidentReceipt receipt = without_side_channels(database, options, [&](db::TransactOptions transact) {
        transact.wake_later = true;
        return attempt(transact, trail);
    });
    receipt.trail_missing = trail.write(database, options, receipt.at);
    return receipt;
}

IncidentReceipt run_incident(db::Database &database, WriteOptions const &options,
                             std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    return insist(database, options, [&](db::TransactOptions const &transact, Trail &trail) {
        return run_once(database, transact, trail, work);
    });
}

IncidentReceipt run_lift(db::Database &database, WriteOptions const &options,
                         std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    Trail trail(false);
    IncidentReceipt receipt = run_once(database, patient(options), trail, work);
    receipt.trail_missing = trail.write(database, options, receipt.at);
    return receipt;
}

}  // namespace relay
