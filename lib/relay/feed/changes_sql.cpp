#include "relay/feed/changes_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto since_sql = R"sql(
SELECT next_cursor, org_id, agent_id, key_id, change, kicks, at FROM relay.read_changes($1, 1000))sql";

constexpr auto last_shut_out_sql = R"sql(
SELECT feed.txid::text AS txid, feed.seq FROM relay.change_feed AS feed
WHERE kicks AND CASE $1 WHEN 'agent' THEN agent_id = ANY ($2::text[]) AND key_id IS NULL
                        WHEN 'key' THEN key_id = ANY ($2::text[])
                        ELSE org_id = ANY ($2::text[]) AND agent_id IS NULL END
ORDER BY feed.txid DESC, feed.seq DESC LIMIT 1)sql";

}  // namespace

std::vector<KeyChange> changes_since(db::Transaction &transaction, std::optional<std::string> const &cursor) {
    std::vector<KeyChange> changes;
    db::Rows const rows = transaction.exec(since_sql, {cursor});
    for (db::Row const row : rows) {
        changes.push_back({.cursor = row.text("next_cursor"),
                           .org_id = row.optional_id<OrgId>("org_id"),
                           .agent_id = row.optional_id<AgentId>("agent_id"),
                           .key_id = row.optional_id<KeyId>("key_id"),
                           .change = row.text("change"),
                           .kicks = row.boolean("kicks"),
                           .at = row.instant("at")});
    }
    return changes;
}

std::optional<FeedPlace> last_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects) {
    if (subjects.empty()) {
        return std::nullopt;
    }
    db::Rows const rows = transaction.exec(last_shut_out_sql, {common_kind(subjects), db::array_text(subjects)});
    if (rows.empty()) {
        return std::nullopt;
    }
    return FeedPlace{.txid = rows[0].text("txid"), .seq = rows[0].integer("seq")};
}

}  // namespace relay::sql
