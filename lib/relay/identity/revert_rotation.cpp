#include "relay/identity/agents_sql.hpp"
#include "relay/identity/confirm_key.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

/// Returns the key that was active before the present one, if it still works. Staged keys that perhaps no one holds retire
/// together with it, so that a key was replaced does not prove that the agent has it.
std::optional<Key> replaced_key(db::Transaction &transaction, sql::CurrentKeys const &keys) {
    auto const previous = keys.active ? sql::previous_key(transaction, *keys.active) : std::nullopt;
    auto const is_it = [&](Key const &key) {
        return key.key_id == previous && key.live() && key.replaced_by == keys.active->key_id;
    };
    for (auto const *const list : {&keys.retiring, &keys.staged}) {
        if (auto const found = std::find_if(list->begin(), list->end(), is_it); found != list->end()) {
            return *found;
        }
    }
    return std::nullopt;
}

/// Returns the key to which a delivered rotation can be reverted: the one that the store shows. Throws Error (conflict)
/// if it shows another one.
Key key_in_store(db::Transaction &transaction, sql::CurrentKeys const &keys, RevertRotation const &request,
                 std::optional<StoreView> const &view) {
    auto const shown = view ? shown_key(transaction, keys, *view) : std::nullopt;
    if (!shown || shown->made_order >= keys.active->made_order) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("key {} of agent {} was delivered to a store; nothing was changed", keys.active->key_id,
                        request.agent),
            {.why = !view   ? "clients would read a key that ends, unless the store holds the old one again"
                    : shown ? "the store shows key " + shown->key_id.text()
                            : "the store shows none of the agent's earlier keys",
             .next = "put the old key back into the store, then add --read-back CMD, which prints what it holds"});
    }
    return *shown;
}

std::optional<KeyId> active_key(sql::CurrentKeys const &keys) {
    return keys.active ? std::optional(keys.active->key_id) : std::nullopt;
}

/// What the store showed, and which key was active before it was asked.
struct Look {
    std::optional<KeyId> active{};
    std::optional<StoreView> view{};
};

class Reversal {
  public:
    Reversal(db::Transaction &transaction, RevertRotation const &request, Look const &look, Attribution const &by)
        : m_transaction(transaction), m_request(request), m_look(look), m_by(by) {}

    RotatedKey run() {
        sql::lock_agent(m_transaction, m_request.agent);
        sql::CurrentKeys const keys = sql::current_keys(m_transaction, m_request.agent);
        if (m_request.look && active_key(keys) != m_look.active) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("another command gave agent {} another key while the store was asked; nothing was changed",
                            m_request.agent.text()),
                {.next = advise(Act::show_agent, m_request.agent)});
        }
        bool const was_delivered = keys.active && keys.active->deliver_until;
        std::optional<Key> const old = was_delivered
                                           ? std::optional(key_in_store(m_transaction, keys, m_request, m_look.view))
                                           : replaced_key(m_transaction, keys);
        if (!old) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("agent {} has no rotation in grace to revert; nothing was changed", m_request.agent.text()),
                {.next = advise(Act::show_agent, m_request.agent)});
        }
        Key const &active = *keys.active;
        KeyState const fate = was_delivered ? let_go(active, old->key_id) : end(active);
        // Grace shortened the old key's expiry. The new key inherited the original one, so take it from there.
        sql::end_grace_as_active(m_transaction, old->key_id, active.expires_at);
        sql::void_proofs(m_transaction, m_request.agent, old->key_id);
        record(active, *old, fate);
        return read_back(active, *old, fate);
    }

  private:
    KeyState end(Key const &active) {
        sql::retire(m_transaction, active.key_id);
        return KeyState::retired;
    }

    /// The store may still take the new key, or a client may have it, so it does not end now.
    KeyState let_go(Key const &active, KeyId const &old) {
        bool const may_arrive = active.settle_until > m_transaction.now();
        KeyState const fate = may_arrive                                  ? KeyState::staged
                              : m_request.grace > std::chrono::seconds(0) ? KeyState::retiring
                                                                          : KeyState::retired;
        sql::replace_key(m_transaction, active.key_id, old, fate, m_request.grace);
        return fate;
    }

    void record(Key const &active, Key const &old, KeyState fate) {
        sql::record_events(m_transaction, m_by,
                           {{.action = fate == KeyState::retired  ? "key_retired"
                                       : fate == KeyState::staged ? "key_staged"
                                                                  : "key_retiring",
                             .org_id = active.org_id,
                             .agent_id = active.agent_id,
                             .key_id = active.key_id},
                            {.action = "key_rotation_reverted",
                             .org_id = old.org_id,
                             .agent_id = old.agent_id,
                             .key_id = old.key_id}});
    }

    RotatedKey read_back(Key const &active, Key const &old, KeyState fate) {
        RotatedKey result;
        result.key = sql::get_key(m_transaction, old.key_id);
        result.previous = sql::get_key(m_transaction, active.key_id);
        if (fate == KeyState::retired) {
            result.ended = {active.key_id};
            m_transaction.require(!result.previous->live(), "the end of key " + active.key_id.text(),
                                  {"key " + active.key_id.text() + " may still be live"});
        }
        m_transaction.confirm(result.key->state == KeyState::active && result.key->expires_at == active.expires_at,
                              "the return of key " + old.key_id.text());
        m_transaction.expect_announcement();
        result.changed = true;
        note_who(result, m_transaction);
        return result;
    }

    db::Transaction &m_transaction;
    RevertRotation const &m_request;
    Look const &m_look;
    Attribution const &m_by;
};

}  // namespace

RotatedKey revert_rotation(db::Database &database, RevertRotation const &request, WriteOptions const &options) {
    Look look;
    if (request.look) {
        look.active = database.transact(reading(), [&](db::Transaction &transaction) {
            return active_key(sql::current_keys(transaction, request.agent));
        });
        look.view = request.look();
    }
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        return Reversal(transaction, request, look, options.by).run();
    });
}

}  // namespace relay
