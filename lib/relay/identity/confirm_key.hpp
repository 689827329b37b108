#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/staged_keys_sql.hpp"
#include "relay/model/attribution.hpp"

#include <optional>
#include <vector>

/// Steps inside a transaction that has locked the agent.
///
/// A store that is not a file may take a write late, twice, in the wrong order, or although it reports a failure. So
/// what it holds is never known for certain, and every key that may have arrived must work:
///
/// - A staged key works, and so does every other key, until one of them is confirmed: by a delivery that succeeded, by a
///   look into the store, or by a use. A use counts only after `deliver_until`, because the delivery may try the key.
/// - A confirmation lets go only of keys that were made earlier, and of these only those that had settled when the
///   confirmed key was staged. A later one may be in the store already; an unsettled one may still arrive.
/// - None of them ends before the confirmed key has settled: the store may have answered before it takes effect.
/// - A key that was replaced, by a later one or by a rotation that was reverted, is never confirmed. If it is staged, it
///   only works until it has settled and the next key is confirmed.
///
/// tests/support/staged_model.py searches all interleavings of three deliveries for an instant at which what the store
/// holds does not work, with these rules and with each of them left out.
namespace relay {

/// An agent and its organization.
struct Owned {
    OrgId const &org;
    AgentId const &agent;
};

/// Adds the grace of the keys that are replaced to the event of the key that replaces them.
void add_grace(sql::Detail &detail, sql::EndOfOld const &end);

/// What became of a staged key.
struct ConfirmedKey {
    Key key;  ///< as it is now: active, or still staged because another key has replaced it
    std::optional<Key> previous{};  ///< the key that was active before, as it is now
    std::vector<KeyId> ended{};  ///< the keys that ended
    bool changed = false;
};

/// Confirms that the store has taken `staged`. If another key has replaced it, changes nothing. Throws Error (conflict) if the
/// key was revoked or retired meanwhile.
ConfirmedKey confirm_key(db::Transaction &transaction, sql::CurrentKeys const &keys, Key const &staged,
                         sql::EndOfOld const &end, Attribution const &by);

/// Returns the newest staged key whose delivery is proved: the store shows it, or it was used. None if another key has
/// replaced it.
std::optional<Key> proved_key(db::Transaction &transaction, sql::CurrentKeys const &keys,
                              std::optional<StoreView> const &view);

/// Returns which of the agent's keys the store shows; none if it is not one of them.
std::optional<Key> shown_key(db::Transaction &transaction, sql::CurrentKeys const &keys, StoreView const &view);

/// Replaces the keys that were made before `successor`, and writes their events. Returns the keys that ended.
std::vector<KeyId> replace_keys(db::Transaction &transaction, sql::CurrentKeys const &keys, Owned const &owner,
                                sql::Successor const &successor, sql::EndOfOld const &end, Attribution const &by);

}  // namespace relay
