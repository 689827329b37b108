#include "relay/identity/rotation_rules.hpp"

#include "relay/identity/staged_keys_sql.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>

namespace relay {
namespace {

std::optional<Instant> inherited_expiry(db::Transaction &transaction, RotateKey const &request,
                                        sql::CurrentKeys const &keys) {
    if (!keys.active && keys.staged.empty()) {
        return std::nullopt;
    }
    Key const &last = keys.active ? *keys.active : keys.staged.back();
    bool const has_expired = last.expires_at && *last.expires_at <= transaction.now();
    if (has_expired && !request.force) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("the key of agent {} expired at {}, as set when it was created; nothing was changed",
                        request.agent, format_instant_seconds(*last.expires_at)),
            {.why = "a rotation does not extend access that was meant to end", .next = advise(Act::rotate_by_force)});
    }
    return has_expired ? std::nullopt : last.expires_at;
}

}  // namespace

void refuse_revoked(Agent const &agent) {
    if (agent.status == Status::revoked) {
        throw Error(ErrorKind::conflict, fmt::format("agent {} is revoked; nothing was changed", agent.agent_id),
                    {.why = "restore the agent first: that gives it a new key",
                     .next = advise(Act::restore_agent, agent.agent_id)});
    }
}

bool ends_others(RotateKey const &request) {
    return request.force || request.grace_once_used.value_or(request.grace) == std::chrono::seconds(0);
}

void refuse_third_key(db::Transaction &transaction, RotateKey const &request, sql::CurrentKeys const &keys,
                      std::optional<Key> const &in_grace) {
    if (in_grace && !ends_others(request)) {
        Key const &old = *in_grace;
        bool const has_settled = !(keys.active && keys.active->settle_until > transaction.now());
        Advice other = advise(Act::rotate_by_force).also("wait until its grace has ended");
        throw Error(
            ErrorKind::conflict,
            fmt::format("agent {} has a rotation in grace: key {} works until {}; nothing was changed", request.agent,
                        old.key_id, format_instant_seconds(old.expires_at.value_or(Instant()))),
            {.why = "an agent can have at most two live keys",
             .next = has_settled
                         ? advise(Act::retire_key, old.key_id).noting("ends that key now").also(std::move(other))
                         : std::move(other)});
    }
}

void refuse_sixth_staged(db::Transaction &transaction, AgentId const &agent, sql::CurrentKeys const &keys) {
    if (sql::agents_full_of_staged_keys(transaction, {agent}).empty()) {
        return;
    }
    std::vector<Key> newer;
    std::copy_if(keys.staged.begin(), keys.staged.end(), std::back_inserter(newer), [&](Key const &key) {
        return key.live() && (!keys.active || key.made_order > keys.active->made_order);
    });
    throw Error(
        ErrorKind::conflict,
        fmt::format("agent {} has {} staged keys that no delivery has confirmed; nothing was changed", agent,
                    newer.size()),
        {.why = "each of them works, because the store may hold it; the oldest is " + newer.front().key_id.text(),
         .next = advise(Act::list_staged_keys, agent)
                     .also(advise(Act::retire_staged_key, newer.front().key_id)
                               .noting("ends a key that the store does not hold"))});
}

std::optional<Instant> new_expiry(db::Transaction &transaction, RotateKey const &request,
                                  sql::CurrentKeys const &keys) {
    std::optional<Instant> const inherited = inherited_expiry(transaction, request, keys);
    if (!request.expires_at) {
        return inherited;
    }
    if (*request.expires_at <= transaction.now()) {
        throw Error(ErrorKind::usage, fmt::format("the new key would end at {}, which has passed; nothing was changed",
                                                  format_instant_seconds(*request.expires_at)));
    }
    if (inherited && *request.expires_at > *inherited && !request.force) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("the key of agent {} ends at {}, as set before, but the new one would end at {}; "
                        "nothing was changed",
                        request.agent, format_instant_seconds(*inherited), format_instant_seconds(*request.expires_at)),
            {.why = "a rotation does not extend access that was meant to end", .next = advise(Act::rotate_by_force)});
    }
    return request.expires_at;
}

}  // namespace relay
