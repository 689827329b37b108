#include "relay/identity/rotate_key.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {

RotatedKey revert_rotation(db::Database &database, AgentId const &agent, WriteOptions const &options) {
    RotatedKey result;
    database.transact(writing(options), [&](db::Transaction &transaction) {
        result = {};
        Agent const owner = sql::lock_agent(transaction, agent);
        sql::CurrentKeys const keys = sql::current_keys(transaction, agent);
        if (!keys.retiring || !keys.retiring->live() || !keys.active) {
            throw Error(ErrorKind::conflict,
                        fmt::format("agent {} has no rotation in grace to revert; nothing was changed", agent.text()),
                        {.next = advise(Act::show_agent, agent)});
        }
        sql::retire(transaction, keys.active->key_id);
        // Grace shortened the old key's expiry. The new key inherited the original one, so take it from there.
        sql::end_grace_as_active(transaction, keys.retiring->key_id, keys.active->expires_at);
        sql::record_events(transaction, options.by,
                           {{.action = "key_retired",
                             .org_id = owner.org_id,
                             .agent_id = owner.agent_id,
                             .key_id = keys.active->key_id},
                            {.action = "key_rotation_reverted",
                             .org_id = owner.org_id,
                             .agent_id = owner.agent_id,
                             .key_id = keys.retiring->key_id}});
        result.key = sql::get_key(transaction, keys.retiring->key_id);
        result.previous = sql::get_key(transaction, keys.active->key_id);
        result.ended = {keys.active->key_id};
        transaction.require(!result.previous->live(), "the end of key " + keys.active->key_id.text(),
                            {"key " + keys.active->key_id.text() + " may still be live"});
        transaction.confirm(result.key->state == KeyState::active && result.key->expires_at == keys.active->expires_at,
                            "the return of key " + keys.retiring->key_id.text());
        result.changed = true;
        note_who(result, transaction);
    });
    return result;
}

RetiredKey retire_key(db::Database &database, KeyId const &key, bool force, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> RetiredKey {
        sql::lock_agent(transaction, sql::get_key(transaction, key).agent_id);
        Key const before = sql::get_key(transaction, key);
        if (before.state == KeyState::retired || before.state == KeyState::revoked ||
            before.status == KeyStatus::revoked) {
            transaction.nothing_to_do();
            return {receipt_of(transaction, false), before};
        }
        if (before.state == KeyState::active && before.live() && !force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("key {} is the active key of agent {}; nothing was changed", key.text(), before.agent_id),
                {.why = "without it the agent has no working key",
                 .next = advise(Act::rotate_key_without_grace, before.agent_id)
                             .noting("replaces it")
                             .also(advise(Act::retire_by_force))});
        }
        sql::retire(transaction, key);
        sql::record_events(
            transaction, options.by,
            {{.action = "key_retired", .org_id = before.org_id, .agent_id = before.agent_id, .key_id = key}});
        Key const after = sql::get_key(transaction, key);
        transaction.require(sql::answered_contrary(transaction, {key}).get().empty(), "the end of key " + key.text(),
                            {"key " + key.text() + " may still be live"});
        transaction.confirm(after.state == KeyState::retired && !after.live(), "the end of key " + key.text(),
                            {"key " + key.text() + " may still be live"});
        return {receipt_of(transaction, true), after};
    });
}

}  // namespace relay
