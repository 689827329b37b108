-- What a program reads back before it commits: not only whether its rows are there, but whether the functions that gateways call would
-- answer as those rows say. A view or a function that was changed by hand would otherwise make "blocked" a lie.

-- Those of the agents, organizations or keys `ids` about which a gateway would be answered otherwise than relay.revocations says: accepted
-- although a block or revocation is in force, or refused although none is. It decides from the rows themselves, on purpose without the
-- views. Of each subject it looks at 100 keys that are not retired: what it is there to find is wrong for all of them.
CREATE FUNCTION relay.contrary_answers(kind text, ids text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.require_between('the number of ids', cardinality(contrary_answers.ids), 0, 100000);
    IF (contrary_answers.kind IN ('agent', 'org', 'key')) IS NOT TRUE THEN
        RAISE EXCEPTION 'kind must be agent, org or key' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT asked.id
    FROM unnest(contrary_answers.ids) AS asked (id)
    CROSS JOIN LATERAL (
        (SELECT k.* FROM relay.agent_keys AS k
         WHERE contrary_answers.kind = 'agent' AND k.agent_id = asked.id AND k.state IN ('staged', 'active', 'retiring') LIMIT 100)
        UNION ALL
        (SELECT k.* FROM relay.agent_keys AS k
         WHERE contrary_answers.kind = 'org' AND k.org_id = asked.id AND k.state IN ('staged', 'active', 'retiring') LIMIT 100)
        UNION ALL
        (SELECT k.* FROM relay.agent_keys AS k
         WHERE contrary_answers.kind = 'key' AND k.key_id = asked.id AND k.state IN ('staged', 'active', 'retiring'))) AS key
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM relay.revocations AS row
            WHERE row.subject_id = ANY (ARRAY[key.key_id, key.agent_id, key.org_id])
              AND row.subject_id = CASE row.subject_kind
                      WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END
              AND CASE row.kind
                      WHEN 'revoke' THEN row.lifted_at IS NULL OR row.cut_off > key.made_order
                      ELSE row.lifted_at IS NULL AND (row.until IS NULL OR row.until > statement_timestamp()) END) AS out
    ) AS told
    WHERE (key.expires_at > statement_timestamp()) IS NOT FALSE
      AND told.out <> (relay.verdict((SELECT s.reason FROM relay.key_standing AS s WHERE s.key_id = key.key_id), true, true) <> 'ok')
    UNION
    -- The shared secret is the other way in.
    SELECT asked.id
    FROM unnest(contrary_answers.ids) AS asked (id)
    CROSS JOIN LATERAL (
        (SELECT l.* FROM relay.legacy_agents AS l WHERE contrary_answers.kind = 'agent' AND l.agent_id = asked.id)
        UNION ALL
        (SELECT l.* FROM relay.legacy_agents AS l WHERE contrary_answers.kind = 'org' AND l.org_id = asked.id LIMIT 100)) AS listed
    WHERE EXISTS (
            SELECT FROM relay.revocations AS row
            WHERE row.subject_id IN (listed.agent_id, listed.org_id)
              AND row.subject_id = CASE row.subject_kind WHEN 'agent' THEN listed.agent_id WHEN 'org' THEN listed.org_id END
              AND row.lifted_at IS NULL AND (row.until IS NULL OR row.until > statement_timestamp()))
      AND (SELECT answer.reason FROM relay.decide_legacy(listed.agent_id, NULL) AS answer) = 'ok';
END
$$;
COMMENT ON FUNCTION relay.contrary_answers(text, text[]) IS
    'of these agents, organizations or keys: those about which gateways would be answered otherwise than relay.revocations says';
GRANT EXECUTE ON FUNCTION relay.contrary_answers(text, text[]) TO relay_provisioner, relay_responder;

