#pragma once

#include "relay/identity/events_sql.hpp"
#include "relay/incident/incident.hpp"

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

    void record(db::Transaction &transaction, Attribution const &by, std::vector<sql::NewEvent> const &events);
    /// Writes the events that were left to a second transaction. Returns the reason if it could not.
    std::optional<std::string> write(db::Database &database, WriteOptions const &options) const;

  private:
    bool m_follows;
    std::vector<sql::NewEvent> m_events{};
};

/// Runs `work` in one transaction that commits on the primary without waiting for standbys: a dead standby would
/// delay the commit while the key still works. If another session's lock is in the way, runs `work` again, waits
/// longer, and writes the audit rows afterwards.
IncidentReceipt run_incident(db::Database &database, WriteOptions const &options,
                             std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work);

}  // namespace relay
