#include "relay/fleet/rotate_to_store.hpp"

#include "relay/fleet/row_faults.hpp"
#include "relay/fleet/staged_batches.hpp"
#include "relay/identity/rotation.hpp"
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
          m_batches(run.database(), run.options(), delivery, m_end) {}

    void rotate_all() {
        std::size_t const jobs = std::max<std::size_t>(1, m_delivery.most_at_once());
        while (auto const page = m_run.next_page(std::max(page_size, jobs))) {
            for (std::size_t at = 0; at < page->size() && m_run.may_continue(); at += jobs) {
                rotate(std::span(*page).subspan(at, std::min(jobs, page->size() - at)));
            }
        }
        report(m_batches.finish());
    }

  private:
    void rotate(std::span<sql::Candidate const> group) {
        std::vector<sql::Candidate const *> able = able_to_receive(group);
        try {
            stage(able);
        } catch (Error const &error) {
            if (!is_about_one_agent(error)) {
                throw;
            }
            // Whatever it was, nothing was committed: first what the batch before has delivered, and then one by one.
            report(m_batches.finish());
            stage_one_by_one(able);
        }
    }

    void stage_one_by_one(std::vector<sql::Candidate const *> const &group) {
        for (sql::Candidate const *candidate : group) {
            if (!m_run.may_continue()) {
                return;
            }
            try {
                stage({candidate});
            } catch (Error const &error) {
                if (!is_about_one_agent(error)) {
                    throw;
                }
                m_run.fail(candidate->agent, what_failed(error));
            }
        }
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
                m_run.fail(group[i].agent, *reason);
            } else {
                able.push_back(&group[i]);
            }
        }
        return able;
    }

    /// Confirms the batch before, stages a key for each of the group, and delivers them. The store is asked first, because
    /// no transaction may be open then.
    void stage(std::vector<sql::Candidate const *> const &group) {
        std::vector<RotateKey> requests;
        for (sql::Candidate const *candidate : group) {
            RotateKey &request = requests.emplace_back(m_run.request_for(candidate->agent));
            request.view = m_delivery.has_view() ? m_delivery.view(candidate->agent) : std::nullopt;
        }
        std::vector<RotatedAgent> without_new_key;
        StagedBatches::Done const done = m_batches.next([&](db::Transaction &transaction, std::vector<AgentFault> &) {
            m_run.note(transaction);
            without_new_key.clear();
            std::vector<StagedBatches::Staged> staged;
            for (std::size_t i = 0; i < group.size(); ++i) {
                Receiver const receiver{group[i]->agent, group[i]->org, group[i]->owner};
                ApiKey key = ApiKey::generate(KeyType::agent);
                RotationDone const step = rotate_in(transaction, {.request = requests[i],
                                                                  .new_key = key,
                                                                  .by = m_run.options().by,
                                                                  .staging = &m_batches.staging(),
                                                                  .end = m_end});
                if (step.has_new_key) {
                    staged.push_back({std::move(key), receiver});
                } else {
                    without_new_key.push_back(rotated_agent(receiver, step.rotated));
                }
            }
            return staged;
        });
        report(done);
        for (RotatedAgent const &row : without_new_key) {
            m_run.report(row);
        }
        m_batches.deliver();
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
