-- What each call is checked for beyond its key: the seat of its agent, the address that it comes from, and whether it must be signed. The
-- functions of 0010 and 0011 that decide, as they are now.

-- Reads no more live agents than there are seats, in the order of the index, and stops at the agent that it is asked about. The index has
-- none that is marked as gone. The settings and OFFSET 0 keep the planner from reading and sorting all agents of the organization, or all
-- revocations.
CREATE FUNCTION relay.is_seated(org text, agent text, seats bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM (SELECT a.agent_id FROM relay.agents AS a
                     WHERE a.org_id = is_seated.org AND NOT a.gone
                       AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                                       WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
                     ORDER BY COALESCE(a.seat, a.created_at), a.agent_id LIMIT is_seated.seats) AS seated
        WHERE seated.agent_id = is_seated.agent);
END
$$;

CREATE FUNCTION relay.has_seat(org text, agent text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seats bigint := relay.limit_of(has_seat.org, 'agents');
BEGIN
    RETURN seats IS NULL OR COALESCE(relay.remembered_seat(has_seat.org, has_seat.agent, seats),
                                     relay.is_seated(has_seat.org, has_seat.agent, seats));
END
$$;
COMMENT ON FUNCTION relay.has_seat(text, text) IS
    'whether an agent is among those that the limit of its organization allows; false for a revoked one if there is a limit';
GRANT EXECUTE ON FUNCTION relay.has_seat(text, text), relay.is_seated(text, text, bigint) TO relay_provisioner, relay_responder, relay_auditor;

-- As has_seat, for calls: if the search would read more than 100 agents, it leaves the place of the last seat for the calls after it.
CREATE FUNCTION relay.find_seat(org text, agent text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seats  bigint := relay.limit_of(find_seat.org, 'agents');
    answer boolean;
BEGIN
    IF seats IS NULL THEN
        RETURN true;
    END IF;
    IF seats > 100 THEN
        answer := relay.remembered_seat(find_seat.org, find_seat.agent, seats);
        IF answer IS NULL AND relay.remember_last_seat(find_seat.org, seats) THEN
            answer := relay.remembered_seat(find_seat.org, find_seat.agent, seats);
        END IF;
    END IF;
    RETURN COALESCE(answer, relay.is_seated(find_seat.org, find_seat.agent, seats));
END
$$;

CREATE FUNCTION relay.admission(org text, agent text, address inet) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN CASE WHEN NOT relay.address_is_allowed(org, agent, address) THEN 'address_not_allowed'
                WHEN NOT relay.find_seat(org, agent) THEN 'over_limit'
                ELSE 'ok' END;
END
$$;
COMMENT ON FUNCTION relay.admission(text, text, inet) IS
    'whether a call with a good key is accepted from an address: ok, address_not_allowed or over_limit';

-- What is set about calls -----------------------------------------------------------------------------------------------------------------

-- One probe shows each call whether anything is set that could concern it: a list of addresses, a window, or that calls must be signed. A
-- row stays when that is over, and then only costs its organization a closer look. What is set for the platform gives each organization a
-- row, because a second probe would cost every call several percent.
CREATE TABLE relay.guarded_calls (
    scope text COLLATE "C" PRIMARY KEY  -- an organization; empty: the platform, and so each organization that is made later
);
COMMENT ON TABLE relay.guarded_calls IS 'where more has ever been set about calls than the presets: only there, each call is looked at closely';
GRANT SELECT ON relay.guarded_calls TO relay_provisioner, relay_responder, relay_auditor;
-- Without its row, no call would be looked at, whatever is set.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.guarded_calls
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.guarded_calls
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
CREATE FUNCTION relay.guard_calls() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.org_id IS NOT NULL THEN
        INSERT INTO relay.guarded_calls (scope) VALUES (NEW.org_id) ON CONFLICT DO NOTHING;
    ELSIF NOT EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = '') THEN
        LOCK TABLE relay.guarded_calls IN SHARE ROW EXCLUSIVE MODE;  -- now no organization is made that neither sees this row nor is seen
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'the first policy of the platform is set in a transaction that is READ COMMITTED: an older snapshot would miss '
                'organizations' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        INSERT INTO relay.guarded_calls (scope) SELECT '' UNION ALL SELECT o.org_id FROM relay.organizations AS o ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
-- An older snapshot may not show what is set for the platform, so there each new organization gets a row.
CREATE FUNCTION relay.guard_new_organizations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE relay.guarded_calls IN ROW EXCLUSIVE MODE;
    INSERT INTO relay.guarded_calls (scope) SELECT m.org_id FROM made AS m
    WHERE current_setting('transaction_isolation') <> 'read committed' OR EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = '')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER guard_calls AFTER INSERT ON relay.organizations REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION relay.guard_new_organizations();
