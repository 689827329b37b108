#include "relay/legacy/issue.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/db/batches.hpp"
#include "relay/fleet/key_batch.hpp"
#include "relay/fleet/staged_batches.hpp"
#include "relay/identity/staged_keys_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/legacy/issue_sql.hpp"
#include "relay/legacy/windows_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace relay {
namespace {

using sql::ToIssue;
using Ids = std::vector<AgentId>;

class Issue {
  public:
    Issue(db::Database &database, IssueLegacy const &request, WriteOptions const &options, BatchDelivery &delivery,
          IssueObserver const &observer)
        : m_database(database),
          m_request(request),
          m_options(options),
          m_delivery(delivery),
          m_observer(observer),
          m_batch(database, options, delivery) {
        if (delivery.staging() && !options.dry_run) {
            m_staged.emplace(database, options, delivery);
            m_staged->confirming = [](db::Transaction &transaction, IssuedToAgent const &issued) {
                sql::note_issued(transaction, issued.agent_id, issued.key_id);
            };
        }
    }

    IssuedLegacy run() {
        outcome::expect_more(!m_options.dry_run);
        begin();
        try {
            m_request.agents ? issue_named() : issue_queue();
            if (m_staged) {
                report(m_staged->finish());
            }
            end();
            outcome::expect_more(false);
        } catch (Error const &error) {
            throw after_earlier_batches(error, m_options.dry_run ? 0 : m_result.issued, "keys were issued");
        }
        return std::move(m_result);
    }

  private:
    using Take = std::function<std::vector<ToIssue>(db::Transaction &)>;

    std::size_t batch_size() const {
        return std::max<std::size_t>(1, std::min(m_request.batch, m_delivery.most_at_once()));
    }

    /// Finds the window, and records the agents that got a key in another way.
    void begin() {
        m_database.transact(writing(m_options), [&](db::Transaction &transaction) {
            auto const window = sql::find_window(transaction);
            if (!window || window->closed_at || window->deny_all) {
                throw Error(ErrorKind::conflict, "no window is open; no key was issued",
                            {.next = advise(Act::open_legacy_window)});
            }
            m_migration = window->migration_id;
            std::size_t const adopted = sql::adopt_keys(transaction, m_migration);
            transaction.confirm(sql::adoptable_keys(transaction, m_migration) == 0,
                                "the note of a key that an agent got by another way");
            if (adopted == 0) {
                transaction.nothing_to_do();
            }
            m_total = static_cast<std::size_t>(sql::queue_length(transaction, m_migration, m_request.org));
            if (m_request.next) {
                m_total = std::min(m_total, static_cast<std::size_t>(*m_request.next));
            }
            note_who(m_result, transaction);
        });
    }

    /// Checks and reports how many agents will get a key, now that this is known.
    void start() const {
        if (m_request.expect && m_total != static_cast<std::size_t>(*m_request.expect)) {
            throw Error(ErrorKind::conflict,
                        std::to_string(m_total) + " agents would get a key, not " + std::to_string(*m_request.expect) +
                            "; nothing was done",
                        {.next = advise(Act::show_legacy_status).also(advise(Act::try_without_change))});
        }
        if (m_observer.starting) {
            m_observer.starting(m_total);
        }
        if (m_observer.progress) {
            m_observer.progress(0, m_total);  // the pace is measured from here
        }
    }

