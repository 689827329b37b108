#include "relay/fleet/key_batch.hpp"

#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {

KeyBatch::Done KeyBatch::run(Take const &take, Write const &write_keys) {
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
                prepared = true;
                m_delivery.made_for(transaction.database_id());
                mint(transaction, able, done);
                if (m_options.dry_run) {
                    write(transaction, write_keys, [] {});
                } else {
                    delivered = true;  // set first: if deliver() throws half-way, rolled_back() cleans up
                    write(transaction, write_keys, [this] {
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
    for (Receiver const &agent : agents) {
        auto const [key, hash_hex] = next_key();
        m_delivery.add({.org = agent.org, .agent = &agent.agent, .key = key, .owner = agent.owner});
        m_keys.push_back({key.id(), hash_hex, agent.agent, agent.org});
        done.made.push_back({.agent_id = agent.agent,
                             .org_id = agent.org,
                             .owner = agent.owner,
                             .key_id = key.id(),
                             .issued_at = transaction.now()});
    }
}

KeyBatch::Minted KeyBatch::mint_one() {
    ApiKey key = ApiKey::generate(KeyType::agent);
    std::string hash_hex = key.hash().hex();
    return {std::move(key), std::move(hash_hex)};
}

KeyBatch::Minted KeyBatch::next_key() {
    if (m_ahead.empty()) {
        return mint_one();
    }
    Minted minted = std::move(m_ahead.back());
    m_ahead.pop_back();
    return minted;
}

/// Makes as many keys for the next batch as this one had, before it is known which agents will get them.
void KeyBatch::mint_ahead() {
    while (m_ahead.size() < m_keys.size()) {
        m_ahead.push_back(mint_one());
    }
}

void KeyBatch::write(db::Transaction &transaction, Write const &write_keys, std::function<void()> const &meanwhile) {
    sql::record_operations(transaction, m_delivery.operations());
    auto const there = write_keys(transaction, m_keys);
    transaction.settle_while(meanwhile);
    transaction.confirm(there.get(), "a new key of this batch");
}

}  // namespace relay
