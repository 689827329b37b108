#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/legacy/issue.hpp"
#include "relay/legacy/issue_sql.hpp"

#include <chrono>
#include <functional>
#include <vector>

namespace relay {

/// Issues keys into a store that is not a file (relay/identity/confirm_key.hpp), batch by batch.
///
/// One COMMIT confirms the keys that a batch has delivered, and stages those of the next one; no transaction is open
/// while they are delivered. An agent is on the list until one of its keys is confirmed, or used. If its delivery fails, it
/// keeps the staged key, and the next run delivers another one; not before `deliver_until`, because another run may be
/// delivering it.
class StagedIssue {
  public:
    using Take = std::function<std::vector<sql::ToIssue>(db::Transaction &)>;

    StagedIssue(db::Database &database, WriteOptions const &options, BatchDelivery &delivery)
        : m_database(database), m_options(options), m_delivery(delivery), m_staging(*delivery.staging()) {}

    /// What a batch has come to: the agents whose keys were confirmed, and those that failed.
    struct Done {
        std::vector<IssuedToAgent> confirmed{};
        std::vector<IssuedLegacy::Fault> faults{};
    };
    /// Confirms the batch before, and stages a key for each agent that `take` returns. Throws Error as Database::transact
    /// does, and sink if the batch before is not confirmed.
    Done next(Take const &take);
    /// Delivers the keys of the batch. Throws Error (sink), as the delivery does, and after a signal.
    void deliver();
    /// Confirms the last batch.
    Done finish();
    /// Returns how many keys were delivered and are not confirmed yet.
    std::size_t unconfirmed() const { return m_delivered.size(); }
    /// Returns the agents that `take` returned last.
    std::vector<sql::ToIssue> const &taken() const { return m_taken; }

  private:
    struct Minted {
        ApiKey key;
        sql::ToIssue agent;
    };

    Done confirm_and_stage(Take const &take);
    void confirm_delivered(db::Transaction &transaction, Done &done);
    void stage(db::Transaction &transaction, Done &done);

    db::Database &m_database;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    Staging m_staging;
    std::vector<sql::ToIssue> m_taken{};
    std::vector<Minted> m_minted{};  ///< staged, and to be delivered
    std::vector<IssuedToAgent> m_delivered{};  ///< not confirmed yet
    std::vector<IssuedLegacy::Fault> m_refused{};  ///< by the delivery
};

}  // namespace relay
