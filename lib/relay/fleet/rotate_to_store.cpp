#include "relay/fleet/rotate_to_store.hpp"

#include "relay/fleet/row_faults.hpp"
#include "relay/fleet/staged_batches.hpp"
#include "relay/identity/rotation.hpp"
#include "relay/identity/staged_delivery.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <span>

namespace relay {
namespace {

constexpr std::size_t page_size = 200;

class RotateToStore {
  public:
    RotateToStore(RotationRun &run, BatchDelivery &delivery)
        : m_run(run),
          m_delivery(delivery),
          m_end(end_of_old(run.request().grace, run.request().retire_on_first_use, run.request().force)),
          m_batches(run.database(), run.options(), delivery, m_end) {
        if (delivery.has_view()) {
            run.look_at_all();
        }
    }

    void rotate_all() {
        std::size_t const jobs = std::max<std::size_t>(1, m_delivery.most_at_once());
        while (auto const page = m_run.next_page(std::max(page_size, jobs))) {
            for (std::size_t at = 0; at < page->size() && m_run.may_continue(); at += jobs) {
                rotate(std::span(*page).subspan(at, std::min(jobs, page->size() - at)));
            }
        }
        if (!m_run.options().dry_run) {
            report(m_batches.finish());
        }
    }

  private:
    void rotate(std::span<sql::Candidate const> group) {
        std::vector<sql::Candidate const *> const able = able_to_receive(group);
        if (m_run.options().dry_run) {
            for (sql::Candidate const *candidate : able) {
                try_one(*candidate);
            }
            return;
        }
        m_batches.run_or_each_alone(
            std::span<sql::Candidate const *const>(able),
            [this](std::span<sql::Candidate const *const> part) { stage(part); },
            [this](StagedBatches::Done const &done) { report(done); },
            [this](sql::Candidate const *candidate, Error const &error) { fail(*candidate, error); },
            [this] { return m_run.may_continue(); });
    }

    void fail(sql::Candidate const &candidate, Error const &error) {
        if (!candidate.is_due) {
            m_run.take();  // it is not counted yet, and a failure gives its place back
        }
        m_run.fail(candidate.agent, what_failed(error));
    }

    /// For a dry run: stages a key for one agent and confirms it, in a transaction that is rolled back. The store is only asked.
    void try_one(sql::Candidate const &candidate) {
        Receiver const receiver{candidate.agent, candidate.org, candidate.owner};
        RotateKey const request = request_for(candidate);
        ApiKey const key = ApiKey::generate(KeyType::agent);
        try {
            RotatedKey const rotated =
                m_run.database().transact(writing(m_run.options()), [&](db::Transaction &transaction) {
                    m_run.note(transaction);
                    RotationDone step = stage_one(transaction, request, key);
                    if (step.has_new_key) {
                        transaction.settle();
                        ConfirmedKey const confirmed = pretend_delivery(
                            transaction, {receiver.org, receiver.agent, key.id()}, m_end, m_run.options().by);
                        step.rotated.key = confirmed.key;
                        step.rotated.previous = confirmed.previous;
                    } else if (!step.rotated.changed) {
                        transaction.nothing_to_do();
                    }
                    return step.rotated;
                });
            if (rotated.changed) {
                m_run.count_batch({});
            }
            if (candidate.is_due || rotated.changed) {
                m_run.report(rotated_agent(receiver, rotated));
            }
        } catch (Error const &error) {
            if (!is_about_one_agent(error)) {
                throw;
            }
            fail(candidate, error);
        }
    }

    RotateKey request_for(sql::Candidate const &candidate) {
        RotateKey request = m_run.request_for(candidate.agent);
        request.view = m_delivery.has_view() ? m_delivery.view(candidate.agent) : std::nullopt;
        return request;
    }

    RotationDone stage_one(db::Transaction &transaction, RotateKey const &request, ApiKey const &key) {
        return rotate_in(transaction, {.request = request,
                                       .new_key = key,
                                       .by = m_run.options().by,
                                       .staging = &m_batches.staging(),
                                       .end = m_end});
    }

    std::vector<sql::Candidate const *> able_to_receive(std::span<sql::Candidate const> group) {
        std::vector<Receiver> receivers;
        for (sql::Candidate const &candidate : group) {
            receivers.push_back({candidate.agent, candidate.org, candidate.owner});
        }
        std::vector<Recipient> all;
        for (Receiver const &receiver : receivers) {
            all.push_back(receiver.recipient());
        }
        m_delivery.announce(all);
        std::vector<sql::Candidate const *> able;
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (auto const reason = m_delivery.why_not(receivers[i].recipient())) {
                if (group[i].is_due) {
                    m_run.fail(group[i].agent, *reason);
                }
            } else {
                able.push_back(&group[i]);
            }
        }
        return able;
    }

    /// Confirms the batch before, stages a key for each of the group, and delivers them. The store is asked first, because
    /// no transaction may be open then.
    void stage(std::span<sql::Candidate const *const> group) {
        std::vector<RotateKey> requests;
        for (sql::Candidate const *candidate : group) {
            requests.push_back(request_for(*candidate));
        }
        std::vector<RotatedAgent> without_new_key;
        std::int64_t lost = 0;  // agents that were not due, but the store has no key of theirs that stays
        StagedBatches::Done const done = m_batches.next([&](db::Transaction &transaction, std::vector<AgentFault> &) {
            m_run.note(transaction);
            without_new_key.clear();
            lost = 0;
            std::vector<StagedBatches::Staged> staged;
            for (std::size_t i = 0; i < group.size(); ++i) {
                Receiver const receiver{group[i]->agent, group[i]->org, group[i]->owner};
                ApiKey key = ApiKey::generate(KeyType::agent);
                RotationDone const step = stage_one(transaction, requests[i], key);
                if (step.has_new_key) {
                    staged.push_back({std::move(key), receiver});
                    lost += group[i]->is_due ? 0 : 1;
                } else if (group[i]->is_due || step.rotated.changed) {
                    without_new_key.push_back(rotated_agent(receiver, step.rotated));
                }
            }
            return staged;
        });
        for (; lost > 0; --lost) {
            m_run.take();
        }
        m_batches.deliver_then([&] {
            report(done);
            for (RotatedAgent const &row : without_new_key) {
                m_run.report(row);
            }
        });
    }

    void report(StagedBatches::Done const &done) {
        if (!done.confirmed.empty()) {
            m_run.count_batch(m_delivery.destination());
        }
        for (StagedBatches::Confirmed const &confirmed : done.confirmed) {
            IssuedToAgent const &issued = confirmed.issued;
            RotatedAgent row{
                .agent_id = issued.agent_id,
                .org_id = issued.org_id,
                .owner = issued.owner,
                .key_id = issued.key_id,
                .key_is_active = confirmed.is_active,
                .reason = confirmed.is_active ? "" : "another key has replaced it: it stays staged, and works"};
            if (confirmed.previous) {
                row.set_previous(*confirmed.previous);
            }
            m_run.report(std::move(row));
        }
        for (AgentFault const &fault : done.faults) {
            m_run.fail(fault.agent_id, fault.reason);
        }
    }

    RotationRun &m_run;
    BatchDelivery &m_delivery;
    sql::EndOfOld m_end;
    StagedBatches m_batches;
};

}  // namespace

void rotate_to_store(RotationRun &run, BatchDelivery &delivery) { RotateToStore(run, delivery).rotate_all(); }

}  // namespace relay
