#include "relay/fleet/key_batch.hpp"

#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/use_case.hpp"

#include <utility>

namespace relay {

KeyBatch::Done KeyBatch::run(Take const &take, Write const &write, Meanwhile const &meanwhile) {
    Done done;
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
                done = {};
                std::vector<Receiver> const able = able_to_receive(take(transaction), done);
                if (able.empty()) {
                    transaction.nothing_to_do();
                    return;
                }
                mint(transaction, able, done);
                auto const there = write(transaction, m_keys);
                if (meanwhile) {
                    transaction.settle_while([&] { meanwhile(transaction); });
                }
                prepared = true;
                hand_over(transaction, done);
                transaction.settle_while([&] {
                    if (!m_options.dry_run) {
                        delivered = true;  // set first: if deliver() throws half-way, rolled_back() cleans up
                        m_delivery.deliver();
                        mint_ahead(m_keys.size());
                    }
                });
                transaction.confirm(there.get(), "a new key of this batch");
            },
            &m_delivery, delivered);
    } catch (...) {
        if (!delivered) {
            forget();
        }
        throw;
    }
    if (!done.made.empty() && !delivered) {  // a dry run
        forget();
    }
    return done;
}

/// Returns the agents that were taken, without those to which nothing can be delivered.
std::vector<Receiver> KeyBatch::able_to_receive(std::vector<Receiver> const &agents, Done &done) {
    std::vector<Recipient> all;
    for (Receiver const &agent : agents) {
        all.push_back(agent.recipient());
    }
    m_delivery.announce(all);
    std::vector<Receiver> able;
    for (Receiver const &agent : agents) {
        if (auto const reason = m_delivery.why_not(agent.recipient())) {
            done.faults.push_back({agent.agent, *reason});
        } else {
            able.push_back(agent);
        }
    }
    return able;
}

void KeyBatch::mint(db::Transaction &transaction, std::vector<Receiver> const &agents, Done &done) {
    m_keys.clear();
    mint_ahead(agents.size());
    m_minted = std::exchange(m_ahead, {});
    for (std::size_t i = 0; i < agents.size(); ++i) {
        auto const &[key, hash_hex] = m_minted[i];
        Receiver const &agent = agents[i];
        m_keys.push_back({key.id(), hash_hex, agent.agent, agent.org});
        done.made.push_back({.agent_id = agent.agent,
                             .org_id = agent.org,
                             .owner = agent.owner,
                             .key_id = key.id(),
                             .issued_at = transaction.now()});
    }
}

/// Gives the keys to the delivery, which has only those of one batch at a time.
void KeyBatch::hand_over(db::Transaction &transaction, Done const &done) {
    m_delivery.made_for(transaction.database_id());
    for (std::size_t i = 0; i < done.made.size(); ++i) {
        IssuedToAgent const &made = done.made[i];
        m_delivery.add({.org = made.org_id, .agent = &made.agent_id, .key = m_minted[i].key, .owner = made.owner});
    }
    m_minted.clear();
    sql::record_operations(transaction, m_delivery.operations());
}

/// Makes keys for the next batch, before it is known which agents will get them.
void KeyBatch::mint_ahead(std::size_t keys) {
    while (m_ahead.size() < keys) {
        ApiKey key = ApiKey::generate(KeyType::agent);
        std::string hash_hex = key.hash().hex();
        m_ahead.push_back({std::move(key), std::move(hash_hex)});
    }
}

}  // namespace relay
