#include "relay/fleet/import_agents.hpp"

#include "relay/db/batches.hpp"
#include "relay/fleet/key_batch.hpp"
#include "relay/fleet/new_agents_sql.hpp"
#include "relay/fleet/row_faults.hpp"
#include "relay/fleet/staged_batches.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/new_agent_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/rotation.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace relay {
namespace {

using Rows = std::vector<AgentRow>;

/// Agents whose rows are remembered to name the line of a repeat.
constexpr std::size_t most_seen = 16'000;
/// Rows of a batch: more of them cost memory, and win no time.
constexpr std::size_t most_rows = 2000;

/// Returns how an agent that exists differs from its row; empty: it does not.
std::string difference(AgentRow const &row, sql::ExistingAgent const &existing) {
    if (existing.org_id != row.agent.org) {
        return "it exists in org " + existing.org_id.text();
    }
    std::string fields;
    auto const note = [&fields](bool differs, char const *field) {
        fields += differs ? (fields.empty() ? "" : ", ") + std::string(field) : "";
    };
    note(row.has_name && existing.name != row.agent.name.text(), "name");
    note(row.has_permissions && existing.permissions != permission_texts(row.agent.permissions), "permissions");
    note(row.agent.owner && existing.owner != row.agent.owner->text(), "owner");
    note(row.has_labels && existing.labels != row.agent.labels, "labels");
    note(row.agent.key_max_age && existing.key_max_age != row.agent.key_max_age, "key_max_age");
    return fields.empty() ? "" : "it exists with a different " + fields;
}

/// What becomes of the rows of one batch, found out in its transaction.
struct Sorted {
    std::vector<AgentRow const *> to_create{};
    std::vector<AgentRow const *> without_key{};  ///< agents that exist as their row says, and have no active key
    std::vector<ImportedAgent> others{};
};

ImportedAgent outcome_of(AgentRow const &row, ImportOutcome outcome, std::string reason = {}) {
    return {.line = row.line,
            .agent_id = row.agent.id.text(),
            .org_id = row.agent.org,
            .owner = row.agent.owner ? std::optional(row.agent.owner->text()) : std::nullopt,
            .outcome = outcome,
            .reason = std::move(reason)};
}

/// Sorts out the rows that create an agent. Locks organizations with a limit, so that it cannot be exceeded.
class SortOut {
  public:
    SortOut(db::Transaction &transaction, std::span<AgentRow const> rows) : m_transaction(transaction), m_rows(rows) {}

    Sorted run() {
        std::vector<AgentId> ids;
        std::set<OrgId> orgs;
        for (AgentRow const &row : m_rows) {
            ids.push_back(row.agent.id);
            orgs.insert(row.agent.org);
        }
        std::vector<std::string> subjects = texts_of(ids);
        for (OrgId const &org : orgs) {
            subjects.push_back(org.text());
        }
        m_existing = sql::existing_agents(m_transaction, ids);
        m_standing = sql::standing_of(m_transaction, subjects);
        m_seats = sql::free_seats(m_transaction, {orgs.begin(), orgs.end()});
        for (AgentRow const &row : m_rows) {
            sort(row);
        }
        return std::move(m_sorted);
    }

  private:
    void sort(AgentRow const &row) {
        if (auto const there = m_existing.find(row.agent.id); there != m_existing.end()) {
            std::string const why = difference(row, there->second);
            if (why.empty() && !there->second.has_active_key) {
                return m_sorted.without_key.push_back(&row);
            }
            m_sorted.others.push_back(
                outcome_of(row, why.empty() ? ImportOutcome::unchanged : ImportOutcome::failed, why));
        } else if (std::string why = reason_against(row); !why.empty()) {
            m_sorted.others.push_back(outcome_of(row, ImportOutcome::failed, std::move(why)));
        } else {
            m_sorted.to_create.push_back(&row);
        }
    }

