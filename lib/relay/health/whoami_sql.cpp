#include "relay/health/whoami_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto who_sql = R"sql(
SELECT session_user::text AS session_user, current_user::text AS current_user, current_database()::text AS database,
       current_setting('server_version') AS server_version, pg_is_in_recovery() AS standby,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser)sql";

// Checks USAGE and SELECT explicitly: reading a table without them would be an error, not an answer.
constexpr auto readable_sql = R"sql(
SELECT n.oid IS NOT NULL AS has_schema,
       COALESCE(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false) AS may_read
FROM (SELECT) AS one
LEFT JOIN pg_namespace AS n ON n.nspname = 'relay'
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'schema_migrations')sql";

constexpr auto own_groups_sql = R"sql(
SELECT rolname::text AS name FROM pg_roles
WHERE rolname IN ('relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway', 'relay_auditor', 'relay_tenant',
                  'relay_billing')
  AND pg_has_role(current_user, oid, 'MEMBER')
ORDER BY rolname)sql";

}  // namespace

ServerGreeting greet_server(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(who_sql);
    db::Row const row = rows.one();
    return {.session_user = row.text("session_user"),
            .current_user = row.text("current_user"),
            .database = row.text("database"),
            .server_version = row.text("server_version"),
            .standby = row.boolean("standby"),
            .superuser = row.boolean("superuser")};
}

std::vector<std::string> group_memberships(db::Transaction &transaction) {
    std::vector<std::string> names;
    db::Rows const rows = transaction.exec(own_groups_sql);
    for (db::Row const row : rows) {
        names.push_back(row.text("name"));
    }
    return names;
}

bool may_read_schema_record(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(readable_sql);
    db::Row const row = rows.one();
    return !row.boolean("has_schema") || row.boolean("may_read");
}

}  // namespace relay::sql
