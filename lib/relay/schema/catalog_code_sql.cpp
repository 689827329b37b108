#include "relay/schema/catalog_lines_sql.hpp"
#include "relay/schema/catalog_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto code_sql = R"sql(
relations AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind
    FROM pg_class AS c JOIN ours AS n ON n.oid = c.relnamespace
), views AS (
    SELECT written.oid,
           -- Before 16 the columns of a view over a single relation are written with its name.
           CASE WHEN written.froms = 1 AND sole.name IS NOT NULL
                THEN regexp_replace(written.text, '\m' || sole.name || '\.', '', 'g') ELSE written.text END AS text
    FROM (SELECT r.oid, regexp_replace(pg_get_viewdef(r.oid), '\s+', ' ', 'g') AS text,
                 (SELECT count(*) FROM regexp_matches(pg_get_viewdef(r.oid), '\mFROM\M', 'g')) AS froms
          FROM relations AS r WHERE r.relkind IN ('v', 'm')) AS written
    CROSS JOIN LATERAL (
        SELECT COALESCE(found[2], found[1]) AS name
        FROM regexp_match(written.text, ' FROM relay(?:_api)?\.(\w+)(?: (?!WHERE|GROUP|HAVING|ORDER|LIMIT)(\w+))?'
                                        '(?: (?:WHERE|GROUP|HAVING|ORDER|LIMIT) |;)') AS found) AS sole
), described AS (
    SELECT 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
           || COALESCE(' returns ' || pg_get_function_result(p.oid), '')
           || CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END || ' ' || p.provolatile::text
           || ' set ' || COALESCE(array_to_string(p.proconfig, ', '), 'nothing')
           || COALESCE(' defaults ' || pg_get_expr(p.proargdefaults, 0), '')
           || ' in ' || l.lanname || ' body ' || md5(p.prosrc) || ' owner ' || pg_get_userbyid(p.proowner) AS head,
           to_jsonb(p)
           - '{oid,proname,pronamespace,proowner,prolang,prosecdef,provolatile,prosrc,proconfig}'::text[]
           - '{proargdefaults,proacl,pronargs,pronargdefaults,prorettype,proargtypes,proallargtypes}'::text[]
           - '{proargmodes,proargnames,provariadic}'::text[] AS facts,
           jsonb_build_object('prokind', 'f', 'proparallel', 'u', 'procost', 100, 'proretset', p.proretset,
                              'prorows', CASE WHEN p.proretset THEN 1000 ELSE 0 END) AS usual
    FROM pg_proc AS p JOIN ours AS n ON n.oid = p.pronamespace JOIN pg_language AS l ON l.oid = p.prolang
    UNION ALL
    SELECT 'trigger ' || r.name || ' '
           || CASE WHEN k.oid IS NULL THEN t.tgname || ': ' || pg_get_triggerdef(t.oid)
                   ELSE 'of constraint ' || k.conname || COALESCE(' of ' || NULLIF(k.conrelid, r.oid)::regclass, '')
                        || ': ' || regexp_replace(pg_get_triggerdef(t.oid), '("RI_ConstraintTrigger_\w_)\d+"', '\1"') END,
           to_jsonb(t)
           - '{oid,tgrelid,tgparentid,tgname,tgfoid,tgtype,tgconstrrelid,tgconstrindid,tgconstraint}'::text[]
           - '{tgdeferrable,tginitdeferred,tgnargs,tgattr,tgargs,tgqual,tgoldtable,tgnewtable}'::text[]
           - '{tgisinternal}'::text[],  -- before 15 also of a trigger that a partition has from its parent
           '{"tgenabled": "O"}'
    FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid LEFT JOIN pg_constraint AS k ON k.oid = t.tgconstraint
    UNION ALL
    SELECT 'view text ' || r.name || ' ' || md5(v.text), '{}', '{}' FROM relations AS r JOIN views AS v ON v.oid = r.oid
    UNION ALL
    SELECT 'rule ' || r.name || ' ' || u.rulename
           || CASE WHEN v.oid IS NOT NULL AND u.ev_type = '1' THEN ''
                   ELSE ': ' || regexp_replace(pg_get_ruledef(u.oid), '\s+', ' ', 'g') END,
           to_jsonb(u) - '{oid,rulename,ev_class,ev_type,is_instead,ev_qual,ev_action}'::text[], '{"ev_enabled": "O"}'
    FROM relations AS r JOIN pg_rewrite AS u ON u.ev_class = r.oid LEFT JOIN views AS v ON v.oid = r.oid
    UNION ALL
    SELECT 'policy ' || r.name || ' ' || p.polname || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END
           || ' for ' || p.polcmd::text || ' to '
           || (SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END, ', '
                                 ORDER BY pg_get_userbyid(role)) FROM unnest(p.polroles) AS role)
           || COALESCE(' using ' || regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g'), '')
           || COALESCE(' check ' || regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g'), ''),
           to_jsonb(p) - '{oid,polname,polrelid,polcmd,polpermissive,polroles,polqual,polwithcheck}'::text[], '{}'
    FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'type ' || n.nspname || '.' || t.typname
           || COALESCE(' labels ' || (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                                      FROM pg_enum AS e WHERE e.enumtypid = t.oid), '')
           || COALESCE(' of ' || (SELECT to_jsonb(g) - 'rngtypid' - 'rngmultitypid' FROM pg_range AS g
                                  WHERE g.rngtypid = t.oid)::text, '')
           || CASE WHEN t.typbasetype <> 0 THEN ' over ' || format_type(t.typbasetype, t.typtypmod) ELSE '' END
           || ' owner ' || pg_get_userbyid(t.typowner),
           to_jsonb(t)
           - '{oid,typname,typnamespace,typowner,typrelid,typarray,typacl,typbasetype,typtypmod,typdefaultbin}'::text[],
           '{"typlen": -1, "typtype": "c", "typcategory": "C", "typisdefined": true, "typdelim": ",", "typalign": "d",
             "typstorage": "x", "typinput": "record_in", "typoutput": "record_out", "typreceive": "record_recv",
             "typsend": "record_send"}'
    FROM pg_type AS t JOIN ours AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid LEFT JOIN pg_type AS element ON element.typarray = t.oid
    WHERE element.oid IS NULL AND (c.oid IS NULL OR c.relkind = 'c')  -- others follow from a relation or a type
))sql";

}  // namespace

void read_code_lines(db::Transaction &transaction, std::vector<std::string> &lines) {
    append_described(transaction, code_sql, lines);
}

}  // namespace relay::sql