    std::string reason_against(AgentRow const &row) {
        auto const seats = m_seats.find(row.agent.org);
        if (seats == m_seats.end()) {
            return "org " + row.agent.org.text() + " does not exist";
        }
        if (auto const org = m_standing.find(row.agent.org.text()); org != m_standing.end()) {
            return "org " + row.agent.org.text() + " is " + org->second;
        }
        if (auto const agent = m_standing.find(row.agent.id.text()); agent != m_standing.end()) {
            return "the id is " + agent->second;
        }
        if (seats->second && (*seats->second)-- <= 0) {
            return "org " + row.agent.org.text() + " is at its limit of agents";
        }
        return {};
    }

    db::Transaction &m_transaction;
    std::span<AgentRow const> m_rows;
    std::map<AgentId, sql::ExistingAgent> m_existing{};
    std::map<std::string, std::string> m_standing{};
    std::map<OrgId, std::optional<std::int64_t>> m_seats{};
    Sorted m_sorted{};
};

Receiver receiver_of(AgentRow const &row) {
    return {row.agent.id, row.agent.org, row.agent.owner ? std::optional(row.agent.owner->text()) : std::nullopt};
}

}  // namespace

class AgentImport::Impl {
  public:
    Impl(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery)
        : m_database(database),
          m_request(std::move(request)),
          m_options(std::move(options)),
          m_delivery(delivery),
          m_batch(database, m_options, delivery) {
        if (delivery.staging() && !m_options.dry_run && !m_request.only_count) {
            m_staged.emplace(database, m_options, delivery);
        }
        m_batch_size = std::clamp<std::size_t>(std::min(m_request.batch, delivery.most_at_once()), 1, most_rows);
        outcome::expect_more(!m_options.dry_run);
    }

    void add(AgentRow row) {
        if (!may_continue()) {
            return;
        }
        ++m_result.read;
        if (auto const earlier = repeats(row)) {
            return report(
                outcome_of(row, ImportOutcome::failed, "the same agent as in line " + std::to_string(*earlier)));
        }
        m_waiting.push_back(std::move(row));
        if (m_waiting.size() >= m_batch_size ||
            (has_limit() && left() <= static_cast<std::int64_t>(m_waiting.size()))) {
            flush();
        }
    }

    void refuse(ImportedAgent row) {
        if (may_continue()) {
            ++m_result.read;
            row.outcome = ImportOutcome::failed;
            report(std::move(row));
        }
    }

    ImportedAgents finish() {
        flush();
        if (m_staged) {
            guard([&] { report_confirmed(m_staged->finish()); });
        }
        outcome::expect_more(false);
        if (m_result.db_role.empty()) {
            m_database.transact(reading(), [&](db::Transaction &transaction) { note_who(m_result, transaction); });
        }
        m_result.changed = m_result.created > 0;
        m_result.complete = may_continue();
        return std::move(m_result);
    }

  private:
    bool has_limit() const { return m_request.limit.has_value(); }
    std::int64_t left() const { return *m_request.limit - m_result.created - (m_staged ? pending() : 0); }
    std::int64_t pending() const { return static_cast<std::int64_t>(m_staged->unconfirmed()); }
    bool may_continue() const {
        return !(m_request.stop_on_fault && m_result.failed > 0) && !(has_limit() && left() <= 0);
    }

    /// Returns the line of an earlier row of the same agent. Remembers only recent rows; for those that are far apart, the
    /// database reports that the agent exists.
    std::optional<std::size_t> repeats(AgentRow const &row) {
        if (m_seen.size() >= most_seen) {
            m_seen.clear();
        }
        auto const [first, is_new] = m_seen.try_emplace(row.agent.id, row.line);
        return is_new ? std::nullopt : std::optional(first->second);
    }

    void flush() {
        Rows const rows = std::exchange(m_waiting, {});
        auto const fail_row = [&](AgentRow const &row, Error const &error) {
            report(outcome_of(row, ImportOutcome::failed, what_failed(error)));
        };
        guard([&] {
            if (m_staged && !rows.empty()) {
                return m_staged->run_or_each_alone(
                    std::span<AgentRow const>(rows), [&](std::span<AgentRow const> part) { run(part); },
                    [&](StagedBatches::Done const &done) { report_confirmed(done); }, fail_row,
                    [&] { return may_continue(); });
            }
            run_in_parts(
                std::span<AgentRow const>(rows), [&](std::span<AgentRow const> part) { run(part); }, fail_row);
        });
    }

