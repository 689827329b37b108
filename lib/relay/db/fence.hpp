#pragma once

#include "relay/db/session.hpp"

namespace relay::db {

/// Settles a transaction whose COMMIT got no answer. Reading whether its rows are there would be wrong: a commit that waits for a
/// standby is invisible and lands later; and a transaction id can be another's after a failover. An INSERT of the same primary
/// key waits for the one in flight, and then decides.
class Fence {
  public:
    Fence(Conninfo const &conninfo, Settings const &settings) : m_conninfo(conninfo), m_settings(settings) {}

    /// Tries for 30 s, also after a signal. Throws Error (unknown), with Act::recover as the next step.
    Fate settle(OperationId const &operation);
    /// For a transaction of a migration: `was_committed` is asked under the migration lock.
    Fate settle_migration(std::function<bool(Transaction &)> const &was_committed);

  private:
    template <typename Attempt>
    std::optional<Fate> persist(Attempt const &attempt);
    std::optional<Fate> try_once(OperationId const &operation, Deadline deadline);

    Conninfo const &m_conninfo;
    Settings const &m_settings;
    std::string m_refusal{};  ///< why asking again is of no use; empty while it may be
};

}  // namespace relay::db
