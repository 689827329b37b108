#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay {

struct RotateKey {
    AgentId agent;
    std::chrono::seconds grace =
        std::chrono::hours(24);  ///< how long the old key is accepted beside the new one; 0: not at all
    std::optional<std::chrono::seconds> if_older_than{};  ///< a younger key is left alone
    std::optional<std::chrono::seconds> due_within{};  ///< a key that is due later is left alone
    bool retire_on_first_use =
        false;  ///< the old key ends, before its grace does, when the new one is first seen working
    bool force = false;  ///< ends an older key that is still in grace; renews a key whose own expiry has passed
    std::optional<RequestId>
        request{};  ///< a repeat with the same parameters tells the same key id and changes nothing
    ApiKey const *own_key = nullptr;  ///< of the caller's making (--key-from); none: one is generated
};

struct RotatedKey : WriteReceipt {
    std::optional<Key>
        key{};  ///< the new one; for `changed == false` the present one, or the one of the repeated request
    std::optional<Key> previous{};  ///< the key that was active before, as it is now
    std::vector<KeyId> ended{};  ///< keys that this rotation ended at once
    std::string unchanged_because{};  ///< "key 9fq2... is 1 day old (limit 80 days)", "this request was done before"
    std::string delivered_to{};
};

/// Gives an agent a new key; its old key is accepted for `request.grace` more, but never past its own expiry.
///
/// The grace period runs on the database clock, the one clock that every gateway shares. `delivery` may be null with `own_key`.
/// Throws Error: not_found, no such agent; conflict, the agent is revoked, a rotation is still in grace, the key's own expiry has
/// passed, or the request id was used with other parameters; sink.
RotatedKey rotate_key(db::Database &database, RotateKey const &request, WriteOptions const &options,
                      KeyDelivery *delivery);

/// Takes a rotation back while its old key is in grace: the old key is active again, the new one retired.
/// Throws Error: not_found; conflict, no key is in grace.
RotatedKey revert_rotation(db::Database &database, AgentId const &agent, WriteOptions const &options);

struct RetiredKey : WriteReceipt {
    Key key;
};

/// Ends a key for good. Retiring an agent's active key leaves it without one: that needs `force`.
/// Throws Error: not_found; conflict, it is the active key.
RetiredKey retire_key(db::Database &database, KeyId const &key, bool force, WriteOptions const &options);

}  // namespace relay
