#pragma once

#include "relay/crypto/signing.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/states.hpp"
#include "relay/signing/signed_request.hpp"

#include <optional>

namespace relay::sql {

/// What the database says about a signed request.
struct SignedAnswer {
    AgentId agent_id;
    OrgId org_id;
    KeyAlgorithm algorithm{};
    std::optional<KeyVerdict> untimely{};
    KeyVerdict standing{};
    bool proven = false;  ///< of a proof: it is right
    std::optional<VerifyingKey> public_key{};
    bool needs_nonce = false;
};
/// Returns none if there is no such key.
std::optional<SignedAnswer> verify_signed(db::Transaction &transaction, signing::SignedRequest const &request);

}  // namespace relay::sql
