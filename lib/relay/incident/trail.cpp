#include "relay/incident/trail.hpp"

#include "relay/feed/changes_sql.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {
namespace {

using namespace std::chrono_literals;

constexpr auto first_patience = 500ms;
constexpr auto trail_patience = 2s;
constexpr std::string_view lock_not_available = "55P03";

db::TransactOptions urgent(WriteOptions const &options, std::chrono::milliseconds lock_patience) {
    db::TransactOptions transact = writing(options);
    transact.durability = db::Durability::local;
    transact.lock_patience = lock_patience;
    return transact;
}

/// Best effort: gateways also poll the feed every few seconds.
void wake_gateways(db::Database &database, WriteOptions const &options) {
    try {
        database.transact(urgent(options, first_patience),
                          [](db::Transaction &transaction) { sql::wake_listeners(transaction); });
    } catch (Error const &) {
        // The change itself is committed.
    }
}

IncidentReceipt run_once(db::Database &database, db::TransactOptions const &transact, Trail &trail,
                         std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    IncidentReceipt receipt;
    database.transact(transact, [&](db::Transaction &transaction) {
        if (trail.follows()) {
            sql::wake_later(transaction);
        }
        receipt = work(transaction, trail);
        if (!receipt.changed) {
            transaction.nothing_to_do();
        }
    });
    return receipt;
}

}  // namespace

void Trail::record(db::Transaction &transaction, Attribution const &by, std::vector<sql::NewEvent> const &events) {
    if (m_follows) {
        m_events.insert(m_events.end(), events.begin(), events.end());
    } else {
        sql::record_events(transaction, by, events);
    }
}

std::optional<std::string> Trail::write(db::Database &database, WriteOptions const &options) const {
    if (m_events.empty()) {
        return std::nullopt;
    }
    try {
        database.transact(urgent(options, trail_patience),
                          [&](db::Transaction &transaction) { sql::record_events(transaction, options.by, m_events); });
    } catch (Error const &error) {
        return error.message();
    } catch (Interrupted const &) {
        return "interrupted";
    }
    return std::nullopt;
}

IncidentReceipt run_incident(db::Database &database, WriteOptions const &options,
                             std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    try {
        Trail trail(false);
        return run_once(database, urgent(options, first_patience), trail, work);
    } catch (Error const &error) {
        if (error.hint().sqlstate != lock_not_available) {
            throw;
        }
    }
    Trail trail(true);
    IncidentReceipt receipt = run_once(database, urgent(options, db::TransactOptions().lock_patience), trail, work);
    if (receipt.changed) {
        wake_gateways(database, options);
    }
    receipt.trail_missing = trail.write(database, options);
    return receipt;
}

}  // namespace relay
