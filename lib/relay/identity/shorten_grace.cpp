#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/identity/staged_keys_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>

namespace relay {

std::optional<Key> shorten_grace(db::Database &database, KeyId const &successor, std::chrono::seconds grace,
                                 WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> std::optional<Key> {
        Key const active = sql::get_key(transaction, successor);
        sql::lock_agent(transaction, active.agent_id);
        auto const ended = sql::end_grace_sooner(transaction, successor, grace);
        if (ended.empty()) {
            transaction.nothing_to_do();
            return std::nullopt;
        }
        std::vector<sql::NewEvent> events;
        for (sql::Replaced const &change : ended) {
            events.push_back({.action = change.after == KeyState::retired ? "key_retired" : "key_retiring",
                              .org_id = active.org_id,
                              .agent_id = active.agent_id,
                              .key_id = change.key_id});
        }
        sql::record_events(transaction, options.by, events);
        transaction.expect_announcement();
        Key const after = sql::get_key(transaction, ended.back().key_id);
        auto const latest = std::max(transaction.now() + grace, active.settle_until.value_or(transaction.now()));
        transaction.confirm(!after.live() || after.expires_at <= latest, "the end of key " + after.key_id.text(),
                            {"key " + after.key_id.text() + " may still be live"});
        return after;
    });
}

std::optional<RotatedKey> find_waiting_rotation(db::Database &database, AgentId const &agent,
                                                std::chrono::seconds grace) {
    return database.transact(reading(), [&](db::Transaction &transaction) -> std::optional<RotatedKey> {
        sql::CurrentKeys const keys = sql::current_keys(transaction, agent);
        if (!keys.active || !keys.active->live()) {
            return std::nullopt;
        }
        Instant const latest =
            std::max(transaction.now() + grace, keys.active->settle_until.value_or(transaction.now()));
        auto const is_kept = [&](Key const &key) {
            return key.live() && key.replaced_by == keys.active->key_id && key.expires_at > latest;
        };
        auto const old_key = std::find_if(keys.retiring.begin(), keys.retiring.end(), is_kept);
        if (old_key == keys.retiring.end() || !sql::waits_for_use(transaction, *keys.active)) {
            return std::nullopt;
        }
        RotatedKey found{.key = keys.active, .previous = *old_key};
        found.unchanged_because = "key " + keys.active->key_id.text() + " is not used yet, and key " +
                                  old_key->key_id.text() + " is kept until then";
        note_who(found, transaction);
        return found;
    });
}

}  // namespace relay
