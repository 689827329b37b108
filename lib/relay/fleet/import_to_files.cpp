#include "relay/fleet/import_to_files.hpp"

#include "relay/db/batches.hpp"
#include "relay/fleet/new_agents_sql.hpp"

#include <map>
#include <utility>

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

ImportToFiles::ImportToFiles(ImportRun &run)
    : m_run(run),
      m_batch(run.database(), run.options(), run.delivery()),
      m_is_paired(run.request().beside != nullptr && !run.only_tries() && !run.request().stop_on_fault) {}

void ImportToFiles::create(std::span<AgentRow const> rows) { report(write(m_batch, rows, 0)); }

void ImportToFiles::create_parts(std::span<AgentRow const> rows) {
    run_in_parts(
        rows, [this](std::span<AgentRow const> part) { create(part); },
        [this](AgentRow const &row, Error const &error) {
            m_run.report(outcome_of(row, ImportOutcome::failed, what_failed(error)));
        });
}

void ImportToFiles::create_pair(std::span<AgentRow const> first, std::span<AgentRow const> second) {
    std::optional<Created> created;
    std::optional<Created> beside;
    bool is_tried = false;
    auto const create_second = [&](db::Transaction &transaction, SortedRows const &sorted) {
        // An organization with a limit is locked until the first batch is committed.
        if (!sorted.has_locked && !std::exchange(is_tried, true)) {
            beside = try_beside(second, sorted.to_create.size());
        }
        if (m_run.request().beside->unannounced()) {
            transaction.note_unannounced();
        }
    };
    auto const report_second = [&] {
        if (beside) {
            report(*beside);
        }
    };
    try {
        created = write(m_batch, first, 0, create_second);
    } catch (Error const &error) {
        if (!is_refusal_of_rows(error)) {
            report_second();
            throw;
        }
    } catch (...) {
        report_second();
        throw;
    }
    created ? report(*created) : create_parts(first);
    beside ? report(*beside) : create_parts(second);
}

std::optional<ImportToFiles::Created> ImportToFiles::try_beside(std::span<AgentRow const> rows, std::size_t pending) {
    try {
        if (!m_beside) {
            m_beside.emplace(*m_run.request().beside, m_run.options(), m_run.delivery());
        }
        return write(*m_beside, rows, pending);
    } catch (Error const &error) {
        if (error.hint().changed != Changed::no) {
            throw;
        }
        m_is_paired = m_is_paired && is_refusal_of_rows(error);
        return std::nullopt;
    }
}

ImportToFiles::Created ImportToFiles::write(KeyBatch &batch, std::span<AgentRow const> rows, std::size_t pending,
                                            Meanwhile const &meanwhile) {
    Created created;
    created.done = batch.run(
        [&](db::Transaction &transaction) {
            created.sorted = m_run.sort(transaction, rows, pending);
            std::vector<Receiver> receivers;
            for (AgentRow const *row : created.sorted.to_create) {
                receivers.push_back(receiver_of(*row));
            }
            return receivers;
        },
        [&](db::Transaction &transaction, std::vector<sql::NewKey> const &keys) {
            std::vector<CreateAgent const *> const agents = agents_of(created.sorted, keys);
            sql::insert_agents(transaction, agents, keys, m_run.options().by);
            return sql::agents_as_made(transaction, agents, keys);
        },
        [&](db::Transaction &transaction) {
            if (meanwhile) {
                meanwhile(transaction, created.sorted);
            }
        });
    return created;
}

void ImportToFiles::report(Created const &created) {
    std::map<AgentId, AgentRow const *> by_id;
    for (AgentRow const *row : created.sorted.to_create) {
        by_id.emplace(row->agent.id, row);
    }
    m_run.report_all(created.sorted.others);
    for (AgentRow const *row : created.sorted.without_key) {
        m_run.report(outcome_of(*row, ImportOutcome::failed,
                                "it exists, but has no active key: rotate-key --missing gives it one"));
    }
    for (AgentFault const &fault : created.done.faults) {
        m_run.report(outcome_of(*by_id.at(fault.agent_id), ImportOutcome::failed, fault.reason));
    }
    if (!created.done.made.empty()) {
        m_run.count_batch();
    }
    for (IssuedToAgent const &made : created.done.made) {
        ImportedAgent row = outcome_of(*by_id.at(made.agent_id), ImportOutcome::created);
        row.key_id = made.key_id;
        m_run.report(std::move(row));
    }
}

}  // namespace relay
