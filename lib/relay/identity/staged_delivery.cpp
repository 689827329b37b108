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

/// Returns what the store shows; none if it did not answer.
std::optional<StoreView> try_to_look(Store &store) {
    try {
        return store.view();
    } catch (Error const &) {
        return std::nullopt;
    }
}

/// Confirms the key that the store shows, or the staged one if the store cannot be asked. Returns what became of the staged
/// key; none if it is not the one that was confirmed.
std::optional<ConfirmedKey> confirm(db::Transaction &transaction, StagedKey const &staged,
                                    std::optional<StoreView> const &view, sql::EndOfOld const &end,
                                    Attribution const &by) {
    sql::lock_agent(transaction, staged.agent);
    sql::CurrentKeys const keys = sql::current_keys(transaction, staged.agent);
    std::optional<Key> const proved =
        view ? shown_key(transaction, keys, *view) : sql::get_key(transaction, staged.key);
    if (!proved || (view && proved->key_id != staged.key && proved->state != KeyState::staged)) {
        transaction.nothing_to_do();
        return std::nullopt;
    }
    ConfirmedKey confirmed = confirm_key(transaction, keys, *proved, end, by);
    if (!confirmed.changed) {
        transaction.nothing_to_do();
    }
    return proved->key_id == staged.key ? std::optional(std::move(confirmed)) : std::nullopt;
}

}  // namespace

ConfirmedKey finish_delivery(db::Database &database, StagedKey const &staged, KeyDelivery &delivery,
                             sql::EndOfOld const &end, WriteOptions const &options) {
    Store &store = *delivery.store();
    std::string why;
    try {
        store.end_at(staged.began + store.staging().timeout);
        std::string const failure = try_to_deliver(delivery);
        std::optional<StoreView> const view = store.has_view() ? try_to_look(store) : std::nullopt;
        if (store.has_view() ? !view : !failure.empty()) {
            why = failure.empty() ? "the command of --read-back did not show what the store holds" : failure;
        } else {
            auto own = database.transact(writing(options), [&](db::Transaction &transaction) {
                return confirm(transaction, staged, view, end, options.by);
            });
            if (own) {
                return *std::move(own);
            }
            why = failure.empty() ? "the store does not show the key" : failure;
        }
    } catch (Interrupted const &) {
        why = "a signal ended the delivery";
    } catch (Error const &error) {
        if (error.kind() == ErrorKind::unknown || error.kind() == ErrorKind::conflict ||
            error.kind() == ErrorKind::internal) {
            throw;
        }
        // Its "nothing was changed" is true of the confirmation, but not of the whole.
        why = "the confirmation failed: " + reason_of(error);
    }
    throw not_confirmed(staged, store, why);
}

ConfirmedKey pretend_delivery(db::Transaction &transaction, StagedKey const &staged, sql::EndOfOld const &end,
                              Attribution const &by) {
    return confirm_key(transaction, sql::current_keys(transaction, staged.agent), sql::get_key(transaction, staged.key),
                       end, by);
}

}  // namespace relay
