#include "relay/schema/schema_sql.hpp"

#include "relay/db/migrations.hpp"

#include <algorithm>
#include <iterator>

namespace relay::sql {
namespace {

/// One line per object, in words that are the same on PostgreSQL 13 to 18: no NOT NULL constraints (18 lists them),
/// no MAINTAIN privilege (new in 17), function bodies as digests. Monthly partitions come and go, so they are left
/// out.
constexpr char const *catalog_sql = R"sql(
WITH relations AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind, c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           COALESCE('security_barrier=true' = ANY (c.reloptions), false) AS is_barrier
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('relay', 'relay_api') AND c.relname !~ '^auth_events_[0-9]{4}_[0-9]{2}'
), functions AS (
    SELECT p.oid, n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, p.proacl, p.proowner,
           pg_get_function_result(p.oid) AS result, p.prosecdef, p.provolatile, p.proconfig, p.prosrc
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('relay', 'relay_api')
), grants AS (
    SELECT 'schema ' || n.nspname AS object, n.nspowner AS owner, a.* FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
    WHERE n.nspname IN ('relay', 'relay_api')
    UNION ALL
    SELECT 'relation ' || r.name, r.relowner, a.* FROM relations AS r, aclexplode(r.relacl) AS a WHERE r.relkind IN ('r', 'p', 'v', 'S')
    UNION ALL
    SELECT 'column ' || r.name || '.' || c.attname, r.relowner, a.*
    FROM relations AS r JOIN pg_attribute AS c ON c.attrelid = r.oid, aclexplode(c.attacl) AS a
    UNION ALL
    SELECT 'function ' || f.name, f.proowner, a.* FROM functions AS f, aclexplode(COALESCE(f.proacl, acldefault('f', f.proowner))) AS a
)
SELECT line COLLATE "C" AS line FROM (
    SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END || name
           || CASE WHEN relkind = 'p' THEN ' partitioned' ELSE '' END
           || CASE WHEN relrowsecurity THEN ' row level security' ELSE '' END || CASE WHEN relforcerowsecurity THEN ' forced' ELSE '' END
           || CASE WHEN is_barrier THEN ' security barrier' ELSE '' END || ' owner ' || pg_get_userbyid(relowner) AS line
    FROM relations WHERE relkind IN ('r', 'p', 'v', 'S')
    UNION ALL
    SELECT 'column ' || r.name || '.' || c.attname || ' ' || format_type(c.atttypid, c.atttypmod)
           || CASE WHEN c.attcollation IN (SELECT oid FROM pg_collation WHERE collname = 'C') THEN ' collate C' ELSE '' END
           || CASE WHEN c.attnotnull THEN ' not null' ELSE '' END
           || CASE WHEN c.attidentity <> '' THEN ' identity' ELSE '' END
           || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    FROM relations AS r JOIN pg_attribute AS c ON c.attrelid = r.oid AND c.attnum > 0 AND NOT c.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = c.attnum
    WHERE r.relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT 'constraint ' || r.name || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' !' END
    FROM relations AS r JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.contype IN ('c', 'p', 'u', 'f')
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
    FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid
    WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
    UNION ALL
    SELECT 'trigger ' || r.name || ' ' || t.tgname || ' ' || CASE t.tgenabled WHEN 'O' THEN 'enabled' ELSE 'disabled' END
    FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid
     AND (NOT t.tgisinternal OR (t.tgparentid <> 0 AND t.tgconstraint = 0))  -- before 15, a clone on a partition counts as internal
    UNION ALL
    SELECT 'policy ' || r.name || ' ' || p.polname || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END || ' for ' || p.polcmd::text
           || ' to ' || (SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END, ', ' ORDER BY pg_get_userbyid(role))
                         FROM unnest(p.polroles) AS role)
           || COALESCE(' using ' || regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g'), '')
           || COALESCE(' check ' || regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g'), '')
    FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'exposed partition relay.' || c.relname
           || CASE WHEN c.relrowsecurity THEN '' ELSE ' without row level security' END
           || CASE WHEN EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid) THEN ' with policies of its own' ELSE '' END
           || CASE WHEN guards.names = ARRAY['append_only', 'append_only_truncate'] THEN '' ELSE ' without its triggers' END
           || CASE WHEN granted.privileges IS NULL THEN '' ELSE ' with grants of its own: ' || granted.privileges END AS line
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT array_agg(t.tgname::text ORDER BY t.tgname) AS names FROM pg_trigger AS t
                        WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND t.tgname LIKE 'append_only%') AS guards
    CROSS JOIN LATERAL (SELECT string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END, ', ') AS privileges
                        FROM aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) AS a
                        WHERE a.grantee <> c.relowner OR a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')) AS granted
    WHERE i.inhparent = 'relay.auth_events'::regclass
      AND NOT (c.relrowsecurity AND guards.names = ARRAY['append_only', 'append_only_truncate'] AND granted.privileges IS NULL
               AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid))
    UNION ALL
    SELECT 'function ' || name || ' returns ' || result || CASE WHEN prosecdef THEN ' security definer' ELSE '' END || ' ' || provolatile::text
           || ' set ' || COALESCE(array_to_string(proconfig, ', '), 'nothing') || ' body ' || md5(prosrc) || ' owner ' || pg_get_userbyid(proowner)
    FROM functions
    UNION ALL
    SELECT 'grant ' || lower(privilege_type) || ' on ' || object || ' to ' || CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END
           || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
    FROM grants WHERE privilege_type <> 'MAINTAIN' AND (grantee <> owner OR object = 'relation relay.auth_events')
) AS catalog ORDER BY 1)sql";

std::vector<std::string> expected_lines() {
    std::vector<std::string> lines;
    std::string_view rest = db::expected_catalog();
    while (!rest.empty()) {
        std::size_t const end = std::min(rest.find('\n'), rest.size());
        if (end > 0) {
            lines.emplace_back(rest.substr(0, end));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// The server's text of a definition depends on these settings, which a role or a database may have changed.
constexpr char const *deparse_settings_sql =
    "SELECT set_config('quote_all_identifiers', 'off', true), set_config('intervalstyle', 'postgres', true)";

}  // namespace

std::vector<std::string> read_catalog(db::Transaction &transaction) {
    std::vector<std::string> lines;
    transaction.exec(deparse_settings_sql);
    db::Rows const rows = transaction.exec(catalog_sql);
    for (db::Row const row : rows) {
        lines.push_back(row.text("line"));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<SchemaDifference> verify_schema(db::Transaction &transaction) {
    std::vector<std::string> const expected = expected_lines();
    std::vector<std::string> const actual = read_catalog(transaction);
    std::vector<std::string> missing;
    std::vector<std::string> unexpected;
    std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(), std::back_inserter(missing));
    std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(), std::back_inserter(unexpected));
    std::vector<SchemaDifference> differences;
    for (std::string &line : missing) {
        differences.push_back({.missing = true, .line = std::move(line)});
    }
    for (std::string &line : unexpected) {
        differences.push_back({.missing = false, .line = std::move(line)});
    }
    return differences;
}

}  // namespace relay::sql