-- The same for any number of ids.
CREATE FUNCTION relay.first_contrary(kind text, ids text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most_at_once CONSTANT integer := 100000;  -- as contrary_answers accepts
    found text;
BEGIN
    FOR position IN 1 .. cardinality(first_contrary.ids) BY most_at_once LOOP
        SELECT wrong.id INTO found
        FROM relay.contrary_answers(first_contrary.kind, first_contrary.ids[position : position + most_at_once - 1]) AS wrong (id) LIMIT 1;
        EXIT WHEN found IS NOT NULL;
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION relay.first_contrary(text, text[]) IS
    'one of these agents, organizations or keys about which gateways would be answered otherwise than relay.revocations says; or null';

-- A count, so that no role gets to read a hash. OFFSET keeps the planner from a join: without statistics of the arrays it
-- would read all active keys for each of them, and the cost of a fleet would grow with the square of its size.
CREATE FUNCTION relay.count_keys_as_made(key_ids text[], key_hashes text[], agent_ids text[], made_state text DEFAULT 'active')
RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.require_between('the number of keys',
        GREATEST(cardinality(count_keys_as_made.key_ids), cardinality(count_keys_as_made.key_hashes),
                 cardinality(count_keys_as_made.agent_ids)), 0, 100000);
    RETURN (SELECT count(*)
        FROM unnest(count_keys_as_made.key_ids, count_keys_as_made.key_hashes, count_keys_as_made.agent_ids) AS made (key_id, hash, agent_id)
        WHERE EXISTS (SELECT FROM relay.agent_keys AS k
                      WHERE k.key_id = made.key_id COLLATE "C" AND k.key_hash = decode(made.hash, 'hex')
                        AND k.agent_id = made.agent_id COLLATE "C" AND k.state = count_keys_as_made.made_state COLLATE "C"
                      OFFSET 0));
END
$$;
COMMENT ON FUNCTION relay.count_keys_as_made(text[], text[], text[], text) IS
    'how many of these new keys are there as they were made: the hash (in hexadecimal), the agent, and the state';
GRANT EXECUTE ON FUNCTION relay.count_keys_as_made(text[], text[], text[], text) TO relay_provisioner;

-- A closed window is the first reason of all, whoever asks.
CREATE FUNCTION relay.accepts_shared_secret() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason <> 'legacy_closed' FROM relay.decide_legacy(NULL, NULL) AS answer
$$;
COMMENT ON FUNCTION relay.accepts_shared_secret() IS 'whether authenticate_legacy would let any agent in: a window is open';
GRANT EXECUTE ON FUNCTION relay.accepts_shared_secret() TO relay_provisioner, relay_responder;

-- Messages that have COMMIT in them -------------------------------------------------------------------------------------------------------

-- A command may send all its statements with the COMMIT, so that it waits for the server once. The server then skips the COMMIT after an
-- error. So these functions raise an error where a program that waited would stop. SQLSTATE RA001 says that the effect is not there.

CREATE FUNCTION relay.require_start(version integer, foreign_settings_undone boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT max(m.version) = require_start.version AND count(*) = require_start.version FROM relay.schema_migrations AS m) IS NOT TRUE THEN
        RAISE EXCEPTION 'the schema has another version than the program' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF require_start.foreign_settings_undone IS NOT TRUE
       AND EXISTS (SELECT FROM pg_db_role_setting AS s WHERE s.setrole IN (0, to_regrole(quote_ident(SESSION_USER))::oid)) THEN
        RAISE EXCEPTION 'ALTER DATABASE or ALTER ROLE has made settings' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;
COMMENT ON FUNCTION relay.require_start(integer, boolean) IS
    'raises an error if the schema has not exactly the migrations up to this version, or if the role or the database has settings that were not undone';

-- Whether it has written is what it knows best itself: it has a transaction id.
CREATE FUNCTION relay.require_operation(op_id text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL
       AND NOT EXISTS (SELECT FROM relay.operations AS o WHERE o.op_id = require_operation.op_id AND o.state = 'done') THEN
        RAISE EXCEPTION 'the record of this operation (relay.operations)' USING ERRCODE = 'RA001';
    END IF;
END
$$;
COMMENT ON FUNCTION relay.require_operation(text) IS 'raises an error if this transaction has written something but not this operation';

-- `until`: how long a block must last at least; null: until it is lifted. Without `force`, ids that do not exist are left out. Without
-- `answers`, the tables of agents and keys are not asked what gateways would be answered, so that a lock on them does not delay a block.
CREATE FUNCTION relay.require_shut_out(subject_kind text, ids text[], kind text, until timestamptz, force boolean, answers boolean)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked   text[] := require_shut_out.ids;
    missing text;
BEGIN
    IF require_shut_out.until <= statement_timestamp() THEN
        RAISE EXCEPTION 'the block would end at %, which is over', require_shut_out.until USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF require_shut_out.force IS NOT TRUE THEN
        asked := ARRAY(SELECT a.id FROM unnest(asked) WITH ORDINALITY AS a (id, position)
                       WHERE CASE require_shut_out.subject_kind
                                 WHEN 'agent' THEN EXISTS (SELECT FROM relay.agents AS row WHERE row.agent_id = a.id)
                                 WHEN 'org' THEN EXISTS (SELECT FROM relay.organizations AS row WHERE row.org_id = a.id)
                                 ELSE EXISTS (SELECT FROM relay.agent_keys AS row WHERE row.key_id = a.id) END
                       ORDER BY a.position);
    END IF;
    -- The table, and the view that everything else reads.
    SELECT a.id INTO missing
    FROM unnest(asked) AS a (id)
    WHERE NOT EXISTS (SELECT FROM relay.revocations AS row
                      WHERE row.subject_id = a.id AND row.subject_kind = require_shut_out.subject_kind AND row.kind = require_shut_out.kind
                        AND row.lifted_at IS NULL AND (row.until IS NULL OR row.until >= require_shut_out.until))
       OR NOT EXISTS (SELECT FROM relay.standing_revocations AS row
                      WHERE row.subject_id = a.id AND row.subject_kind = require_shut_out.subject_kind AND row.kind = require_shut_out.kind)
    LIMIT 1;
    IF missing IS NULL AND require_shut_out.answers THEN
        missing := relay.first_contrary(require_shut_out.subject_kind, asked);
    END IF;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'the % of % %', CASE require_shut_out.kind WHEN 'block' THEN 'block' ELSE 'revocation' END,
            require_shut_out.subject_kind, missing USING ERRCODE = 'RA001';
    END IF;
END
$$;
COMMENT ON FUNCTION relay.require_shut_out(text, text[], text, timestamptz, boolean, boolean) IS
    'raises an error unless each of these is blocked or revoked, by the rows and (with answers) by what gateways would be answered';

CREATE FUNCTION relay.require_lifted(subject_kind text, ids text[], kind text, answers boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    left_over text;
BEGIN
    SELECT a.id INTO left_over
    FROM unnest(require_lifted.ids) AS a (id)
    WHERE EXISTS (SELECT FROM relay.revocations AS row
                  WHERE row.subject_id = a.id AND row.subject_kind = require_lifted.subject_kind AND row.kind = require_lifted.kind
                    AND row.lifted_at IS NULL AND (row.until IS NULL OR row.until > statement_timestamp()))
       OR EXISTS (SELECT FROM relay.standing_revocations AS row
                  WHERE row.subject_id = a.id AND row.subject_kind = require_lifted.subject_kind AND row.kind = require_lifted.kind)
    LIMIT 1;
    IF left_over IS NULL AND require_lifted.answers THEN
        left_over := relay.first_contrary(require_lifted.subject_kind, require_lifted.ids);
    END IF;
    IF left_over IS NOT NULL THEN
        RAISE EXCEPTION 'the end of the % of % %', CASE require_lifted.kind WHEN 'block' THEN 'block' ELSE 'revocation' END,
            require_lifted.subject_kind, left_over USING ERRCODE = 'RA001';
    END IF;
END
$$;
COMMENT ON FUNCTION relay.require_lifted(text, text[], text, boolean) IS
    'raises an error unless no block or revocation of this kind is in force against any of these';

GRANT EXECUTE ON FUNCTION relay.require_start(integer, boolean), relay.require_operation(text), relay.first_contrary(text, text[]),
    relay.require_shut_out(text, text[], text, timestamptz, boolean, boolean), relay.require_lifted(text, text[], text, boolean)
    TO relay_provisioner, relay_responder;
