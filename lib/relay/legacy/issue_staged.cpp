#include "relay/legacy/issue_staged.hpp"

#include "relay/db/batches.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/confirm_key.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/staged_keys_sql.hpp"
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

StagedIssue::Done StagedIssue::next(Take const &take) {
    try {
        return confirm_and_stage(take);
    } catch (Error const &error) {
        if (m_delivered.empty() || error.kind() == ErrorKind::unknown || error.kind() == ErrorKind::internal ||
            (is_refusal_of_rows(error) && !m_taken.empty())) {
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

StagedIssue::Done StagedIssue::finish() {
    return next([](db::Transaction &) { return std::vector<sql::ToIssue>(); });
}

StagedIssue::Done StagedIssue::confirm_and_stage(Take const &take) {
    auto const began = std::chrono::steady_clock::now();
    Done done = m_database.transact(writing(m_options), [&](db::Transaction &transaction) -> Done {
        Done made;
        m_taken = take(transaction);
        confirm_delivered(transaction, made);
        stage(transaction, made);
        if (m_minted.empty() && m_delivered.empty()) {
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

void StagedIssue::confirm_delivered(db::Transaction &transaction, Done &done) {
    for (IssuedToAgent const &issued : m_delivered) {
        sql::lock_agent(transaction, issued.agent_id);
        sql::CurrentKeys const keys = sql::current_keys(transaction, issued.agent_id);
        Key const key = sql::get_key(transaction, issued.key_id);
        if (!key.live()) {
            done.faults.push_back({issued.agent_id, "its key is " + std::string(text_of(key.status)) +
                                                        ": it ended while it was delivered"});
            continue;
        }
        confirm_key(transaction, keys, key, {}, m_options.by);
        sql::note_issued(transaction, issued.agent_id, issued.key_id);
        done.confirmed.push_back(issued);
    }
    if (!m_delivered.empty() && done.confirmed.empty()) {
        transaction.confirm(true, "the keys that ended");
    }
}

void StagedIssue::stage(db::Transaction &transaction, Done &done) {
    if (m_taken.empty()) {
        m_minted.clear();
        return;
    }
    std::vector<Recipient> all;
    std::vector<AgentId> ids;
    for (sql::ToIssue const &agent : m_taken) {
        all.push_back({agent.org, agent.agent, agent.owner});
        ids.push_back(agent.agent);
    }
    std::set<AgentId> const full = sql::agents_full_of_staged_keys(transaction, ids);
    m_delivery.announce(all);
    m_minted.clear();
    std::vector<sql::NewKey> keys;
    for (sql::ToIssue const &agent : m_taken) {
        if (auto const reason = m_delivery.why_not({agent.org, agent.agent, agent.owner})) {
            done.faults.push_back({agent.agent, *reason});
            continue;
        }
        if (full.contains(agent.agent)) {
            done.faults.push_back({agent.agent,
                                   "it has too many staged keys that no delivery has confirmed: look into the "
                                   "store, and end those that it does not hold"});
            continue;
        }
        Minted const &made = m_minted.emplace_back(Minted{ApiKey::generate(KeyType::agent), agent});
        keys.push_back({made.key.id(), made.key.hash().hex(), agent.agent, agent.org});
    }
    if (keys.empty()) {
        return;
    }
    sql::stage_keys(transaction, keys, m_staging, m_options.by);
    transaction.confirm(sql::are_staged_as_made(transaction, keys), "a new key of this batch");
}

void StagedIssue::deliver() {
    if (m_minted.empty()) {
        return;
    }
    for (Minted const &minted : m_minted) {
        sql::ToIssue const &agent = minted.agent;
        m_delivery.add({.org = agent.org, .agent = &agent.agent, .key = minted.key, .owner = agent.owner});
    }
    try {
        m_delivery.deliver();
    } catch (Interrupted const &) {
        throw not_confirmed("a signal ended the delivery");
    }
    auto const refused = m_delivery.refused();
    for (Minted const &minted : m_minted) {
        auto const found = std::find_if(refused.begin(), refused.end(), [&](BatchDelivery::Refusal const &refusal) {
            return refusal.agent_id == minted.agent.agent;
        });
        if (found != refused.end()) {
            m_refused.push_back({found->agent_id, found->reason});
        } else {
            m_delivered.push_back({.agent_id = minted.agent.agent,
                                   .org_id = minted.agent.org,
                                   .owner = minted.agent.owner,
                                   .key_id = minted.key.id()});
        }
    }
    m_minted.clear();
    m_delivery.committed();
}

}  // namespace relay
