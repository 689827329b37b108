#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/rotate_key.hpp"

/// The usual rotation, of an agent with one live key, as one statement: the server decides whether it is usual, so it can
/// be sent together with what reads the agent.
namespace relay::sql {

/// Replaces the agent's active key, if that is live and no other is in grace. Returns the key that it replaced; none if
/// nothing was done, because the rotation is not usual. Throws Error (schema) if the new key or an event was not
/// inserted.
db::Pending<std::optional<KeyId>> replace_live_key(db::Transaction &transaction, RotateKey const &request,
                                                   ApiKey const &new_key, Attribution const &by);

}  // namespace relay::sql