    template <typename Work>
    void guard(Work const &work) {
        try {
            work();
        } catch (Error const &error) {
            auto const done = m_options.dry_run || m_request.only_count ? 0 : m_result.created;
            throw after_earlier_batches(error, static_cast<std::size_t>(done), "agents were created");
        }
    }

    void run(std::span<AgentRow const> rows) {
        m_request.only_count ? count(rows) : m_staged ? create_in_store(rows) : create_in_files(rows);
    }

    void count(std::span<AgentRow const> rows) {
        db::TransactOptions options = writing(m_options);  // it locks organizations
        options.dry_run = true;
        Sorted const sorted = m_database.transact(options, [&](db::Transaction &transaction) {
            note_who(m_result, transaction);
            transaction.nothing_to_do();
            return SortOut(transaction, rows).run();
        });
        m_result.created += static_cast<std::int64_t>(sorted.to_create.size());
    }

    void create_in_files(std::span<AgentRow const> rows) {
        Sorted sorted;
        std::vector<CreateAgent const *> agents;
        KeyBatch::Done const done = m_batch.run(
            [&](db::Transaction &transaction) {
                note_who(m_result, transaction);
                sorted = SortOut(transaction, rows).run();
                std::vector<Receiver> receivers;
                for (AgentRow const *row : sorted.to_create) {
                    receivers.push_back(receiver_of(*row));
                }
                return receivers;
            },
            [&](db::Transaction &transaction, std::vector<sql::NewKey> const &keys) {
                agents = agents_of(sorted, keys);
                sql::insert_agents(transaction, agents, keys, m_options.by);
                return sql::agents_as_made(transaction, agents, keys);
            });
        std::map<AgentId, AgentRow const *> by_id;
        for (AgentRow const *row : sorted.to_create) {
            by_id.emplace(row->agent.id, row);
        }
        report_all(sorted.others);
        for (AgentRow const *row : sorted.without_key) {
            report(outcome_of(*row, ImportOutcome::failed,
                              "it exists, but has no active key: rotate-key --missing gives it one"));
        }
        for (AgentFault const &fault : done.faults) {
            report(outcome_of(*by_id.at(fault.agent_id), ImportOutcome::failed, fault.reason));
        }
        if (!done.made.empty()) {
            count_batch();
        }
        for (IssuedToAgent const &made : done.made) {
            ImportedAgent row = outcome_of(*by_id.at(made.agent_id), ImportOutcome::created);
            row.key_id = made.key_id;
            report(std::move(row));
        }
    }

