#include "relay/provision/migrate_legacy_issue.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/model/error.hpp"
#include "relay/provision/batches.hpp"
#include "relay/provision/issuing.hpp"
#include "relay/store/legacy_issue.hpp"
#include "relay/store/legacy_windows.hpp"
#include "relay/store/operations.hpp"

#include <algorithm>
#include <span>

namespace relay {
namespace {

using store::ToIssue;
using Ids = std::vector<std::string>;

class Issue {
  public:
    Issue(db::Database &database, IssueLegacy const &request, WriteOptions const &options, BatchDelivery &delivery,
          IssueObserver const &observer)
        : m_database(database), m_request(request), m_options(options), m_delivery(delivery), m_observer(observer) {}

    IssuedLegacy run() {
        begin();
        try {
            m_request.agents ? issue_named() : issue_queue();
            end();
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

    /// Finds the window, and the agents that got a key by another way.
    void begin() {
        m_database.transact(writing(m_options), [&](db::Transaction &transaction) {
            auto const window = store::find_window(transaction);
            if (!window || window->closed_at || window->deny_all) {
                throw Error(ErrorKind::conflict, "no window is open; no key was issued",
                            {.next = "relay-admin migrate-legacy start --deadline 14d"});
            }
            m_migration = window->migration_id;
            if (store::adopt_keys(transaction, m_migration) == 0) {
                transaction.nothing_to_do();
            }
            auto const length = static_cast<std::size_t>(store::queue_length(transaction, m_migration, m_request.org));
            m_total = m_request.agents ? m_request.agents->size() : length;
            if (m_request.next) {
                m_total = std::min(m_total, static_cast<std::size_t>(*m_request.next));
            }
            sign(m_result, transaction);
        });
    }

    void end() {
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            m_result.waiting = store::queue_length(transaction, m_migration, std::nullopt);
        });
        m_result.changed = m_result.issued > 0;
    }

    void issue_queue() {
        std::optional<store::QueuePlace> place;
        while (true) {
            std::size_t const left = m_request.next ? m_total - std::min(m_total, m_result.issued) : batch_size();
            std::size_t const most = std::min(batch_size(), left);
            if (most == 0) {
                return;
            }
            try {
                issue([&](db::Transaction &transaction) {
                    return store::take_from_queue(transaction, m_migration, m_request.org, place,
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
            place = {.wave = m_taken.back().wave, .agent_id = m_taken.back().agent.text()};
        }
    }

    void issue_named() {
        Ids ids;
        for (AgentId const &agent : *m_request.agents) {
            ids.push_back(agent.text());
        }
        Ids const queued = sort_out(ids);
        for (std::size_t at = 0; at < queued.size(); at += batch_size()) {
            std::size_t const end = std::min(queued.size(), at + batch_size());
            issue_in_parts(
                {queued.begin() + static_cast<std::ptrdiff_t>(at), queued.begin() + static_cast<std::ptrdiff_t>(end)});
        }
    }

    /// The ids that are to be given a key; the others are told why not.
    Ids sort_out(Ids const &ids) {
        std::vector<std::string> states;
        m_database.transact(reading(),
                            [&](db::Transaction &transaction) { states = store::legacy_states(transaction, ids); });
        Ids queued;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (states[i] == "listed") {
                queued.push_back(ids[i]);
            } else if (states[i] == "issued" || states[i] == "proven") {
                m_result.unchanged.push_back(ids[i]);
            } else {
                m_result.faults.push_back({ids[i], states[i].empty() ? "it was not imported"
                                                   : states[i] == "revoked"
                                                       ? "it is revoked"
                                                       : "it is on no list: migrate-legacy start"});
            }
        }
        return queued;
    }

    /// Halves until who is refused is alone.
    void issue_in_parts(Ids const &ids) {
        run_in_parts(
            std::span<std::string const>(ids),
            [&](std::span<std::string const> part) {
                issue([&](db::Transaction &transaction) {
                    return store::take_named(transaction, m_migration, {part.begin(), part.end()});
                });
            },
            [&](std::string const &agent, Error const &error) {
                m_result.faults.push_back({agent, error.message()});
            });
    }

    static Ids ids_of(std::vector<ToIssue> const &agents) {
        Ids ids;
        for (ToIssue const &agent : agents) {
            ids.push_back(agent.agent.text());
        }
        return ids;
    }

    /// One batch: take, mint, prepare, write, deliver, COMMIT.
    void issue(Take const &take) {
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
            run_handing_over(
                m_database, transact,
                [&](db::Transaction &transaction) {
                    forget();  // a body that is run again begins anew: the keys of the attempt before are dead
                    made.clear();
                    m_taken = take(transaction);
                    if (m_taken.empty()) {
                        transaction.nothing_to_do();
                        return;
                    }
                    prepared = true;
                    made = mint(transaction);
                    if (!m_options.dry_run) {
                        delivered = true;  // also if it throws half-way: rolled_back() cleans up
                        m_delivery.deliver();
                    }
                },
                &m_delivery, delivered);
        } catch (...) {
            if (!delivered) {
                forget();
            }
            throw;
        }
        if (made.empty()) {
            return;
        }
        if (!delivered) {  // a dry run
            forget();
        } else {
            m_result.delivered_to = m_delivery.destination();
        }
        m_result.issued += made.size();
        ++m_result.batches;
        if (m_observer.committed && !m_options.dry_run) {
            m_observer.committed(made);
        }
        if (m_observer.progress) {
            m_observer.progress(m_result.issued, m_total);
        }
    }

    std::vector<IssuedToAgent> mint(db::Transaction &transaction) {
        std::vector<IssuedToAgent> made;
        std::vector<store::NewKey> keys;
        for (ToIssue const &agent : m_taken) {
            ApiKey const key = ApiKey::generate(KeyType::agent);
            m_delivery.add(
                {.org = agent.org, .agent = &agent.agent, .key = key, .database_id = transaction.database_id()});
            keys.push_back({key.id().text(), key.hash().hex(), agent.agent.text(), agent.org.text()});
            made.push_back({.agent_id = agent.agent.text(),
                            .org_id = agent.org.text(),
                            .owner = agent.owner,
                            .key_id = key.id().text(),
                            .issued_at = transaction.now()});
        }
        store::insert_keys(transaction, keys, m_options.by);
        store::record_operations(transaction, m_delivery.operations());
        return made;
    }

    db::Database &m_database;
    IssueLegacy const &m_request;
    WriteOptions const &m_options;
    BatchDelivery &m_delivery;
    IssueObserver const &m_observer;
    IssuedLegacy m_result{};
    std::int64_t m_migration = 0;
    std::size_t m_total = 0;
    std::vector<ToIssue> m_taken{};  ///< by the last batch
};

}  // namespace

IssuedLegacy issue_legacy(db::Database &database, IssueLegacy const &request, WriteOptions const &options,
                          BatchDelivery &delivery, IssueObserver const &observer) {
    return Issue(database, request, options, delivery, observer).run();
}

}  // namespace relay
