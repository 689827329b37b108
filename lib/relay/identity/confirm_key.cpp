#include "relay/identity/confirm_key.hpp"

#include "relay/db/database.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

bool is_later(std::optional<Key> const &active, Key const &key) {
    return active && active->made_order > key.made_order;
}

/// A key that another one has replaced is staged only because the store may still take it. What was proved about it before
/// that counts no longer: a client may have kept it, and its run may have heard from the store long ago.
bool can_be_confirmed(Key const &key, std::optional<Key> const &active) {
    return key.state == KeyState::staged && !key.replaced_by && !is_later(active, key);
}

bool was_live(sql::CurrentKeys const &keys, KeyId const &id) {
    auto const is_it = [&](Key const &key) { return key.key_id == id && key.live(); };
    return (keys.active && keys.active->key_id == id) || std::any_of(keys.staged.begin(), keys.staged.end(), is_it) ||
           std::any_of(keys.retiring.begin(), keys.retiring.end(), is_it);
}

std::vector<sql::NewEvent> events_of(std::vector<sql::Replaced> const &replaced, Owned const &owner,
                                     std::optional<Key> const &active) {
    std::vector<sql::NewEvent> events;
    for (sql::Replaced const &change : replaced) {
        bool const is_active = active && active->key_id == change.key_id;
        bool const is_same =
            change.after == change.before && !(change.after == KeyState::retiring && change.ends_sooner);
        char const *const action = is_same || change.after == KeyState::revoked ? nullptr
                                   : change.after == KeyState::retired          ? "key_retired"
                                   : change.after == KeyState::staged           ? "key_staged"
                                   : is_active ? nullptr  // the event of the new key names it
                                               : "key_retiring";
        if (action != nullptr) {
            events.push_back({.action = action, .org_id = owner.org, .agent_id = owner.agent, .key_id = change.key_id});
        }
    }
    return events;
}

}  // namespace

void add_grace(sql::Detail &detail, sql::EndOfOld const &end) {
    detail.add("grace_seconds", end.grace.count());
    if (end.grace_once_used) {
        detail.add("grace_once_used_seconds", end.grace_once_used->count());
    }
}

std::vector<KeyId> replace_keys(db::Transaction &transaction, sql::CurrentKeys const &keys, Owned const &owner,
                                sql::Successor const &successor, sql::EndOfOld const &end, Attribution const &by) {
    auto const asked = sql::replace_earlier_keys(transaction, owner.agent, successor, end);
    // The usual case needs no answer: the active key begins its grace, and no other key is there. What is read back later
    // shows it.
    bool const is_alone = keys.staged.empty() && keys.retiring.empty();
    bool const begins_grace = keys.active && keys.active->status == KeyStatus::active && end.grace.count() > 0;
    if (is_alone && begins_grace && !keys.active->settle_until) {
        return {};
    }
    auto const replaced = asked.get();
    if (keys.active) {
        KeyId const &active = keys.active->key_id;
        transaction.require(std::any_of(replaced.begin(), replaced.end(),
                                        [&](sql::Replaced const &change) { return change.key_id == active; }),
                            "the change of key " + active.text(), {"key " + active.text() + " may still be live"});
    }
    if (auto const events = events_of(replaced, owner, keys.active); !events.empty()) {
        sql::record_events(transaction, by, events);
    }
    std::vector<KeyId> ended;
    for (sql::Replaced const &change : replaced) {
        if (change.after == KeyState::retired && was_live(keys, change.key_id)) {
            ended.push_back(change.key_id);
        }
    }
    return ended;
}

ConfirmedKey confirm_key(db::Transaction &transaction, sql::CurrentKeys const &keys, Key const &staged,
                         sql::EndOfOld const &end, Attribution const &by) {
    std::string const what = "key " + staged.key_id.text();
    if (!staged.live()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} of agent {} is {}; it was not confirmed", what, staged.agent_id, staged.status),
                    {.why = "it ended while it was delivered", .next = advise(Act::show_agent, staged.agent_id)});
    }
    if (!can_be_confirmed(staged, keys.active)) {
        return {.key = staged};
    }
    Owned const owner{staged.org_id, staged.agent_id};
    ConfirmedKey confirmed{.key = staged, .changed = true};
    confirmed.ended = replace_keys(transaction, keys, owner,
                                   {.id = staged.key_id,
                                    .made_order = staged.made_order,
                                    .staged_at = staged.created_at,
                                    .settle_until = staged.settle_until},
                                   end, by);
    sql::Detail detail;
    if (keys.active) {
        add_grace(detail, end);
        detail.add("previous_key_id", keys.active->key_id.text());
    }
    sql::record_events(transaction, by,
                       {{.action = keys.active ? "key_rotated" : "key_issued",
                         .org_id = staged.org_id,
                         .agent_id = staged.agent_id,
                         .key_id = staged.key_id,
                         .detail = std::move(detail)}});
    sql::activate(transaction, staged.key_id);
    transaction.expect_announcement();
    confirmed.key = sql::get_key(transaction, staged.key_id);
    if (keys.active) {
        confirmed.previous = sql::get_key(transaction, keys.active->key_id);
    }
    for (KeyId const &id : confirmed.ended) {
        auto const ended = sql::find_key(transaction, id);
        transaction.require(ended && !ended->live(), "the end of key " + id.text(),
                            {"key " + id.text() + " may still be live"});
    }
    if (confirmed.key.status == KeyStatus::revoked) {
        throw db::RunAgain();  // it was revoked meanwhile: the next run says so
    }
    transaction.confirm(
        confirmed.key.state == KeyState::active && sql::answered_contrary(transaction, {staged.key_id}).get().empty(),
        "the confirmation of " + what);
    return confirmed;
}

std::optional<Key> shown_key(db::Transaction &transaction, sql::CurrentKeys const &keys, StoreView const &view) {
    if (!view.key) {
        return std::nullopt;
    }
    auto const owner = sql::identify(transaction, view.key->id, view.key->hash);
    auto const matches = [&](Key const &key) {
        return key.key_id == view.key->id && owner && owner->agent_id == key.agent_id && key.live();
    };
    if (keys.active && matches(*keys.active)) {
        return keys.active;
    }
    for (auto const *const list : {&keys.staged, &keys.retiring}) {
        auto const found = std::find_if(list->begin(), list->end(), matches);
        if (found != list->end()) {
            return *found;
        }
    }
    return std::nullopt;
}

std::optional<Key> proved_key(db::Transaction &transaction, sql::CurrentKeys const &keys,
                              std::optional<StoreView> const &view) {
    auto const shown = view ? shown_key(transaction, keys, *view) : std::nullopt;
    for (auto key = keys.staged.rbegin(); key != keys.staged.rend(); ++key) {
        if (key->live() && can_be_confirmed(*key, keys.active) &&
            (key->first_used_at || (shown && shown->key_id == key->key_id))) {
            return *key;
        }
    }
    return std::nullopt;
}

}  // namespace relay
