#include "relay/identity/operations_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto claim_sql = R"sql(
INSERT INTO relay.operations (op_id, state, org_id, request_id, request, key_id) VALUES ($1, 'done', $2, $3::uuid, $4, $5)
ON CONFLICT (org_id, request_id) DO NOTHING)sql";

// Not the row of this transaction: if it is there although the answer to the INSERT denied it, nothing else can be believed.
constexpr auto earlier_sql =
    "SELECT request, key_id, db_role FROM relay.operations WHERE org_id = $1 AND request_id = $2::uuid AND op_id <> $3";

}  // namespace

std::optional<EarlierRequest> claim_request(db::Transaction &transaction, OperationId const &operation,
                                            OrgId const &org, RequestId const &request, std::string const &parameters,
                                            KeyId const &key) {
    if (transaction.exec(claim_sql, {operation, org, request, parameters, key}).affected() == 1) {
        transaction.adopt_operation(operation);
        return std::nullopt;
    }
    db::Rows const rows = transaction.exec(earlier_sql, {org, request, operation});
    transaction.require(rows.size() == 1, "the record of request " + request.text());
    return EarlierRequest{.parameters = rows.one().text("request"),
                          .key_id = rows.one().optional_id<KeyId>("key_id"),
                          .db_role = rows.one().text("db_role")};
}

bool has_operation_table(db::Transaction &transaction) {
    return transaction.exec("SELECT to_regclass('relay.operations') IS NOT NULL AS there").one().boolean("there");
}

}  // namespace relay::sql
