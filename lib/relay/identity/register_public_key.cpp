#include "relay/identity/register_public_key.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/public_keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/rotation_rules.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

/// Returns the key if the agent has this public key already and it can still count.
std::optional<Key> same_key(db::Transaction &transaction, sql::CurrentKeys const &keys, VerifyingKey const &key) {
    auto const id = sql::find_public_key(transaction, key);
    if (!id) {
        return std::nullopt;
    }
    if (keys.active && keys.active->key_id == *id && keys.active->live()) {
        return keys.active;
    }
    auto const staged = std::find_if(keys.staged.begin(), keys.staged.end(), [&](Key const &one) {
        return one.key_id == *id && one.live() && !one.replaced_by;
    });
    return staged == keys.staged.end() ? std::nullopt : std::optional(*staged);
}

std::optional<Key> key_in_grace(sql::CurrentKeys const &keys) {
    auto const found =
        std::find_if(keys.retiring.begin(), keys.retiring.end(), [](Key const &key) { return key.live(); });
    return found == keys.retiring.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

RotatedKey register_public_key(db::Database &database, RegisterPublicKey const &request, WriteOptions const &options) {
    KeyId const id = generate_key_id();
    RotateKey rules{.agent = request.agent};  // the same rules as for any other key
    rules.grace = request.grace;
    rules.expires_at = request.expires_at;
    rules.force = request.force;
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        Agent const agent = sql::lock_agent(transaction, request.agent);
        refuse_revoked(agent);
        sql::CurrentKeys const keys = sql::current_keys(transaction, request.agent);
        RotatedKey result;
        result.previous = keys.active;
        result.key = same_key(transaction, keys, request.key);
        if (result.key) {
            result.unchanged_because = fmt::format("key {} has this public key", result.key->key_id);
            static_cast<WriteReceipt &>(result) = receipt_of(transaction, false);
            transaction.nothing_to_do();
            return result;
        }
        sql::refuse_known_public_key(transaction, request.key, std::nullopt);
        refuse_third_key(transaction, rules, keys, key_in_grace(keys));
        refuse_sixth_staged(transaction, request.agent, keys);
        auto const expires_at = new_expiry(transaction, rules, keys);
        sql::Detail detail;
        detail.add("algorithm", "ed25519").add("grace_seconds", request.grace.count());
        sql::record_events(transaction, options.by,
                           {{.action = "key_staged",  // before its key: see relay.audit_new_keys
                             .org_id = agent.org_id,
                             .agent_id = agent.agent_id,
                             .key_id = id,
                             .detail = std::move(detail)}});
        sql::stage_public_key(transaction, id, request.key, request.agent, expires_at, request.grace, options.by.actor);
        sql::confirm_new_key(transaction, id, KeyHash{{request.key.bytes()}}, request.agent, KeyState::staged);
        transaction.require(sql::answered_contrary(transaction, {id}).get().empty(),
                            "the new key of agent " + request.agent.text());
        result.key = sql::get_key(transaction, id);
        static_cast<WriteReceipt &>(result) = receipt_of(transaction, true);
        return result;
    });
}

}  // namespace relay
