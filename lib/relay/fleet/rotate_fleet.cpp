#include "relay/fleet/rotate_fleet.hpp"

#include "relay/fleet/fleet_sql.hpp"
#include "relay/fleet/key_batch.hpp"
#include "relay/fleet/one_of_batch.hpp"
#include "relay/fleet/replace_keys_sql.hpp"
#include "relay/fleet/rotate_to_store.hpp"
#include "relay/fleet/rotation_run.hpp"
#include "relay/fleet/row_faults.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace relay {
namespace {

using Candidates = std::vector<sql::Candidate>;

constexpr std::size_t most_held = 5000;

/// A batch of usual agents, and what became of it.
struct Rotated {
    KeyBatch::Done done{};
    sql::Locked locked{};
    std::map<KeyId, sql::ReplacedKey> replaced{};
};

/// Keys of all batches at the same time: more of them cost memory, and win no time.
constexpr std::size_t most_keys = 2000;

/// Rotates into files: the usual agents of a batch together, and each other one alone, by the rules of one rotation. Of two
/// batches, the server writes both at the same time.
class RotateToFiles {
  public:
    RotateToFiles(RotationRun &run, BatchDelivery &delivery)
        : m_run(run),
          m_delivery(delivery),
          m_is_paired(run.request().beside != nullptr && !run.options().dry_run && !run.request().stop_on_fault),
          m_size(std::clamp<std::size_t>(std::min(run.request().batch, delivery.most_at_once()), 1,
                                         most_keys / at_once())),
          m_batch(run.database(), run.options(), delivery) {}

    void rotate_all() {
        while (auto const page = m_run.next_page(at_once() * m_size)) {
            rotate(*page);
            if (m_held.size() >= most_held) {
                rotate_held();
            }
        }
        rotate_held();
    }

  private:
    std::size_t at_once() const { return m_is_paired ? 2 : 1; }

    void rotate(Candidates const &candidates) {
        std::vector<AgentId> usual;
        for (sql::Candidate const &candidate : candidates) {
            if (candidate.usual) {
                usual.push_back(candidate.agent);
            }
        }
        std::span<AgentId const> const all(usual);
        if (all.size() > m_size) {
            std::size_t const half = (all.size() + 1) / 2;
            rotate_pair(all.first(half), all.subspan(half));
        } else {
            rotate_usual(all);
        }
        for (sql::Candidate const &candidate : candidates) {
            if (!candidate.usual && m_run.may_continue()) {
                rotate_one(candidate);
            }
        }
    }

    /// Rotates the second batch on its own connection, while the server writes the first one. A batch that fails is tried
    /// again alone.
    void rotate_pair(std::span<AgentId const> first, std::span<AgentId const> second) {
        std::optional<Rotated> beside;
        bool is_tried = false;
        auto const rotate_second = [&](db::Transaction &transaction) {
            if (!std::exchange(is_tried, true)) {
                beside = try_beside(second);
            }
            if (m_run.request().beside->unannounced()) {
                transaction.note_unannounced();
            }
        };
        std::optional<Rotated> rotated;
        auto const report_second = [&] {
            if (beside) {
                report(*beside);
            }
        };
        try {
            rotated = write(m_batch, first, rotate_second);
        } catch (Error const &error) {
            if (!is_about_one_agent(error)) {
                report_second();
                throw;
            }
        } catch (...) {
            report_second();
            throw;
        }
        rotated ? finish(*rotated) : rotate_usual(first);
        beside ? finish(*beside) : rotate_usual(second);
    }

    /// Returns none if nothing was changed, because of these agents or because there is no second connection.
    std::optional<Rotated> try_beside(std::span<AgentId const> agents) {
        try {
            if (!m_beside) {
                m_beside.emplace(*m_run.request().beside, m_run.options(), m_delivery);
            }
            return write(*m_beside, agents);
        } catch (Error const &error) {
            if (error.hint().changed != Changed::no) {
                throw;
            }
            m_is_paired = m_is_paired && is_about_one_agent(error);
            return std::nullopt;
        }
    }

    /// Halves the batch until each agent that the database refuses is alone.
    void rotate_usual(std::span<AgentId const> agents) {
        run_in_parts(
            agents, [this](std::span<AgentId const> part) { finish(write(m_batch, part)); },
            [this](AgentId const &agent, Error const &error) { m_run.fail(agent, what_failed(error)); },
            is_about_one_agent);
    }

