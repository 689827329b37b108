#include "relay/schema/catalog_lines_sql.hpp"
#include "relay/schema/catalog_sql.hpp"

namespace relay::sql {
namespace {

// Memberships that are a choice of whoever runs the relay have no line: logins in our groups, except relay_owner; and
// relay_owner in pg_read_all_stats (0014_standbys.sql). A login with CREATEROLE that applies a migration makes the groups
// and joins relay_owner, and since PostgreSQL 16 the bootstrap superuser (10) lets it administer the roles that it made,
// without using them. It may do so for another database of the same server, whose migrations are not visible here.
constexpr auto roles_sql = R"sql(
WITH groups AS (
    SELECT * FROM pg_roles
    WHERE rolname IN ('relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway', 'relay_auditor',
                      'relay_tenant', 'relay_billing')
), here AS (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
SELECT 'schema ' || n.nspname || ' owner ' || pg_get_userbyid(n.nspowner) AS line
FROM pg_namespace AS n WHERE n.nspname IN ('relay', 'relay_api')
UNION ALL
SELECT 'role ' || g.rolname
       || COALESCE((SELECT string_agg(' ' || fact.key || '=' || fact.value, '' ORDER BY fact.key COLLATE "C")
                    FROM jsonb_each_text(to_jsonb(g) - '{oid,rolname,rolpassword,rolconfig}'::text[]) AS fact
                    WHERE fact.value <> COALESCE('{"rolinherit": "true", "rolconnlimit": "-1"}'::jsonb ->> fact.key,
                                                 'false')), '')
FROM groups AS g
UNION ALL
SELECT 'membership of ' || g.rolname || ' in ' || pg_get_userbyid(m.roleid)
FROM pg_auth_members AS m JOIN groups AS g ON g.oid = m.member
WHERE NOT (g.rolname = 'relay_owner' AND pg_get_userbyid(m.roleid) = 'pg_read_all_stats')
UNION ALL
SELECT DISTINCT 'membership of ' || member.rolname || ' in ' || g.rolname
                || CASE WHEN m.admin_option THEN ' with admin option' ELSE '' END
FROM pg_auth_members AS m JOIN groups AS g ON g.oid = m.roleid JOIN pg_roles AS member ON member.oid = m.member
WHERE (g.rolname = 'relay_owner' OR m.admin_option) AND member.oid NOT IN (SELECT oid FROM groups)
  AND member.rolname NOT IN (SELECT applied.applied_by FROM relay.schema_migrations AS applied)
  AND NOT (member.rolcreaterole
           AND (m.grantor = m.member
                OR (m.grantor = 10 AND to_jsonb(m) @> '{"set_option": false, "inherit_option": false}')))
UNION ALL
-- Of the whole server: settings, languages. Rights on databases and tablespaces are a choice, too.
SELECT 'right of ' || g.rolname || ' on ' || named.type || ' ' || named.identity
FROM pg_shdepend AS s JOIN groups AS g ON s.refclassid = 'pg_authid'::regclass AND g.oid = s.refobjid,
     pg_identify_object(s.classid, s.objid, 0) AS named
WHERE s.deptype = 'a' AND s.dbid = 0 AND s.classid NOT IN ('pg_database'::regclass, 'pg_tablespace'::regclass)
UNION ALL
SELECT 'setting ' || setting || COALESCE(' of role ' || pg_get_userbyid(NULLIF(s.setrole, 0)), '')
       || COALESCE(' in database ' || (SELECT d.datname FROM pg_database AS d WHERE d.oid = s.setdatabase), '')
FROM pg_db_role_setting AS s, unnest(s.setconfig) AS setting
WHERE s.setrole IN (SELECT oid FROM groups)
   OR (setting LIKE 'session_replication_role=%' AND s.setdatabase IN (SELECT 0 UNION ALL SELECT oid FROM here))
UNION ALL
-- Of the server's configuration: no trigger fires then.
SELECT 'setting ' || name || '=' || setting || ' of the server' FROM pg_settings
WHERE name = 'session_replication_role' AND setting = 'replica'
  AND source NOT IN ('database', 'user', 'database user', 'client', 'session'))sql";

// `used`: the classes of objects that have lines elsewhere, in all their kinds, or that only use what is ours (a view of
// it, say). Everything else that depends on something of ours has a line here: statistics, publications, casts,
// operators, event triggers, kinds that do not exist yet.
constexpr auto others_sql = R"sql(
WITH RECURSIVE ours AS (
    SELECT oid FROM pg_namespace WHERE nspname IN ('relay', 'relay_api')
), used AS (
    SELECT unnest('{pg_class,pg_attrdef,pg_constraint,pg_trigger,pg_rewrite,pg_policy,pg_proc,pg_type,pg_namespace,
                    pg_default_acl}'::regclass[]) AS class
), inside AS (
    SELECT d.classid, d.objid FROM pg_depend AS d
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid IN (SELECT oid FROM ours)
    UNION
    SELECT d.classid, d.objid FROM inside AS i JOIN pg_depend AS d ON d.refclassid = i.classid AND d.refobjid = i.objid
    WHERE i.classid IN (SELECT class FROM used)
      AND (d.deptype IN ('a', 'i', 'P', 'S') OR d.classid NOT IN (SELECT class FROM used))
)
SELECT 'object ' || named.type || ' ' || named.identity AS line
FROM inside AS i, pg_identify_object(i.classid, i.objid, 0) AS named WHERE i.classid NOT IN (SELECT class FROM used)
UNION ALL
SELECT 'extension ' || x.extname || ' holds ' || named.type || ' ' || named.identity
FROM inside AS i JOIN pg_depend AS d ON d.classid = i.classid AND d.objid = i.objid AND d.deptype IN ('e', 'x')
JOIN pg_extension AS x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid,
     pg_identify_object(i.classid, i.objid, 0) AS named
UNION ALL
SELECT 'owned by relay_owner: ' || named.type || ' ' || named.identity
FROM pg_shdepend AS s, pg_identify_object(s.classid, s.objid, s.objsubid) AS named
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = 'relay_owner')
  AND s.deptype = 'o' AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.classid <> 'pg_default_acl'::regclass AND (s.classid, s.objid) NOT IN (SELECT classid, objid FROM inside)
  AND NOT (s.classid = 'pg_namespace'::regclass AND s.objid IN (SELECT oid FROM ours))
UNION ALL
-- Depends on nothing of ours, but runs whenever a month is made or dropped and a migration is applied, and may forbid it.
-- Those of an extension and of the provider of a managed server are a part of it.
SELECT 'object event trigger ' || e.evtname FROM pg_event_trigger AS e
WHERE e.evtenabled <> 'D' AND e.evtfoid NOT IN (SELECT objid FROM inside WHERE classid = 'pg_proc'::regclass)
  AND pg_get_userbyid(e.evtowner) NOT IN ('rdsadmin', 'cloudsqladmin', 'alloydbadmin', 'azuresu', 'cloud_admin', 'supabase_admin')
  AND NOT EXISTS (SELECT FROM pg_depend AS d
                  WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
UNION ALL
-- As one of our tables by name: it hands out hashes, and refuses changes of what has no primary key.
SELECT 'object publication ' || pubname || ' of all tables' FROM pg_publication WHERE puballtables
UNION ALL
SELECT 'subscription of ' || s.srrelid::regclass FROM pg_subscription_rel AS s JOIN pg_class AS c ON c.oid = s.srrelid
WHERE c.relnamespace IN (SELECT oid FROM ours))sql";

}  // namespace

void read_surrounding_lines(db::Transaction &transaction, std::vector<std::string> &lines) {
    append_lines(transaction, roles_sql, lines);
    append_lines(transaction, others_sql, lines);
}

}  // namespace relay::sql
