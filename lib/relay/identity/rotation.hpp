#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/identity/staged_keys_sql.hpp"
#include "relay/model/attribution.hpp"

#include <functional>

namespace relay {

/// One rotation inside a transaction, which may do other things, too.
struct RotationStep {
    RotateKey const &request;
    ApiKey const &new_key;
    Attribution const &by;
    Staging const *staging = nullptr;  ///< how the new key is staged; null: it becomes active
    sql::EndOfOld const &end;  ///< what becomes of the keys that it replaces
    /// Prepares the delivery of the new key, and returns the operation that the step records if it changes anything. Null:
    /// it records none.
    std::function<OperationId(OrgId const &)> prepare{};
};

struct RotationDone {
    RotatedKey rotated;
    bool has_new_key = false;  ///< `new_key` was inserted, and must be delivered
};

/// Rotates. If nothing needs to change, it has written nothing, and `rotated.changed` is false: then only the caller knows
/// whether the transaction has anything to do. Throws Error as rotate_key.
RotationDone rotate_in(db::Transaction &transaction, RotationStep const &step);

/// Returns what becomes of the keys that a rotation replaces.
sql::EndOfOld end_of_old(std::chrono::seconds grace, bool retire_on_first_use, bool force);
sql::EndOfOld end_of_old(RotateKey const &request);

}  // namespace relay
