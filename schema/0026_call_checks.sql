-- What each call is checked for beyond its key: the seat of its agent, and the address that it comes from. The functions of 0010, 0011 and
-- 0013 that decide, as they are now.

-- Reads no more live agents than there are seats, in the order of the index, and stops at the agent that it is asked about. The index has
-- none that is marked as gone. The settings and OFFSET 0 keep the planner from reading and sorting all agents of the organization, or all
-- revocations.
CREATE FUNCTION relay.has_seat(org text, agent text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    seats bigint := relay.limit_of(has_seat.org, 'agents');
BEGIN
    IF seats IS NULL THEN  -- the question would be planned anew each time, because of its LIMIT
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM (SELECT a.agent_id FROM relay.agents AS a
                     WHERE a.org_id = has_seat.org AND NOT a.gone
                       AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                                       WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
                     ORDER BY COALESCE(a.seat, a.created_at), a.agent_id LIMIT seats) AS seated
        WHERE seated.agent_id = has_seat.agent);
END
$$;
COMMENT ON FUNCTION relay.has_seat(text, text) IS
    'whether an agent is among those that the limit of its organization allows; false for a revoked one if there is a limit';
GRANT EXECUTE ON FUNCTION relay.has_seat(text, text) TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.admission(org text, agent text, address inet) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN CASE WHEN NOT relay.address_is_allowed(org, agent, address) THEN 'address_not_allowed'
                WHEN NOT relay.has_seat(org, agent) THEN 'over_limit'
                ELSE 'ok' END;
END
$$;
COMMENT ON FUNCTION relay.admission(text, text, inet) IS
    'whether a call with a good key is accepted from an address: ok, address_not_allowed or over_limit';

-- Asks the same question up to twice. The first query asks whether the call is a usual one: nothing refuses key, agent or
-- organization, and there is nothing to write. That is one plan of index lookups. If the call is not a usual one, for
-- whatever reason, the second query makes all the checks.
-- Seats belong to the second: each key is checked for one once per minute, and only if there is a limit. A gateway that reports uses
-- asks once a minute anyway, so it gets the second query whenever there is a limit. Addresses are looked at in each call: one probe
-- asks whether the organization has any list.
-- A gateway's session keeps the plan: one that was made while a table was small would read all of it when it is large.
CREATE OR REPLACE FUNCTION relay_api.authenticate(
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
      AND (NOT EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = k.org_id)
           OR relay.address_is_allowed(k.org_id, k.agent_id, authenticate.ip_address))
      AND (authenticate.reports_uses
           OR EXISTS (SELECT FROM relay.key_sightings AS s
                      WHERE s.key_id = authenticate.key_id AND s.ip_address = COALESCE(authenticate.ip_address, '::')
                        AND CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END
                            > statement_timestamp() - interval '1 minute'));
    IF FOUND AND (authenticate.reports_uses IS NOT TRUE OR relay.limit_of(decision.org_id, 'agents') IS NULL) THEN
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
        decision.reason := relay.admission(decision.org_id, decision.agent_id, authenticate.ip_address);
        decision.ok := decision.reason = 'ok';
    END IF;
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
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch over_limit address_not_allowed';

-- Makes the same checks for people, except that of an address: it writes nothing, and returns the owner even if the key is refused.
CREATE OR REPLACE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions, false
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.key_standing AS k ON k.key_id = shown.key_id AND k.key_hash = shown.key_hash
    CROSS JOIN LATERAL (
        SELECT CASE WHEN known.reason = 'ok' AND NOT relay.has_seat(k.org_id, k.agent_id) THEN 'over_limit' ELSE known.reason END AS reason
        FROM (SELECT relay.verdict(k.reason, verify_key.agent_id = k.agent_id, NULL) AS reason OFFSET 0) AS known) AS answer
    CROSS JOIN LATERAL relay.effective_grants(k.agent_id, k.permissions) AS granted
$$;

