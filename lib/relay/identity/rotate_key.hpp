#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

#include <functional>

namespace relay {

struct RotateKey {
    AgentId agent;
    std::chrono::seconds grace = std::chrono::hours(24);  ///< how long the old key still works; 0: it ends immediately
    /// The grace that begins only when the new key is used (shorten_grace); until then, `grace` holds.
    std::optional<std::chrono::seconds> grace_once_used{};
    std::optional<std::chrono::seconds> if_older_than{};  ///< rotate only a key that is at least this old
    std::optional<std::chrono::seconds> due_within{};  ///< rotate only a key that is due within this time
    bool if_missing = false;  ///< rotate only if the agent has no working key
    std::optional<std::int64_t> unless_made_after{};  ///< a key with a higher Key::made_order stays
    std::optional<Instant> expires_at{};  ///< when the new key ends; none: as the one that it replaces
    bool retire_on_first_use = false;  ///< end the grace as soon as a gateway sees the new key
    bool force = false;  ///< ends an older key that is still in grace; renews a key that has expired
    std::optional<RequestId> request{};  ///< a repeat with the same parameters returns the same key and changes nothing
    ApiKey const *own_key = nullptr;  ///< the caller's key (--key-from); null: a key is generated
    std::optional<StoreView> view{};  ///< what the store showed just now; none: it was not asked, or did not answer
};

struct RotatedKey : WriteReceipt {
    std::optional<Key> key{};  ///< the new key; if nothing changed, the current key, or the key of the repeated request
    std::optional<Key> previous{};  ///< the key that was active before, as it is now
    std::vector<KeyId> ended{};  ///< the keys that this rotation ended immediately
    std::optional<KeyId> confirmed{};  ///< a key of an earlier delivery that was proved before anything was decided
    std::string unchanged_because{};  ///< "key 9fq2... is 1 day old (limit 80 days)", "this request was done before"
    std::string delivered_to{};
};

/// Gives an agent a new key. The old key keeps working for `request.grace`, but never past its own expiry.
///
/// Grace is measured by the database's clock, the one clock that all gateways share. `delivery` may be null if
/// `own_key` is set. If it delivers to a Store, the key is staged, delivered and then confirmed.
///
/// A staged key of an earlier run that is proved (relay/identity/confirm_key.hpp) is confirmed first, in the same
/// transaction. An agent with a staged key is due when that key has settled, whatever the age of its active key.
///
/// Throws Error: not_found, no such agent; conflict, the agent is revoked, a rotation is still in grace, the key has
/// expired, `expires_at` is later than an end that was set before, the agent has too many staged keys, or the request id
/// was used with other parameters; usage, `expires_at` has passed; sink.
RotatedKey rotate_key(db::Database &database, RotateKey const &request, WriteOptions const &options,
                      KeyDelivery *delivery);

struct RevertRotation {
    AgentId agent;
    std::chrono::seconds grace = std::chrono::hours(24);  ///< of a new key that was delivered to a store
    /// Returns what the store shows now; none: it did not answer. Null: it cannot be asked.
    std::function<std::optional<StoreView>()> look{};
};

/// Reverts a rotation while the old key is in grace: the old key becomes active again, and the new key is retired.
///
/// If the new key was delivered to a store, the store must show the old key: otherwise clients would read a key that
/// ends. The new key then retires with the grace; while the store may still take it, it is staged instead. Throws Error:
/// not_found; conflict, no key is in grace, the store does not show it, or another rotation ran during the look.
RotatedKey revert_rotation(db::Database &database, RevertRotation const &request, WriteOptions const &options);

/// Shortens the grace of the keys that `successor` has replaced to `grace` from now, but not to before its store has settled.
/// Returns the one that was active before, as it is now; none if none of them works. Throws Error: not_found.
std::optional<Key> shorten_grace(db::Database &database, KeyId const &successor, std::chrono::seconds grace,
                                 WriteOptions const &options);

/// Returns a rotation with `grace_once_used` whose new key is active, while the old one still works for longer than
/// `grace`; none if there is no such rotation. Its run was killed, or did not wait that long.
std::optional<RotatedKey> find_waiting_rotation(db::Database &database, AgentId const &agent,
                                                std::chrono::seconds grace);

struct RetiredKey : WriteReceipt {
    Key key;
};

/// Ends a key permanently. Retiring an agent's active key leaves the agent without a key, and a staged key may be the one
/// that a store holds, so these need `force`. So does a key in grace while the store may not have taken the one that
/// replaced it. Throws Error: not_found; conflict, `force` is needed.
RetiredKey retire_key(db::Database &database, KeyId const &key, bool force, WriteOptions const &options);

}  // namespace relay
