#include "relay/identity/issuing.hpp"

#include "relay/crypto/random_ids.hpp"

namespace relay {

Issuing::Issuing(Delivery *delivery, bool dry_run, bool callers_key)
    : m_delivery(delivery), m_dry_run(dry_run), m_callers_key(callers_key) {}

OperationId const &Issuing::prepare(db::Transaction &transaction, IssuedKey const &issued) {
    if (!m_operation) {
        std::optional<OperationId> operation;
        if (m_delivery != nullptr) {
            operation = m_delivery->prepare({issued.org, issued.agent, issued.key, transaction.database_id()});
        }
        m_operation = operation && !m_callers_key ? *operation : generate_operation_id();
    }
    return *m_operation;
}

void Issuing::deliver() {
    if (m_delivery != nullptr && !m_dry_run && !m_delivered) {
        m_delivered = true;  // also if it throws half-way: rolled_back() cleans up
        m_delivery->deliver();
    }
}

void Issuing::run(db::Database &database, db::TransactOptions const &options,
                  std::function<void(db::Transaction &)> const &body) {
    db::TransactOptions transact = options;
    transact.identify = m_delivery != nullptr && !m_dry_run;
    run_handing_over(database, transact, body, m_delivery, m_delivered);
}

std::string Issuing::destination() const { return m_delivered ? m_delivery->destination() : std::string(); }

void run_handing_over(db::Database &database, db::TransactOptions const &options,
                      std::function<void(db::Transaction &)> const &body, Handover *handover, bool const &delivered) {
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
                case Changed::no: handover->rolled_back(); break;
                case Changed::yes:  // committed, but not as durably as asked
                case Changed::partly: handover->committed(); break;
                case Changed::unknown: handover->left_unknown(); break;
            }
        }
        throw;
    } catch (Interrupted const &) {  // only ever before COMMIT was sent, or settled as rolled back
        if (delivered) {
            handover->rolled_back();
        }
        throw;
    } catch (...) {
        // Out of memory, say. Once the body has ended COMMIT may have been sent, and then the file may hold a live key: keep it.
        if (delivered) {
            reached_commit ? handover->left_unknown() : handover->rolled_back();
        }
        throw;
    }
    if (delivered) {
        reached_commit ? handover->committed() : handover->rolled_back();
    }
}

}  // namespace relay