    /// Returns the agents of `keys`, in their order, which is that of the rows.
    static std::vector<CreateAgent const *> agents_of(Sorted const &sorted, std::vector<sql::NewKey> const &keys) {
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

    /// An agent whose earlier delivery was not confirmed gets another key.
    void create_in_store(std::span<AgentRow const> rows) {
        Sorted sorted;
        std::vector<AgentFault> refused;
        std::vector<ImportedAgent> unchanged;
        StagedBatches::Done const done = m_staged->next([&](db::Transaction &transaction, std::vector<AgentFault> &) {
            note_who(m_result, transaction);
            refused.clear();
            unchanged.clear();
            sorted = SortOut(transaction, rows).run();
            std::vector<StagedBatches::Staged> staged;
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
        m_staged->deliver_then([&] {
            report_confirmed(done);
            report_all(sorted.others);
            report_all(unchanged);
            for (AgentFault const &fault : refused) {
                fail(fault);
            }
        });
    }

    /// Returns false if nothing can be delivered to the agent, and notes why.
    bool is_able(AgentRow const &row, std::vector<AgentFault> &refused) {
        Receiver const receiver = receiver_of(row);
        Recipient const recipient = receiver.recipient();
        m_delivery.announce({recipient});
        if (auto const reason = m_delivery.why_not(recipient)) {
            refused.push_back({row.agent.id, *reason});
            return false;
        }
        return true;
    }

    void stage(db::Transaction &transaction, AgentRow const &row, std::vector<StagedBatches::Staged> &staged,
               std::vector<AgentFault> &refused) {
        if (!is_able(row, refused)) {
            return;
        }
        ApiKey key = ApiKey::generate(KeyType::agent);
        auto const made = sql::insert_agent(transaction, row.agent, key, &m_staged->staging(), m_options.by).get();
        transaction.require(made.has_value(), "agent " + row.agent.id.text());
        sql::confirm_new_key(transaction, key.id(), key.hash(), row.agent.id, KeyState::staged);
        staged.push_back({std::move(key), receiver_of(row)});
    }

    /// Returns false if the agent, which exists, needs no other key now.
    bool stage_missing(db::Transaction &transaction, AgentRow const &row, std::vector<StagedBatches::Staged> &staged,
                       std::vector<AgentFault> &refused) {
        if (!is_able(row, refused)) {
            return true;
        }
        ApiKey key = ApiKey::generate(KeyType::agent);
        RotateKey const request{.agent = row.agent.id};
        RotationDone const done = rotate_in(transaction, {.request = request,
                                                          .new_key = key,
                                                          .by = m_options.by,
                                                          .staging = &m_staged->staging(),
                                                          .end = end_of_old(request.grace, false, false)});
        if (done.has_new_key) {
            staged.push_back({std::move(key), receiver_of(row)});
        }
        return done.has_new_key;
    }

    void report_confirmed(StagedBatches::Done const &done) {
        if (!done.confirmed.empty()) {
            count_batch();
        }
        for (StagedBatches::Confirmed const &confirmed : done.confirmed) {
            if (auto const *known = line_of(confirmed.issued.agent_id)) {
                ImportedAgent row = *known;
                row.key_id = confirmed.issued.key_id;
                report(std::move(row));
            }
        }
        for (AgentFault const &fault : done.faults) {
            fail(fault);
        }
    }

    void fail(AgentFault const &fault) {
        if (auto const *known = line_of(fault.agent_id)) {
            ImportedAgent row = *known;
            row.outcome = ImportOutcome::failed;
            row.reason = fault.reason;
            report(std::move(row));
        }
    }

    ImportedAgent const *line_of(AgentId const &agent) const {
        for (auto const *lines : {&m_lines, &m_lines_before}) {
            if (auto const found = lines->find(agent); found != lines->end()) {
                return &found->second;
            }
        }
        return nullptr;
    }

    void count_batch() {
        ++m_result.batches;
        if (!m_options.dry_run) {
            m_result.delivered_to = m_delivery.destination();
        }
    }

    void report_all(std::vector<ImportedAgent> const &rows) {
        for (ImportedAgent const &row : rows) {
            report(row);
        }
    }

    void report(ImportedAgent row) {
        switch (row.outcome) {
            case ImportOutcome::created: ++m_result.created; break;
            case ImportOutcome::unchanged: ++m_result.unchanged; break;
            case ImportOutcome::failed: ++m_result.failed; break;
        }
        if (m_request.after && row.outcome == ImportOutcome::created && m_staged) {
            if (auto const complaint = m_request.after(row)) {
                ++m_result.not_followed;
                row.reason = *complaint;
            }
        }
        if (m_request.each) {
            m_request.each(row);
        }
    }

    db::Database &m_database;
    ImportAgents m_request;
    WriteOptions m_options;
    BatchDelivery &m_delivery;
    KeyBatch m_batch;
    std::optional<StagedBatches> m_staged{};
    std::size_t m_batch_size = 1;
    ImportedAgents m_result{};
    Rows m_waiting{};
    std::map<AgentId, std::size_t> m_seen{};
    std::map<AgentId, ImportedAgent> m_lines{};  ///< of the batch that is delivered
    std::map<AgentId, ImportedAgent> m_lines_before{};
};

AgentImport::AgentImport(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery)
    : m_impl(std::make_unique<Impl>(database, std::move(request), std::move(options), delivery)) {}

AgentImport::~AgentImport() = default;

void AgentImport::add(AgentRow row) { m_impl->add(std::move(row)); }

void AgentImport::refuse(ImportedAgent row) { m_impl->refuse(std::move(row)); }

ImportedAgents AgentImport::finish() { return m_impl->finish(); }

}  // namespace relay
