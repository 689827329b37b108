-- First part of the conversion of a database that the last program before release 0.1.0 made: its schemas make room.
-- Renaming takes an exclusive lock on nothing but the names; the locks that keep writers out come next.
ALTER SCHEMA relay RENAME TO relay_before;
ALTER SCHEMA relay_api RENAME TO relay_api_before;

SET LOCAL ROLE relay_owner;
DO $lock$
DECLARE
    moved regclass;
BEGIN
    FOR moved IN SELECT c.oid FROM pg_class AS c
                 WHERE c.relnamespace = 'relay_before'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE "C" LOOP
        -- Not LOCK TABLE: the owner has no right to change the rows of tables that are append-only. It may change the table.
        EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER USER', moved);
    END LOOP;
END
$lock$;
RESET ROLE;
