#include "relay/identity/deliver_then_commit.hpp"

#include "relay/crypto/random_ids.hpp"

namespace relay {

DeliverThenCommit::DeliverThenCommit(KeyDelivery *delivery, bool dry_run, bool callers_key)
    : m_delivery(delivery), m_dry_run(dry_run), m_callers_key(callers_key) {}

OperationId const &DeliverThenCommit::prepare(NewKey const &issued) {
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
    if (m_delivery != nullptr && !m_dry_run && !m_delivered) {
        m_delivery->made_for(transaction.database_id());
        m_delivered = true;  // set first: if deliver() throws half-way, rolled_back() cleans up
        m_delivery->deliver();
    }
}

void DeliverThenCommit::run(db::Database &database, db::TransactOptions const &options,
                            std::function<void(db::Transaction &)> const &body) {
    db::TransactOptions transact = options;
    transact.identify = m_delivery != nullptr && !m_dry_run;
    commit_after_delivery(database, transact, body, m_delivery, m_delivered);
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
