#include "relay/fleet/import_to_store.hpp"

#include "relay/identity/keys_sql.hpp"
#include "relay/identity/new_agent_sql.hpp"
#include "relay/identity/rotation.hpp"
#include "relay/model/error.hpp"

namespace relay {

void ImportToStore::create_all(std::span<AgentRow const> rows) {
    m_batches.run_or_each_alone(
        rows, [this](std::span<AgentRow const> part) { create(part); },
        [this](StagedBatches::Done const &done) { report_confirmed(done); },
        [this](AgentRow const &row, Error const &error) {
            m_run.report(outcome_of(row, ImportOutcome::failed, what_failed(error)));
        },
        [this] { return m_run.may_continue(unconfirmed()); });
}

/// An agent whose earlier delivery was not confirmed gets another key.
void ImportToStore::create(std::span<AgentRow const> rows) {
    SortedRows sorted;
    std::vector<AgentFault> refused;
    std::vector<ImportedAgent> unchanged;
    StagedBatches::Done const done = m_batches.next([&](db::Transaction &transaction, std::vector<AgentFault> &) {
        refused.clear();
        unchanged.clear();
        sorted = m_run.sort(transaction, rows, unconfirmed());
        Staged staged;
        for (AgentRow const *row : sorted.to_create) {
            stage(transaction, *row, staged, refused);
        }
        for (AgentRow const *row : sorted.without_key) {
            if (!stage_missing(transaction, *row, staged, refused)) {
                unchanged.push_back(outcome_of(*row, ImportOutcome::unchanged));
            }
        }
        return staged;
    });
    m_lines_before = std::exchange(m_lines, {});
    for (AgentRow const &row : rows) {
        m_lines.emplace(row.agent.id, outcome_of(row, ImportOutcome::created));
    }
    m_batches.deliver_then([&] {
        report_confirmed(done);
        m_run.report_all(sorted.others);
        m_run.report_all(unchanged);
        for (AgentFault const &fault : refused) {
            fail(fault);
        }
    });
}

/// Returns false if nothing can be delivered to the agent, and notes why.
bool ImportToStore::is_able(AgentRow const &row, std::vector<AgentFault> &refused) {
    Receiver const receiver = receiver_of(row);
    Recipient const recipient = receiver.recipient();
    m_run.delivery().announce({recipient});
    if (auto const reason = m_run.delivery().why_not(recipient)) {
        refused.push_back({row.agent.id, *reason});
        return false;
    }
    return true;
}

void ImportToStore::stage(db::Transaction &transaction, AgentRow const &row, Staged &staged,
                          std::vector<AgentFault> &refused) {
    if (!is_able(row, refused)) {
        return;
    }
    ApiKey key = ApiKey::generate(KeyType::agent);
    auto const made = sql::insert_agent(transaction, row.agent, key, &m_batches.staging(), m_run.options().by).get();
    transaction.require(made.has_value(), "agent " + row.agent.id.text());
    sql::confirm_new_key(transaction, key.id(), key.hash(), row.agent.id, KeyState::staged);
    staged.push_back({std::move(key), receiver_of(row)});
}

/// Returns false if the agent, which exists, needs no other key now.
bool ImportToStore::stage_missing(db::Transaction &transaction, AgentRow const &row, Staged &staged,
                                  std::vector<AgentFault> &refused) {
    if (!is_able(row, refused)) {
        return true;
    }
    ApiKey key = ApiKey::generate(KeyType::agent);
    RotateKey const request{.agent = row.agent.id};
    RotationDone const done = rotate_in(transaction, {.request = request,
                                                      .new_key = key,
                                                      .by = m_run.options().by,
                                                      .staging = &m_batches.staging(),
                                                      .end = end_of_old(request.grace, false, false)});
    if (done.has_new_key) {
        staged.push_back({std::move(key), receiver_of(row)});
    }
    return done.has_new_key;
}

void ImportToStore::report_confirmed(StagedBatches::Done const &done) {
    if (!done.confirmed.empty()) {
        m_run.count_batch();
    }
    for (StagedBatches::Confirmed const &confirmed : done.confirmed) {
        if (auto const *known = line_of(confirmed.issued.agent_id)) {
            ImportedAgent row = *known;
            row.key_id = confirmed.issued.key_id;
            m_run.report(std::move(row));
        }
    }
    for (AgentFault const &fault : done.faults) {
        fail(fault);
    }
}

void ImportToStore::fail(AgentFault const &fault) {
    if (auto const *known = line_of(fault.agent_id)) {
        ImportedAgent row = *known;
        row.outcome = ImportOutcome::failed;
        row.reason = fault.reason;
        m_run.report(std::move(row));
    }
}

ImportedAgent const *ImportToStore::line_of(AgentId const &agent) const {
    for (auto const *lines : {&m_lines, &m_lines_before}) {
        if (auto const found = lines->find(agent); found != lines->end()) {
            return &found->second;
        }
    }
    return nullptr;
}

}  // namespace relay
