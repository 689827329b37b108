-- How a gateway checks a key. It sends SHA-256(key), never the key; the table holds SHA-256 of that.

-- A composite type, so that the result can gain a column without dropping the functions.
CREATE TYPE relay_api.auth_decision AS (
    ok          boolean,
    reason      text,
    org_id      text,
    agent_id    text,
    permissions jsonb,
    expires_at  timestamptz,
    conditions  jsonb
);

-- The addresses from which each key was seen: an authentication is logged once per minute for each key and address.
CREATE TABLE relay.key_sightings (
    key_id     text COLLATE "C" NOT NULL,
    ip_address inet NOT NULL,  -- :: if the gateway did not send it
    logged_at  timestamptz NOT NULL,
    PRIMARY KEY (key_id, ip_address)
) WITH (fillfactor = 70);
GRANT SELECT ON relay.key_sightings TO relay_provisioner, relay_responder, relay_auditor;
SELECT relay.isolate_tenants('relay.key_sightings',
    'key_id IN (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.org_id = (SELECT relay.current_org()))');
GRANT SELECT (key_id, ip_address, logged_at) ON relay.key_sightings TO relay_tenant;

-- Whether a key is accepted right now, whoever presents it: ok, or the reason for a refusal. One row for each key,
-- found by indexes only.
CREATE VIEW relay.key_standing AS
SELECT key.key_id, key.org_id, key.agent_id, agent.permissions, key.key_hash, key.expires_at, key.last_used_at, key.last_used_from,
       standing.reason
FROM relay.agent_keys AS key
JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.cut_off > key.made_order)) AS revoked,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id = ANY (ARRAY[key.key_id, key.agent_id, key.org_id])
      AND row.subject_id = CASE row.subject_kind
              WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END) AS fate
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN fate.revoked THEN 'revoked'
        WHEN fate.blocked THEN 'blocked'
        WHEN key.state = 'revoked' THEN 'revoked'
        WHEN key.state = 'retired' THEN 'retired'
        WHEN key.expires_at <= pg_catalog.statement_timestamp() THEN 'expired'
        ELSE 'ok'
    END AS reason
    OFFSET 0) AS standing;  -- OFFSET 0: evaluated once, even if it is used several times
COMMENT ON VIEW relay.key_standing IS 'for the functions that check keys; it has the hashes, so no role may read it';

