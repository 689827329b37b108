#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

/// What an earlier transaction did under the same request id.
struct EarlierRequest {
    std::string parameters{};
    std::optional<KeyId> key_id{};  ///< as was claimed
    std::string db_role{};  ///< who wrote that: proven
};

/// Claims `request` for this transaction and records `operation` as its fence. Waits for a transaction that is
/// claiming the same request. If the request was claimed before, records nothing and returns what was done then.
std::optional<EarlierRequest> claim_request(db::Transaction &transaction, OperationId const &operation,
                                            OrgId const &org, RequestId const &request, std::string const &parameters,
                                            KeyId const &key);

/// Returns false if the database has no relay schema.
bool has_operation_table(db::Transaction &transaction);

}  // namespace relay::sql
