#pragma once

#include "relay/audit/seal_chain.hpp"

#include <functional>
#include <utility>

namespace relay {

/// What every verification has: the chain, and who looked when.
struct VerifyState {
    SealChain chain;
    AuditVerification result{};
};

/// Runs `work` in one transaction, perhaps more than once.
void read_once(db::Database &database, std::function<void(db::Transaction &)> const &work);

/// Reads in several transactions. If one of them must be run again, it begins with the state that was before it.
template <typename State>
class ReadInSteps {
  public:
    ReadInSteps(db::Database &database, State state) : m_database(database), m_state(std::move(state)) {}

    State &state() { return m_state; }

    /// Runs `work(transaction, state)` in a transaction of each, until it returns false.
    template <typename Work>
    void while_true(Work const &work) {
        for (bool more = true; more;) {
            State const before = m_state;
            read_once(m_database, [&](db::Transaction &transaction) {
                m_state = before;
                more = work(transaction, m_state);
                m_state.result.at = transaction.now();
                m_state.result.db_role = transaction.db_role();
            });
        }
    }

    template <typename Work>
    void once(Work const &work) {
        while_true([&](db::Transaction &transaction, State &state) {
            work(transaction, state);
            return false;
        });
    }

    void check_chain() {
        while_true([](db::Transaction &transaction, State &state) { return state.chain.check_next(transaction); });
        m_state.chain.check_end();
        SealHead const &last = m_state.chain.last();
        m_state.result.seals = last.seal_no;
        m_state.result.head = last.seal_no > 0 ? std::optional(last) : std::nullopt;
        m_state.result.fault = m_state.chain.fault();
    }

  private:
    db::Database &m_database;
    State m_state;
};

}  // namespace relay
