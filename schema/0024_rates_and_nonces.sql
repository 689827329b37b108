-- How fast an agent may call, over all gateways together; and nonces, each of which is accepted once.
--
-- Both are UNLOGGED: they cost no write to the log, a crash or a failover empties them, and a standby cannot read them. For rates that is
-- harmless: shares are distributed again, and penalties are forgotten. For nonces it is what makes them safe: see nonces_kept.

-- Rates ----------------------------------------------------------------------------------------------------------------------------------

-- One row for each agent that has had a lease. Its lock makes the leases of an agent come one after the other.
CREATE UNLOGGED TABLE relay.rate_penalties (
    agent_id    text COLLATE "C" PRIMARY KEY,
    step        smallint NOT NULL DEFAULT 0,
    stepped_by  text COLLATE "C",
    stepped_at  timestamptz NOT NULL DEFAULT '-infinity',
    clean_since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT rate_penalties_step_sane CHECK (step >= 0 AND step <= 6)
) WITH (fillfactor = 50);
COMMENT ON COLUMN relay.rate_penalties.step IS '0: none; 1: retry_after 1 s; each further step halves the rate and doubles retry_after';
COMMENT ON COLUMN relay.rate_penalties.stepped_by IS 'the gateway that reported refusals last: others saw the same flood';

CREATE UNLOGGED TABLE relay.rate_leases (
    agent_id   text COLLATE "C" NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    demand     double precision NOT NULL,
    rate       double precision NOT NULL,
    ends_at    timestamptz NOT NULL,
    CONSTRAINT rate_leases_pkey PRIMARY KEY (agent_id, gateway_id)
) WITH (fillfactor = 50);
COMMENT ON COLUMN relay.rate_leases.demand IS 'calls per second that the gateway saw, let through or not';
COMMENT ON COLUMN relay.rate_leases.rate IS 'calls per second that it may let through until ends_at';
GRANT SELECT ON relay.rate_penalties, relay.rate_leases TO relay_provisioner, relay_responder, relay_auditor;

CREATE TYPE relay_api.rate_lease AS (
    rate        double precision,
    burst       double precision,
    retry_after integer,
    ends_at     timestamptz
);
COMMENT ON COLUMN relay_api.rate_lease.rate IS 'calls per second; null: the agent has no limit';
COMMENT ON COLUMN relay_api.rate_lease.burst IS 'how many calls may come at the same time';
COMMENT ON COLUMN relay_api.rate_lease.retry_after IS 'seconds, for the header Retry-After of a refusal; 0: no refusals were reported';

-- Takes the lock of the agent, and returns the step that is in force now.
CREATE FUNCTION relay.step_penalty(agent text, gateway text, refused bigint) RETURNS smallint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    penalty relay.rate_penalties;
    present timestamptz;
    clean   integer;
BEGIN
    SELECT * INTO penalty FROM relay.rate_penalties AS p WHERE p.agent_id = agent FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO relay.rate_penalties (agent_id) VALUES (agent) ON CONFLICT DO NOTHING;
        SELECT * INTO penalty FROM relay.rate_penalties AS p WHERE p.agent_id = agent FOR UPDATE;
    END IF;
    present := clock_timestamp();  -- after the wait for the lock
    IF refused = 0 AND penalty.step = 0 THEN
        RETURN 0;
    END IF;
    -- A clean minute undoes one step. If the clock was moved back, the minutes begin anew.
    clean := LEAST(GREATEST(floor(date_part('epoch', present - penalty.clean_since) / 60), 0), penalty.step);
    penalty.step := penalty.step - clean;
    IF refused > 0 THEN
        -- Several gateways report the same flood: it counts once per lease.
        IF penalty.stepped_by IS NOT DISTINCT FROM gateway
           OR penalty.stepped_at NOT BETWEEN present - interval '5 seconds' AND present THEN
            penalty.step := LEAST(penalty.step + 1, 6);
            penalty.stepped_by := gateway;
            penalty.stepped_at := present;
        END IF;
        penalty.clean_since := present;
    ELSE
        penalty.clean_since := LEAST(penalty.clean_since + clean * interval '1 minute', present);
    END IF;
    UPDATE relay.rate_penalties AS p
    SET step = penalty.step, stepped_by = penalty.stepped_by, stepped_at = penalty.stepped_at, clean_since = penalty.clean_since
    WHERE p.agent_id = agent
      AND (p.step, p.stepped_at, p.clean_since) IS DISTINCT FROM (penalty.step, penalty.stepped_at, penalty.clean_since);
    RETURN penalty.step;
