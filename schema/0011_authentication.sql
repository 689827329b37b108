-- Checking keys and permissions: authenticate with roles and conditions, one short query for the usual call, and failures that fold when they are a
-- flood; authorize.

ALTER TYPE relay_api.auth_decision ADD ATTRIBUTE conditions jsonb;

ALTER TABLE relay.agent_keys ADD COLUMN last_used_from inet;
COMMENT ON COLUMN relay.agent_keys.last_used_from IS 'the address that last_used_at was written for: from there nothing is due within the minute';
GRANT SELECT (last_used_from) ON relay.agent_keys TO relay_provisioner, relay_responder, relay_auditor;

-- What a key is worth right now, whoever shows it: ok, or the reason why not. One row for each key, all of it by index.
CREATE VIEW relay.key_standing AS
SELECT key.key_id, key.org_id, key.agent_id, agent.permissions, key.key_hash, key.expires_at, key.last_used_at, key.last_used_from,
       standing.reason
FROM relay.agent_keys AS key
JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.at >= key.created_at)) AS revoked,
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
    OFFSET 0) AS standing;  -- evaluated once, however often it is used
COMMENT ON VIEW relay.key_standing IS 'for the functions that check keys: it has the hashes, so nobody is granted it';

-- The answer to who shows a key of that standing; a claim that is null was not made. Plain SQL, to be inlined.
CREATE FUNCTION relay.verdict(standing text, right_agent boolean, right_org boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN standing = 'ok' THEN CASE WHEN NOT right_agent THEN 'agent_mismatch' WHEN NOT right_org THEN 'org_mismatch' ELSE 'ok' END
        ELSE COALESCE(standing, 'unknown_key')  -- null: there is no such key
    END
$$;

-- What a success leaves behind, at most once a minute for each key and address. Waits for nobody: a row that a rotation holds is skipped, and
-- the next call does it.
CREATE OR REPLACE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz,
                                              seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retired text;
BEGIN
    PERFORM relay.commit_lazily();
    IF used_at IS NULL OR used_at <= seen_at - interval '1 minute' THEN
        UPDATE relay.agent_keys SET last_used_at = seen_at, last_used_from = seen_from
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

-- Most agents have permissions of their own and nothing else, which spares the usual call two lookups. One-way, so that no race of two changes can
-- ever hide a condition: who once had a role or a condition is looked up for good.
ALTER TABLE relay.agents ADD COLUMN plain boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN relay.agents.plain IS 'it never had a role or a condition';
UPDATE relay.agents AS a SET plain = false
WHERE EXISTS (SELECT FROM relay.agent_roles AS r WHERE r.agent_id = a.agent_id)
   OR EXISTS (SELECT FROM relay.agent_conditions AS c WHERE c.agent_id = a.agent_id);

CREATE FUNCTION relay.no_longer_plain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE relay.agents AS a SET plain = false WHERE a.agent_id = NEW.agent_id AND a.plain;
    RETURN NEW;
END
$$;
CREATE TRIGGER no_longer_plain BEFORE INSERT OR UPDATE OF agent_id ON relay.agent_roles
    FOR EACH ROW EXECUTE FUNCTION relay.no_longer_plain();
CREATE TRIGGER no_longer_plain BEFORE INSERT OR UPDATE OF agent_id ON relay.agent_conditions
    FOR EACH ROW EXECUTE FUNCTION relay.no_longer_plain();

-- Twice the same question. The first asks whether all is as usual: nothing was ever held against key, agent or organization, and nothing is due
-- to be written. That is one plan of three index lookups, and whatever is not so, for any reason, is asked again with all the checks.
CREATE OR REPLACE FUNCTION relay_api.authenticate(
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
    -- Hashes of hashes are compared, so the time that it takes tells nothing of use.
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
    -- Whose key it was is for auth_events, not for the caller.
    RETURN ROW(false, refused.reason, NULL, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;

-- The same checks for people: no effect, and the owner is named also when the answer is no.
CREATE OR REPLACE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.key_standing AS k ON k.key_id = shown.key_id AND k.key_hash = shown.key_hash
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, verify_key.agent_id = k.agent_id, NULL) AS reason) AS answer
    CROSS JOIN LATERAL relay.effective_grants(k.agent_id, k.permissions) AS granted
$$;
DROP FUNCTION relay.decide(text, bytea, text, text);

CREATE TYPE relay_api.permission_decision AS (
    ok         boolean,
    reason     text,
    conditions jsonb
);

-- A permission that is asked for is met by itself, by provider:*, by *:method and by *:*. If any grant that meets it has no conditions, it has none;
-- otherwise the call must meet one of the alternatives. What is no permission at all is met by nothing.
CREATE FUNCTION relay_api.authorize(agent_id text, permission text, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.permission_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked    text := CASE WHEN relay.permission_is_valid(authorize.permission) THEN authorize.permission END;
    agent    record;
    granted  record;
    refused  relay.auth_events;
BEGIN
    SELECT a.org_id, a.agent_id,
           (SELECT max(CASE s.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END)  -- revoked is the later word
            FROM relay.standing_revocations AS s
            WHERE s.subject_id IN (a.agent_id, a.org_id)
              AND s.subject_id = CASE s.subject_kind WHEN 'agent' THEN a.agent_id WHEN 'org' THEN a.org_id END) AS shut_out
    INTO agent
    FROM relay.agents AS a
    WHERE a.agent_id = authorize.agent_id;

    IF agent.agent_id IS NOT NULL AND agent.shut_out IS NULL AND asked IS NOT NULL THEN
        SELECT count(*) > 0 AS any, bool_or(g.conditions IS NULL) AS freely, jsonb_agg(DISTINCT g.conditions) AS alternatives
        INTO granted
        FROM relay.agent_grants AS g
        WHERE g.agent_id = agent.agent_id
          AND g.permission IN (asked, split_part(asked, ':', 1) || ':*', '*:' || split_part(asked, ':', 2), '*:*');
        IF granted.any THEN
            RETURN ROW(true, 'ok', CASE WHEN NOT granted.freely THEN granted.alternatives END)::relay_api.permission_decision;
        END IF;
    END IF;

    refused.reason := CASE WHEN agent.agent_id IS NULL THEN 'unknown_agent' ELSE COALESCE(agent.shut_out, 'permission_missing') END;
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
        refused.action := 'authorization_failed';
        refused.outcome := 'failed';
        refused.org_id := agent.org_id;
        refused.agent_id := agent.agent_id;
        refused.ip_address := authorize.ip_address;
        refused.trace_id := left(authorize.trace_id, 64);
        refused.detail := jsonb_build_object('permission', left(authorize.permission, 129));
        IF agent.agent_id IS NULL THEN
            refused.detail := refused.detail || jsonb_build_object('claimed_agent_id', left(authorize.agent_id, 127));
        END IF;
        PERFORM relay.record_often(refused);
    END IF;
    RETURN ROW(false, refused.reason, NULL)::relay_api.permission_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authorize(text, text, inet, text) IS
    'whether an agent, authenticated before, may do provider:method, and the conditions of which its call must meet one (null: none); '
    'a refusal is recorded; reasons: ok permission_missing unknown_agent revoked blocked';

GRANT EXECUTE ON FUNCTION relay_api.authorize(text, text, inet, text) TO relay_gateway;
