#include "relay/legacy/old_table_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/events_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto columns_sql = R"sql(
SELECT attname::text AS name FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum)sql";

constexpr auto agents_sql = R"sql(
SELECT agent_id, org_id, name, owner, secret_hash, permissions, revoked, revoked_at
FROM relay.read_legacy_table($1::regclass, $2::jsonb, $3, $4::integer))sql";

constexpr auto orgs_sql = R"sql(
SELECT org_id, name FROM relay.read_legacy_orgs($1::regclass, $2::text[]) WHERE name IS NOT NULL)sql";

}  // namespace

std::vector<std::string> table_columns(db::Transaction &transaction, std::string const &table) {
    std::vector<std::string> names;
    db::Rows const rows = transaction.exec(columns_sql, {table});
    for (db::Row const row : rows) {
        names.push_back(row.text("name"));
    }
    return names;
}

std::vector<OldAgent> read_old_agents(db::Transaction &transaction, std::string const &table,
                                      std::map<std::string, std::string> const &columns,
                                      std::optional<std::string> const &after, int max_rows) {
    Detail names;
    for (auto const &[ours, theirs] : columns) {
        names.add(ours, theirs);
    }
    std::vector<OldAgent> agents;
    db::Rows const rows = transaction.exec(agents_sql, {table, names.json(), after, max_rows});
    for (db::Row const row : rows) {
        agents.push_back({.agent_id = row.optional_text("agent_id"),
                          .org_id = row.optional_text("org_id"),
                          .name = row.optional_text("name"),
                          .owner = row.optional_text("owner"),
                          .secret_hash = row.optional_text("secret_hash"),
                          .permissions = row.optional_text("permissions"),
                          .revoked = row.optional_text("revoked"),
                          .revoked_at = row.optional_text("revoked_at")});
    }
    return agents;
}

std::vector<std::pair<std::string, std::string>> read_old_column(db::Transaction &transaction, std::string const &table,
                                                                 std::string const &id, std::string const &column,
                                                                 std::optional<std::string> const &after,
                                                                 int max_rows) {
    std::vector<std::pair<std::string, std::string>> values;
    // The function returns columns under our names only: any of them that holds texts will do.
    for (OldAgent &agent :
         read_old_agents(transaction, table, {{"agent_id", id}, {"revoked", column}}, after, max_rows)) {
        if (agent.revoked && !agent.revoked->empty()) {
            values.emplace_back(agent.agent_id.value_or(""), *std::move(agent.revoked));
        }
    }
    return values;
}

std::map<std::string, std::string> legacy_org_names(db::Transaction &transaction, std::string const &table,
                                                    std::vector<OrgId> const &orgs) {
    std::map<std::string, std::string> names;
    db::Rows const rows = transaction.exec(orgs_sql, {table, db::array_text(orgs)});
    for (db::Row const row : rows) {
        names.emplace(row.text("org_id"), row.text("name"));
    }
    return names;
}

}  // namespace relay::sql
