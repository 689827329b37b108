#pragma once

#include "relay/fleet/import_run.hpp"
#include "relay/fleet/key_batch.hpp"

#include <span>

namespace relay {

/// Creates agents whose keys go to files, one batch per transaction: it is first delivered and then committed. On a dry run,
/// also those whose keys go elsewhere.
class ImportToFiles {
  public:
    explicit ImportToFiles(ImportRun &run) : m_run(run), m_batch(run.database(), run.options(), run.delivery()) {}

    void create(std::span<AgentRow const> rows);

  private:
    ImportRun &m_run;
    KeyBatch m_batch;
};

}  // namespace relay