-- A gateway calls it for a call without a key. The ids are claimed and prove nothing. If the auth_mode of the
-- organization is optional, they are accepted as claimed, as before there were keys. An unknown agent then has no
-- permissions, and the answer names no agent.
CREATE OR REPLACE FUNCTION relay_api.authenticate_anonymous(
    agent_id text, org_id text DEFAULT NULL, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    event    relay.auth_events;
    shut_out text;
    mode     text;
BEGIN
    SELECT a.agent_id, a.org_id, a.permissions INTO decision.agent_id, decision.org_id, decision.permissions
    FROM relay.agents AS a WHERE a.agent_id = authenticate_anonymous.agent_id;
    SELECT o.org_id, o.auth_mode INTO event.org_id, mode
    FROM relay.organizations AS o WHERE o.org_id = COALESCE(decision.org_id, authenticate_anonymous.org_id);
    SELECT max(CASE s.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END) INTO shut_out
    FROM relay.standing_revocations AS s
    WHERE (s.subject_kind = 'agent' AND s.subject_id = authenticate_anonymous.agent_id)
       OR (s.subject_kind = 'org' AND s.subject_id IN (event.org_id, authenticate_anonymous.org_id));

    event.reason := CASE
        WHEN shut_out IS NOT NULL THEN shut_out
        WHEN mode IS NULL THEN CASE WHEN authenticate_anonymous.org_id IS NULL THEN 'unknown_agent' ELSE 'unknown_org' END
        WHEN decision.org_id <> authenticate_anonymous.org_id THEN 'org_mismatch'
        WHEN mode = 'required' THEN 'key_required'
        WHEN decision.agent_id IS NOT NULL AND NOT relay.has_seat(decision.org_id, decision.agent_id) THEN 'over_limit'
        WHEN NOT relay.address_is_allowed(event.org_id, decision.agent_id, authenticate_anonymous.ip_address) THEN 'address_not_allowed'
        ELSE 'unauthenticated'
    END;
    decision.ok := event.reason = 'unauthenticated';
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
        event.action := CASE WHEN decision.ok THEN 'unauthenticated' ELSE 'auth_failed' END;
        event.outcome := CASE WHEN decision.ok THEN 'ok' ELSE 'failed' END;
        event.agent_id := decision.agent_id;
        event.ip_address := authenticate_anonymous.ip_address;
        event.trace_id := left(authenticate_anonymous.trace_id, 64);
        IF decision.agent_id IS NULL OR NOT decision.ok THEN
            event.detail := jsonb_build_object('claimed_agent_id', left(authenticate_anonymous.agent_id, 127),
                                               'claimed_org_id', left(authenticate_anonymous.org_id, 63));
        END IF;
        IF decision.ok THEN
            -- Such callers call all day. Per hour and address, one row is enough for a known agent, and 20 rows for all
            -- the others.
            PERFORM relay.record_often(event, CASE WHEN decision.agent_id IS NULL THEN 20 ELSE 1 END, '1 hour');
        ELSE
            PERFORM relay.record_often(event);
        END IF;
    END IF;
    IF NOT decision.ok THEN
        RETURN ROW(false, event.reason, NULL, NULL, NULL, NULL, NULL, false)::relay_api.auth_decision;
    END IF;
    decision.reason := event.reason;
    decision.report_now := false;
    decision.org_id := event.org_id;
    SELECT COALESCE(granted.permissions, '[]'), granted.conditions INTO decision.permissions, decision.conditions
    FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate_anonymous(text, text, inet, text) IS
    'whether a call without a key is accepted; records the outcome; '
    'reasons: unauthenticated (ok), key_required unknown_agent unknown_org org_mismatch blocked revoked over_limit address_not_allowed';

-- Makes the checks in order, and writes nothing. A closed window comes first: after the end no other reason matters.
CREATE OR REPLACE FUNCTION relay.decide_legacy(
    claimed_agent text, claimed_org text,
    OUT reason text, OUT org_id text, OUT permissions jsonb, OUT expires_at timestamptz, OUT seen_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    period   record;
    listed   record;
    revoked  boolean;
    blocked  boolean;
BEGIN
    SELECT m.migration_id, m.deadline,
           m.state <> 'finished' AND m.deadline > statement_timestamp()
           AND NOT relay.is_stopped(m.opened_order, m.opened_at) AS is_open
    INTO period
    FROM relay.legacy_migrations AS m ORDER BY m.migration_id DESC LIMIT 1;

    SELECT a.org_id, a.permissions, l.migration_id, l.listed_order, l.last_seen_at, p.agent_id IS NOT NULL AS proven
    INTO listed
    FROM relay.agents AS a
    LEFT JOIN relay.legacy_agents AS l ON l.agent_id = a.agent_id
    LEFT JOIN relay.proven_agents AS p ON p.agent_id = a.agent_id
    WHERE a.agent_id = claimed_agent;
    org_id := listed.org_id;

    IF period.is_open IS NOT TRUE THEN
        reason := 'legacy_closed';
        RETURN;
    END IF;
    IF listed.org_id IS NULL THEN
        reason := 'unknown_agent';
        RETURN;
    END IF;
    permissions := listed.permissions;
    expires_at := period.deadline;
    seen_at := listed.last_seen_at;

    -- As for a key that was created when the agent was listed: a later revocation counts even after it was lifted.
    SELECT bool_or(r.kind = 'revoke' AND (r.lifted_at IS NULL OR r.cut_off > listed.listed_order)),
           bool_or(r.kind = 'block' AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
    INTO revoked, blocked
    FROM relay.revocations AS r
    WHERE r.subject_id IN (claimed_agent, listed.org_id) AND (r.lifted_at IS NULL OR r.kind = 'revoke')
      AND r.subject_id = CASE r.subject_kind WHEN 'agent' THEN claimed_agent WHEN 'org' THEN listed.org_id END;

    reason := CASE
        WHEN revoked THEN 'revoked'
        WHEN blocked THEN 'blocked'
        WHEN listed.proven THEN 'own_key'
        WHEN listed.migration_id IS DISTINCT FROM period.migration_id THEN 'not_listed'
        WHEN claimed_org <> listed.org_id THEN 'org_mismatch'
        WHEN NOT relay.has_seat(listed.org_id, claimed_agent) THEN 'over_limit'
        ELSE 'ok'
    END;
END
$$;

-- Asks the same question up to twice, as authenticate does. The first query asks whether the call is a usual one, in
-- one plan of index lookups, with nothing to write. If it is not, for whatever reason, decide_legacy makes all the
-- checks, except that of the address, which it does not know.
CREATE OR REPLACE FUNCTION relay_api.authenticate_legacy(
    agent_id text, org_id text DEFAULT NULL, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer   record;
    decision relay_api.auth_decision;
    refused  relay.auth_events;
    trace    text := left(authenticate_legacy.trace_id, 64);
    claimed  text := left(authenticate_legacy.agent_id, 127);
    writable boolean := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
BEGIN
    SELECT true, 'ok', a.org_id, a.agent_id, a.permissions, m.deadline, NULL::jsonb, false INTO decision
    FROM relay.legacy_agents AS l
    JOIN relay.agents AS a ON a.agent_id = l.agent_id
    JOIN relay.legacy_migrations AS m ON m.migration_id = l.migration_id
    WHERE l.agent_id = authenticate_legacy.agent_id
      AND l.last_seen_at > statement_timestamp() - interval '1 minute' AND l.last_seen_from IS NOT DISTINCT FROM authenticate_legacy.ip_address
      AND (authenticate_legacy.org_id = a.org_id) IS NOT FALSE AND a.plain
      AND m.state <> 'finished' AND m.deadline > statement_timestamp()
      AND NOT EXISTS (SELECT FROM relay.legacy_migrations AS newer WHERE newer.migration_id > m.migration_id)
      AND NOT EXISTS (SELECT FROM relay.legacy_stops AS stop
                      WHERE stop.stop_order > m.opened_order OR stop.stopped_at >= m.opened_at)
      AND NOT EXISTS (SELECT FROM relay.proven_agents AS p WHERE p.agent_id = l.agent_id)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r
                      WHERE r.subject_id = ANY (ARRAY[l.agent_id, a.org_id])
                        AND ((r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
                             OR (r.kind = 'revoke' AND r.cut_off > l.listed_order)))
      AND (NOT EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = a.org_id)
           OR relay.address_is_allowed(a.org_id, a.agent_id, authenticate_legacy.ip_address));
    IF FOUND THEN
        RETURN decision;
    END IF;

    SELECT * INTO answer FROM relay.decide_legacy(authenticate_legacy.agent_id, authenticate_legacy.org_id);
    IF answer.reason = 'ok' AND NOT relay.address_is_allowed(answer.org_id, claimed, authenticate_legacy.ip_address) THEN
        answer.reason := 'address_not_allowed';
    END IF;
    decision.ok := answer.reason = 'ok';
    decision.reason := answer.reason;
    decision.report_now := decision.ok AND NOT writable;  -- `finish` must learn of each use of the shared secret
    IF NOT decision.ok THEN
        IF writable THEN
            refused.action := 'legacy_denied';
            refused.outcome := 'failed';
            refused.reason := answer.reason;
            refused.org_id := answer.org_id;
            refused.agent_id := CASE WHEN answer.org_id IS NOT NULL THEN claimed END;
            refused.ip_address := authenticate_legacy.ip_address;
            refused.trace_id := trace;
            refused.detail := jsonb_build_object('claimed_agent_id', claimed, 'claimed_org_id', left(authenticate_legacy.org_id, 63));
            PERFORM relay.record_often(refused);
        END IF;
        RETURN decision;
    END IF;
    IF writable THEN
        PERFORM relay.commit_lazily();
        PERFORM relay.note_legacy_use(claimed, answer.org_id, clock_timestamp(), answer.seen_at, authenticate_legacy.ip_address, trace);
    END IF;
    decision.org_id := answer.org_id;
    decision.agent_id := claimed;
    decision.expires_at := answer.expires_at;
    SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
    FROM relay.effective_grants(claimed, answer.permissions) AS granted;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate_legacy(text, text, inet, text) IS
    'for a caller whose shared secret the gateway has compared: whether this agent may still use it, and until when '
    '(expires_at); '
    'records the outcome; reasons: ok legacy_closed unknown_agent revoked blocked own_key not_listed org_mismatch over_limit address_not_allowed';