CREATE TRIGGER guard_calls AFTER INSERT ON relay.call_policies FOR EACH ROW EXECUTE FUNCTION relay.guard_calls();
CREATE TRIGGER guard_calls AFTER INSERT ON relay.policy_changes
    FOR EACH ROW WHEN (NEW.setting IN ('signing', 'window')) EXECUTE FUNCTION relay.guard_calls();

-- One function, because each that a query could call costs every call its look-up; one with a setting costs a third of another.
CREATE FUNCTION relay.may_be_unsigned(org text, agent text, address inet) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN relay.address_is_allowed(org, agent, address) AND NOT relay.signing_is_required(org, agent);
END
$$;
COMMENT ON FUNCTION relay.may_be_unsigned(text, text, inet) IS 'whether policies accept a call that is not signed, from an address';

-- Uses of a key as a bearer key and by signature ------------------------------------------------------------------------------------------

ALTER TABLE relay.key_sightings ADD COLUMN bearer_at timestamptz;
COMMENT ON COLUMN relay.key_sightings.bearer_at IS
    'if last_used_at is that of a signed call: the last use as a bearer key (-infinity: never); null: last_used_at is one';

-- As in 0010, but each of the two kinds of use is recorded once per minute: so `agent list --bearer-since` misses no caller.
CREATE FUNCTION relay.note_sighting(seen_key text, seen_agent text, seen_org text, uses integer, seen_at timestamptz, seen_from inet,
                                    seen_trace text, is_signed boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    known     boolean;
    proven_at timestamptz;  -- not what gateways reported
    is_event  boolean;
    recent    constant timestamptz := seen_at - interval '1 minute';
    is_recent boolean;
BEGIN
    SELECT true, p.proven_at, CASE WHEN is_signed THEN p.proven_at > recent AND s.bearer_at IS NOT NULL
                                   ELSE COALESCE(s.bearer_at, p.proven_at) > recent END
    INTO known, proven_at, is_recent
    FROM relay.key_sightings AS s
    CROSS JOIN LATERAL (SELECT CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END AS proven_at) AS p
    WHERE s.key_id = seen_key AND s.ip_address = seen_from;
    is_event := (date_trunc('hour', proven_at) = date_trunc('hour', seen_at)) IS NOT TRUE;
    IF is_recent OR NOT relay.can_write('key_sightings') OR (is_event AND NOT relay.can_write_event()) THEN
        RETURN;
    END IF;
    IF known IS NULL THEN
        INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at, uses, first_used_at, bearer_at)
        VALUES (seen_key, seen_from, seen_at, note_sighting.uses, seen_at, CASE WHEN is_signed THEN '-infinity'::timestamptz END)
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE relay.key_sightings AS s
        SET last_used_at = seen_at, uses = s.uses + note_sighting.uses, reported_by = NULL, proven_at = NULL,
            bearer_at = CASE WHEN is_signed THEN COALESCE(s.bearer_at, s.last_used_at) END
        WHERE key_id = seen_key
          AND ip_address = (SELECT s.ip_address FROM relay.key_sightings AS s
                            WHERE s.key_id = seen_key AND s.ip_address = seen_from
                              AND (CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END <= recent
                                   OR (s.bearer_at IS NULL) = is_signed) IS NOT FALSE
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

-- As in 0010, and it knows the kind of the use. Returns true if the key still awaits its use, because something could not be recorded.
CREATE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, awaits_use boolean, reports_uses boolean,
                                   seen_from inet, seen_trace text, is_signed boolean)
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
        seen_at, COALESCE(seen_from, '::'), seen_trace, is_signed);
    RETURN awaits_use;
