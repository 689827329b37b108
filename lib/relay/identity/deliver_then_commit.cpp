#include "relay/identity/deliver_then_commit.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/model/outcome.hpp"

namespace relay {

DeliverThenCommit::DeliverThenCommit(KeyDelivery *delivery, WriteOptions const &options, bool callers_key,
                                     sql::EndOfOld end)
    : m_delivery(delivery),
      m_store(delivery != nullptr ? delivery->store() : nullptr),
      m_options(options),
      m_callers_key(callers_key),
      m_end(end) {}

OperationId const &DeliverThenCommit::prepare(NewKey const &issued) {
    if (m_store != nullptr) {
        m_prepared.emplace(StagedKey{issued.org, *issued.agent, issued.key.id(), std::chrono::steady_clock::now()});
    }
    if (!m_operation) {
        std::optional<OperationId> operation;
        if (m_delivery != nullptr) {
            operation = m_delivery->prepare(issued);
        }
        m_operation = operation && !m_callers_key ? *operation : generate_operation_id();
    }
    return *m_operation;
}

void DeliverThenCommit::deliver(db::Transaction &transaction) {
    transaction.settle();  // what the server refuses is not delivered
    if (m_store != nullptr) {
        m_staged = true;
        if (m_options.dry_run) {
            m_confirmed = pretend_delivery(transaction, m_prepared.value(), m_end, m_options.by);
        }
        return;
    }
    if (m_delivery != nullptr && !m_options.dry_run && !m_delivered) {
        m_delivery->made_for(transaction.database_id());
        m_delivered = true;  // set first: if deliver() throws half-way, rolled_back() cleans up
        m_delivery->deliver();
    }
}

void DeliverThenCommit::run(db::Database &database, db::TransactOptions const &options,
                            std::function<void(db::Transaction &)> const &body) {
    if (m_store != nullptr) {
        return stage(database, options, body);
    }
    db::TransactOptions transact = options;
    transact.identify = m_delivery != nullptr && !m_options.dry_run;
    commit_after_delivery(database, transact, body, m_delivery, m_delivered);
}

void DeliverThenCommit::stage(db::Database &database, db::TransactOptions const &options,
                              std::function<void(db::Transaction &)> const &body) {
    outcome::expect_more(!m_options.dry_run);
    database.transact(options, [&](db::Transaction &transaction) {
        m_staged = false;
        body(transaction);
    });
    if (m_staged && !m_options.dry_run) {
        m_confirmed = finish_delivery(database, *m_prepared, *m_delivery, m_end, m_options);
        m_delivered = true;
    }
    outcome::expect_more(false);
}

std::string DeliverThenCommit::destination() const { return m_delivered ? m_delivery->destination() : std::string(); }

void commit_after_delivery(db::Database &database, db::TransactOptions const &options,
                           std::function<void(db::Transaction &)> const &body, Delivery *delivery,
                           bool const &delivered) {
    bool reached_commit = false;
    try {
        database.transact(options, [&](db::Transaction &transaction) {
            reached_commit = false;
            body(transaction);
            reached_commit = !transaction.has_nothing_to_do();
        });
    } catch (Error const &error) {
        if (delivered) {
            switch (error.hint().changed) {
                case Changed::no: delivery->rolled_back(); break;
                case Changed::yes:  // committed, but not as durably as asked
                case Changed::partly: delivery->committed(); break;
                case Changed::unknown: delivery->left_unknown(); break;
            }
        }
        throw;
    } catch (Interrupted const &) {  // thrown only before COMMIT is sent, or after it was settled as rolled back
        if (delivered) {
            delivery->rolled_back();
        }
        throw;
    } catch (...) {
        // For example, out of memory. If the body had ended, COMMIT may have been sent, so the file may hold a live
        // key.
        if (delivered) {
            reached_commit ? delivery->left_unknown() : delivery->rolled_back();
        }
        throw;
    }
    if (delivered) {
        reached_commit ? delivery->committed() : delivery->rolled_back();
    }
}

}  // namespace relay
