#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

/// What was done under a caller's request id before.
struct EarlierRequest {
    std::string parameters{};
    KeyId key_id;
};

/// Claims `request` for this transaction and records `operation` as its fence; waits for a transaction that is claiming the same.
/// Returns what was done under it before, if it was: then nothing is recorded.
std::optional<EarlierRequest> claim_request(db::Transaction &transaction, OperationId const &operation,
                                            OrgId const &org, RequestId const &request, std::string const &parameters,
                                            KeyId const &key);

/// False in a database without our schema.
bool has_operation_table(db::Transaction &transaction);

}  // namespace relay::sql
