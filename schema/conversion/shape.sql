-- What is in the two schemas, and what hangs on them from outside, one line each, in words that do not depend on the
-- server's version. Two things are at stake: rows, which need columns that are known, and objects that others have put
-- there or built on ours, which the conversion would drop.
WITH ours AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('relay', 'relay_api')
), relations AS (
    SELECT c.oid, o.nspname || '.' || c.relname AS name, c.relkind, c.relacl, c.relnamespace
    FROM pg_class AS c JOIN ours AS o ON o.oid = c.relnamespace
), months AS (
    -- Each month of the audit trail is like its parent: PostgreSQL itself sees to that.
    SELECT r.oid FROM relations AS r JOIN pg_inherits AS i ON i.inhrelid = r.oid
    WHERE i.inhparent = 'relay.auth_events'::regclass AND r.name ~ '^relay\.auth_events_\d{4}_\d{2}$'
), functions AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.proacl FROM pg_proc AS p JOIN ours AS o ON o.oid = p.pronamespace
), grants AS (
    SELECT r.name, a.grantee FROM relations AS r, aclexplode(r.relacl) AS a
    UNION SELECT r.name, a.grantee FROM relations AS r JOIN pg_attribute AS c ON c.attrelid = r.oid, aclexplode(c.attacl) AS a
    UNION SELECT f.name, a.grantee FROM functions AS f, aclexplode(f.proacl) AS a
    UNION SELECT o.nspname, a.grantee FROM ours AS o JOIN pg_namespace AS n ON n.oid = o.oid, aclexplode(n.nspacl) AS a
), dependents AS (
    SELECT DISTINCT d.classid, d.objid
    FROM pg_depend AS d
    WHERE d.deptype NOT IN ('i', 'P', 'S')
      AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM relations))
           OR (d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM functions))
           OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type AS t JOIN ours AS o ON o.oid = t.typnamespace))
           OR (d.refclassid = 'pg_namespace'::regclass AND d.refobjid IN (SELECT oid FROM ours)))
), homes AS (
    SELECT d.classid, d.objid,
           CASE d.classid
               WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid)
               WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
               WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid)
               WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = d.objid)
               WHEN 'pg_rewrite'::regclass THEN
                   (SELECT c.relnamespace FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = d.objid)
               WHEN 'pg_attrdef'::regclass THEN
                   (SELECT c.relnamespace FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = a.adrelid WHERE a.oid = d.objid)
               WHEN 'pg_trigger'::regclass THEN
                   (SELECT c.relnamespace FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.oid = d.objid)
               WHEN 'pg_policy'::regclass THEN
                   (SELECT c.relnamespace FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.oid = d.objid)
           END AS namespace
    FROM dependents AS d
)
SELECT 'column ' || r.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS line
FROM relations AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relkind IN ('r', 'p', 'f', 'm') AND r.oid NOT IN (SELECT oid FROM months)
UNION ALL
SELECT CASE r.relkind WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table ' WHEN 'v' THEN 'view ' WHEN 'c' THEN 'type ' WHEN 'S' THEN 'sequence '
                      WHEN 'i' THEN 'index ' WHEN 'I' THEN 'index ' ELSE 'relation ' END || r.name
FROM relations AS r
WHERE r.oid NOT IN (SELECT oid FROM months) AND r.oid NOT IN (SELECT x.indexrelid FROM pg_index AS x JOIN months AS m ON m.oid = x.indrelid)
UNION ALL
SELECT 'function ' || f.name FROM functions AS f
UNION ALL
SELECT 'trigger ' || t.tgname || ' on ' || r.name FROM pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid
-- The trigger of a partition comes from its parent, unless it has none there.
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND r.oid NOT IN (SELECT oid FROM months)
UNION ALL
SELECT 'policy ' || p.polname || ' on ' || r.name FROM pg_policy AS p JOIN relations AS r ON r.oid = p.polrelid
UNION ALL
SELECT 'rule ' || w.rulename || ' on ' || r.name FROM pg_rewrite AS w JOIN relations AS r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'right of ' || COALESCE(NULLIF(g.grantee, 0)::regrole::text, 'public') || ' on ' || g.name FROM grants AS g
WHERE g.grantee = 0 OR g.grantee::regrole::text NOT IN
    ('relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway', 'relay_auditor', 'relay_tenant')
UNION ALL
SELECT 'dependent ' || pg_describe_object(h.classid, h.objid, 0) FROM homes AS h
WHERE h.namespace IS NULL OR h.namespace NOT IN (SELECT oid FROM ours)
