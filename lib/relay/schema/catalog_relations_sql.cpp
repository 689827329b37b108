#include "relay/schema/catalog_lines_sql.hpp"
#include "relay/schema/catalog_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto relations_sql = R"sql(
relations AS (
    SELECT c.*, n.nspname || '.' || c.relname AS name,
           to_date(substring(c.relname FROM '^auth_events_(\d{4}_\d{2})$'), 'YYYY_MM') AS month
    FROM pg_class AS c JOIN ours AS n ON n.oid = c.relnamespace
    WHERE c.relkind NOT IN ('i', 'I')
), described AS (
    SELECT COALESCE('{"r": "table", "p": "table", "v": "view", "S": "sequence"}'::jsonb ->> r.relkind::text,
                    'relation') || ' ' || r.name
           || COALESCE(' partitioned by ' || pg_get_partkeydef(r.oid), '')
           || COALESCE(' ' || CASE WHEN pg_get_expr(r.relpartbound, r.oid)
                                        = format('FOR VALUES FROM (''%s 00:00:00+00'') TO (''%s 00:00:00+00'')',
                                                 r.month, (r.month + interval '1 month')::date)
                                   THEN 'for its month' ELSE pg_get_expr(r.relpartbound, r.oid) END, '')
           || CASE WHEN r.relrowsecurity THEN ' row level security' ELSE '' END
           || CASE WHEN r.relforcerowsecurity THEN ' forced' ELSE '' END
           || COALESCE(' with ' || (SELECT string_agg(option, ', ' ORDER BY option)
                                     FROM unnest(r.reloptions) AS option), '')
           || COALESCE(' toast with ' || (SELECT string_agg(option, ', ' ORDER BY option)
                                          FROM pg_class AS t, unnest(t.reloptions) AS option
                                          WHERE t.oid = r.reltoastrelid), '')
           || COALESCE((SELECT ' as ' || format_type(s.seqtypid, NULL)
                        FROM pg_sequence AS s WHERE s.seqrelid = r.oid), '')
           || COALESCE((SELECT ' owned by ' || d.refobjid::regclass || '.' || a.attname
                        FROM pg_depend AS d
                        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                        WHERE r.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = r.oid
                          AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass), '')
           || ' owner ' || pg_get_userbyid(r.relowner) AS head,
           to_jsonb(r) - '{name,month}'::text[]
           - '{oid,relname,relnamespace,reltype,relowner,relkind,relacl}'::text[]  -- above, or in the lines of grants
           - '{relrowsecurity,relforcerowsecurity,reloptions,relpartbound,relispartition}'::text[]
           - '{relfilenode,reltablespace,reltoastrelid,relrewrite}'::text[]  -- where the files are
           - '{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid}'::text[]  -- statistics, vacuum
           - '{relnatts,relchecks,relhasindex,relhasrules,relhastriggers,relhassubclass}'::text[]  -- in lines
           || COALESCE((SELECT to_jsonb(s) - '{seqrelid,seqtypid}'::text[]
                        FROM pg_sequence AS s WHERE s.seqrelid = r.oid), '{}')
               AS facts,
           jsonb_build_object('relam', CASE r.relkind WHEN 'r' THEN 2 ELSE 0 END, 'relpersistence', 'p',
                              'relispopulated', true,
                              'relreplident', CASE WHEN r.relkind IN ('r', 'p') THEN 'd' ELSE 'n' END,
                              'seqstart', 1, 'seqincrement', 1, 'seqmin', 1, 'seqcache', 1,
                              'seqmax', 9223372036854775807)
               AS usual
    FROM relations AS r WHERE r.relkind <> 'c'
    UNION ALL
    SELECT 'column ' || r.name || '.' || c.attname || ' ' || format_type(c.atttypid, c.atttypmod)
           || COALESCE((SELECT ' collate ' || k.collname FROM pg_collation AS k
                        WHERE k.oid = c.attcollation AND c.attcollation <> t.typcollation), '')
           || CASE WHEN c.attnotnull THEN ' not null' ELSE '' END
           || CASE c.attidentity WHEN 'a' THEN ' identity' WHEN 'd' THEN ' identity by default' ELSE '' END
           || CASE c.attgenerated WHEN '' THEN '' WHEN 's' THEN ' generated' ELSE ' generated virtually' END
           || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
           || COALESCE(' after ' || lag(c.attname) OVER (PARTITION BY r.oid ORDER BY c.attnum), ''),
           to_jsonb(c)
           - '{attrelid,attname,attnum,atttypid,atttypmod,attcollation,attnotnull}'::text[]
           - '{atthasdef,attidentity,attgenerated,attacl}'::text[]
           - '{attlen,attbyval,attalign}'::text[]  -- of the type
           - '{attislocal,attinhcount}'::text[]  -- pg_inherits says who inherits; a restored partition differs in these
           - '{attndims,attcacheoff}'::text[]  -- without effect
           - '{atthasmissing,attmissingval}'::text[]  -- the value in rows that are older than their column
           - '{attoptions}'::text[]
           -- Since the minor releases of November 2026, the server adds a number there, pg_attver.
           || jsonb_build_object('attoptions', (SELECT jsonb_agg(o) FROM unnest(c.attoptions) AS o WHERE o NOT LIKE 'pg\_%')),
           jsonb_build_object('attstorage', t.typstorage, 'attstattarget', -1)
    FROM relations AS r JOIN pg_attribute AS c ON c.attrelid = r.oid AND c.attnum > 0 AND NOT c.attisdropped
    JOIN pg_type AS t ON t.oid = c.atttypid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = c.attnum
    WHERE r.relkind <> 'S'
    UNION ALL
    SELECT 'constraint ' || COALESCE(r.name, k.contypid::regtype::text) || ' ' || k.conname
           || ' ' || pg_get_constraintdef(k.oid),
           to_jsonb(k)
           - '{oid,conname,connamespace,conrelid,contypid,contype,conkey,conbin,confrelid,confkey}'::text[]
           - '{confupdtype,confdeltype,confmatchtype,confdelsetcols,conpfeqop,conppeqop,conffeqop,conexclop}'::text[]
           - '{connoinherit,conperiod,condeferrable,condeferred}'::text[]
           - '{conindid,conparentid}'::text[]  -- the lines of indexes and of inheritance
           - '{conislocal,coninhcount}'::text[],  -- as of columns
           '{"convalidated": true, "conenforced": true}'
    FROM pg_constraint AS k LEFT JOIN relations AS r ON r.oid = k.conrelid LEFT JOIN pg_type AS d ON d.oid = k.contypid
    WHERE (r.oid IS NOT NULL OR d.typnamespace IN (SELECT oid FROM ours))
      AND (k.contype <> 'n' OR NOT k.convalidated OR k.connoinherit)  -- since 18; the lines of columns say NOT NULL
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(i.indexrelid)
           || COALESCE((SELECT ' of constraint ' || k.conname FROM pg_constraint AS k
                        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')), ''),
           to_jsonb(i)
           - '{indexrelid,indrelid,indnatts,indnkeyatts,indisunique,indnullsnotdistinct,indkey,indcollation}'::text[]
           - '{indclass,indoption,indexprs,indpred,indisprimary,indisexclusion,indimmediate}'::text[]
           - '{indcheckxmin}'::text[]  -- for how long old transactions must not use it
           || jsonb_build_object('relpersistence', c.relpersistence, 'relkind', c.relkind),
           jsonb_build_object('indisvalid', true, 'indisready', true, 'indislive', true, 'relpersistence', 'p',
                              'relkind', CASE r.relkind WHEN 'p' THEN 'I' ELSE 'i' END)
    FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid JOIN pg_class AS c ON c.oid = i.indexrelid
    UNION ALL
    SELECT 'column statistics of index ' || c.relname || ' column ' || a.attnum || ': ' || a.attstattarget, '{}', '{}'
    FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attstattarget >= 0
    UNION ALL
    SELECT 'inheritance ' || i.inhrelid::regclass || ' of ' || i.inhparent::regclass,
           to_jsonb(i) - '{inhrelid,inhparent,inhseqno}'::text[], '{}'
    FROM pg_inherits AS i
    JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent
    WHERE child.relnamespace IN (SELECT oid FROM ours) OR parent.relnamespace IN (SELECT oid FROM ours)
))sql";

}  // namespace

void read_relation_lines(db::Transaction &transaction, std::vector<std::string> &lines) {
    append_described(transaction, relations_sql, lines);
}

}  // namespace relay::sql
