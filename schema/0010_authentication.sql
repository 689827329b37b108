-- How a gateway checks a key. It sends SHA-256(key), never the key; the table holds SHA-256 of that.

-- A composite type, so that the result can gain a column without dropping the functions.
CREATE TYPE relay_api.auth_decision AS (
    ok          boolean,
    reason      text,
    org_id      text,
    agent_id    text,
    permissions jsonb,
    expires_at  timestamptz,
    conditions  jsonb,
    report_now  boolean
);
COMMENT ON COLUMN relay_api.auth_decision.report_now IS
    'true: this use changes something, which could not be recorded here: call authenticate on the primary, too';

-- Whether a key is accepted right now, whoever presents it: ok, or the reason for a refusal. One row for each key,
-- found by indexes only.
CREATE VIEW relay.key_standing AS
SELECT key.key_id, key.org_id, key.agent_id, agent.permissions, key.key_hash, key.expires_at, key.awaits_use,
       standing.reason
FROM relay.agent_keys AS key
JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.cut_off > key.made_order)) AS revoked,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id = ANY (ARRAY[key.key_id, key.agent_id, key.org_id]) AND (row.lifted_at IS NULL OR row.kind = 'revoke')
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

-- Retires the keys that `seen_key` replaces, if they were to be retired at the first use. If that cannot be written, they live until
-- the next call with the new one, or until their grace ends.
CREATE FUNCTION relay.retire_predecessors(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, seen_trace text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    old text;
BEGIN
    FOR old IN
        SELECT k.key_id FROM relay.agent_keys AS k
        WHERE k.agent_id = seen_agent AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use
    LOOP
        EXIT WHEN NOT relay.can_write('agent_keys') OR NOT relay.can_write_event();
        UPDATE relay.agent_keys SET state = 'retired', retired_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.key_id = old AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use
                        FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
            VALUES (seen_org, seen_agent, old, 'key_retired', 'its replacement ' || seen_key || ' was used', seen_trace);
        END IF;
    END LOOP;
EXCEPTION
    WHEN lock_not_available THEN
        NULL;  -- not without its event
END
$$;

-- Records what the use of a key changes for others: the agent leaves the shared secret, and the keys that it replaces retire.
-- The key no longer awaits its use when both are true; until then each call with it comes here.
--
-- A key that is delivered to a store may be tried by the command that delivers it, before the store has it. So a use counts only
-- after deliver_until. While the key is staged, its use changes no state; it is recorded for the next run, which confirms the key.
-- The store may answer before the new key is in force, so no old key retires before settle_until.
CREATE FUNCTION relay.note_awaited_use(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, seen_trace text)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seen record;
BEGIN
    SELECT k.state, k.deliver_until > seen_at AS in_delivery, k.settle_until > seen_at AS unsettled,
           k.deliver_until IS NOT NULL AND k.first_used_at IS NULL AS unused INTO seen
    FROM relay.agent_keys AS k WHERE k.key_id = seen_key;
    IF seen.state <> 'staged' OR NOT seen.in_delivery THEN
        PERFORM relay.note_own_key(seen_agent, seen_org, seen_key);
    END IF;
    IF seen.state <> 'staged' AND seen.unsettled IS NOT TRUE THEN
        PERFORM relay.retire_predecessors(seen_key, seen_agent, seen_org, seen_at, seen_trace);
    END IF;
    IF seen.in_delivery OR NOT relay.can_write('agent_keys') THEN
        RETURN false;
    END IF;
    IF seen.unused THEN
        UPDATE relay.agent_keys SET first_used_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.key_id = seen_key AND k.deliver_until <= seen_at AND k.first_used_at IS NULL
                        FOR NO KEY UPDATE SKIP LOCKED);
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    UPDATE relay.agent_keys SET awaits_use = false
    WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                    WHERE k.key_id = seen_key
                      AND EXISTS (SELECT FROM relay.proven_agents AS p WHERE p.agent_id = k.agent_id)
                      AND NOT EXISTS (SELECT FROM relay.agent_keys AS old
                                      WHERE old.agent_id = k.agent_id AND old.state = 'retiring' AND old.replaced_by = k.key_id
                                        AND old.retire_on_first_use)
                    FOR NO KEY UPDATE SKIP LOCKED);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION relay.note_awaited_use(text, text, text, timestamptz, text) IS
    'records what the first use of a key changes for others; returns whether all of it is recorded';

-- A rotation marks the old key before it inserts the new one, so this is for a key that was used before it was named here.
CREATE FUNCTION relay.await_use() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE relay.agent_keys SET awaits_use = true WHERE key_id = NEW.replaced_by AND NOT awaits_use;
    RETURN NULL;
END
$$;
CREATE TRIGGER await_use AFTER UPDATE OF state, replaced_by, retire_on_first_use ON relay.agent_keys
    FOR EACH ROW WHEN (NEW.state = 'retiring' AND NEW.retire_on_first_use) EXECUTE FUNCTION relay.await_use();

-- A key that is delivered again: only a use from now on shows that the store has it. Not BEFORE UPDATE: see keep_ended.
CREATE FUNCTION relay.await_use_again() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE relay.agent_keys SET awaits_use = true WHERE key_id = NEW.key_id AND NOT awaits_use;
    RETURN NULL;
END
$$;
CREATE TRIGGER await_use_again AFTER UPDATE OF deliver_until ON relay.agent_keys
    FOR EACH ROW WHEN (NEW.state = 'staged' AND NEW.deliver_until IS DISTINCT FROM OLD.deliver_until)
    EXECUTE FUNCTION relay.await_use_again();

