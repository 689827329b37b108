#pragma once

#include "relay/fleet/import_run.hpp"
#include "relay/fleet/key_batch.hpp"

#include <optional>
#include <span>

namespace relay {

/// Creates agents whose keys go to files, one batch per transaction: it is first delivered and then committed. On a dry run,
/// also those whose keys go elsewhere.
class ImportToFiles {
  public:
    explicit ImportToFiles(ImportRun &run);

    /// Returns how many batches can be written at the same time.
    std::size_t at_once() const { return m_is_paired ? 2 : 1; }
    void create(std::span<AgentRow const> rows);
    /// Creates the second batch on its own connection, while the server writes the first one. No row of one may be about an
    /// agent of the other. A batch that fails is tried again alone, as create_parts does.
    void create_pair(std::span<AgentRow const> first, std::span<AgentRow const> second);
    /// Halves the batch until each row that the database refuses is alone.
    void create_parts(std::span<AgentRow const> rows);

  private:
    using Meanwhile = std::function<void(db::Transaction &, SortedRows const &)>;
    struct Created {
        KeyBatch::Done done{};
        SortedRows sorted{};
    };
    Created write(KeyBatch &batch, std::span<AgentRow const> rows, std::size_t pending,
                  Meanwhile const &meanwhile = {});
    std::optional<Created> try_beside(std::span<AgentRow const> rows, std::size_t pending);
    void report(Created const &created);

    ImportRun &m_run;
    KeyBatch m_batch;
    std::optional<KeyBatch> m_beside{};  ///< on the second connection
    bool m_is_paired;
};

}  // namespace relay
