#pragma once

#include "relay/identity/events_sql.hpp"
#include "relay/incident/effect.hpp"

#include <functional>

namespace relay {

/// The auth_events rows of an incident command.
///
/// They belong in the transaction of the change. But a lock that another session holds on the audit log must not
/// delay a block. In that case the block commits first (its own row says who, when and why), and the audit rows
/// follow in a second transaction.
class Trail {
  public:
    explicit Trail(bool follows) : m_follows(follows) {}

    /// True if whatever could wait for a lock (the audit log, NOTIFY) is left to a second transaction.
    bool follows() const { return m_follows; }

    /// A transaction that must not wait for locks reads only its rows back, not the tables of agents and keys.
    ReadBack depth() const { return m_follows ? ReadBack::rows : ReadBack::answers; }

    /// For a body that runs again: forgets what its last run recorded.
    void begin();
    /// Writes the events, or keeps them for write(). Called after the change, before it is read back.
    void record(db::Transaction &transaction, Attribution const &by, std::vector<sql::NewEvent> const &events);
    /// The same for events that the statement of the change has written, `written` of them, unless they follow.
    void note(std::vector<sql::NewEvent> const &events, std::size_t written);
    /// Writes the events that were left to a second transaction, unless the database has written them since the first one
    /// began (relay.audit_shut_out). Returns why some event is missing, there or before.
    std::optional<std::string> write(db::Database &database, WriteOptions const &options, Instant since) const;

  private:
    bool m_follows;
    std::vector<sql::NewEvent> m_events{};
    std::optional<std::string> m_missing{};
};

/// Returns the options of a transaction that commits on the primary without waiting for standbys: a dead standby would
/// delay the commit while the key still works. The first attempt at an incident waits for no lock; what follows has
/// time.
db::TransactOptions urgent(WriteOptions const &options);
db::TransactOptions patient(WriteOptions const &options);

/// Runs `attempt` without a trail that follows. If the server refuses it, which need not be the act but a lock, an event
/// or the wake-up, runs it again, waits longer, and writes the audit rows and wakes the gateways afterwards.
IncidentReceipt insist(db::Database &database, WriteOptions const &options,
                       std::function<IncidentReceipt(db::TransactOptions const &, Trail &)> const &attempt);

/// insist() for an attempt that is one transaction with answers before its COMMIT.
IncidentReceipt run_incident(db::Database &database, WriteOptions const &options,
                             std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work);

/// The same for lifting blocks, in one attempt: if it cannot be recorded, it is not done. (The database writes the event
/// if we do not.)
IncidentReceipt run_lift(db::Database &database, WriteOptions const &options,
                         std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work);

}  // namespace relay
