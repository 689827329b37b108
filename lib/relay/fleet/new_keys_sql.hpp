#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/ids.hpp"

#include <string>
#include <vector>

/// What the statements that write many keys together have in common.
namespace relay::sql {

struct NewKey {
    KeyId key_id;
    std::string hash_hex{};
    AgentId agent_id;
    OrgId org_id;  ///< the agent's
};

/// The same keys, column by column, as the statements take them.
struct NewKeyColumns {
    explicit NewKeyColumns(std::vector<NewKey> const &keys);

    std::vector<KeyId> ids{};
    std::vector<std::string> hashes{};
    std::vector<AgentId> agents{};
    std::vector<OrgId> orgs{};
};

/// Makes the planner find each row by its key. It has no statistics for an array, so it would read whole tables for
/// every batch, and the cost of a fleet would grow with the square of its size.
void find_rows_by_key(db::Transaction &transaction);

/// Records all operations as done; the first one settles a lost COMMIT.
void record_operations(db::Transaction &transaction, std::vector<OperationId> const &operations);

}  // namespace relay::sql
