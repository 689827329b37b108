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
         WHERE contrary_answers.kind = 'agent' AND k.agent_id = asked.id AND k.state IN ('active', 'retiring') LIMIT 100)
        UNION ALL
        (SELECT k.* FROM relay.agent_keys AS k
         WHERE contrary_answers.kind = 'org' AND k.org_id = asked.id AND k.state IN ('active', 'retiring') LIMIT 100)
        UNION ALL
        (SELECT k.* FROM relay.agent_keys AS k
         WHERE contrary_answers.kind = 'key' AND k.key_id = asked.id AND k.state IN ('active', 'retiring'))) AS key
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

-- A count, so that no role gets to read a hash. OFFSET keeps the planner from a join: without statistics of the arrays it
-- would read all active keys for each of them, and the cost of a fleet would grow with the square of its size.
CREATE FUNCTION relay.count_keys_as_made(key_ids text[], key_hashes text[], agent_ids text[]) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.require_between('the number of keys',
        GREATEST(cardinality(count_keys_as_made.key_ids), cardinality(count_keys_as_made.key_hashes),
                 cardinality(count_keys_as_made.agent_ids)), 0, 100000);
    RETURN (SELECT count(*)
        FROM unnest(count_keys_as_made.key_ids, count_keys_as_made.key_hashes, count_keys_as_made.agent_ids) AS made (key_id, hash, agent_id)
        WHERE EXISTS (SELECT FROM relay.agent_keys AS k
                      WHERE k.key_id = made.key_id COLLATE "C" AND k.key_hash = decode(made.hash, 'hex')
                        AND k.agent_id = made.agent_id COLLATE "C" AND k.state = 'active' OFFSET 0));
END
$$;
COMMENT ON FUNCTION relay.count_keys_as_made(text[], text[], text[]) IS
    'how many of these new keys are there as they were made: the hash (in hexadecimal), the agent, and active';
GRANT EXECUTE ON FUNCTION relay.count_keys_as_made(text[], text[], text[]) TO relay_provisioner;

-- A closed window is the first reason of all, whoever asks.
CREATE FUNCTION relay.accepts_shared_secret() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason <> 'legacy_closed' FROM relay.decide_legacy(NULL, NULL) AS answer
$$;
COMMENT ON FUNCTION relay.accepts_shared_secret() IS 'whether authenticate_legacy would let any agent in: a window is open';
GRANT EXECUTE ON FUNCTION relay.accepts_shared_secret() TO relay_provisioner, relay_responder;
