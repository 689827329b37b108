-- The registry: which agents run now. That follows from a lease, on the clock of the database; no job declares an agent dead.
--
-- Leases are UNLOGGED: a beat costs no write to the log, and a standby cannot read them. A crash or a failover empties them; the cards are
-- still there, so the next beat brings each agent back.

-- The table ------------------------------------------------------------------------------------------------------------------------------

-- A beat changes no indexed column, so it writes no index, except once a day.
CREATE UNLOGGED TABLE relay.agent_leases (
    agent_id    text COLLATE "C" NOT NULL,
    instance_id text COLLATE "C" NOT NULL,
    org_id      text COLLATE "C" NOT NULL,
    started_at  timestamptz NOT NULL,
    beat_at     timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    last_day    date NOT NULL,
    ready       boolean NOT NULL DEFAULT true,
    CONSTRAINT agent_leases_pkey PRIMARY KEY (agent_id, instance_id)
) WITH (fillfactor = 50);
CREATE INDEX agent_leases_by_day ON relay.agent_leases (last_day);
COMMENT ON TABLE relay.agent_leases IS 'the processes of agents; one whose lease has ended does not run, and its row is removed a day later';
COMMENT ON COLUMN relay.agent_leases.instance_id IS 'which of the processes of its agent it is; empty for an agent with one process';
COMMENT ON COLUMN relay.agent_leases.started_at IS 'when it registered';
COMMENT ON COLUMN relay.agent_leases.beat_at IS 'its last beat; the next one is due when a third of the lease is over';
COMMENT ON COLUMN relay.agent_leases.last_day IS 'the day of ends_at in UTC';
COMMENT ON COLUMN relay.agent_leases.ready IS 'false: it finishes its work, and searches do not return it';
SELECT relay.isolate_tenants('relay.agent_leases');
GRANT EXECUTE ON FUNCTION relay.require_primary(text) TO relay_provisioner, relay_responder, relay_auditor;
-- A lease that is removed by hand does no harm: the next beat makes it again.
GRANT SELECT, DELETE ON relay.agent_leases TO relay_provisioner, relay_responder;
GRANT SELECT ON relay.agent_leases TO relay_auditor;
GRANT SELECT (agent_id, instance_id, org_id, started_at, beat_at, ends_at, ready) ON relay.agent_leases TO relay_tenant;

-- No lease is longer than 10 minutes. One that ends later is from before the clock was put back, and the next beat makes it right.
-- Inlined into its callers, so it sets no search_path.
CREATE FUNCTION relay.running_lease(org text, agent text) RETURNS TABLE (instances bigint, ends_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.count(*), pg_catalog.max(lease.ends_at)
    FROM relay.agent_leases AS lease
    WHERE lease.agent_id = agent AND lease.ready AND lease.ends_at > pg_catalog.statement_timestamp()
      AND lease.ends_at < pg_catalog.statement_timestamp() + interval '11 minutes'
      AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                      WHERE gone.subject_id = ANY (ARRAY[agent, org])
                        AND gone.subject_id = CASE gone.subject_kind WHEN 'agent' THEN agent WHEN 'org' THEN org END)
    HAVING pg_catalog.count(*) > 0
$$;
COMMENT ON FUNCTION relay.running_lease(text, text) IS
    'how many processes of an agent take work, and until when; no row: none does, or the agent or its organization is blocked or revoked';

-- As running_lease, but not by it: what it reads would be checked against the rights of the tenant.
CREATE VIEW relay.running_agents WITH (security_barrier) AS
SELECT card.agent_id, card.org_id, card.card, card.since, lease.instances, lease.ends_at AS lease_ends_at
FROM relay.agent_cards AS card
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS instances, pg_catalog.max(one.ends_at) AS ends_at FROM relay.agent_leases AS one
    WHERE one.agent_id = card.agent_id AND one.ready AND one.ends_at > pg_catalog.statement_timestamp()
      AND one.ends_at < pg_catalog.statement_timestamp() + interval '11 minutes') AS lease
WHERE card.org_id = (SELECT relay.current_org()) AND lease.instances > 0
  AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                  WHERE gone.subject_id IN (card.agent_id, card.org_id)
                    AND gone.subject_id = CASE gone.subject_kind WHEN 'agent' THEN card.agent_id WHEN 'org' THEN card.org_id END)
  AND NOT EXISTS (SELECT FROM relay.surplus_agents AS surplus
                  WHERE surplus.org_id = (SELECT relay.current_org()) AND surplus.agent_id = card.agent_id)
  AND (NOT (SELECT relay.is_narrowed()) OR card.agent_id IN (SELECT relay.claimed_agents()));
