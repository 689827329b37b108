#include "relay/inspect/membership_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr char const *login_sql = R"sql(
SELECT quote_ident(me.rolname) AS role, quote_ident(d.datname) AS database, quote_ident(pg_get_userbyid(d.datdba)) AS owner,
       me.rolcreaterole AS creates_roles, has_database_privilege(d.oid, 'CREATE') AS creates_in_database,
       current_setting('server_version_num')::integer >= 160000 AS has_grant_options
FROM pg_roles AS me, pg_database AS d
WHERE me.rolname = current_user AND d.datname = current_database())sql";

// 'SET' is a privilege of has_role since PostgreSQL 16; the text is only evaluated there.
constexpr char const *groups_sql = R"sql(
SELECT name, r.oid IS NOT NULL AS is_there,
       r.oid IS NOT NULL AND pg_has_role(r.oid, 'MEMBER') AS is_member,
       r.oid IS NOT NULL AND pg_has_role(r.oid, 'USAGE') AS has_privileges,
       r.oid IS NOT NULL AND pg_has_role(r.oid, CASE WHEN $1 THEN 'SET' ELSE 'MEMBER' END) AS may_act_as,
       coalesce((SELECT string_agg(DISTINCT quote_ident(member.rolname), ',')
                 FROM pg_auth_members AS m JOIN pg_roles AS member ON member.oid = m.member
                 WHERE m.roleid = r.oid AND m.admin_option AND member.rolname <> current_user), '') AS granters
FROM unnest(ARRAY['relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway', 'relay_auditor', 'relay_tenant',
                  'relay_billing'])
     WITH ORDINALITY AS g (name, rank)
LEFT JOIN pg_roles AS r ON r.rolname = g.name
ORDER BY rank)sql";

}  // namespace

LoginFacts read_login_facts(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(login_sql, {});
    db::Row const row = rows.one();
    LoginFacts facts{.role = row.text("role"),
                     .database = row.text("database"),
                     .database_owner = row.text("owner"),
                     .creates_roles = row.boolean("creates_roles"),
                     .creates_in_database = row.boolean("creates_in_database"),
                     .has_grant_options = row.boolean("has_grant_options")};
    for (db::Row const group : transaction.exec(groups_sql, {facts.has_grant_options})) {
        facts.memberships.push_back({.group = group.text("name"),
                                     .exists = group.boolean("is_there"),
                                     .is_member = group.boolean("is_member"),
                                     .has_privileges = group.boolean("has_privileges"),
                                     .may_act_as = group.boolean("may_act_as"),
                                     .granters = db::split_list(group.text("granters"))});
    }
    return facts;
}

}  // namespace relay::sql