END
$$;

-- A key ----------------------------------------------------------------------------------------------------------------------------------

-- The answer to a call that is not a usual one, with all the checks, and what is recorded of it. `refusal`: why the caller has not shown
-- that it holds the key; null: it has.
CREATE FUNCTION relay.answer_call(key_id text, refusal text, is_signed boolean, agent_id text, org_id text, ip_address inet, trace_id text,
                                  reports_uses boolean)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    refused  relay.auth_events;
    writable boolean := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
BEGIN
    SELECT NULL, answer.reason, k.org_id, k.agent_id, k.permissions, k.expires_at, NULL, k.awaits_use
    INTO decision
    FROM relay.key_standing AS k
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, answer_call.agent_id = k.agent_id, answer_call.org_id = k.org_id) AS reason OFFSET 0) AS answer
    WHERE k.key_id = answer_call.key_id AND answer_call.refusal IS DISTINCT FROM 'unknown_key';
    decision.reason := COALESCE(answer_call.refusal, decision.reason, 'unknown_key');
    IF decision.reason = 'ok' AND NOT is_signed AND relay.signing_is_required(decision.org_id, decision.agent_id) THEN
        decision.reason := 'signature_required';
    END IF;
    IF decision.reason = 'ok' THEN
        decision.reason := relay.admission(decision.org_id, decision.agent_id, answer_call.ip_address);
    END IF;
    decision.ok := decision.reason = 'ok';
    IF decision.ok THEN
        IF writable THEN
            decision.report_now := relay.note_success(
                answer_call.key_id, decision.agent_id, decision.org_id, decision.report_now,
                COALESCE(answer_call.reports_uses, false), answer_call.ip_address, left(answer_call.trace_id, 64), is_signed);
        END IF;
        SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
        FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
        RETURN decision;
    END IF;

    IF writable THEN
        refused.action := 'auth_failed';
        refused.outcome := 'failed';
        refused.reason := decision.reason;
        refused.org_id := decision.org_id;
        refused.agent_id := decision.agent_id;
        refused.key_id := left(answer_call.key_id, 12);
        refused.ip_address := answer_call.ip_address;
        refused.trace_id := left(answer_call.trace_id, 64);
        IF answer_call.agent_id IS NOT NULL OR answer_call.org_id IS NOT NULL THEN
            refused.detail := jsonb_build_object('claimed_agent_id', left(answer_call.agent_id, 127),
                                                 'claimed_org_id', left(answer_call.org_id, 63));
        END IF;
        PERFORM relay.record_often(refused);
    END IF;
    -- Only auth_events gets the owner of the key, not the caller.
    RETURN ROW(false, decision.reason, NULL, NULL, NULL, NULL, NULL, false)::relay_api.auth_decision;
END
$$;

-- The first query asks whether the call is a usual one: nothing refuses key, agent or organization, and there is nothing to write. That is
-- one plan of index lookups. If the call is not a usual one, for whatever reason, answer_call makes all the checks.
-- A usual call costs mostly the start of the plan: each node, column, and function that could be called. So the query scans one table and
-- looks the rest up without joins (OFFSET 0), and statements that most calls do not reach ask the rest. retired_at and revoked_at are the state.
-- Seats belong to the second: each key is checked for one once per minute, and only if there is a limit. A gateway that reports uses
-- asks once a minute anyway, so it gets the second query whenever there is a limit. Addresses, and whether calls must be signed, are
-- looked at in each call of an organization for which anything of the kind was ever set.
-- A gateway's session keeps the plan: one that was made while a table was small would read all of it when it is large.
-- A public key must not count as a bearer key: anyone could register SHA-256(text) as one, and show the text.
CREATE OR REPLACE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL, reports_uses boolean DEFAULT false)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    decision   relay_api.auth_decision;
    is_guarded boolean;
    is_usual   boolean := true;
    refusal    text;
