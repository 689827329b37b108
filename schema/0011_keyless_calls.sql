-- Calls without a key. Organizations whose auth_mode is optional accept them: this is for the time until all their
-- agents have keys.

-- A gateway calls it for a call without a key. The ids are claimed and prove nothing. If the auth_mode of the
-- organization is optional, they are accepted as claimed, as before there were keys. An unknown agent then has no
-- permissions, and the answer names no agent.
CREATE FUNCTION relay_api.authenticate_anonymous(
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
    'reasons: unauthenticated (ok), key_required unknown_agent unknown_org org_mismatch blocked revoked';
GRANT EXECUTE ON FUNCTION relay_api.authenticate_anonymous(text, text, inet, text) TO relay_gateway;

CREATE VIEW relay.keyless_callers AS
SELECT event.org_id, COALESCE(event.agent_id, event.detail ->> 'claimed_agent_id') AS caller, event.agent_id IS NOT NULL AS known,
       pg_catalog.sum(event.times)::bigint AS calls, pg_catalog.max(event.occurred_at) AS last_at
FROM relay.recorded_events AS event
WHERE event.action = 'unauthenticated' AND event.occurred_at > pg_catalog.statement_timestamp() - interval '7 days'
GROUP BY 1, 2, 3;
COMMENT ON VIEW relay.keyless_callers IS 'the agents that called without a key in the last 7 days';
GRANT SELECT ON relay.keyless_callers TO relay_provisioner, relay_responder, relay_auditor;
