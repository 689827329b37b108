#include "relay/identity/authentications_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto of_agent_sql = R"sql(
SELECT seen.key_id, NULLIF(host(seen.ip_address), '::') AS ip_address, seen.first_used_at, seen.last_used_at, seen.uses
FROM relay.agent_keys AS key JOIN relay.key_sightings AS seen ON seen.key_id = key.key_id
WHERE key.agent_id = $1 ORDER BY seen.last_used_at DESC, seen.key_id, seen.ip_address LIMIT $2::bigint)sql";

constexpr auto of_key_sql = R"sql(
SELECT seen.key_id, NULLIF(host(seen.ip_address), '::') AS ip_address, seen.first_used_at, seen.last_used_at, seen.uses
FROM relay.key_sightings AS seen
WHERE seen.key_id = $1 ORDER BY seen.last_used_at DESC, seen.ip_address LIMIT $2::bigint)sql";

std::vector<Authentications> read(db::Rows const &rows) {
    std::vector<Authentications> found;
    for (db::Row const row : rows) {
        found.push_back({.key_id = row.id<KeyId>("key_id"),
                         .ip_address = row.optional_text("ip_address"),
                         .first_at = row.instant("first_used_at"),
                         .last_at = row.instant("last_used_at"),
                         .times = row.integer("uses")});
    }
    return found;
}

}  // namespace

db::Pending<std::vector<Authentications>> authentications(db::Transaction &transaction, AgentId const &agent,
                                                          int count) {
    return transaction.ask(of_agent_sql, {agent, count}, read);
}

db::Pending<std::vector<Authentications>> authentications(db::Transaction &transaction, KeyId const &key, int count) {
    return transaction.ask(of_key_sql, {key, count}, read);
}

}  // namespace relay::sql
