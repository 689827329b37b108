#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/database.hpp"
#include "relay/fleet/records.hpp"
#include "relay/fleet/row_faults.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/staged_keys_sql.hpp"
#include "relay/model/attribution.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace relay {

/// New keys for many agents, into a store that is not a file (relay/identity/confirm_key.hpp), batch by batch.
///
/// One COMMIT confirms the keys that a batch has delivered, and stages those of the next one; no transaction is open
/// while they are delivered. If the delivery to an agent fails, it keeps the staged key, and the next run delivers another
/// one. So if the program is killed, the keys of one batch stay staged; the usual batch is one agent.
class StagedBatches {
  public:
    /// `end`: what becomes of the keys that a confirmed key replaces.
    StagedBatches(db::Database &database, WriteOptions const &options, BatchDelivery &delivery, sql::EndOfOld end = {})
        : m_database(database),
          m_options(options),
          m_delivery(delivery),
          m_staging(delivery.staging().value()),
          m_end(end) {}

    /// A key that was staged for an agent, and must be delivered.
    struct Staged {
        ApiKey key;
        Receiver agent;
    };
    /// Stages keys, reads them back, and returns them. May note faults. Returns none if it wrote nothing.
    using Stage = std::function<std::vector<Staged>(db::Transaction &, std::vector<AgentFault> &)>;

    /// A key that the store has.
    struct Confirmed {
        IssuedToAgent issued;
        std::optional<Key> previous{};  ///< the key that was active before, as it is now
        bool is_active = false;  ///< false: a later key has replaced it already; it stays staged, and works
    };
    /// What a batch has come to: the agents whose keys were confirmed, and those that failed.
    struct Done {
        std::vector<Confirmed> confirmed{};
        std::vector<AgentFault> faults{};
    };
    /// Called for each key in the transaction that confirms it.
    std::function<void(db::Transaction &, IssuedToAgent const &)> confirming{};

    /// Confirms the batch before, and stages the next one. Throws Error as Database::transact does, and sink if the batch
    /// before is not confirmed; what `stage` throws, unless the batch before could not be confirmed because of it.
    Done next(Stage const &stage);
    /// Delivers the keys of the batch, and then calls `report`, also if the delivery throws: the deadline of the delivery runs
    /// since the COMMIT, and reporting may take long. Throws Error (sink), as the delivery does, and after a signal.
    template <typename Report>
    void deliver_then(Report const &report) {
        try {
            deliver();
        } catch (...) {
            report();
            throw;
        }
        report();
    }
    /// Runs `work`, which calls next(), on all of `items`. If that fails because of one of them, nothing was committed: then
    /// passes what the batch before has come to on to `report`, and runs each item alone. Those that fail alone are passed to
    /// `fail`. Ends early if `may_continue` returns false.
    template <typename Item, typename Work, typename Report, typename Fail, typename MayContinue>
    void run_or_each_alone(std::span<Item const> items, Work const &work, Report const &report, Fail const &fail,
                           MayContinue const &may_continue) {
        try {
            return work(items);
        } catch (Error const &error) {
            if (m_is_delivering || !is_about_one_agent(error)) {
                throw;
            }
        }
        report(finish());
        for (std::size_t at = 0; at < items.size() && may_continue(); ++at) {
            try {
                work(items.subspan(at, 1));
            } catch (Error const &error) {
                if (m_is_delivering || !is_about_one_agent(error)) {
                    throw;
                }
                fail(items[at], error);
            }
        }
    }
    /// Confirms the last batch.
    Done finish();
    /// Returns how many keys were delivered and are not confirmed yet.
    std::size_t unconfirmed() const { return m_delivered.size(); }

    Staging const &staging() const { return m_staging; }

  private:
    struct Delivered {
        IssuedToAgent issued;
        std::optional<StoreView> view{};  ///< what the store shows; none: it cannot be asked
    };

    void deliver();
    Done confirm_and_stage(Stage const &stage);
    void confirm_delivered(db::Transaction &transaction, Done &done);
    void confirm(db::Transaction &transaction, Delivered const &delivered, Done &done);
    void judge(Staged const &staged, std::optional<std::string> const &refusal);

    db::Database &m_database;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    Staging m_staging;
    sql::EndOfOld m_end;
    bool m_is_staging = false;  ///< the batch before is confirmed in this transaction
    bool m_is_delivering = false;  ///< the batch is committed: an error is not about its rows
    std::vector<Staged> m_staged{};  ///< to be delivered
    std::vector<Delivered> m_delivered{};  ///< not confirmed yet
    std::vector<AgentFault> m_refused{};  ///< by the delivery
};

}  // namespace relay
