#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/ids.hpp"

namespace relay::store {

/// What was done under a caller's request id before.
struct EarlierRequest {
    std::string parameters{};
    std::string key_id{};
};

/// Claims `request` for this transaction and records `operation` as its fence; waits for a transaction that is claiming the same.
/// Returns what was done under it before, if it was: then nothing is recorded.
std::optional<EarlierRequest> claim_request(db::Transaction &transaction, OperationId const &operation,
                                            OrgId const &org, RequestId const &request, std::string const &parameters,
                                            KeyId const &key);

/// Which database this is: 8 hexadecimal digits, the same on its standbys and after a failover, others in a restored dump.
std::string database_id(db::Transaction &transaction);
/// The same where there may be no schema of ours. Throws Error (denied), where even the server's identity is hidden.
std::string database_id_without_schema(db::Transaction &transaction);

}  // namespace relay::store
