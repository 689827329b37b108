#include "relay/feed/changes_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto since_sql = R"sql(
SELECT next_cursor, org_id, agent_id, key_id, change, kicks, at FROM relay.read_changes($1, 1000))sql";

// $1: keys and devices, $2: agents, $3: organizations.
constexpr auto last_shut_out_sql = R"sql(
SELECT feed.txid::text AS txid, feed.seq FROM relay.change_feed AS feed
WHERE kicks AND (key_id = ANY ($1::text[]) OR (agent_id = ANY ($2::text[]) AND key_id IS NULL)
                 OR (org_id = ANY ($3::text[]) AND agent_id IS NULL))
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
    std::vector<std::string> keys;
    std::vector<std::string> agents;
    std::vector<std::string> orgs;
    for (Subject const &subject : subjects) {
        SubjectKind const kind = kind_of(subject);
        (kind == SubjectKind::agent ? agents : kind == SubjectKind::org ? orgs : keys).push_back(text_of(subject));
    }
    db::Rows const rows =
        transaction.exec(last_shut_out_sql, {db::array_text(keys), db::array_text(agents), db::array_text(orgs)});
    if (rows.empty()) {
        return std::nullopt;
    }
    return FeedPlace{.txid = rows[0].text("txid"), .seq = rows[0].integer("seq")};
}

}  // namespace relay::sql
