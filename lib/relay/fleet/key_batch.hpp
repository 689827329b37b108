#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/database.hpp"
#include "relay/fleet/new_keys_sql.hpp"
#include "relay/fleet/records.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay {

/// New keys for many agents, into files: one batch per transaction.
///
/// Each batch is delivered and then committed. The server writes while the keys are delivered, so that neither waits for
/// the other's disk. A store that is not a file is another matter: see relay/fleet/staged_batches.hpp.
class KeyBatch {
  public:
    /// Locks and returns the agents of the batch.
    using Take = std::function<std::vector<Receiver>(db::Transaction &)>;
    /// Sends what makes the keys live. The result is true if all of them were there when they were read back.
    using Write = std::function<db::Pending<bool>(db::Transaction &, std::vector<sql::NewKey> const &)>;
    using Meanwhile = std::function<void(db::Transaction &)>;

    KeyBatch(db::Database &database, WriteOptions const &options, BatchDelivery &delivery)
        : m_database(database), m_options(options), m_delivery(delivery) {}

    struct Done {
        std::vector<IssuedToAgent> made{};
        std::vector<AgentFault> faults{};  ///< agents to which nothing can be delivered
    };
    /// Runs one batch. On a dry run delivers nothing and rolls back. Throws Error as Database::transact and the delivery do.
    ///
    /// `meanwhile` runs while the server writes, before the batch is delivered: a whole batch of another KeyBatch, on another
    /// connection, for the same delivery. It is not called if nothing can be delivered, and is called again if the transaction
    /// is tried again.
    Done run(Take const &take, Write const &write, Meanwhile const &meanwhile = {});

  private:
    struct Minted {
        ApiKey key;
        std::string hash_hex;
    };

    std::vector<Receiver> able_to_receive(std::vector<Receiver> const &agents, Done &done);
    void mint(db::Transaction &transaction, std::vector<Receiver> const &agents, Done &done);
    void hand_over(db::Transaction &transaction, Done const &done);
    void mint_ahead(std::size_t keys);

    db::Database &m_database;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    std::vector<sql::NewKey> m_keys{};  ///< the keys of the last batch
    std::vector<Minted> m_minted{};  ///< the same in the clear, until the delivery has them
    std::vector<Minted> m_ahead{};  ///< keys that have no agent yet
};

}  // namespace relay