    void end() {
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            m_result.waiting = sql::queue_length(transaction, m_migration, std::nullopt);
            if (!m_request.agents) {
                m_result.in_delivery = sql::queue_in_delivery(transaction, m_migration, m_request.org);
            } else if (!m_options.dry_run) {
                note_left_out(transaction);
            }
        });
        m_result.changed = m_result.issued > 0;
    }

    /// Notes the named agents that another run took meanwhile: they must not count as if they had a key.
    void note_left_out(db::Transaction &transaction) {
        auto const states = sql::legacy_states(transaction, m_queued);
        auto const ends = sql::deliveries_of(transaction, m_queued);
        for (std::size_t i = 0; i < m_queued.size(); ++i) {
            AgentId const &agent = m_queued[i];
            bool const has_failed = std::any_of(m_result.faults.begin(), m_result.faults.end(),
                                                [&](AgentFault const &fault) { return fault.agent_id == agent; });
            if (states[i] == LegacyAgentState::listed && !has_failed) {
                auto const end = ends.find(agent);
                m_result.faults.push_back(
                    {agent, end != ends.end() ? in_delivery(end->second) : "another run had its key; run it again"});
            }
        }
    }

    static std::string in_delivery(Instant until) {
        return "its key is being delivered until " + format_instant_seconds(until) + "; run it again then";
    }

    void issue_queue() {
        start();
        std::optional<sql::QueuePlace> place;
        while (true) {
            std::size_t const done = m_result.issued + (m_staged ? m_staged->unconfirmed() : 0);
            std::size_t const left = m_request.next ? m_total - std::min(m_total, done) : batch_size();
            std::size_t const most = std::min(batch_size(), left);
            if (most == 0) {
                return;
            }
            try {
                issue([&](db::Transaction &transaction) {
                    return sql::take_from_queue(transaction, m_migration, m_request.org, place,
                                                static_cast<std::int64_t>(most));
                });
            } catch (Error const &error) {
                if (!is_refusal_of_rows(error) || m_taken.empty()) {
                    throw;
                }
                std::vector<ToIssue> const page = m_taken;
                issue_in_parts(ids_of(page));
                m_taken = page;
            }
            if (m_taken.empty()) {
                return;
            }
            place = {.wave = m_taken.back().wave, .agent_id = m_taken.back().agent};
        }
    }

    void issue_named() {
        m_queued = sort_out(*m_request.agents);
        Ids const &queued = m_queued;
        m_total = queued.size();
        start();
        for (std::size_t at = 0; at < queued.size(); at += batch_size()) {
            std::size_t const end = std::min(queued.size(), at + batch_size());
            issue_in_parts(
                {queued.begin() + static_cast<std::ptrdiff_t>(at), queued.begin() + static_cast<std::ptrdiff_t>(end)});
        }
    }

    /// Returns the ids that will get a key; for the others, notes why they will not.
    Ids sort_out(Ids const &ids) {
        std::map<AgentId, Instant> ends;
        auto const states = m_database.transact(reading(), [&](db::Transaction &transaction) {
            ends = sql::deliveries_of(transaction, ids);
            return sql::legacy_states(transaction, ids);
        });
        Ids queued;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (!states[i]) {
                m_result.faults.push_back({ids[i], std::string(was_not_imported)});
                continue;
            }
            switch (*states[i]) {
                case LegacyAgentState::listed:
                    if (auto const end = ends.find(ids[i]); end != ends.end()) {
                        m_result.faults.push_back({ids[i], in_delivery(end->second)});
                    } else {
                        queued.push_back(ids[i]);
                    }
                    break;
                case LegacyAgentState::issued:
                case LegacyAgentState::proven: m_result.unchanged.push_back(ids[i]); break;
                case LegacyAgentState::revoked: m_result.faults.push_back({ids[i], "it is revoked"}); break;
                case LegacyAgentState::imported:
                    m_result.faults.push_back({ids[i], "it is not on the list: run migrate-legacy start"});
                    break;
            }
        }
        return queued;
    }

    /// Halves the batch until each agent that the database refuses is alone.
    void issue_in_parts(Ids const &ids) {
        run_in_parts(
            std::span<AgentId const>(ids),
            [&](std::span<AgentId const> part) {
                issue([&](db::Transaction &transaction) {
                    return sql::take_named(transaction, m_migration, {part.begin(), part.end()});
                });
            },
            [&](AgentId const &agent, Error const &error) {
                m_result.faults.push_back({agent, what_failed(error)});
            });
    }

    static Ids ids_of(std::vector<ToIssue> const &agents) {
        Ids ids;
        for (ToIssue const &agent : agents) {
            ids.push_back(agent.agent);
        }
        return ids;
    }

    /// Issues one batch.
    void issue(Take const &take) {
        if (m_staged) {
            StagedBatches::Done const done =
                m_staged->next([&](db::Transaction &transaction, std::vector<AgentFault> &faults) {
                    m_taken = take(transaction);
                    return stage(transaction, faults);
                });
            return m_staged->deliver_then([&] { report(done); });
        }
        KeyBatch::Done const done = m_batch.run(
            [&](db::Transaction &transaction) {
                m_taken = take(transaction);
                return receivers();
            },
            [&](db::Transaction &transaction, std::vector<sql::NewKey> const &keys) {
                sql::insert_keys(transaction, keys, m_options.by);
                return sql::issued_as_made(transaction, keys);
            });
        m_result.faults.insert(m_result.faults.end(), done.faults.begin(), done.faults.end());
        if (!done.made.empty()) {
            if (!m_options.dry_run) {
                m_result.delivered_to = m_delivery.destination();
            }
            count(done.made);
        }
    }

    std::vector<Receiver> receivers() const {
        std::vector<Receiver> all;
        for (ToIssue const &agent : m_taken) {
            all.push_back({agent.agent, agent.org, agent.owner});
        }
        return all;
    }

    /// Stages a key for each agent that was taken, and that can get one.
    std::vector<StagedBatches::Staged> stage(db::Transaction &transaction, std::vector<AgentFault> &faults) {
        if (m_taken.empty()) {
            return {};
        }
        std::vector<Receiver> const agents = receivers();
        std::vector<Recipient> all;
        for (Receiver const &agent : agents) {
            all.push_back(agent.recipient());
        }
        m_delivery.announce(all);
        std::set<AgentId> const full = sql::agents_full_of_staged_keys(transaction, ids_of(m_taken));
        std::vector<StagedBatches::Staged> staged;
        std::vector<sql::NewKey> keys;
        for (Receiver const &agent : agents) {
            if (auto const reason = m_delivery.why_not(agent.recipient())) {
                faults.push_back({agent.agent, *reason});
            } else if (full.contains(agent.agent)) {
                faults.push_back({agent.agent,
                                  "it has too many staged keys that no delivery has confirmed: look into the "
                                  "store, and end those that it does not hold"});
            } else {
                ApiKey const &key =
                    staged.emplace_back(StagedBatches::Staged{ApiKey::generate(KeyType::agent), agent}).key;
                keys.push_back({key.id(), key.hash().hex(), agent.agent, agent.org});
            }
        }
        if (!keys.empty()) {
            sql::stage_keys(transaction, keys, m_staged->staging(), m_options.by);
            transaction.confirm(sql::are_staged_as_made(transaction, keys), "a new key of this batch");
        }
        return staged;
    }

    void report(StagedBatches::Done const &done) {
        m_result.faults.insert(m_result.faults.end(), done.faults.begin(), done.faults.end());
        if (!done.confirmed.empty()) {
            m_result.delivered_to = m_delivery.destination();
            std::vector<IssuedToAgent> made;
            for (StagedBatches::Confirmed const &confirmed : done.confirmed) {
                made.push_back(confirmed.issued);
            }
            count(made);
        }
    }

    void count(std::vector<IssuedToAgent> const &made) {
        m_result.issued += made.size();
        ++m_result.batches;
        if (m_observer.committed && !m_options.dry_run) {
            m_observer.committed(made);
        }
        if (m_observer.progress) {
            m_observer.progress(m_result.issued, m_total);
        }
    }

    db::Database &m_database;
    IssueLegacy const &m_request;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    IssueObserver const &m_observer;
    IssuedLegacy m_result{};
    std::int64_t m_migration = 0;
    std::size_t m_total = 0;
    KeyBatch m_batch;
    std::optional<StagedBatches> m_staged{};  ///< if it delivers to a store that is not a file
    Ids m_queued{};  ///< those of the named agents that will get a key
    std::vector<ToIssue> m_taken{};  ///< the agents of the last batch
};

}  // namespace

IssuedLegacy issue_legacy(db::Database &database, IssueLegacy const &request, WriteOptions const &options,
                          BatchDelivery &delivery, IssueObserver const &observer) {
    return Issue(database, request, options, delivery, observer).run();
}

}  // namespace relay
