#pragma once

#include "relay/fleet/import_run.hpp"
#include "relay/fleet/staged_batches.hpp"

#include <map>
#include <span>
#include <vector>

namespace relay {

/// Creates agents whose keys go into a store that is not a file: one commit confirms a batch, and creates the agents of the
/// next one with staged keys.
class ImportToStore {
  public:
    explicit ImportToStore(ImportRun &run) : m_run(run), m_batches(run.database(), run.options(), run.delivery()) {}

    void create_all(std::span<AgentRow const> rows);
    /// Confirms the last batch.
    void finish() { report_confirmed(m_batches.finish()); }
    /// Returns how many keys were delivered and are not confirmed yet.
    std::size_t unconfirmed() const { return m_batches.unconfirmed(); }

  private:
    using Staged = std::vector<StagedBatches::Staged>;

    void create(std::span<AgentRow const> rows);
    bool is_able(AgentRow const &row, std::vector<AgentFault> &refused);
    void stage(db::Transaction &transaction, AgentRow const &row, Staged &staged, std::vector<AgentFault> &refused);
    bool stage_missing(db::Transaction &transaction, AgentRow const &row, Staged &staged,
                       std::vector<AgentFault> &refused);
    void report_confirmed(StagedBatches::Done const &done);
    void fail(AgentFault const &fault);
    ImportedAgent const *line_of(AgentId const &agent) const;

    ImportRun &m_run;
    StagedBatches m_batches;
    std::map<AgentId, ImportedAgent> m_lines{};  ///< of the batch that is delivered
    std::map<AgentId, ImportedAgent> m_lines_before{};
};

}  // namespace relay
