-- What a call with the shared secret is checked for beyond its agent: the seat, the address, and whether it must be signed. The functions of
-- 0012 and 0013 that decide, as they are now.

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
        WHEN relay.signing_is_required(listed.org_id, claimed_agent) THEN 'signature_required'
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
      AND (NOT EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = a.org_id)
           OR relay.may_be_unsigned(a.org_id, a.agent_id, authenticate_legacy.ip_address));
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
            IF answer.reason = 'over_limit' THEN
                PERFORM relay.find_seat(answer.org_id, claimed);  -- decide_legacy, which writes nothing, did not leave the place
            END IF;
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
    'records the outcome; reasons: ok legacy_closed unknown_agent revoked blocked own_key not_listed org_mismatch signature_required '
    'over_limit address_not_allowed';
