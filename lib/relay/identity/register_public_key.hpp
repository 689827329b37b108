#pragma once

#include "relay/crypto/signing.hpp"
#include "relay/identity/rotate_key.hpp"

namespace relay {

struct RegisterPublicKey {
    AgentId agent;
    VerifyingKey key;
    std::chrono::seconds grace = std::chrono::hours(24);  ///< how long the old key works after the first signed request
    std::optional<Instant> expires_at{};  ///< when the new key ends; none: as the one that it replaces
    bool force = false;  ///< although a key is in its grace period, or has expired
};

/// Gives an agent a public key, with which it signs its requests. The key is staged: the old key works, and stays active,
/// until the first request that is signed with the new one is accepted (relay_api.accept_signed). Only that shows that
/// the agent has the private key.
///
/// The same public key again changes nothing while it is staged or active. Throws Error: not_found, no such agent;
/// conflict, the public key was registered before, the agent is revoked, a rotation is in grace, the key has expired, or
/// the agent has too many staged keys; usage, `expires_at` has passed.
RotatedKey register_public_key(db::Database &database, RegisterPublicKey const &request, WriteOptions const &options);

}  // namespace relay
