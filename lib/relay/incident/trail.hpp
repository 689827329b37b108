#pragma once

#include "relay/identity/events_sql.hpp"
#include "relay/incident/incident.hpp"

#include <functional>

namespace relay {

/// The auth_events rows of an incident. They belong into its transaction; but who holds a lock on the audit log must not
/// hold up a block, whose own row tells who, when and why. Then they follow in a transaction of their own.
class Trail {
  public:
    explicit Trail(bool follows) : m_follows(follows) {}

    /// True: what could wait for somebody's lock (the audit log, NOTIFY) comes in a transaction of its own.
    bool follows() const { return m_follows; }

    void record(db::Transaction &transaction, Attribution const &by, std::vector<sql::NewEvent> const &events);
    /// Writes what was to follow. Returns why it could not be.
    std::optional<std::string> write(db::Database &database, WriteOptions const &options) const;

  private:
    bool m_follows;
    std::vector<sql::NewEvent> m_events{};
};

/// Runs an incident's work in one transaction that commits on the primary without waiting for a standby: a dead one would
/// hold up the commit while the key still works. If a lock is in the way, runs it again with patience and its trail behind.
IncidentReceipt run_incident(db::Database &database, WriteOptions const &options,
                             std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work);

}  // namespace relay
