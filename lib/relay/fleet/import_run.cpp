#include "relay/fleet/import_run.hpp"

#include "relay/db/batches.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"

#include <algorithm>

namespace relay {

std::optional<std::int64_t> ImportRun::left(std::size_t pending) const {
    return m_request.limit ? std::optional(*m_request.limit - m_result.created - static_cast<std::int64_t>(pending))
                           : std::nullopt;
}

bool ImportRun::may_continue(std::size_t pending) const {
    return !(m_request.stop_on_fault && m_result.failed > 0) && left(pending).value_or(1) > 0;
}

SortedRows ImportRun::sort(db::Transaction &transaction, std::span<AgentRow const> rows, std::size_t pending) {
    note_who(m_result, transaction);
    SortedRows sorted = sort_rows(transaction, rows, m_taken);
    if (m_request.expect) {
        auto const room = *m_request.expect - m_result.created - static_cast<std::int64_t>(pending);
        while (static_cast<std::int64_t>(sorted.to_create.size()) > std::max<std::int64_t>(room, 0)) {
            sorted.others.push_back(outcome_of(
                *sorted.to_create.back(), ImportOutcome::failed,
                "it is one more than the " + std::to_string(*m_request.expect) + " agents that were expected"));
            sorted.to_create.pop_back();
        }
    }
    return sorted;
}

void ImportRun::count(SortedRows const &sorted) {
    for (AgentRow const *row : sorted.to_create) {
        ++m_result.created;
        ++m_taken[row->agent.org];
    }
}

void ImportRun::report(ImportedAgent row) {
    switch (row.outcome) {
        case ImportOutcome::created: ++m_result.created; break;
        case ImportOutcome::unchanged: ++m_result.unchanged; break;
        case ImportOutcome::failed: ++m_result.failed; break;
    }
    if (row.outcome == ImportOutcome::created && only_tries()) {
        ++m_taken[row.org_id.value()];
    }
    if (m_request.after && row.outcome == ImportOutcome::created && m_delivery.staging() && !only_tries()) {
        if (auto const complaint = m_request.after(row)) {
            ++m_result.not_followed;
            row.reason = *complaint;
        }
    }
    if (m_request.each) {
        m_request.each(row);
    }
}

void ImportRun::report_all(std::vector<ImportedAgent> const &rows) {
    for (ImportedAgent const &row : rows) {
        report(row);
    }
}

void ImportRun::count_batch() {
    ++m_result.batches;
    if (!m_options.dry_run) {
        m_result.delivered_to = m_delivery.destination();
    }
}

ImportedAgents ImportRun::finish(std::size_t pending) {
    if (m_result.db_role.empty()) {
        m_database.transact(reading(), [&](db::Transaction &transaction) { note_who(m_result, transaction); });
    }
    m_result.changed = m_result.created > 0;
    m_result.complete = may_continue(pending);
    return std::move(m_result);
}

Error ImportRun::ended_by(Error const &error) const {
    auto const done = only_tries() ? 0 : m_result.created;
    return after_earlier_batches(error, static_cast<std::size_t>(done), "agents were created");
}

}  // namespace relay
