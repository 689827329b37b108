#include "relay/fleet/import_agents.hpp"

#include "relay/db/batches.hpp"
#include "relay/fleet/import_run.hpp"
#include "relay/fleet/import_to_files.hpp"
#include "relay/fleet/import_to_store.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <map>
#include <span>

namespace relay {
namespace {

/// Agents whose rows are remembered to name the line of a repeat.
constexpr std::size_t most_seen = 16'000;
/// Rows of all batches at the same time: more of them cost memory, and win no time.
constexpr std::size_t most_rows = 2000;

}  // namespace

class AgentImport::Impl {
  public:
    Impl(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery)
        : m_run(database, std::move(request), std::move(options), delivery), m_files(m_run) {
        if (delivery.staging() && !m_run.only_tries()) {
            m_store.emplace(m_run);
        }
        m_batch_size = std::clamp<std::size_t>(std::min(m_run.request().batch, delivery.most_at_once()), 1,
                                               most_rows / m_files.at_once());
        outcome::expect_more(!m_run.options().dry_run);
    }

    void add(AgentRow row) {
        if (!may_continue()) {
            return;
        }
        m_run.note_row();
        if (auto const earlier = repeats(row)) {
            return m_run.report(
                outcome_of(row, ImportOutcome::failed, "the same agent as in line " + std::to_string(*earlier)));
        }
        m_waiting.push_back(std::move(row));
        auto const left = m_run.left(pending());
        std::size_t const at_once = m_store ? 1 : m_files.at_once();
        if (m_waiting.size() >= at_once * m_batch_size ||
            (left && *left <= static_cast<std::int64_t>(m_waiting.size()))) {
            flush();
        }
    }

    void refuse(ImportedAgent row) {
        if (may_continue()) {
            m_run.note_row();
            row.outcome = ImportOutcome::failed;
            m_run.report(std::move(row));
        }
    }

    ImportedAgents finish() {
        flush();
        if (m_store) {
            guard([&] { m_store->finish(); });
        }
        outcome::expect_more(false);
        return m_run.finish(pending());
    }

  private:
    std::size_t pending() const { return m_store ? m_store->unconfirmed() : 0; }
    bool may_continue() const { return m_run.may_continue(pending()); }

    /// Returns the line of an earlier row of the same agent. Remembers only recent rows; for those that are far apart, the
    /// database reports that the agent exists.
    std::optional<std::size_t> repeats(AgentRow const &row) {
        if (m_seen.size() >= most_seen && m_waiting.empty()) {
            m_seen.clear();
        }
        auto const [first, is_new] = m_seen.try_emplace(row.agent.id, row.line);
        return is_new ? std::nullopt : std::optional(first->second);
    }

    void flush() {
        std::vector<AgentRow> const rows = std::exchange(m_waiting, {});
        guard([&] {
            if (m_store && !rows.empty()) {
                return m_store->create_all(rows);
            }
            std::span<AgentRow const> const all(rows);
            if (m_run.request().only_count) {
                run_in_parts(
                    all, [this](std::span<AgentRow const> part) { count(part); },
                    [this](AgentRow const &row, Error const &error) {
                        m_run.report(outcome_of(row, ImportOutcome::failed, what_failed(error)));
                    });
            } else if (all.size() > m_batch_size) {
                std::size_t const half = (all.size() + 1) / 2;
                m_files.create_pair(all.first(half), all.subspan(half));
            } else {
                m_files.create_parts(all);
            }
        });
    }

    void count(std::span<AgentRow const> rows) {
        db::TransactOptions options = writing(m_run.options());  // it locks organizations
        options.dry_run = true;
        m_run.count(m_run.database().transact(options, [&](db::Transaction &transaction) {
            transaction.nothing_to_do();
            return m_run.sort(transaction, rows, 0);
        }));
    }

    template <typename Work>
    void guard(Work const &work) {
        try {
            work();
        } catch (Error const &error) {
            throw m_run.ended_by(error);
        }
    }

    ImportRun m_run;
    ImportToFiles m_files;
    std::optional<ImportToStore> m_store{};
    std::size_t m_batch_size = 1;
    std::vector<AgentRow> m_waiting{};
    std::map<AgentId, std::size_t> m_seen{};
};

AgentImport::AgentImport(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery)
    : m_impl(std::make_unique<Impl>(database, std::move(request), std::move(options), delivery)) {}

AgentImport::~AgentImport() = default;

void AgentImport::add(AgentRow row) { m_impl->add(std::move(row)); }

void AgentImport::refuse(ImportedAgent row) { m_impl->refuse(std::move(row)); }

ImportedAgents AgentImport::finish() { return m_impl->finish(); }

}  // namespace relay
