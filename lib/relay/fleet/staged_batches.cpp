#include "relay/fleet/staged_batches.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/confirm_key.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text_of.hpp"

#include <algorithm>

namespace relay {
namespace {

constexpr auto all_work = "all keys that may have arrived work; run it again";

Error not_confirmed(std::string why) {
    return {ErrorKind::sink,
            std::string("the keys of the last deliveries are not confirmed; ") + all_work,
            {.why = std::move(why), .changed = Changed::partly}};
}

}  // namespace

StagedBatches::Done StagedBatches::next(Stage const &stage) {
    m_is_staging = m_is_delivering = false;
    try {
        return confirm_and_stage(stage);
    } catch (Error const &error) {
        if (m_delivered.empty() || error.kind() == ErrorKind::unknown || error.kind() == ErrorKind::internal ||
            (m_is_staging && is_about_one_agent(error))) {
            throw;
        }
        throw not_confirmed(what_failed(error));
    } catch (Interrupted const &) {
        if (m_delivered.empty()) {
            throw;
        }
        throw not_confirmed("a signal came before their confirmation");
    }
}

StagedBatches::Done StagedBatches::finish() {
    return next([](db::Transaction &, std::vector<AgentFault> &) { return std::vector<Staged>(); });
}

StagedBatches::Done StagedBatches::confirm_and_stage(Stage const &stage) {
    auto const began = std::chrono::steady_clock::now();
    Done done = m_database.transact(writing(m_options), [&](db::Transaction &transaction) -> Done {
        Done made;
        confirm_delivered(transaction, made);
        m_is_staging = true;
        m_staged = stage(transaction, made.faults);
        if (m_staged.empty() && m_delivered.empty() && !transaction.is_confirmed()) {
            transaction.nothing_to_do();
        }
        return made;
    });
    done.faults.insert(done.faults.end(), m_refused.begin(), m_refused.end());
    m_delivered.clear();
    m_refused.clear();
    m_delivery.end_at(began + m_staging.timeout);
    return done;
}

void StagedBatches::confirm_delivered(db::Transaction &transaction, Done &done) {
    for (Delivered const &delivered : m_delivered) {
        confirm(transaction, delivered, done);
    }
    if (!m_delivered.empty() && done.confirmed.empty()) {
        transaction.confirm(true, "the keys that ended");
    }
}

void StagedBatches::confirm(db::Transaction &transaction, Delivered const &delivered, Done &done) {
    IssuedToAgent const &issued = delivered.issued;
    sql::lock_agent(transaction, issued.agent_id);
    sql::CurrentKeys const keys = sql::current_keys(transaction, issued.agent_id);
    Key const own = sql::get_key(transaction, issued.key_id);
    if (!own.live()) {
        done.faults.push_back(
            {issued.agent_id, "its key is " + std::string(text_of(own.status)) + ": it ended while it was delivered"});
        return;
    }
    auto const shown = delivered.view ? shown_key(transaction, keys, *delivered.view) : std::optional(own);
    // A key of an earlier delivery is as good: the store has it. This one then stays staged, because it may still arrive.
    if (!shown || (shown->key_id != issued.key_id && shown->state != KeyState::staged)) {
        done.faults.push_back({issued.agent_id, "the store does not show its new key"});
        return;
    }
    ConfirmedKey const confirmed = confirm_key(transaction, keys, *shown, m_end, m_options.by);
    IssuedToAgent held = issued;
    held.key_id = shown->key_id;
    if (confirming) {
        confirming(transaction, held);
    }
    done.confirmed.push_back({held, confirmed.previous, confirmed.key.state == KeyState::active});
}

void StagedBatches::deliver() {
    m_is_delivering = true;
    if (m_staged.empty()) {
        return;
    }
    for (Staged const &staged : m_staged) {
        Receiver const &agent = staged.agent;
        m_delivery.add({.org = agent.org, .agent = &agent.agent, .key = staged.key, .owner = agent.owner});
    }
    try {
        m_delivery.deliver();
        auto const refused = m_delivery.refused();
        for (Staged const &staged : m_staged) {
            auto const found = std::find_if(refused.begin(), refused.end(), [&](BatchDelivery::Refusal const &refusal) {
                return refusal.agent_id == staged.agent.agent;
            });
            judge(staged, found != refused.end() ? std::optional(found->reason) : std::nullopt);
        }
    } catch (Interrupted const &) {
        throw not_confirmed("a signal ended the delivery");
    }
    m_staged.clear();
    m_delivery.committed();
}

/// Notes whether the store has the key: as it shows, or else as the delivery says.
void StagedBatches::judge(Staged const &staged, std::optional<std::string> const &refusal) {
    Receiver const &agent = staged.agent;
    std::optional<StoreView> view;
    if (m_delivery.has_view()) {
        view = m_delivery.view(agent.agent);
        if (!view) {
            m_refused.push_back(
                {agent.agent, refusal.value_or("the command of --read-back did not show what the store holds")});
            return;
        }
    } else if (refusal) {
        m_refused.push_back({agent.agent, *refusal});
        return;
    }
    m_delivered.push_back(
        {.issued = {.agent_id = agent.agent, .org_id = agent.org, .owner = agent.owner, .key_id = staged.key.id()},
         .view = std::move(view)});
}

}  // namespace relay