-- Records a use at most once per minute for each key and address, and adds `uses` to their number. There is an event of the
-- first use from an address, and then of the first one in each hour.
CREATE FUNCTION relay.note_sighting(seen_key text, seen_agent text, seen_org text, uses integer, seen_at timestamptz, seen_from inet,
                                    seen_trace text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    known     boolean;
    proven_at timestamptz;  -- not what gateways reported
    is_event  boolean;
BEGIN
    SELECT true, CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END
    INTO known, proven_at
    FROM relay.key_sightings AS s WHERE s.key_id = seen_key AND s.ip_address = seen_from;
    is_event := (date_trunc('hour', proven_at) = date_trunc('hour', seen_at)) IS NOT TRUE;
    IF proven_at > seen_at - interval '1 minute' OR NOT relay.can_write('key_sightings') OR (is_event AND NOT relay.can_write_event()) THEN
        RETURN;
    END IF;
    IF known IS NULL THEN
        INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at, uses, first_used_at)
        VALUES (seen_key, seen_from, seen_at, note_sighting.uses, seen_at)
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE relay.key_sightings AS s
        SET last_used_at = seen_at, uses = s.uses + note_sighting.uses, reported_by = NULL, proven_at = NULL
        WHERE key_id = seen_key
          AND ip_address = (SELECT s.ip_address FROM relay.key_sightings AS s
                            WHERE s.key_id = seen_key AND s.ip_address = seen_from
                              AND (CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END <= seen_at - interval '1 minute')
                                  IS NOT FALSE
                            FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    IF FOUND AND is_event THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, trace_id)
        VALUES (seen_org, seen_agent, seen_key, 'authenticated', NULLIF(seen_from, '::'), seen_trace);
    END IF;
EXCEPTION
    WHEN lock_not_available THEN
        NULL;
END
$$;

-- Records a success. Returns true if the key still awaits its use, because something could not be recorded.
CREATE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, awaits_use boolean, reports_uses boolean,
                                   seen_from inet, seen_trace text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seen_at timestamptz := clock_timestamp();
BEGIN
    IF NOT awaits_use AND reports_uses THEN
        RETURN false;
    END IF;
    PERFORM relay.commit_lazily();
    awaits_use := awaits_use AND NOT relay.note_awaited_use(seen_key, seen_agent, seen_org, seen_at, seen_trace);
    PERFORM relay.note_sighting(
        seen_key, seen_agent, seen_org, CASE WHEN reports_uses THEN 0 ELSE 1 END,  -- its report counts this use, too
        seen_at, COALESCE(seen_from, '::'), seen_trace);
    RETURN awaits_use;
END
$$;

-- Asks the same question up to twice. The first query asks whether the call is a usual one: nothing refuses key, agent or
-- organization, and there is nothing to write. That is one plan of index lookups. If the call is not a usual one, for
-- whatever reason, the second query makes all the checks.
-- A gateway's session keeps the plan: one that was made while a table was small would read all of it when it is large.
CREATE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL, reports_uses boolean DEFAULT false)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    refused  relay.auth_events;
    writable boolean;
BEGIN
    SELECT true, 'ok', k.org_id, k.agent_id, a.permissions, k.expires_at, NULL::jsonb, false INTO decision
    FROM relay.agent_keys AS k
    JOIN relay.agents AS a ON a.agent_id = k.agent_id
    -- This compares hashes of hashes, so the time that it takes reveals nothing useful.
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r
                      WHERE r.subject_id = ANY (ARRAY[k.key_id, k.agent_id, k.org_id])
                        AND ((r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
                             OR (r.kind = 'revoke' AND r.cut_off > k.made_order)))
      AND k.state IN ('staged', 'active', 'retiring') AND (k.expires_at > statement_timestamp()) IS NOT FALSE
      AND (authenticate.agent_id = k.agent_id) IS NOT FALSE AND (authenticate.org_id = k.org_id) IS NOT FALSE
      AND a.plain AND NOT k.awaits_use
      AND (authenticate.reports_uses
           OR EXISTS (SELECT FROM relay.key_sightings AS s
                      WHERE s.key_id = authenticate.key_id AND s.ip_address = COALESCE(authenticate.ip_address, '::')
                        AND CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END
                            > statement_timestamp() - interval '1 minute'));
    IF FOUND THEN
        RETURN decision;
    END IF;

    writable := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, k.permissions, k.expires_at, NULL, k.awaits_use
    INTO decision
    FROM relay.key_standing AS k
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, authenticate.agent_id = k.agent_id, authenticate.org_id = k.org_id) AS reason OFFSET 0) AS answer
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest);
    IF decision.ok THEN
        IF writable THEN
            decision.report_now := relay.note_success(
                authenticate.key_id, decision.agent_id, decision.org_id, decision.report_now,
                COALESCE(authenticate.reports_uses, false), authenticate.ip_address, left(authenticate.trace_id, 64));
        END IF;
        SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
        FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
        RETURN decision;
    END IF;

    refused.reason := COALESCE(decision.reason, 'unknown_key');
    IF writable THEN
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
    RETURN ROW(false, refused.reason, NULL, NULL, NULL, NULL, NULL, false)::relay_api.auth_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text, boolean) IS
    'checks a key by its id and SHA-256(key), against the claimed agent and org if they are given, and records the outcome '
    '(reports_uses: the gateway reports the use itself, with report_uses); '
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch';
GRANT EXECUTE ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text, boolean) TO relay_gateway;

-- Makes the same checks for people: it writes nothing, and returns the owner even if the key is refused.
CREATE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions, false
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.key_standing AS k ON k.key_id = shown.key_id AND k.key_hash = shown.key_hash
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, verify_key.agent_id = k.agent_id, NULL) AS reason) AS answer
    CROSS JOIN LATERAL relay.effective_grants(k.agent_id, k.permissions) AS granted
$$;
GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO relay_provisioner, relay_responder;
