#include "relay/schema/catalog_lines_sql.hpp"
#include "relay/schema/catalog_sql.hpp"

namespace relay::sql {
namespace {

// An object without a list of rights has the usual ones: PUBLIC may use types, and has no line for it.
constexpr auto rights_sql = R"sql(
WITH ours AS (
    SELECT * FROM pg_namespace WHERE nspname IN ('relay', 'relay_api')
), relations AS (
    SELECT c.*, n.nspname || '.' || c.relname AS name FROM pg_class AS c JOIN ours AS n ON n.oid = c.relnamespace
    WHERE c.relkind NOT IN ('i', 'I', 'c')
), objects AS (
    SELECT 'schema ' || n.nspname AS object, n.nspowner AS owner, n.nspacl AS acl, acldefault('n', n.nspowner) AS usual
    FROM ours AS n
    UNION ALL
    SELECT 'relation ' || r.name, r.relowner, r.relacl,
           acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner)
    FROM relations AS r
    UNION ALL
    SELECT 'column ' || r.name || '.' || c.attname, r.relowner, c.attacl, acldefault('c', r.relowner)
    FROM relations AS r JOIN pg_attribute AS c ON c.attrelid = r.oid AND NOT c.attisdropped
    UNION ALL
    SELECT 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           p.proowner, p.proacl, acldefault('f', p.proowner)
    FROM pg_proc AS p JOIN ours AS n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'type ' || n.nspname || '.' || t.typname, t.typowner, t.typacl, acldefault('T', t.typowner)
    FROM pg_type AS t JOIN ours AS n ON n.oid = t.typnamespace
), entries AS (
    SELECT o.object, o.owner, a.grantee, lower(a.privilege_type) AS privilege, a.is_grantable
    FROM objects AS o, aclexplode(COALESCE(o.acl, o.usual)) AS a
    WHERE NOT (a.grantee = o.owner AND a.privilege_type = 'MAINTAIN')  -- since 17; older dumps do not know it
)
SELECT 'grant ' || privilege || ' on ' || object || ' to '
       || CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END
       || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END AS line
FROM entries WHERE grantee <> owner AND NOT (grantee = 0 AND privilege = 'usage' AND object LIKE 'type %')
UNION ALL
SELECT 'no usage on ' || o.object || ' for public' FROM objects AS o
WHERE o.object LIKE 'type %'
  AND NOT EXISTS (SELECT FROM entries AS e WHERE e.object = o.object AND e.grantee = 0 AND e.privilege = 'usage')
UNION ALL
SELECT 'owner''s rights on ' || o.object || ': ' || COALESCE(actual.rights, 'none')
FROM objects AS o
CROSS JOIN LATERAL (SELECT string_agg(e.privilege, ', ' ORDER BY e.privilege COLLATE "C") AS rights FROM entries AS e
                    WHERE e.object = o.object AND e.grantee = o.owner) AS actual
CROSS JOIN LATERAL (SELECT string_agg(lower(a.privilege_type), ', ' ORDER BY lower(a.privilege_type) COLLATE "C")
                           AS rights
                    FROM aclexplode(o.usual) AS a WHERE a.grantee = o.owner AND a.privilege_type <> 'MAINTAIN') AS usual
WHERE o.acl IS NOT NULL AND actual.rights IS DISTINCT FROM usual.rights
UNION ALL
SELECT 'default rights on '
       || COALESCE('{"r": "tables", "S": "sequences", "f": "functions", "T": "types", "n": "schemas"}'::jsonb
                   ->> d.defaclobjtype::text, d.defaclobjtype::text)
       || COALESCE(' in schema ' || n.nspname, '') || ' of ' || pg_get_userbyid(d.defaclrole) || ': '
       || COALESCE((SELECT string_agg(CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
                                      || ' ' || lower(a.privilege_type)
                                      || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END,
                                      ', ' ORDER BY pg_get_userbyid(a.grantee), a.privilege_type)
                    FROM aclexplode(d.defaclacl) AS a), 'none')
FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
WHERE d.defaclnamespace IN (SELECT oid FROM ours)
   OR pg_get_userbyid(d.defaclrole) IN ('relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway',
                                        'relay_auditor', 'relay_tenant', 'relay_billing'))sql";

}  // namespace

void read_right_lines(db::Transaction &transaction, std::vector<std::string> &lines) {
    append_lines(transaction, rights_sql, lines);
}

}  // namespace relay::sql