COMMENT ON VIEW relay.running_agents IS 'for tenants: the agents of this session''s organization that run and take work';
GRANT SELECT ON relay.running_agents TO relay_tenant;
GRANT EXECUTE ON FUNCTION relay.plan_now(text, timestamptz) TO relay_tenant;  -- for surplus_agents; it reads nothing

-- Register and beat ----------------------------------------------------------------------------------------------------------------------

-- Composite types, so that a result can gain a column without dropping the functions.
CREATE TYPE relay_api.lease_answer AS (ok boolean, reason text, lease_ends_at timestamptz, problems text[], started_at timestamptz);
COMMENT ON COLUMN relay_api.lease_answer.problems IS 'for card_invalid: what is wrong with the card, each as PATH: WHAT; at most 100';
COMMENT ON COLUMN relay_api.lease_answer.started_at IS
    'when the last process with this instance_id registered; with it, a process speaks for itself only, and not for a later one';
CREATE TYPE relay_api.running_agent AS (agent_id text, card jsonb, instances bigint, lease_ends_at timestamptz, next text);
COMMENT ON COLUMN relay_api.running_agent.instances IS 'how many processes share the work';
COMMENT ON COLUMN relay_api.running_agent.next IS
    'only in a row without an agent, the last one of a page that others follow: the `after` of the next page';

-- As in 0005_audit.sql, but each beat calls it, and so it qualifies its names and sets no search_path.
CREATE OR REPLACE FUNCTION relay.commit_lazily() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_catalog.pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    END IF;
END
$$;

