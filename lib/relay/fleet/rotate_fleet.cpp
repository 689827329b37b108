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
/// Keys of a batch: more of them cost memory, and win no time.
constexpr std::size_t most_keys = 2000;

/// Rotates into files: the usual agents of a batch together, and each other one alone, by the rules of one rotation.
class RotateToFiles {
  public:
    RotateToFiles(RotationRun &run, BatchDelivery &delivery)
        : m_run(run), m_delivery(delivery), m_batch(run.database(), run.options(), delivery) {}

    void rotate_all() {
        std::size_t const batch =
            std::clamp<std::size_t>(std::min(m_run.request().batch, m_delivery.most_at_once()), 1, most_keys);
        while (auto const page = m_run.next_page(batch)) {
            rotate(*page);
            if (m_held.size() >= most_held) {
                rotate_held();
            }
        }
        rotate_held();
    }

  private:
    void rotate(Candidates const &candidates) {
        std::vector<AgentId> usual;
        for (sql::Candidate const &candidate : candidates) {
            if (candidate.usual) {
                usual.push_back(candidate.agent);
            }
        }
        rotate_usual(usual);
        for (sql::Candidate const &candidate : candidates) {
            if (!candidate.usual && m_run.may_continue()) {
                rotate_one(candidate);
            }
        }
    }

    /// Halves the batch until each agent that the database refuses is alone.
    void rotate_usual(std::vector<AgentId> const &agents) {
        run_in_parts(
            std::span<AgentId const>(agents), [this](std::span<AgentId const> part) { rotate_batch(part); },
            [this](AgentId const &agent, Error const &error) { m_run.fail(agent, what_failed(error)); },
            is_about_one_agent);
    }

    void rotate_batch(std::span<AgentId const> agents) {
        sql::Locked locked;
        std::map<KeyId, sql::ReplacedKey> replaced;
        KeyBatch::Done const done = m_batch.run(
            [&](db::Transaction &transaction) {
                m_run.note(transaction);
                locked = sql::lock_candidates(transaction, m_run.query(), {agents.begin(), agents.end()});
                std::vector<Receiver> usual;
                for (sql::Candidate const &candidate : locked.candidates) {
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
                return db::Pending<bool>(transaction.send("SELECT 1"), [&replaced, asked](db::Rows const &) {
                    replaced = asked.get();
                    return true;
                });
            });
        m_held.insert(m_held.end(), locked.held_by_others.begin(), locked.held_by_others.end());
        report(done, replaced);
        for (sql::Candidate const &candidate : locked.candidates) {
            if (!candidate.usual) {
                rotate_one(candidate);
            }
        }
    }

    void report(KeyBatch::Done const &done, std::map<KeyId, sql::ReplacedKey> const &replaced) {
        for (AgentFault const &fault : done.faults) {
            m_run.fail(fault.agent_id, fault.reason);
        }
        if (done.made.empty()) {
            return;
        }
        m_run.count_batch(m_delivery.destination());
        for (IssuedToAgent const &made : done.made) {
            RotatedAgent row{
                .agent_id = made.agent_id, .org_id = made.org_id, .owner = made.owner, .key_id = made.key_id};
            if (auto const old = replaced.find(made.key_id); old != replaced.end()) {
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
    KeyBatch m_batch;
    std::vector<AgentId> m_held{};  ///< agents that another session had locked
};

}  // namespace

RotatedFleet rotate_fleet(db::Database &database, RotateFleet const &request, WriteOptions const &options,
                          BatchDelivery &delivery, FleetObserver const &observer) {
    outcome::expect_more(!options.dry_run);
    RotationRun run(database, request, options, observer);
    run.begin();
    try {
        if (delivery.staging() && !options.dry_run) {
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
