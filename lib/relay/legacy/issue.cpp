#include "relay/legacy/issue.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/db/batches.hpp"
#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/operations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/legacy/issue_sql.hpp"
#include "relay/legacy/issue_staged.hpp"
#include "relay/legacy/windows_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <map>
#include <span>

namespace relay {
namespace {

using sql::ToIssue;
using Ids = std::vector<AgentId>;

class Issue {
  public:
    Issue(db::Database &database, IssueLegacy const &request, WriteOptions const &options, BatchDelivery &delivery,
          IssueObserver const &observer)
        : m_database(database), m_request(request), m_options(options), m_delivery(delivery), m_observer(observer) {
        if (delivery.staging() && !options.dry_run) {
            m_staged.emplace(database, options, delivery);
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
            bool const has_failed =
                std::any_of(m_result.faults.begin(), m_result.faults.end(),
                            [&](IssuedLegacy::Fault const &fault) { return fault.agent_id == agent; });
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
                if (m_staged) {
                    m_taken = m_staged->taken();
                }
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
                m_result.faults.push_back({ids[i], "it was not imported"});
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

    /// Issues one batch: take agents, make keys, write and deliver them, COMMIT. The server writes while the keys are
    /// delivered, so that neither waits for the other's disk.
    void issue(Take const &take) {
        if (m_staged) {
            StagedIssue::Done const done = m_staged->next(take);
            m_taken = m_staged->taken();
            report(done);  // it is committed, whatever the delivery comes to
            return m_staged->deliver();
        }
        std::vector<IssuedToAgent> made;
        bool delivered = false;
        bool prepared = false;
        auto const forget = [&] {
            if (prepared) {
                m_delivery.rolled_back();
            }
            prepared = delivered = false;
        };
        db::TransactOptions transact = writing(m_options);
        transact.identify = !m_options.dry_run;
        try {
            commit_after_delivery(
                m_database, transact,
                [&](db::Transaction &transaction) {
                    forget();  // a retried body starts afresh: the keys of the attempt before are dead
                    made.clear();
                    m_refused.clear();
                    m_taken = take(transaction);
                    std::vector<ToIssue const *> const able = able_to_receive();
                    if (able.empty()) {
                        transaction.nothing_to_do();
                        return;
                    }
                    prepared = true;
                    m_delivery.made_for(transaction.database_id());
                    made = mint(transaction, able);
                    if (m_options.dry_run) {
                        write(transaction);
                    } else {
                        delivered = true;  // set first: if deliver() throws half-way, rolled_back() cleans up
                        write(transaction, [this] {
                            m_delivery.deliver();
                            mint_ahead();
                        });
                    }
                },
                &m_delivery, delivered);
        } catch (...) {
            if (!delivered) {
                forget();
            }
            throw;
        }
        m_result.faults.insert(m_result.faults.end(), m_refused.begin(), m_refused.end());
        if (made.empty()) {
            return;
        }
        if (!delivered) {  // a dry run
            forget();
        } else {
            m_result.delivered_to = m_delivery.destination();
        }
        count(made);
    }

    void report(StagedIssue::Done const &done) {
        m_result.faults.insert(m_result.faults.end(), done.faults.begin(), done.faults.end());
        if (!done.confirmed.empty()) {
            m_result.delivered_to = m_delivery.destination();
            count(done.confirmed);
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

    /// Returns the agents that were taken, without those to which nothing can be delivered.
    std::vector<ToIssue const *> able_to_receive() {
        std::vector<ToIssue const *> able;
        std::vector<Recipient> all;
        for (ToIssue const &agent : m_taken) {
            all.push_back({agent.org, agent.agent, agent.owner});
        }
        m_delivery.announce(all);
        for (ToIssue const &agent : m_taken) {
            if (auto const reason = m_delivery.why_not({agent.org, agent.agent, agent.owner})) {
                m_refused.push_back({agent.agent, *reason});
            } else {
                able.push_back(&agent);
            }
        }
        return able;
    }

    std::vector<IssuedToAgent> mint(db::Transaction &transaction, std::vector<ToIssue const *> const &agents) {
        std::vector<IssuedToAgent> made;
        m_keys.clear();
        for (ToIssue const *agent : agents) {
            auto const [key, hash_hex] = next_key();
            m_delivery.add({.org = agent->org, .agent = &agent->agent, .key = key, .owner = agent->owner});
            m_keys.push_back({key.id(), hash_hex, agent->agent, agent->org});
            made.push_back({.agent_id = agent->agent,
                            .org_id = agent->org,
                            .owner = agent->owner,
                            .key_id = key.id(),
                            .issued_at = transaction.now()});
        }
        return made;
    }

    struct Minted {
        ApiKey key;
        std::string hash_hex;
    };

    static Minted mint_one() {
        ApiKey key = ApiKey::generate(KeyType::agent);
        std::string hash_hex = key.hash().hex();
        return {std::move(key), std::move(hash_hex)};
    }

    Minted next_key() {
        if (m_ahead.empty()) {
            return mint_one();
        }
        Minted minted = std::move(m_ahead.back());
        m_ahead.pop_back();
        return minted;
    }

    /// Makes as many keys for the next batch as this one had, before it is known which agents will get them.
    void mint_ahead() {
        while (m_ahead.size() < m_keys.size()) {
            m_ahead.push_back(mint_one());
        }
    }

    void write(
        db::Transaction &transaction, std::function<void()> const &meanwhile = [] {}) {
        sql::insert_keys(transaction, m_keys, m_options.by);
        sql::record_operations(transaction, m_delivery.operations());
        auto const there = sql::issued_as_made(transaction, m_keys);
        transaction.settle_while(meanwhile);
        transaction.confirm(there.get(), "a new key of this batch");
    }

    db::Database &m_database;
    IssueLegacy const &m_request;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    IssueObserver const &m_observer;
    IssuedLegacy m_result{};
    std::int64_t m_migration = 0;
    std::size_t m_total = 0;
    std::optional<StagedIssue> m_staged{};  ///< if it delivers to a store that is not a file
    Ids m_queued{};  ///< those of the named agents that will get a key
    std::vector<ToIssue> m_taken{};  ///< the agents of the last batch
    std::vector<sql::NewKey> m_keys{};  ///< the keys of the last batch
    std::vector<Minted> m_ahead{};  ///< keys that have no agent yet
    std::vector<IssuedLegacy::Fault> m_refused{};  ///< agents of the last batch that the delivery refused
};

}  // namespace

IssuedLegacy issue_legacy(db::Database &database, IssueLegacy const &request, WriteOptions const &options,
                          BatchDelivery &delivery, IssueObserver const &observer) {
    return Issue(database, request, options, delivery, observer).run();
}

}  // namespace relay