-- What each of them checks first, in one call. Only functions with a fixed search_path call this and the next ones, so they set none: a beat
-- consists of little else.
CREATE FUNCTION relay.require_process(asked text, agent text, instance text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF pg_is_in_recovery() OR length(agent) > 127 THEN
        PERFORM relay.require_primary(asked), relay.require_short('agent_id', agent, 127);
    END IF;
    IF (instance = '' OR (instance ~ '^[A-Za-z0-9]' AND instance !~ '[^A-Za-z0-9_.:@/-]' AND length(instance) <= 127)) IS NOT TRUE THEN
        RAISE EXCEPTION 'instance_id must be empty, or 1 to 127 letters, digits and _ . : @ / -' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

-- Both are inlined into their callers, whose one statement reads all that a beat goes by.
CREATE FUNCTION relay.run_state(org text, agent text) RETURNS TABLE (standing text, seats bigint)
LANGUAGE sql STABLE AS $$
    SELECT (SELECT pg_catalog.max(s.kind) FROM relay.standing_revocations AS s
            WHERE s.subject_id = ANY (ARRAY[agent, org])
              AND s.subject_id = CASE s.subject_kind WHEN 'agent' THEN agent WHEN 'org' THEN org END),
           (SELECT l.amount FROM relay.org_limits AS l WHERE l.org_id = org AND l.meter = 'agents')
$$;
COMMENT ON FUNCTION relay.run_state(text, text) IS 'what run_refusal goes by: a block or revocation in force, and the limit of seats';

CREATE FUNCTION relay.run_refusal(standing text, seats bigint, org text, agent text) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN standing = 'revoke' THEN 'revoked' WHEN standing = 'block' THEN 'blocked'
                WHEN seats IS NOT NULL AND NOT relay.find_seat(org, agent) THEN 'over_limit' END
$$;
COMMENT ON FUNCTION relay.run_refusal(text, bigint, text, text) IS 'why an agent may not run: revoked, blocked or over_limit; null: it may';

-- By record_often, because an agent that restarts each second causes many; but one that is `rare` needs no count of its kind.
CREATE FUNCTION relay.note_registry(action text, reason text, org text, agent text, detail jsonb, key text DEFAULT NULL,
                                    rare boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    event relay.auth_events;
BEGIN
    event.action := note_registry.action;
    event.outcome := CASE WHEN note_registry.reason = 'ok' THEN 'ok' ELSE 'failed' END;
    event.reason := note_registry.reason;
    event.org_id := org;
    event.agent_id := agent;
    event.key_id := key;
    event.detail := NULLIF(jsonb_strip_nulls(note_registry.detail), '{}');
    IF rare THEN
        PERFORM relay.record_rare(event);
    ELSE
        PERFORM relay.record_often(event);
    END IF;
END
$$;

-- Makes or renews a lease. `started`: the time at which this process registered, if it says so; then it does not make ready what a later
-- process with the same id has made unready, or the other way round. The usual beat is the first statement, and writes no index. One that
-- writes the index, because the lease is new or ends on another day, also removes a few leases that ended more than a day ago.
CREATE FUNCTION relay.renew_lease(org text, agent text, instance text, lease interval, starts boolean, started timestamptz, takes_work boolean,
                                  INOUT answer relay_api.lease_answer)
LANGUAGE plpgsql AS $$
DECLARE
    present timestamptz := clock_timestamp();
    ending  timestamptz := present + LEAST(GREATEST(COALESCE(lease, '60 seconds'), '10 seconds'), '10 minutes');
    day     date := (ending AT TIME ZONE 'UTC')::date;
BEGIN
    answer.lease_ends_at := ending;
    UPDATE relay.agent_leases AS l
    SET beat_at = present, ends_at = ending, org_id = org,
        ready = CASE WHEN l.started_at > started THEN l.ready ELSE COALESCE(takes_work, l.ready) END,
        started_at = CASE WHEN starts THEN present ELSE l.started_at END
    WHERE l.agent_id = agent AND l.instance_id = instance AND l.last_day = day
    RETURNING l.started_at INTO answer.started_at;
    IF FOUND THEN
        RETURN;
    END IF;
    UPDATE relay.agent_leases AS l
    SET beat_at = present, ends_at = ending, last_day = day, org_id = org,
        ready = CASE WHEN l.started_at > started THEN l.ready ELSE COALESCE(takes_work, l.ready) END,
        started_at = CASE WHEN starts THEN present ELSE l.started_at END
    WHERE l.agent_id = agent AND l.instance_id = instance
    RETURNING l.started_at INTO answer.started_at;
    IF NOT FOUND THEN
        -- An agent chooses its instance ids. So one has 256 leases at most: a new one takes the place of the one that ends first.
        DELETE FROM relay.agent_leases AS l WHERE l.ctid = ANY (ARRAY(
            SELECT o.ctid FROM relay.agent_leases AS o
            WHERE o.agent_id = agent AND o.instance_id <> instance ORDER BY o.ends_at DESC OFFSET 255 FOR UPDATE SKIP LOCKED));
        INSERT INTO relay.agent_leases AS l (agent_id, instance_id, org_id, started_at, beat_at, ends_at, last_day, ready)
        VALUES (agent, instance, org, CASE WHEN starts THEN present ELSE LEAST(started, present) END, present, ending, day,
                COALESCE(takes_work, true))
        ON CONFLICT ON CONSTRAINT agent_leases_pkey DO UPDATE
        SET beat_at = present, ends_at = ending, last_day = day, org_id = org,
            ready = CASE WHEN l.started_at > started THEN l.ready ELSE COALESCE(takes_work, l.ready) END,
            started_at = CASE WHEN starts THEN present ELSE l.started_at END
        RETURNING l.started_at INTO answer.started_at;
        PERFORM relay.require_effect(FOUND, 'the lease of agent ' || agent);
    END IF;
    DELETE FROM relay.agent_leases AS l WHERE l.ctid = ANY (ARRAY(
        SELECT o.ctid FROM relay.agent_leases AS o
        WHERE o.last_day < ((present - interval '1 day') AT TIME ZONE 'UTC')::date
        ORDER BY o.last_day LIMIT 8 FOR UPDATE SKIP LOCKED));
END
$$;

-- Makes a card the card of an agent. `known`: the caller has seen one of this agent.
CREATE FUNCTION relay.keep_card(org text, agent text, sent jsonb, known boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    found_by text[] := relay.card_terms(org, sent);
BEGIN
    IF known THEN
        UPDATE relay.agent_cards AS c SET org_id = org, card = sent, terms = found_by, since = clock_timestamp()
        WHERE c.agent_id = agent AND (c.card <> sent OR c.org_id <> org);
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO relay.agent_cards AS c (agent_id, org_id, card, terms)
    VALUES (agent, org, sent, found_by)
    ON CONFLICT ON CONSTRAINT agent_cards_pkey DO UPDATE
        SET org_id = excluded.org_id, card = excluded.card, terms = excluded.terms, since = excluded.since
        WHERE c.card <> excluded.card OR c.org_id <> excluded.org_id;
END
$$;

CREATE FUNCTION relay_api.register(agent_id text, card json, instance_id text DEFAULT '', lease interval DEFAULT '60 seconds')
RETURNS relay_api.lease_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    answer  relay_api.lease_answer;
    known   record;
    sent    jsonb;
    is_same boolean;
BEGIN
    PERFORM relay.require_process('register', register.agent_id, register.instance_id);
    answer.problems := '{}';
    SELECT a.org_id, c.card, run.standing, run.seats, l.started_at < clock_timestamp() - interval '1 minute' AS is_rare INTO known
    FROM relay.agents AS a CROSS JOIN LATERAL relay.run_state(a.org_id, a.agent_id) AS run
    LEFT JOIN relay.agent_cards AS c ON c.agent_id = a.agent_id
    LEFT JOIN relay.agent_leases AS l ON l.agent_id = a.agent_id AND l.instance_id = register.instance_id
    WHERE a.agent_id = register.agent_id;
    answer.reason := CASE WHEN known.org_id IS NULL THEN 'unknown_agent'
                          ELSE COALESCE(relay.run_refusal(known.standing, known.seats, known.org_id, register.agent_id), 'ok') END;
    IF answer.reason = 'ok' THEN
        BEGIN
            sent := register.card::jsonb;
            is_same := (known.card = sent) IS TRUE;
            answer.problems := CASE WHEN is_same THEN '{}' ELSE relay.card_text_problems(register.card) END;
        EXCEPTION WHEN data_exception OR statement_too_complex OR program_limit_exceeded THEN
            answer.problems := ARRAY['/: must be JSON that every reader can hold: at most 64 levels, no name twice'];
        END;
        answer.reason := CASE WHEN answer.problems = '{}' THEN 'ok' ELSE 'card_invalid' END;
    END IF;
    answer.ok := answer.reason = 'ok';
    IF NOT answer.ok THEN
        IF answer.reason <> 'unknown_agent' THEN
            PERFORM relay.note_registry('registration_failed', answer.reason, known.org_id, register.agent_id,
                jsonb_build_object('instance', NULLIF(register.instance_id, ''), 'problems', NULLIF(cardinality(answer.problems), 0)),
                CASE WHEN answer.reason = 'card_invalid' THEN relay.key_in(sent) END);
        END IF;
        answer.problems := answer.problems[1:100];
        RETURN answer;
    END IF;
    IF is_same THEN
        PERFORM relay.commit_lazily();
    ELSE
        PERFORM relay.keep_card(known.org_id, register.agent_id, sent, known.card IS NOT NULL);
    END IF;
    answer := relay.renew_lease(known.org_id, register.agent_id, register.instance_id, register.lease, true, NULL, true, answer);
    PERFORM relay.note_registry('agent_registered', 'ok', known.org_id, register.agent_id,
                                jsonb_build_object('instance', NULLIF(register.instance_id, '')), rare => known.is_rare);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.register(text, json, text, interval) IS
    'for an agent that starts (its id as authenticate returned it): keeps its card and makes a lease of 10 s to 10 min; primary only; '
    'reasons: ok unknown_agent blocked revoked over_limit card_invalid';

CREATE FUNCTION relay_api.heartbeat(agent_id text, instance_id text DEFAULT '', lease interval DEFAULT '60 seconds',
                                    started_at timestamptz DEFAULT NULL, ready boolean DEFAULT NULL)
RETURNS relay_api.lease_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    answer relay_api.lease_answer;
    known  record;
BEGIN
    PERFORM relay.require_process('heartbeat', heartbeat.agent_id, heartbeat.instance_id);
    SELECT c.org_id, run.standing, run.seats INTO known
    FROM relay.agent_cards AS c CROSS JOIN LATERAL relay.run_state(c.org_id, c.agent_id) AS run
    WHERE c.agent_id = heartbeat.agent_id;
    answer.reason := CASE WHEN known.org_id IS NULL THEN 'register'
                          ELSE COALESCE(relay.run_refusal(known.standing, known.seats, known.org_id, heartbeat.agent_id), 'ok') END;
    answer.ok := answer.reason = 'ok';
    answer.problems := '{}';
    IF answer.ok THEN
        PERFORM relay.commit_lazily();
        answer := relay.renew_lease(known.org_id, heartbeat.agent_id, heartbeat.instance_id, heartbeat.lease, false,
                                    heartbeat.started_at, heartbeat.ready, answer);
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.heartbeat(text, text, interval, timestamptz, boolean) IS
    'for an agent that runs, each third of its lease: renews the lease, or makes it again (register: there is no card of this agent, '
    'so it must register); started_at: as register answered it; ready false: this process takes no more work; primary only; '
    'reasons: ok register blocked revoked over_limit';

CREATE FUNCTION relay_api.drain(agent_id text, instance_id text DEFAULT '', started_at timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
BEGIN
    PERFORM relay.require_process('drain', drain.agent_id, drain.instance_id);
    PERFORM relay.commit_lazily();
    UPDATE relay.agent_leases AS l SET ready = false
    WHERE l.agent_id = drain.agent_id AND l.instance_id = drain.instance_id AND (l.started_at > drain.started_at) IS NOT TRUE AND l.ready;
    RETURN FOUND OR EXISTS (
        SELECT FROM relay.agent_leases AS l
        WHERE l.agent_id = drain.agent_id AND l.instance_id = drain.instance_id AND (l.started_at > drain.started_at) IS NOT TRUE);
END
$$;
COMMENT ON FUNCTION relay_api.drain(text, text, timestamptz) IS
    'for an agent that is about to stop: searches do not return this process any more; started_at: as register answered it, so that nothing '
    'happens to a later process with this instance_id; false: it has no lease; primary only';

CREATE FUNCTION relay_api.unregister(agent_id text, instance_id text DEFAULT '', started_at timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    owner text;
BEGIN
    PERFORM relay.require_process('unregister', unregister.agent_id, unregister.instance_id);
    PERFORM relay.commit_lazily();
    DELETE FROM relay.agent_leases AS l
    WHERE l.agent_id = unregister.agent_id AND l.instance_id = unregister.instance_id AND (l.started_at > unregister.started_at) IS NOT TRUE
    RETURNING l.org_id INTO owner;
    PERFORM relay.require_effect(NOT EXISTS (
        SELECT FROM relay.agent_leases AS l
        WHERE l.agent_id = unregister.agent_id AND l.instance_id = unregister.instance_id AND (l.started_at > unregister.started_at) IS NOT TRUE),
        'the end of the lease of agent ' || unregister.agent_id);
    IF owner IS NULL THEN
        RETURN false;
    END IF;
    PERFORM relay.note_registry('agent_unregistered', 'ok', owner, unregister.agent_id,
                                jsonb_build_object('instance', NULLIF(unregister.instance_id, '')));
    RETURN true;
END
$$;
COMMENT ON FUNCTION relay_api.unregister(text, text, timestamptz) IS
    'for an agent that stops: ends the lease of this process, and of no later one if started_at is what register answered; '
    'false: it had none, which is fine, too; primary only';

GRANT EXECUTE ON FUNCTION relay_api.register(text, json, text, interval), relay_api.heartbeat(text, text, interval, timestamptz, boolean),
    relay_api.drain(text, text, timestamptz), relay_api.unregister(text, text, timestamptz) TO relay_gateway;

-- For people -----------------------------------------------------------------------------------------------------------------------------

-- A standby answers, too, and has no leases: there the columns about them are null.
CREATE FUNCTION relay.registry_entry(agent text)
RETURNS TABLE (card_since timestamptz, instances bigint, since timestamptz, lease_ends_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN QUERY SELECT c.since, NULL::bigint, NULL::timestamptz, NULL::timestamptz FROM relay.agent_cards AS c WHERE c.agent_id = agent;
    ELSE
        RETURN QUERY
        SELECT c.since, count(l.agent_id), min(l.started_at), max(l.ends_at) FROM relay.agent_cards AS c
        LEFT JOIN relay.agent_leases AS l ON l.agent_id = c.agent_id AND l.ends_at > statement_timestamp()
        WHERE c.agent_id = agent GROUP BY c.since;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.registry_entry(text) IS 'since when the registry has the card of an agent, and its processes that run; no row: none';

CREATE FUNCTION relay.running_counts() RETURNS TABLE (org_id text, agents bigint, late bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_is_in_recovery() THEN
        RETURN QUERY
        SELECT one.org_id, count(*), count(*) FILTER (WHERE one.late)
        FROM (SELECT l.org_id, l.agent_id,
                     bool_or(l.beat_at + (l.ends_at - l.beat_at) / 3 < statement_timestamp() - interval '1 second') AS late
              FROM relay.agent_leases AS l WHERE l.ends_at > statement_timestamp() GROUP BY l.org_id, l.agent_id) AS one
        GROUP BY one.org_id;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.running_counts() IS
    'how many agents of each organization run, and of how many a beat is overdue; on a standby, which has no leases, no row';
GRANT EXECUTE ON FUNCTION relay.registry_entry(text), relay.running_counts() TO relay_provisioner, relay_responder, relay_auditor;
