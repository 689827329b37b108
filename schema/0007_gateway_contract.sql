-- What a gateway calls. It sends SHA-256(key), never the key; the table holds SHA-256 of that.

-- A composite type: a function's result may gain a column without being dropped.
CREATE TYPE relay_api.auth_decision AS (
    ok          boolean,
    reason      text,
    org_id      text,
    agent_id    text,
    permissions jsonb,
    expires_at  timestamptz
);

-- Where a key was last seen from: an authentication is logged once a minute for each key and address.
CREATE TABLE relay.key_sightings (
    key_id     text COLLATE "C" NOT NULL,
    ip_address inet NOT NULL,  -- :: when the gateway did not say
    logged_at  timestamptz NOT NULL,
    PRIMARY KEY (key_id, ip_address)
) WITH (fillfactor = 70);
GRANT SELECT ON relay.key_sightings TO relay_provisioner, relay_responder, relay_auditor;

-- The checks in their order, without any effect. Shared by authenticate and verify_key.
-- The same work is done for a key that does not exist; hashes of hashes are compared, so timing tells nothing of use.
CREATE FUNCTION relay.decide(
    claimed_key text, claimed_digest bytea, claimed_agent text, claimed_org text,
    OUT reason text, OUT org_id text, OUT agent_id text, OUT permissions jsonb, OUT expires_at timestamptz, OUT used_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key     record;
    revoked boolean;
    blocked boolean;
BEGIN
    SELECT k.org_id, k.agent_id, a.permissions, k.key_hash, k.state, k.created_at, k.expires_at, k.last_used_at
    INTO key
    FROM relay.agent_keys AS k
    JOIN relay.agents AS a ON a.agent_id = k.agent_id
    WHERE k.key_id = claimed_key;

    IF sha256(claimed_digest) IS DISTINCT FROM key.key_hash OR claimed_digest IS NULL THEN
        reason := 'unknown_key';
        RETURN;
    END IF;
    org_id := key.org_id;
    agent_id := key.agent_id;
    permissions := key.permissions;
    expires_at := key.expires_at;
    used_at := key.last_used_at;

    SELECT bool_or(r.kind = 'revoke' AND (r.lifted_at IS NULL OR r.at >= key.created_at)),
           bool_or(r.kind = 'block' AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
    INTO revoked, blocked
    FROM relay.revocations AS r
    WHERE r.subject_id IN (claimed_key, key.agent_id, key.org_id)
      AND r.subject_id = CASE r.subject_kind
              WHEN 'key' THEN claimed_key WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END;

    reason := CASE
        WHEN revoked THEN 'revoked'
        WHEN blocked THEN 'blocked'
        WHEN key.state = 'revoked' THEN 'revoked'
        WHEN key.state = 'retired' THEN 'retired'
        WHEN key.expires_at <= statement_timestamp() THEN 'expired'
        WHEN claimed_agent <> key.agent_id THEN 'agent_mismatch'
        WHEN claimed_org <> key.org_id THEN 'org_mismatch'
        ELSE 'ok'
    END;
END
$$;

-- Writes what a success leaves behind, at most once a minute. Waits for nobody: a row that a rotation holds is skipped, and the next call
-- does it.
CREATE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz,
                                   seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retired text;
BEGIN
    IF used_at IS NULL OR used_at <= seen_at - interval '1 minute' THEN
        UPDATE relay.agent_keys SET last_used_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.key_id = seen_key FOR NO KEY UPDATE SKIP LOCKED);
        UPDATE relay.agents SET last_used_at = seen_at
        WHERE agent_id = (SELECT a.agent_id FROM relay.agents AS a WHERE a.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED);
        -- The replacement works: its predecessor need not.
        UPDATE relay.agent_keys SET state = 'retired', retired_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.agent_id = seen_agent AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use
                        FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING key_id INTO retired;
        IF retired IS NOT NULL THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
            VALUES (seen_org, seen_agent, retired, 'key_retired', 'its replacement ' || seen_key || ' was used', seen_trace);
        END IF;
    END IF;

    IF NOT EXISTS (SELECT FROM relay.key_sightings AS s
                   WHERE s.key_id = seen_key AND s.ip_address = COALESCE(seen_from, '::')
                     AND s.logged_at > seen_at - interval '1 minute') THEN
        INSERT INTO relay.key_sightings AS s (key_id, ip_address, logged_at)
        VALUES (seen_key, COALESCE(seen_from, '::'), seen_at)
        ON CONFLICT (key_id, ip_address) DO UPDATE SET logged_at = excluded.logged_at
            WHERE s.logged_at <= excluded.logged_at - interval '1 minute';
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, trace_id)
            VALUES (seen_org, seen_agent, seen_key, 'authenticated', seen_from, seen_trace);
        END IF;
    END IF;
END
$$;

CREATE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found    record;
    trace    text := left(authenticate.trace_id, 64);
    writable boolean := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
BEGIN
    SELECT * INTO found
    FROM relay.decide(authenticate.key_id, authenticate.key_digest, authenticate.agent_id, authenticate.org_id);

    IF found.reason = 'ok' THEN
        IF writable THEN
            PERFORM relay.note_success(authenticate.key_id, found.agent_id, found.org_id, clock_timestamp(), found.used_at,
                                       authenticate.ip_address, trace);
        END IF;
        RETURN ROW(true, 'ok', found.org_id, found.agent_id, found.permissions, found.expires_at)::relay_api.auth_decision;
    END IF;

    IF writable THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
        VALUES (found.org_id, found.agent_id, left(authenticate.key_id, 12), 'auth_failed', 'failed', found.reason,
                authenticate.ip_address, trace,
                CASE WHEN authenticate.agent_id IS NOT NULL OR authenticate.org_id IS NOT NULL THEN
                    jsonb_build_object('claimed_agent_id', left(authenticate.agent_id, 127),
                                       'claimed_org_id', left(authenticate.org_id, 63)) END);
    END IF;
    -- Whose key it was is for auth_events, not for the caller.
    RETURN ROW(false, found.reason, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) IS
    'checks a key by its id and SHA-256(key), against the claimed agent and org when given, and records the outcome; '
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch';

-- The same checks for people: no effect, and the owner is named also when the answer is no.
CREATE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT decided.reason = 'ok', decided.reason, decided.org_id, decided.agent_id, decided.permissions, decided.expires_at
    FROM relay.decide(verify_key.key_id, verify_key.key_digest, verify_key.agent_id, NULL) AS decided
$$;

-- Whose a key or admin token is, if its hash is the stored one. For a leaked text: its key ids prove nothing, since they are public.
CREATE FUNCTION relay.identify(key_id text, key_hash bytea)
RETURNS TABLE (kind text, owner_org text, owner_agent text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'key', k.org_id, k.agent_id FROM relay.agent_keys AS k
    WHERE k.key_id = identify.key_id AND k.key_hash = identify.key_hash
    UNION ALL
    SELECT 'token', t.org_id, NULL FROM relay.org_tokens AS t
    WHERE t.token_id = identify.key_id AND t.token_hash = identify.key_hash
$$;

GRANT EXECUTE ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) TO relay_gateway;
GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO relay_provisioner, relay_responder;
GRANT EXECUTE ON FUNCTION relay.identify(text, bytea) TO relay_provisioner, relay_responder;