BEGIN
    SELECT k.org_id, k.agent_id, (SELECT a.permissions FROM relay.agents AS a WHERE a.agent_id = k.agent_id AND a.plain), k.expires_at,
           EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = k.org_id)
    INTO decision.org_id, decision.agent_id, decision.permissions, decision.expires_at, is_guarded
    FROM relay.agent_keys AS k
    -- This compares hashes of hashes, so the time that it takes reveals nothing useful.
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest) AND k.hash_algorithm = 'sha256d'
      AND NOT EXISTS (SELECT FROM relay.revocations AS r
                      WHERE r.subject_id = ANY (ARRAY[k.key_id, k.agent_id, k.org_id]) AND (r.lifted_at IS NULL OR r.kind = 'revoke')
                        AND CASE WHEN r.lifted_at IS NULL THEN r.until IS NULL OR r.until > statement_timestamp()
                                 ELSE r.cut_off > k.made_order END OFFSET 0)
      AND k.retired_at IS NULL AND k.revoked_at IS NULL AND (k.expires_at > statement_timestamp()) IS NOT FALSE
      AND (authenticate.agent_id = k.agent_id) IS NOT FALSE AND (authenticate.org_id = k.org_id) IS NOT FALSE
      AND NOT k.awaits_use
      AND (authenticate.reports_uses
           OR EXISTS (SELECT FROM relay.key_sightings AS s
                      WHERE s.key_id = k.key_id AND s.ip_address = COALESCE(authenticate.ip_address, '::')
                        AND COALESCE(s.bearer_at, CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END)
                            > statement_timestamp() - interval '1 minute'));
    IF decision.permissions IS NOT NULL THEN  -- null: the call is not a usual one
        IF authenticate.reports_uses THEN
            is_usual := relay.limit_of(decision.org_id, 'agents') IS NULL;
        END IF;
        IF is_usual AND is_guarded THEN
            is_usual := relay.may_be_unsigned(decision.org_id, decision.agent_id, authenticate.ip_address);
        END IF;
        IF is_usual THEN
            decision.ok := true;
            decision.reason := 'ok';
            decision.report_now := false;
            RETURN decision;
        END IF;
    END IF;
    IF NOT EXISTS (SELECT FROM relay.agent_keys AS k
                   WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest) AND k.hash_algorithm = 'sha256d') THEN
        refusal := 'unknown_key';
    END IF;
    RETURN relay.answer_call(authenticate.key_id, refusal, false, authenticate.agent_id, authenticate.org_id, authenticate.ip_address,
                             authenticate.trace_id, authenticate.reports_uses);
END
$$;
COMMENT ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text, boolean) IS
    'checks a key by its id and SHA-256(key), against the claimed agent and org if they are given, and records the outcome '
    '(reports_uses: the gateway reports the use itself, with report_uses); '
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch signature_required over_limit address_not_allowed';

-- Makes the same checks for people, except that of an address: it writes nothing, and returns the owner even if the key is refused.
CREATE OR REPLACE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions, false
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.agent_keys AS bearer
        ON bearer.key_id = shown.key_id AND bearer.key_hash = shown.key_hash AND bearer.hash_algorithm = 'sha256d'
    LEFT JOIN relay.key_standing AS k ON k.key_id = bearer.key_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN known.reason <> 'ok' THEN known.reason
                    WHEN relay.signing_is_required(k.org_id, k.agent_id) THEN 'signature_required'
                    WHEN NOT relay.has_seat(k.org_id, k.agent_id) THEN 'over_limit' ELSE 'ok' END AS reason
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
        WHEN relay.signing_is_required(event.org_id, decision.agent_id) THEN 'signature_required'
        WHEN decision.agent_id IS NOT NULL AND NOT relay.find_seat(decision.org_id, decision.agent_id) THEN 'over_limit'
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
    'reasons: unauthenticated (ok), key_required unknown_agent unknown_org org_mismatch blocked revoked signature_required over_limit '
    'address_not_allowed';