END
$$;

-- A share follows demand, and never exceeds what the other running leases leave, except that each gateway gets a sixteenth immediately. So
-- the sum of g gateways is at most cap * (1 + g/16) until all have renewed, and then the cap.
CREATE FUNCTION relay_api.lease_rate(agent_id text, org_id text, gateway_id text, demand double precision, refused bigint DEFAULT 0)
RETURNS relay_api.rate_lease
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    lease  relay_api.rate_lease;
    cap    bigint;
    step   smallint;
    others record;
    event  relay.auth_events;
BEGIN
    IF pg_is_in_recovery() OR (octet_length(lease_rate.gateway_id) <= 127 AND lease_rate.refused >= 0
                               AND lease_rate.refused <= 1000000000000) IS NOT TRUE THEN  -- the calls cost more than the questions
        PERFORM relay.require_primary('lease_rate'), relay.require_short('gateway_id', lease_rate.gateway_id, 127),
                relay.require_between('refused', lease_rate.refused, 0, 1000000000000);
    END IF;
    IF (lease_rate.gateway_id ~ '^[A-Za-z0-9]' AND lease_rate.gateway_id !~ '[^A-Za-z0-9_.:@/-]') IS NOT TRUE THEN
        RAISE EXCEPTION 'gateway_id is not an id: letters, digits and _ . : @ / -' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (lease_rate.demand >= 0 AND lease_rate.demand <= 1000000000) IS NOT TRUE THEN
        RAISE EXCEPTION 'demand must be from 0 to 1000000000 calls per second, not %', COALESCE(lease_rate.demand::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.require_agent_of(lease_rate.org_id, lease_rate.agent_id);
    cap := relay.agent_qps(lease_rate.org_id, lease_rate.agent_id);
    IF cap IS NULL THEN
        RETURN ROW(NULL, NULL, 0, clock_timestamp() + interval '5 seconds')::relay_api.rate_lease;
    END IF;

    IF lease_rate.refused > 0 THEN  -- before the lock of the agent: if someone has locked the trail, no other gateway waits for that
        PERFORM relay.commit_lazily();
        PERFORM relay.can_write_event();
    END IF;
    step := relay.step_penalty(lease_rate.agent_id, lease_rate.gateway_id, lease_rate.refused);
    SELECT count(*) + 1 AS gateways, COALESCE(sum(l.rate), 0) AS rate, COALESCE(sum(l.demand), 0) AS demand INTO others
    FROM relay.rate_leases AS l
    WHERE l.agent_id = lease_rate.agent_id AND l.gateway_id <> lease_rate.gateway_id AND l.ends_at > clock_timestamp();
    lease.rate := GREATEST(
        LEAST(CASE WHEN lease_rate.demand + others.demand > 0 THEN cap * (lease_rate.demand / (lease_rate.demand + others.demand))
                   ELSE cap / others.gateways::double precision END,
              cap - others.rate),
        LEAST(cap / GREATEST(others.gateways, 16)::double precision, 2 * cap - others.rate),  -- a newcomer, beside one that has all
        0) / 2 ^ GREATEST(step - 1, 0);
    lease.burst := CASE WHEN cap > 0 THEN GREATEST(lease.rate, 1) ELSE 0 END;
    lease.retry_after := CASE WHEN step > 0 THEN 2 ^ (step - 1) ELSE 0 END;
    lease.ends_at := clock_timestamp() + interval '5 seconds';
    INSERT INTO relay.rate_leases AS l (agent_id, gateway_id, demand, rate, ends_at)
    VALUES (lease_rate.agent_id, lease_rate.gateway_id, lease_rate.demand, lease.rate, lease.ends_at)
    ON CONFLICT ON CONSTRAINT rate_leases_pkey DO UPDATE SET demand = excluded.demand, rate = excluded.rate, ends_at = excluded.ends_at;

    IF lease_rate.refused > 0 THEN
        event.action := 'auth_violation';
        event.outcome := 'failed';
        event.reason := 'rate_exceeded';
        event.org_id := lease_rate.org_id;
        event.agent_id := lease_rate.agent_id;
        event.detail := jsonb_build_object('refused', lease_rate.refused, 'limit', cap, 'retry_after', lease.retry_after);
        PERFORM relay.record_often(event);
    END IF;
    RETURN lease;
END
$$;
COMMENT ON FUNCTION relay_api.lease_rate(text, text, text, double precision, bigint) IS
    'for a gateway at which an agent calls often: its share of the agent''s limit for 5 s; demand: the calls per second that it sees, '
    'refused: the calls that it turned away since its last lease; primary only';
GRANT EXECUTE ON FUNCTION relay_api.lease_rate(text, text, text, double precision, bigint) TO relay_gateway;

-- Removes what has not counted for an hour, so that agents and gateways that are gone leave nothing.
CREATE FUNCTION relay.prune_rates() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM relay.rate_leases AS l WHERE l.ctid = ANY (ARRAY(
        SELECT o.ctid FROM relay.rate_leases AS o WHERE o.ends_at < clock_timestamp() - interval '1 hour' LIMIT 100000 FOR UPDATE SKIP LOCKED));
    DELETE FROM relay.rate_penalties AS p WHERE p.ctid = ANY (ARRAY(
        SELECT o.ctid FROM relay.rate_penalties AS o
        WHERE o.clean_since < clock_timestamp() - interval '1 hour'
          AND NOT EXISTS (SELECT FROM relay.rate_leases AS l WHERE l.agent_id = o.agent_id)
        LIMIT 100000 FOR UPDATE SKIP LOCKED));
END
$$;

-- Nonces ---------------------------------------------------------------------------------------------------------------------------------

-- Time is cut into turns of ten minutes of signed_at, which three slots hold in rotation. A window of 5 minutes touches two of them; the
-- third is empty or can be emptied, as a whole. signed_at is part of the key, so a slot that was not emptied in its turn holds more rows,
-- and decides the same.
CREATE TABLE relay.nonces (
    slot      smallint NOT NULL,
    agent_id  text COLLATE "C" NOT NULL,
    nonce     bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    CONSTRAINT nonces_pkey PRIMARY KEY (slot, agent_id, nonce, signed_at)
) PARTITION BY LIST (slot);
CREATE UNLOGGED TABLE relay.nonces_0 PARTITION OF relay.nonces FOR VALUES IN (0);
CREATE UNLOGGED TABLE relay.nonces_1 PARTITION OF relay.nonces FOR VALUES IN (1);
CREATE UNLOGGED TABLE relay.nonces_2 PARTITION OF relay.nonces FOR VALUES IN (2);

-- A crash or a failover empties this table together with the slots. Then the next call fills it again, and what was signed before is
-- refused, because no one knows whether it was used.
CREATE UNLOGGED TABLE relay.nonces_kept (
    only_row boolean NOT NULL DEFAULT true,
    since    timestamptz NOT NULL,
    held     bigint[] NOT NULL DEFAULT '{}',
    dropped  bigint[] NOT NULL DEFAULT '{}',
    CONSTRAINT nonces_kept_pkey PRIMARY KEY (only_row),
    CONSTRAINT nonces_kept_one_row CHECK (only_row)
);
COMMENT ON COLUMN relay.nonces_kept.since IS 'nonces that were signed from then on are kept, except those of the turns in dropped';
COMMENT ON COLUMN relay.nonces_kept.held IS 'the turns of which the slots hold nonces; turn n begins 600 * n seconds after 1970';
COMMENT ON COLUMN relay.nonces_kept.dropped IS
    'the latest turns whose nonces were removed: out of every window by the clock, but a clock can be wrong and be put right';

-- Clocks of callers can be ahead. A call that was signed for a time after the crash must not be accepted again, so this one is logged, and
-- committed before the call is accepted. Calls that were signed in the past, as most are, do not write it.
CREATE TABLE relay.nonces_signed_ahead (
    only_row boolean NOT NULL DEFAULT true,
    up_to    timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT nonces_signed_ahead_pkey PRIMARY KEY (only_row),
    CONSTRAINT nonces_signed_ahead_one_row CHECK (only_row)
);
COMMENT ON COLUMN relay.nonces_signed_ahead.up_to IS 'no nonce was accepted that was signed later than that, except in the past';
INSERT INTO relay.nonces_signed_ahead DEFAULT VALUES;
GRANT SELECT ON relay.nonces_kept, relay.nonces_signed_ahead TO relay_provisioner, relay_responder, relay_auditor;

CREATE TYPE relay_api.nonce_decision AS (
    ok     boolean,
    reason text
);

-- The clock of now can be behind that by which nonces were accepted: on another host after a failover, or if it was put back. So `since`
-- also goes by what the log has kept of that clock. After a failover that is the last commit that was replayed; one second more for what
-- was on its way. Gateways acknowledge every 20 seconds.
CREATE FUNCTION relay.keep_nonces() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.nonces_kept (since)
    VALUES (GREATEST(clock_timestamp(), (SELECT max(a.up_to) FROM relay.nonces_signed_ahead AS a),
                     pg_last_xact_replay_timestamp() + interval '1 second',
                     (SELECT c.at FROM relay.key_changes AS c ORDER BY c.txid DESC, c.seq DESC LIMIT 1),
                     (SELECT max(a.at) + interval '20 seconds' FROM relay.gateway_acks AS a HAVING max(a.at) > clock_timestamp())))
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION relay.keep_nonces() IS 'begins to keep nonces, unless they are kept already';

-- The first call of a turn notes that its slot is in use, and empties each other slot whose nonces are all out of every window: too old,
-- or signed for a time that a wrong clock showed. The lock of the row keeps a slot from being emptied while a call notes its use. Emptying
-- waits 50 ms at most: a reader, such as pg_dump, puts it off until the next turn. Its commit waits for no standby, because a standby has
-- no use for it, and the calls of the new turn wait for the lock.
CREATE FUNCTION relay.begin_nonce_turn(turn bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    kept    relay.nonces_kept;
    ending  bigint[];
    present double precision := date_part('epoch', clock_timestamp());
    past    bigint[];
BEGIN
    SELECT * INTO kept FROM relay.nonces_kept FOR UPDATE;
    IF turn = ANY (kept.held) THEN
        RETURN;  -- another call was faster
    END IF;
    FOR slot IN 0 .. 2 LOOP
        ending := ARRAY(SELECT held FROM unnest(kept.held) AS held WHERE held % 3 = slot);
        CONTINUE WHEN slot = turn % 3 OR ending = '{}'
                      OR EXISTS (SELECT FROM unnest(ending) AS held WHERE (held + 1) * 600 > present - 300 AND held * 600 <= present + 300);
        BEGIN
            PERFORM set_config('lock_timeout', '50ms', true);
            EXECUTE format('TRUNCATE relay.nonces_%s', slot);
            IF current_setting('synchronous_commit') <> 'off' THEN
                PERFORM set_config('synchronous_commit', 'local', true);
            END IF;
            kept.held := ARRAY(SELECT held FROM unnest(kept.held) AS held WHERE held % 3 <> slot);
            kept.dropped := kept.dropped || ending;
        EXCEPTION
            WHEN lock_not_available THEN NULL;
        END;
    END LOOP;
    past := ARRAY(SELECT gone FROM unnest(kept.dropped) AS gone WHERE (gone + 1) * 600 <= present ORDER BY gone);
    IF cardinality(past) > 100 THEN  -- the oldest half: what was signed until its end
        kept.since := GREATEST(kept.since, to_timestamp((past[50] + 1) * 600));
        kept.dropped := ARRAY(SELECT gone FROM unnest(kept.dropped) AS gone WHERE gone > past[50]);
    END IF;
    UPDATE relay.nonces_kept AS k SET since = kept.since, held = kept.held || turn, dropped = kept.dropped;
END
$$;

-- Its commit waits for the standby, if COMMIT does here: after a failover the row must be there. So all callers that are ahead wait for
-- the one that writes it, and not longer than 2 s.
CREATE FUNCTION relay.note_signed_ahead(signed_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF EXISTS (SELECT FROM relay.nonces_signed_ahead AS a WHERE a.up_to >= note_signed_ahead.signed_at) THEN
        RETURN;
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    -- One second more, so that one call per second writes it.
    UPDATE relay.nonces_signed_ahead AS a SET up_to = note_signed_ahead.signed_at + interval '1 second'
    WHERE a.up_to < note_signed_ahead.signed_at;
END
$$;

-- (`window` is a word of SQL: an argument of that name would need quotes in each call that names it.)
CREATE FUNCTION relay_api.use_nonce(agent_id text, nonce bytea, signed_at timestamptz, time_window interval)
RETURNS relay_api.nonce_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    present timestamptz := clock_timestamp();
    turn    bigint;
    kept    record;
    is_new  boolean;
BEGIN
    IF pg_is_in_recovery() OR octet_length(agent_id) > 127 THEN
        PERFORM relay.require_primary('use_nonce'), relay.require_short('agent_id', agent_id, 127);
    END IF;
    IF agent_id IS NULL THEN
        RAISE EXCEPTION 'use_nonce needs an agent id' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF (time_window >= interval '1 second' AND time_window <= interval '5 minutes') IS NOT TRUE THEN
        RAISE EXCEPTION 'time_window must be from 1 s to 5 minutes, not %', COALESCE(time_window::text, 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'pass the window that relay_api.policy returned';
    END IF;
    IF (octet_length(nonce) >= 8 AND octet_length(nonce) <= 64 AND isfinite(signed_at)) IS NOT TRUE THEN
        RETURN ROW(false, 'malformed')::relay_api.nonce_decision;
    END IF;
    IF signed_at > present + time_window THEN
        RETURN ROW(false, 'too_early')::relay_api.nonce_decision;
    ELSIF signed_at < present - time_window THEN
        RETURN ROW(false, 'too_old')::relay_api.nonce_decision;
    END IF;

    turn := floor(date_part('epoch', signed_at) / 600);
    LOOP
        SELECT k.since, turn = ANY (k.held) AS held, turn = ANY (k.dropped) AS dropped INTO kept FROM relay.nonces_kept AS k;
        EXIT WHEN kept.since IS NOT NULL;
        PERFORM relay.keep_nonces();
    END LOOP;
    IF signed_at < kept.since OR kept.dropped THEN
        RETURN ROW(false, 'too_old')::relay_api.nonce_decision;
    END IF;
    IF NOT kept.held THEN
        PERFORM relay.begin_nonce_turn(turn);
    END IF;
    IF signed_at > present THEN
        PERFORM relay.note_signed_ahead(signed_at);
    END IF;
    INSERT INTO relay.nonces VALUES (turn % 3, agent_id, nonce, signed_at) ON CONFLICT DO NOTHING;
    is_new := FOUND;
    -- It may have waited while its slot was emptied, because its turn was out of every window: then a used nonce looks new.
    present := clock_timestamp();
    IF signed_at < present - time_window OR EXISTS (SELECT FROM relay.nonces_kept AS k WHERE turn = ANY (k.dropped) OR signed_at < k.since) THEN
        RETURN ROW(false, 'too_old')::relay_api.nonce_decision;
    END IF;
    RETURN ROW(is_new, CASE WHEN is_new THEN 'ok' ELSE 'replayed' END)::relay_api.nonce_decision;
END
$$;
COMMENT ON FUNCTION relay_api.use_nonce(text, bytea, timestamptz, interval) IS
    'accepts each nonce (8 to 64 bytes) of an agent once, together with its time: the signature must cover both; call it after the '
    'signature was verified, or strangers can fill the table; '
    'time_window: that of relay_api.policy; reasons: ok replayed too_old too_early malformed; primary only';
GRANT EXECUTE ON FUNCTION relay_api.use_nonce(text, bytea, timestamptz, interval) TO relay_gateway;

-- Gateways -------------------------------------------------------------------------------------------------------------------------------

-- As in 0009, and it begins to keep nonces and removes what is left of old rates.
CREATE OR REPLACE FUNCTION relay_api.acknowledge(gateway_id text, cursor text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place   record;
    present pg_snapshot := pg_current_snapshot();
BEGIN
    PERFORM relay.require_primary('acknowledge');
    IF acknowledge.gateway_id IS NULL OR COALESCE(acknowledge.cursor, '') = '' THEN
        RAISE EXCEPTION 'acknowledge needs a gateway id and a cursor' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM relay.require_short('gateway_id', acknowledge.gateway_id, 127);
    SELECT * INTO place FROM relay.parse_cursor(acknowledge.cursor);
    PERFORM relay.check_acknowledgement(acknowledge.gateway_id, place);
    -- A snapshot that shows what is not over yet counts for nothing. Honest ones can, too: a crash may assign transaction ids again.
    IF pg_snapshot_xmax(place.seen) > pg_snapshot_xmax(present)
       OR EXISTS (SELECT FROM pg_snapshot_xip(present) AS running (txid) WHERE pg_visible_in_snapshot(running.txid, place.seen)) THEN
        place.seen := format('%1$s:%1$s:', GREATEST(place.txid, '1'))::pg_snapshot;
    END IF;
    -- It must not wait for a lock: the gateway acts on no change meanwhile. Without it the gateway counts as silent, which is the safe side.
    IF NOT relay.can_write('gateway_acks') THEN
        RETURN;
    END IF;
    -- It must not wait for a standby. If a crash loses it, the gateway acknowledges again.
    IF current_setting('synchronous_commit') <> 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    INSERT INTO relay.gateway_acks AS a (gateway_id, history, txid, seq, seen)
    VALUES (acknowledge.gateway_id, place.database_id || '.' || place.timeline, place.txid, place.seq, place.seen)
    ON CONFLICT ON CONSTRAINT gateway_acks_pkey DO UPDATE
    SET history = excluded.history, txid = excluded.txid, seq = excluded.seq, seen = excluded.seen, at = excluded.at,
        db_role = excluded.db_role,
        former_role = CASE WHEN a.db_role <> excluded.db_role THEN a.db_role ELSE a.former_role END,
        changed_hands_at = CASE WHEN a.db_role <> excluded.db_role THEN excluded.at ELSE a.changed_hands_at END
    -- Two roles that claim a free id at the same time: the second one waits for the first, and does not get it.
    WHERE a.db_role = excluded.db_role OR a.at <= clock_timestamp() - interval '60 seconds';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'gateway id % is in use by another role', acknowledge.gateway_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM relay.feed_horizon AS h WHERE h.pruned_at < clock_timestamp() - interval '1 hour')
       AND relay.can_write('feed_horizon', 'key_changes', 'key_changes_aside') THEN
        PERFORM relay.prune_changes();
        PERFORM relay.prune_rates();
    END IF;
    -- Nonces are kept from the start of the first gateway on, so that its first call is not refused.
    IF NOT EXISTS (SELECT FROM relay.nonces_kept) AND relay.can_write('nonces_kept') THEN
        PERFORM relay.keep_nonces();
    END IF;
END
$$;
