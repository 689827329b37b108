#pragma once

#include "relay/db/database.hpp"
#include "relay/fleet/import_agents.hpp"
#include "relay/fleet/sort_rows.hpp"
#include "relay/identity/delivery.hpp"

#include <span>

namespace relay {

/// One import: what it may still create, and what became of its rows. Where the keys go is the caller's part.
class ImportRun {
  public:
    ImportRun(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery)
        : m_database(database), m_request(std::move(request)), m_options(std::move(options)), m_delivery(delivery) {}

    /// Returns how many more agents the limit allows; `pending`: keys that were delivered and are not confirmed yet.
    std::optional<std::int64_t> left(std::size_t pending) const;
    /// Returns false if a fault or the limit has stopped the run.
    bool may_continue(std::size_t pending) const;

    /// Notes who makes the transaction, and sorts out the rows of its batch. No more agents are created than were expected.
    SortedRows sort(db::Transaction &transaction, std::span<AgentRow const> rows, std::size_t pending);
    /// Counts the rows that would create an agent.
    void count(SortedRows const &sorted);

    void note_row() { ++m_result.read; }
    /// Notes what became of a row, and passes it on.
    void report(ImportedAgent row);
    void report_all(std::vector<ImportedAgent> const &rows);
    /// Notes a committed transaction.
    void count_batch();

    ImportedAgents finish(std::size_t pending);
    /// Returns the error of a run that ends early, with what the run has changed.
    Error ended_by(Error const &error) const;

    db::Database &database() const { return m_database; }
    ImportAgents const &request() const { return m_request; }
    WriteOptions const &options() const { return m_options; }
    BatchDelivery &delivery() const { return m_delivery; }
    /// Returns true if every batch is rolled back.
    bool only_tries() const { return m_options.dry_run || m_request.only_count; }

  private:
    db::Database &m_database;
    ImportAgents m_request;
    WriteOptions m_options;
    BatchDelivery &m_delivery;
    TakenSeats m_taken{};
    ImportedAgents m_result{};
};

}  // namespace relay
