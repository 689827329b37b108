#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

#include <optional>
#include <set>
#include <vector>

/// The statements of a delivery in three steps: stage a key, confirm it, and let go of the keys that it replaces.
namespace relay::sql {

/// Inserts a staged key. Its deadlines count from this statement, so they never end later than if they counted from the
/// COMMIT. The result throws Error (schema) if no row was inserted.
void stage_key(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, AgentId const &agent,
               std::optional<Instant> expires_at, Staging const &staging, Note const &created_by);
/// Gives a staged key that is delivered again new deadlines; nothing that was known about it counts any longer.
void stage_key_again(db::Transaction &transaction, KeyId const &id, Staging const &staging);

/// Returns those of `agents` that may have no further staged key, until someone ends one.
std::set<AgentId> agents_full_of_staged_keys(db::Transaction &transaction, std::vector<AgentId> const &agents);

/// The key that replaces others.
struct Successor {
    KeyId id;
    std::optional<std::int64_t> made_order{};  ///< none: it is made now, after all others
    std::optional<Instant> staged_at{};  ///< none: now
    std::optional<Instant> settle_until{};  ///< until when the store may still take it; none: it went to no store
};

/// What becomes of the keys that a new one replaces.
struct EndOfOld {
    std::chrono::seconds grace = std::chrono::hours(24);
    std::optional<std::chrono::seconds> grace_once_used{};  ///< the grace that will begin when the new key is used
    bool retire_on_first_use = false;
    bool ends_others = false;  ///< keys that are in grace already end, too
};

/// A key whose row was changed, because another one replaces it.
struct Replaced {
    KeyId key_id;
    KeyState before{};
    KeyState after{};
    bool ends_sooner = false;  ///< its expires_at was changed
};

/// Replaces the agent's keys that were made before `successor`. A key that the store may still take after it took the
/// successor becomes (or remains) staged. Any other retires with the grace, but not before the store has settled; of
/// those already in grace, only if `end` says so. Keys that count no longer are marked as what they are.
db::Pending<std::vector<Replaced>> replace_earlier_keys(db::Transaction &transaction, AgentId const &agent,
                                                        Successor const &successor, EndOfOld const &end);

/// Lets `by` take the place of the active key, for a rotation that is reverted: the active key becomes staged, or retiring
/// until now + grace, or retired, as `fate` says.
void replace_key(db::Transaction &transaction, KeyId const &active, KeyId const &by, KeyState fate,
                 std::chrono::seconds grace);

/// Ends the grace of the keys that `successor` has replaced sooner: `grace` from now, or when its store has settled. Returns
/// those whose end has changed.
std::vector<Replaced> end_grace_sooner(db::Transaction &transaction, KeyId const &successor,
                                       std::chrono::seconds grace);

/// Makes a staged key active.
void activate(db::Transaction &transaction, KeyId const &id);

/// The store shows `shown` again, a key that was replaced: what was proved about other keys counts no longer. Marks the
/// staged keys as replaced by it, so that nothing confirms them.
void void_proofs(db::Transaction &transaction, AgentId const &agent, KeyId const &shown);

}  // namespace relay::sql
