#include "relay/identity/org_tokens_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto live_sql = "SELECT token_id, created_at FROM relay.org_tokens WHERE org_id = $1 AND revoked_at IS NULL";

constexpr auto insert_token_sql =
    "INSERT INTO relay.org_tokens (token_id, org_id, token_hash, created_by) VALUES ($1, $2, decode($3, 'hex'), $4)";

constexpr auto revoke_live_sql =
    "UPDATE relay.org_tokens SET revoked_at = now() WHERE org_id = $1 AND revoked_at IS NULL RETURNING token_id";

constexpr auto revoke_sql = "SELECT relay.end_token($1) AS ended";

constexpr auto is_live_sql =
    "SELECT EXISTS (SELECT FROM relay.org_tokens WHERE token_id = $1 AND revoked_at IS NULL) AS live";

}  // namespace

std::optional<OrgToken> live_token(db::Transaction &transaction, OrgId const &org) {
    db::Rows const rows = transaction.exec(live_sql, {org});
    if (rows.empty()) {
        return std::nullopt;
    }
    return OrgToken{.token_id = rows[0].id<KeyId>("token_id"), .created_at = rows[0].instant("created_at")};
}

void insert_token(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, OrgId const &org,
                  Note const &created_by) {
    transaction.exec(insert_token_sql, {id, org, hash.hex(), created_by});
}

std::optional<KeyId> revoke_live_token(db::Transaction &transaction, OrgId const &org) {
    db::Rows const rows = transaction.exec(revoke_live_sql, {org});
    transaction.require(!live_token(transaction, org), "the end of the admin token of org " + org.text());
    return rows.empty() ? std::nullopt : rows[0].optional_id<KeyId>("token_id");
}

bool is_live_token(db::Transaction &transaction, KeyId const &id) {
    return transaction.exec(is_live_sql, {id}).one().boolean("live");
}

bool revoke_token(db::Transaction &transaction, KeyId const &id) {
    return transaction.exec(revoke_sql, {id}).one().boolean("ended");
}

}  // namespace relay::sql
