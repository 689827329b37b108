#include "relay/identity/staged_delivery.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

Error not_confirmed(StagedKey const &staged, Store const &store, std::string why) {
    return {ErrorKind::sink,
            fmt::format("the delivery of key {} to agent {} is not confirmed; all keys that may have arrived work; run "
                        "it again",
                        staged.key.text(), staged.agent.text()),
            {.why = std::move(why), .next = store.again(staged.agent), .changed = Changed::partly}};
}

std::string reason_of(Error const &error) {
    return what_failed(error) + (error.hint().why.empty() ? "" : ": " + error.hint().why);
}

/// Delivers, and returns what went wrong; empty if nothing did.
std::string try_to_deliver(KeyDelivery &delivery) {
    try {
        delivery.deliver();
        return {};
    } catch (Error const &error) {
        return reason_of(error);
    }
}

/// What one look at the agent's keys has confirmed.
struct Outcome {
    std::optional<ConfirmedKey> own{};  ///< none: the store does not show the key
};

Outcome confirm(db::Transaction &transaction, StagedKey const &staged, std::optional<StoreView> const &view,
                sql::EndOfOld const &end, Attribution const &by) {
    sql::lock_agent(transaction, staged.agent);
    sql::CurrentKeys const keys = sql::current_keys(transaction, staged.agent);
    std::optional<Key> proved = view ? shown_key(transaction, keys, *view) : sql::get_key(transaction, staged.key);
    if (!proved || (view && proved->key_id != staged.key && proved->state != KeyState::staged)) {
        transaction.nothing_to_do();
        return {};
    }
    ConfirmedKey confirmed = confirm_key(transaction, keys, *proved, end, by);
    if (!confirmed.changed) {
        transaction.nothing_to_do();
    }
    return proved->key_id == staged.key ? Outcome{.own = std::move(confirmed)} : Outcome{};
}

}  // namespace

ConfirmedKey finish_delivery(db::Database &database, StagedKey const &staged, KeyDelivery &delivery,
                             sql::EndOfOld const &end, WriteOptions const &options) {
    Store &store = *delivery.store();
    try {
        store.end_at(staged.began + store.staging().timeout);
        std::string const failure = try_to_deliver(delivery);
        std::optional<StoreView> const view = store.has_view() ? store.view() : std::nullopt;
        if (store.has_view() ? !view : !failure.empty()) {
            throw not_confirmed(
                staged, store,
                failure.empty() ? "the command of --read-back did not show what the store holds" : failure);
        }
        auto outcome = database.transact(writing(options), [&](db::Transaction &transaction) {
            return confirm(transaction, staged, view, end, options.by);
        });
        if (!outcome.own) {
            throw not_confirmed(staged, store, failure.empty() ? "the store does not show the key" : failure);
        }
        return *std::move(outcome.own);
    } catch (Interrupted const &) {
        throw not_confirmed(staged, store, "a signal ended the delivery");
    } catch (Error const &error) {
        // "Nothing was changed" is true of the confirmation, but not of the whole.
        if (error.kind() == ErrorKind::sink || error.kind() == ErrorKind::unknown ||
            error.kind() == ErrorKind::conflict) {
            throw;
        }
        throw not_confirmed(staged, store, "the confirmation failed: " + reason_of(error));
    }
}

ConfirmedKey pretend_delivery(db::Transaction &transaction, StagedKey const &staged, sql::EndOfOld const &end,
                              Attribution const &by) {
    return confirm_key(transaction, sql::current_keys(transaction, staged.agent), sql::get_key(transaction, staged.key),
                       end, by);
}

}  // namespace relay
