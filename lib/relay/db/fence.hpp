#pragma once

#include "relay/db/session.hpp"

namespace relay::db {

/// Settles a transaction whose COMMIT got no answer.
///
/// Looking whether its rows are there would be wrong: a commit that waits for a standby is not visible yet, and lands
/// later. Asking for its transaction id would be wrong too: after a failover, another transaction can have the same
/// id. So the fence inserts the same primary key into relay.operations. The insert waits for a transaction in flight.
/// Then it either collides (that transaction committed) or succeeds (that transaction can never commit any more).
class Fence {
  public:
    Fence(Conninfo const &conninfo, Settings const &settings) : m_conninfo(conninfo), m_settings(settings) {}

    /// Tries for 30 s, also after a signal. Throws Error (unknown), with Act::recover as the next step.
    Fate settle(OperationId const &operation);
    /// Settles a transaction that applies a migration, by calling `was_committed` under the migration lock.
    Fate settle_migration(std::function<bool(Transaction &)> const &was_committed);
    /// Returns what the database that answered is called; none if none did.
    std::optional<DatabaseLabel> const &label() const { return m_label; }

  private:
    template <typename Attempt>
    std::optional<Fate> persist(Attempt const &attempt);
    std::optional<Fate> try_once(OperationId const &operation, Deadline deadline);

    Conninfo const &m_conninfo;
    Settings const &m_settings;
    std::optional<DatabaseLabel> m_label{};
    std::string m_refusal{};  ///< why there is no use in asking again; empty while there is
};

}  // namespace relay::db
