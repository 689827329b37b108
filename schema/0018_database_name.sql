-- The name of the database, as its operators call it, and its mark as production: so that a command can say where it was done.
--
-- It is the comment of schema relay, not a row of a table: each login can read it, whatever its privileges and whatever the version of the
-- schema, in the statement that opens a transaction. The comment goes with a dump, as the data do.

CREATE FUNCTION relay.name_database(name text, production boolean, actor text, reason text DEFAULT NULL, ticket text DEFAULT NULL,
                                    trace_id text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before text := obj_description('relay'::regnamespace, 'pg_namespace');
BEGIN
    IF name IS NULL OR production IS NULL THEN
        RAISE EXCEPTION 'a database needs a name, and is marked as production or not' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF name !~ '^[^[:cntrl:]]+$' OR name <> btrim(name) OR octet_length(name) > 63 THEN
        RAISE EXCEPTION 'the name of a database has 1 to 63 bytes, without control characters and without blanks at its ends'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('COMMENT ON SCHEMA relay IS %L', CASE WHEN production THEN 'production ' ELSE '' END || 'database ' || name);
    INSERT INTO relay.auth_events (action, reason, ticket, actor, trace_id, detail)
    VALUES ('database_named', name_database.reason, name_database.ticket, name_database.actor, name_database.trace_id,
            jsonb_build_object('name', name, 'production', production, 'comment_before', before));
END
$$;
COMMENT ON FUNCTION relay.name_database(text, boolean, text, text, text, text) IS
    'names this database, and marks it as production or not: in the comment of schema relay, with an event in auth_events';
GRANT EXECUTE ON FUNCTION relay.name_database(text, boolean, text, text, text, text) TO relay_provisioner;