    Rotated write(KeyBatch &batch, std::span<AgentId const> agents, KeyBatch::Meanwhile const &meanwhile = {}) {
        Rotated rotated;
        rotated.done = batch.run(
            [&](db::Transaction &transaction) {
                m_run.note(transaction);
                rotated.locked = sql::lock_candidates(transaction, m_run.query(), {agents.begin(), agents.end()});
                std::vector<Receiver> usual;
                for (sql::Candidate const &candidate : rotated.locked.candidates) {
                    if (candidate.usual) {
                        usual.push_back({candidate.agent, candidate.org, candidate.owner});
                    }
                }
                return usual;
            },
            [&](db::Transaction &transaction, std::vector<sql::NewKey> const &keys) {
                transaction.expect_announcement();
                sql::replace_keys_of_agents(transaction, keys, m_run.request(), m_run.options().by);
                auto const asked = sql::ask_replaced_keys(transaction, keys, m_run.request());
                // What triggers would do at COMMIT is done while the other batch is written, and before this one is delivered.
                return db::Pending<bool>(transaction.send("SET CONSTRAINTS ALL IMMEDIATE"),
                                         [&rotated, asked](db::Rows const &) {
                                             rotated.replaced = asked.get();
                                             return true;
                                         });
            },
            meanwhile);
        return rotated;
    }

    /// Reports a batch, and rotates its agents that are not usual any more.
    void finish(Rotated const &rotated) {
        m_held.insert(m_held.end(), rotated.locked.held_by_others.begin(), rotated.locked.held_by_others.end());
        report(rotated);
        for (sql::Candidate const &candidate : rotated.locked.candidates) {
            if (!candidate.usual) {
                rotate_one(candidate);
            }
        }
    }

    void report(Rotated const &rotated) {
        for (AgentFault const &fault : rotated.done.faults) {
            m_run.fail(fault.agent_id, fault.reason);
        }
        if (rotated.done.made.empty()) {
            return;
        }
        m_run.count_batch(m_delivery.destination());
        for (IssuedToAgent const &made : rotated.done.made) {
            RotatedAgent row{
                .agent_id = made.agent_id, .org_id = made.org_id, .owner = made.owner, .key_id = made.key_id};
            if (auto const old = rotated.replaced.find(made.key_id); old != rotated.replaced.end()) {
                row.previous_key_id = old->second.key_id;
                row.previous_works_until = old->second.works_until;
            }
            m_run.report(std::move(row));
        }
    }

    void rotate_one(sql::Candidate const &candidate) {
        Receiver const receiver{candidate.agent, candidate.org, candidate.owner};
        m_delivery.announce({receiver.recipient()});
        if (auto const reason = m_delivery.why_not(receiver.recipient())) {
            return m_run.fail(candidate.agent, *reason);
        }
        try {
            OneOfBatch delivery(m_delivery, candidate.owner);
            RotatedKey const rotated =
                rotate_key(m_run.database(), m_run.request_for(candidate.agent), m_run.options(), &delivery);
            if (rotated.changed) {
                m_run.count_batch(rotated.delivered_to);
            }
            m_run.report(rotated_agent(receiver, rotated));
        } catch (Error const &error) {
            if (!is_about_one_agent(error)) {
                throw;
            }
            m_run.fail(candidate.agent, what_failed(error));
        }
    }

    /// Rotates the agents that another session had locked, unless it has rotated them. Now waits for each lock.
    void rotate_held() {
        std::vector<AgentId> const held = std::exchange(m_held, {});
        if (held.empty()) {
            return;
        }
        for (sql::Candidate const &candidate : m_run.still_to_rotate(held)) {
            if (m_run.may_continue()) {
                rotate_one(candidate);
            }
        }
    }

    RotationRun &m_run;
    BatchDelivery &m_delivery;
    bool m_is_paired;  ///< the server writes two batches at the same time
    std::size_t m_size;  ///< of a batch
    KeyBatch m_batch;
    std::optional<KeyBatch> m_beside{};  ///< on the second connection
    std::vector<AgentId> m_held{};  ///< agents that another session had locked
};

}  // namespace

RotatedFleet rotate_fleet(db::Database &database, RotateFleet const &request, WriteOptions const &options,
                          BatchDelivery &delivery, FleetObserver const &observer) {
    outcome::expect_more(!options.dry_run);
    RotationRun run(database, request, options, observer);
    run.begin();
    try {
        if (delivery.staging()) {
            rotate_to_store(run, delivery);
        } else {
            RotateToFiles(run, delivery).rotate_all();
        }
        RotatedFleet done = run.finish();
        outcome::expect_more(false);
        return done;
    } catch (Error const &error) {
        throw run.ended_by(error);
    }
}

void end_fleet_rotation(db::Database &database, std::int64_t rotation, WriteOptions const &options) {
    database.transact(writing(options),
                      [&](db::Transaction &transaction) { sql::end_rotation(transaction, rotation); });
}

}  // namespace relay
