#include "relay/fleet/import_to_files.hpp"

#include "relay/fleet/new_agents_sql.hpp"

#include <map>

namespace relay {
namespace {

/// Returns the agents of `keys`, in their order, which is that of the rows.
std::vector<CreateAgent const *> agents_of(SortedRows const &sorted, std::vector<sql::NewKey> const &keys) {
    std::vector<CreateAgent const *> agents;
    auto row = sorted.to_create.begin();
    for (sql::NewKey const &key : keys) {
        while ((*row)->agent.id != key.agent_id) {
            ++row;
        }
        agents.push_back(&(*row)->agent);
    }
    return agents;
}

}  // namespace

void ImportToFiles::create(std::span<AgentRow const> rows) {
    SortedRows sorted;
    std::vector<CreateAgent const *> agents;
    KeyBatch::Done const done = m_batch.run(
        [&](db::Transaction &transaction) {
            sorted = m_run.sort(transaction, rows, 0);
            std::vector<Receiver> receivers;
            for (AgentRow const *row : sorted.to_create) {
                receivers.push_back(receiver_of(*row));
            }
            return receivers;
        },
        [&](db::Transaction &transaction, std::vector<sql::NewKey> const &keys) {
            agents = agents_of(sorted, keys);
            sql::insert_agents(transaction, agents, keys, m_run.options().by);
            return sql::agents_as_made(transaction, agents, keys);
        });
    std::map<AgentId, AgentRow const *> by_id;
    for (AgentRow const *row : sorted.to_create) {
        by_id.emplace(row->agent.id, row);
    }
    m_run.report_all(sorted.others);
    for (AgentRow const *row : sorted.without_key) {
        m_run.report(outcome_of(*row, ImportOutcome::failed,
                                "it exists, but has no active key: rotate-key --missing gives it one"));
    }
    for (AgentFault const &fault : done.faults) {
        m_run.report(outcome_of(*by_id.at(fault.agent_id), ImportOutcome::failed, fault.reason));
    }
    if (!done.made.empty()) {
        m_run.count_batch();
    }
    for (IssuedToAgent const &made : done.made) {
        ImportedAgent row = outcome_of(*by_id.at(made.agent_id), ImportOutcome::created);
        row.key_id = made.key_id;
        m_run.report(std::move(row));
    }
}

}  // namespace relay
