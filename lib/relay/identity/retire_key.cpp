#include "relay/identity/rotate_key.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {

RetiredKey retire_key(db::Database &database, KeyId const &key, bool force, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> RetiredKey {
        sql::lock_agent(transaction, sql::get_key(transaction, key).agent_id);
        Key const before = sql::get_key(transaction, key);
        if (before.state == KeyState::retired || before.state == KeyState::revoked ||
            before.status == KeyStatus::revoked) {
            transaction.nothing_to_do();
            return {receipt_of(transaction, false), before};
        }
        if (before.state == KeyState::staged && before.live() && !force) {
            throw Error(ErrorKind::conflict,
                        fmt::format("key {} of agent {} is staged; nothing was changed", key.text(), before.agent_id),
                        {.why = "the store may hold it, or may still take it until " +
                                format_instant_seconds(before.settle_until.value_or(Instant())),
                         .next = advise(Act::retire_by_force)});
        }
        auto const successor = before.state == KeyState::retiring && before.replaced_by
                                   ? sql::find_key(transaction, *before.replaced_by)
                                   : std::nullopt;
        if (successor && successor->settle_until > transaction.now() && before.live() && !force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("key {} of agent {} is in grace, and the delivery of key {} has not settled; nothing "
                            "was changed",
                            key.text(), before.agent_id, successor->key_id),
                {.why = "until " + format_instant_seconds(*successor->settle_until) +
                        " the store may still hold the old key",
                 .next = advise(Act::retire_by_force)});
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
        transaction.expect_announcement();
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
