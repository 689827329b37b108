#include "relay/fleet/new_keys_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto by_key_sql =
    "SELECT pg_catalog.set_config('enable_hashjoin', 'off', true), pg_catalog.set_config('enable_mergejoin', 'off', "
    "true)";

constexpr auto operations_sql =
    "INSERT INTO relay.operations (op_id, state) SELECT id, 'done' FROM unnest($1::text[]) AS id";

}  // namespace

NewKeyColumns::NewKeyColumns(std::vector<NewKey> const &keys) {
    for (NewKey const &key : keys) {
        ids.push_back(key.key_id);
        hashes.push_back(key.hash_hex);
        agents.push_back(key.agent_id);
        orgs.push_back(key.org_id);
    }
}

void find_rows_by_key(db::Transaction &transaction) { transaction.send(by_key_sql); }

void record_operations(db::Transaction &transaction, std::vector<OperationId> const &operations) {
    transaction.send(
        operations_sql, {db::array_text(operations)}, [&transaction, asked = operations.size()](db::Rows const &rows) {
            transaction.require(rows.affected() == asked, "the record of this operation (relay.operations)");
        });
    transaction.adopt_operation(operations.front());
}

}  // namespace relay::sql
