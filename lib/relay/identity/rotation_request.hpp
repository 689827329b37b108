#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/rotate_key.hpp"

#include <optional>
#include <string>

/// What a request for a rotation asks for, compared with what there is.
namespace relay {

/// Returns why `active` may stay by its age or its due date, or an empty text if it must be rotated.
std::string reason_to_keep(RotateKey const &request, Key const &active, Instant now);

/// Claims the request id, and records `operation`. Returns the key of an earlier request with the same id. Throws Error
/// (conflict) if that one had other parameters, or was not made by this login for this agent.
std::optional<Key> claim_rotation(db::Transaction &transaction, RotateKey const &request, OrgId const &org,
                                  OperationId const &operation, KeyId const &new_key);

}  // namespace relay