-- Returns the answer for a caller that presents a key with this reason of key_standing (null: there is no such key).
-- right_agent and right_org are null if the caller did not claim one. Plain SQL, so that PostgreSQL inlines it.
CREATE FUNCTION relay.verdict(standing text, right_agent boolean, right_org boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN standing = 'ok' THEN CASE WHEN NOT right_agent THEN 'agent_mismatch' WHEN NOT right_org THEN 'org_mismatch' ELSE 'ok' END
        ELSE COALESCE(standing, 'unknown_key')  -- null: there is no such key
    END
$$;

-- What a success leaves behind. The decision does not depend on it, so it waits for no lock on a table: what cannot be
-- written now is left out, and a later call writes it.

-- Retires the key that `seen_key` replaces, if it was to be retired at the first use. Returns false if it should be, and
-- could not: the old key then lives until the next call with the new one, or until its grace ends.
CREATE FUNCTION relay.retire_predecessor(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, seen_trace text)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    retired text := (SELECT k.key_id FROM relay.agent_keys AS k
                     WHERE k.agent_id = seen_agent AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use);
BEGIN
    IF retired IS NULL THEN
        RETURN true;
    END IF;
    IF NOT relay.can_write('agent_keys') OR NOT relay.can_write_event() THEN
        RETURN false;
    END IF;
    BEGIN
        UPDATE relay.agent_keys SET state = 'retired', retired_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.key_id = retired AND k.state = 'retiring' FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
            VALUES (seen_org, seen_agent, retired, 'key_retired', 'its replacement ' || seen_key || ' was used', seen_trace);
        END IF;
        RETURN FOUND;
    EXCEPTION
        WHEN lock_not_available THEN
            RETURN false;  -- not without its event
    END;
END
$$;

-- Writes from where a key was seen, with an event, once per minute.
CREATE FUNCTION relay.note_sighting(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
BEGIN
    IF EXISTS (SELECT FROM relay.key_sightings AS s
               WHERE s.key_id = seen_key AND s.ip_address = seen_from AND s.logged_at > seen_at - interval '1 minute')
       OR NOT relay.can_write('key_sightings') OR NOT relay.can_write_event() THEN
        RETURN;
    END IF;
    INSERT INTO relay.key_sightings AS s (key_id, ip_address, logged_at) VALUES (seen_key, seen_from, seen_at)
    ON CONFLICT (key_id, ip_address) DO UPDATE SET logged_at = excluded.logged_at
        WHERE s.logged_at <= excluded.logged_at - interval '1 minute';
    IF FOUND THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, trace_id)
        VALUES (seen_org, seen_agent, seen_key, 'authenticated', NULLIF(seen_from, '::'), seen_trace);
    END IF;
EXCEPTION
    WHEN lock_not_available THEN
        NULL;
END
$$;

-- Records a success, at most once per minute for each key and address. It skips a row that a rotation has locked. First
-- the facts on which other decisions depend: if one of them cannot be written, last_used_at remains old, so that the next
-- call comes here again.
CREATE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz,
                                   seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_due boolean := (used_at > seen_at - interval '1 minute') IS NOT TRUE;
BEGIN
    PERFORM relay.commit_lazily();
    IF NOT relay.note_own_key(seen_agent, seen_org, seen_key)
       OR (is_due AND NOT relay.retire_predecessor(seen_key, seen_agent, seen_org, seen_at, seen_trace)) THEN
        is_due := false;
    END IF;
    IF is_due AND relay.can_write('agent_keys') THEN
        UPDATE relay.agent_keys SET last_used_at = seen_at, last_used_from = seen_from
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.key_id = seen_key FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    IF is_due AND relay.can_write('agents') THEN
        UPDATE relay.agents SET last_used_at = seen_at
        WHERE agent_id = (SELECT a.agent_id FROM relay.agents AS a WHERE a.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    PERFORM relay.note_sighting(seen_key, seen_agent, seen_org, seen_at, COALESCE(seen_from, '::'), seen_trace);
END
$$;

-- Asks the same question up to twice. The first query asks whether the call is a usual one: key, agent and organization
-- were never blocked or revoked, and there is nothing to write. That is one plan of three index lookups. If the call is
-- not a usual one, for whatever reason, the second query makes all the checks.
CREATE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    used_at  timestamptz;
    refused  relay.auth_events;
BEGIN
    SELECT true, 'ok', k.org_id, k.agent_id, a.permissions, k.expires_at, NULL::jsonb INTO decision
    FROM relay.agent_keys AS k
    JOIN relay.agents AS a ON a.agent_id = k.agent_id
    -- This compares hashes of hashes, so the time that it takes reveals nothing useful.
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r WHERE r.subject_id = ANY (ARRAY[k.key_id, k.agent_id, k.org_id]))
      AND k.state IN ('active', 'retiring') AND (k.expires_at > statement_timestamp()) IS NOT FALSE
      AND (authenticate.agent_id = k.agent_id) IS NOT FALSE AND (authenticate.org_id = k.org_id) IS NOT FALSE
      AND a.plain
      AND k.last_used_at > statement_timestamp() - interval '1 minute' AND k.last_used_from IS NOT DISTINCT FROM authenticate.ip_address;
    IF FOUND THEN
        RETURN decision;
    END IF;

    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, k.permissions, k.expires_at, k.last_used_at
    INTO decision.ok, decision.reason, decision.org_id, decision.agent_id, decision.permissions, decision.expires_at, used_at
    FROM relay.key_standing AS k
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, authenticate.agent_id = k.agent_id, authenticate.org_id = k.org_id) AS reason OFFSET 0) AS answer
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest);
    IF decision.ok THEN
        IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
            PERFORM relay.note_success(authenticate.key_id, decision.agent_id, decision.org_id, clock_timestamp(), used_at,
                                       authenticate.ip_address, left(authenticate.trace_id, 64));
        END IF;
        SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
        FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
        RETURN decision;
    END IF;

    refused.reason := COALESCE(decision.reason, 'unknown_key');
    IF current_setting('transaction_read_only') = 'off' THEN
        refused.action := 'auth_failed';
        refused.outcome := 'failed';
        refused.org_id := decision.org_id;
        refused.agent_id := decision.agent_id;
        refused.key_id := left(authenticate.key_id, 12);
        refused.ip_address := authenticate.ip_address;
        refused.trace_id := left(authenticate.trace_id, 64);
        IF authenticate.agent_id IS NOT NULL OR authenticate.org_id IS NOT NULL THEN
            refused.detail := jsonb_build_object('claimed_agent_id', left(authenticate.agent_id, 127),
                                                 'claimed_org_id', left(authenticate.org_id, 63));
        END IF;
        PERFORM relay.record_often(refused);
    END IF;
    -- Only auth_events gets the owner of the key, not the caller.
    RETURN ROW(false, refused.reason, NULL, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) IS
    'checks a key by its id and SHA-256(key), against the claimed agent and org if they are given, and records the outcome; '
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch';
GRANT EXECUTE ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) TO relay_gateway;

-- Makes the same checks for people: it writes nothing, and returns the owner even if the key is refused.
CREATE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.key_standing AS k ON k.key_id = shown.key_id AND k.key_hash = shown.key_hash
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, verify_key.agent_id = k.agent_id, NULL) AS reason) AS answer
    CROSS JOIN LATERAL relay.effective_grants(k.agent_id, k.permissions) AS granted
$$;
GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO relay_provisioner, relay_responder;

-- Removes old sightings, but keeps the newest one of each key, because it shows where the key was last seen.
CREATE FUNCTION relay.prune_sightings(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_sightings.max_rows, 1, 1000000);
    DELETE FROM relay.key_sightings WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM relay.key_sightings AS s
        WHERE s.logged_at < clock_timestamp() - interval '30 days'
          AND EXISTS (SELECT FROM relay.key_sightings AS newer WHERE newer.key_id = s.key_id AND newer.logged_at > s.logged_at)
        LIMIT prune_sightings.max_rows FOR UPDATE OF s SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_sightings(integer) IS
    'removes the addresses from which a key was not seen for 30 days, except the latest, at most max_rows; waits for no lock; '
    'returns how many it removed';
GRANT EXECUTE ON FUNCTION relay.prune_sightings(integer) TO relay_provisioner;
