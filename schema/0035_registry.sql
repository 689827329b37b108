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
CREATE TYPE relay_api.lease_answer AS (ok boolean, reason text, lease_ends_at timestamptz, problems text[]);
COMMENT ON COLUMN relay_api.lease_answer.problems IS 'for card_invalid: what is wrong with the card, each as PATH: WHAT; at most 100';
CREATE TYPE relay_api.running_agent AS (agent_id text, card jsonb, instances bigint, lease_ends_at timestamptz);
COMMENT ON COLUMN relay_api.running_agent.instances IS 'how many processes share the work';

CREATE FUNCTION relay.require_instance(instance text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (instance = '' OR (instance ~ '^[A-Za-z0-9]' AND instance !~ '[^A-Za-z0-9_.:@/-]' AND length(instance) <= 127)) IS NOT TRUE THEN
        RAISE EXCEPTION 'instance_id must be empty, or 1 to 127 letters, digits and _ . : @ / -' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

-- By record_often: an agent that restarts each second causes many.
CREATE FUNCTION relay.note_registry(action text, reason text, org text, agent text, detail jsonb, key text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    PERFORM relay.record_often(event);
END
$$;

-- Makes or renews a lease, and returns its end. `starts`: the process has just registered. A call that writes the index anyway also removes
-- a few leases that ended more than a day ago.
CREATE FUNCTION relay.renew_lease(org text, agent text, instance text, lease interval, starts boolean) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    present timestamptz := clock_timestamp();
    ending  timestamptz := present + LEAST(GREATEST(COALESCE(lease, '60 seconds'), '10 seconds'), '10 minutes');
    day     date := (ending AT TIME ZONE 'UTC')::date;
    is_new_day boolean;
BEGIN
    UPDATE relay.agent_leases AS l
    SET beat_at = present, ends_at = ending, last_day = day, org_id = org, ready = l.ready OR starts,
        started_at = CASE WHEN starts THEN present ELSE l.started_at END
    FROM (SELECT b.last_day FROM relay.agent_leases AS b WHERE b.agent_id = agent AND b.instance_id = instance) AS before
    WHERE l.agent_id = agent AND l.instance_id = instance
    RETURNING before.last_day <> day INTO is_new_day;
    IF NOT FOUND THEN
        -- An agent chooses its instance ids. So one has 256 leases at most: a new one takes the place of the one that ends first.
        DELETE FROM relay.agent_leases AS l WHERE l.ctid = ANY (ARRAY(
            SELECT o.ctid FROM relay.agent_leases AS o WHERE o.agent_id = agent ORDER BY o.ends_at DESC OFFSET 255 FOR UPDATE SKIP LOCKED));
        INSERT INTO relay.agent_leases AS l (agent_id, instance_id, org_id, started_at, beat_at, ends_at, last_day)
        VALUES (agent, instance, org, present, present, ending, day)
        ON CONFLICT ON CONSTRAINT agent_leases_pkey DO UPDATE SET beat_at = excluded.beat_at, ends_at = excluded.ends_at;
        PERFORM relay.require_effect(FOUND, 'the lease of agent ' || agent);
    END IF;
    IF is_new_day IS NOT FALSE THEN
        DELETE FROM relay.agent_leases AS l WHERE l.ctid = ANY (ARRAY(
            SELECT o.ctid FROM relay.agent_leases AS o
            WHERE o.last_day < ((present - interval '1 day') AT TIME ZONE 'UTC')::date
            ORDER BY o.last_day LIMIT 8 FOR UPDATE SKIP LOCKED));
    END IF;
    RETURN ending;
END
$$;

CREATE FUNCTION relay_api.register(agent_id text, card jsonb, instance_id text DEFAULT '', lease interval DEFAULT '60 seconds')
RETURNS relay_api.lease_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    answer  relay_api.lease_answer;
    known   record;
    is_same boolean;
BEGIN
    PERFORM relay.require_primary('register');
    PERFORM relay.require_short('agent_id', register.agent_id, 127);
    PERFORM relay.require_instance(register.instance_id);
    answer.ok := false;
    answer.problems := '{}';
    SELECT s.org_id, s.status, c.card INTO known
    FROM relay.agent_status AS s LEFT JOIN relay.agent_cards AS c ON c.agent_id = s.agent_id
    WHERE s.agent_id = register.agent_id;
    IF known.org_id IS NULL THEN
        answer.reason := 'unknown_agent';
        RETURN answer;
    END IF;
    is_same := (known.card = register.card) IS TRUE;
    answer.reason := CASE WHEN known.status <> 'active' THEN known.status
                          WHEN NOT relay.find_seat(known.org_id, register.agent_id) THEN 'over_limit' ELSE 'ok' END;
    IF answer.reason = 'ok' AND NOT is_same THEN
        answer.problems := relay.card_problems(register.card);
        IF answer.problems <> '{}' THEN
            answer.reason := 'card_invalid';
        END IF;
    END IF;
    answer.ok := answer.reason = 'ok';
    IF NOT answer.ok THEN
        PERFORM relay.note_registry('registration_failed', answer.reason, known.org_id, register.agent_id,
            jsonb_build_object('instance', NULLIF(register.instance_id, ''), 'problems', NULLIF(cardinality(answer.problems), 0)),
            CASE WHEN answer.reason = 'card_invalid' THEN relay.key_in(register.card) END);
        answer.problems := answer.problems[1:100];
        RETURN answer;
    END IF;
    IF is_same THEN
        PERFORM relay.commit_lazily();
    ELSE
        INSERT INTO relay.agent_cards AS c (agent_id, org_id, card, terms)
        VALUES (register.agent_id, known.org_id, register.card, relay.card_terms(known.org_id, register.card))
        ON CONFLICT ON CONSTRAINT agent_cards_pkey DO UPDATE
            SET org_id = excluded.org_id, card = excluded.card, terms = excluded.terms, since = excluded.since
            WHERE c.card <> excluded.card OR c.org_id <> excluded.org_id;
    END IF;
    answer.lease_ends_at := relay.renew_lease(known.org_id, register.agent_id, register.instance_id, register.lease, true);
    PERFORM relay.note_registry('agent_registered', 'ok', known.org_id, register.agent_id,
                                jsonb_build_object('instance', NULLIF(register.instance_id, '')));
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.register(text, jsonb, text, interval) IS
    'for an agent that starts (its id as authenticate returned it): keeps its card and makes a lease of 10 s to 10 min; primary only; '
    'reasons: ok unknown_agent blocked revoked over_limit card_invalid';

CREATE FUNCTION relay_api.heartbeat(agent_id text, instance_id text DEFAULT '', lease interval DEFAULT '60 seconds')
RETURNS relay_api.lease_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    answer relay_api.lease_answer;
    known  record;
BEGIN
    PERFORM relay.require_primary('heartbeat');
    PERFORM relay.require_short('agent_id', heartbeat.agent_id, 127);
    PERFORM relay.require_instance(heartbeat.instance_id);
    SELECT s.org_id, s.status INTO known
    FROM relay.agent_cards AS c JOIN relay.agent_status AS s ON s.agent_id = c.agent_id
    WHERE c.agent_id = heartbeat.agent_id;
    answer.reason := CASE WHEN known.org_id IS NULL THEN 'register'
                          WHEN known.status <> 'active' THEN known.status
                          WHEN NOT relay.find_seat(known.org_id, heartbeat.agent_id) THEN 'over_limit' ELSE 'ok' END;
    answer.ok := answer.reason = 'ok';
    answer.problems := '{}';
    IF answer.ok THEN
        PERFORM relay.commit_lazily();
        answer.lease_ends_at := relay.renew_lease(known.org_id, heartbeat.agent_id, heartbeat.instance_id, heartbeat.lease, false);
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.heartbeat(text, text, interval) IS
    'for an agent that runs, each third of its lease: renews the lease, or makes it again (register: there is no card of this agent, '
    'so it must register); primary only; reasons: ok register blocked revoked over_limit';

CREATE FUNCTION relay_api.drain(agent_id text, instance_id text DEFAULT '') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
BEGIN
    PERFORM relay.require_primary('drain');
    PERFORM relay.require_short('agent_id', drain.agent_id, 127);
    PERFORM relay.require_instance(drain.instance_id);
    PERFORM relay.commit_lazily();
    UPDATE relay.agent_leases AS l SET ready = false WHERE l.agent_id = drain.agent_id AND l.instance_id = drain.instance_id AND l.ready;
    RETURN FOUND OR EXISTS (SELECT FROM relay.agent_leases AS l WHERE l.agent_id = drain.agent_id AND l.instance_id = drain.instance_id);
END
$$;
COMMENT ON FUNCTION relay_api.drain(text, text) IS
    'for an agent that is about to stop: searches do not return this process any more; false: it has no lease; primary only';

CREATE FUNCTION relay_api.unregister(agent_id text, instance_id text DEFAULT '') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
    owner text;
BEGIN
    PERFORM relay.require_primary('unregister');
    PERFORM relay.require_short('agent_id', unregister.agent_id, 127);
    PERFORM relay.require_instance(unregister.instance_id);
    PERFORM relay.commit_lazily();
    DELETE FROM relay.agent_leases AS l WHERE l.agent_id = unregister.agent_id AND l.instance_id = unregister.instance_id
    RETURNING l.org_id INTO owner;
    PERFORM relay.require_effect(NOT EXISTS (
        SELECT FROM relay.agent_leases AS l WHERE l.agent_id = unregister.agent_id AND l.instance_id = unregister.instance_id),
        'the end of the lease of agent ' || unregister.agent_id);
    IF owner IS NULL THEN
        RETURN false;
    END IF;
    PERFORM relay.note_registry('agent_unregistered', 'ok', owner, unregister.agent_id,
                                jsonb_build_object('instance', NULLIF(unregister.instance_id, '')));
    RETURN true;
END
$$;
COMMENT ON FUNCTION relay_api.unregister(text, text) IS
    'for an agent that stops: ends the lease of this process; false: it had none, which is fine, too; primary only';

-- Searches -------------------------------------------------------------------------------------------------------------------------------

-- Reads no more live agents than there are seats.
CREATE FUNCTION relay.first_without_seat(org text, OUT seat timestamptz, OUT agent_id text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    seats bigint := relay.limit_of(org, 'agents');
BEGIN
    IF seats IS NOT NULL THEN
        SELECT COALESCE(a.seat, a.created_at), a.agent_id INTO first_without_seat.seat, first_without_seat.agent_id
        FROM relay.agents AS a
        WHERE a.org_id = org
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
        ORDER BY COALESCE(a.seat, a.created_at), a.agent_id OFFSET seats LIMIT 1;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.first_without_seat(text) IS 'the place in the order of seats from which on agents have none; null: all have one';

-- Two statements, because one that serves both with OR never uses the index of terms.
CREATE FUNCTION relay_api.find_agents(
    org_id text, skill text DEFAULT NULL, tag text DEFAULT NULL, capability text DEFAULT NULL, pattern text DEFAULT NULL,
    after text DEFAULT '', most integer DEFAULT 100)
RETURNS SETOF relay_api.running_agent
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    rows   integer := LEAST(GREATEST(COALESCE(find_agents.most, 100), 1), 1000);
    start  text := COALESCE(find_agents.after, '');
    wanted text[] := array_remove(ARRAY[relay.card_term(find_agents.org_id, 'skill', find_agents.skill),
                                        relay.card_term(find_agents.org_id, 'tag', find_agents.tag),
                                        relay.card_term(find_agents.org_id, 'can', find_agents.capability)], NULL);
    glob   text;
    beyond record;
BEGIN
    PERFORM relay.require_primary('find_agents');
    PERFORM relay.require_short('org_id', find_agents.org_id, 63), relay.require_short('skill', find_agents.skill, 255),
            relay.require_short('tag', find_agents.tag, 255), relay.require_short('capability', find_agents.capability, 255),
            relay.require_short('pattern', find_agents.pattern, 127), relay.require_short('after', find_agents.after, 127);
    IF '' IN (find_agents.skill, find_agents.tag, find_agents.capability, find_agents.pattern) THEN
        RETURN;
    END IF;
    glob := translate(regexp_replace(lower(find_agents.pattern COLLATE "C"), '([\\%_])', '\\\1', 'g'), '*?', '%_');
    SELECT * INTO beyond FROM relay.first_without_seat(find_agents.org_id);
    IF wanted <> '{}' THEN
        RETURN QUERY
        SELECT c.agent_id, c.card, lease.instances, lease.ends_at
        FROM (SELECT f.agent_id, f.org_id, f.card FROM relay.agent_cards AS f WHERE f.terms @> wanted OFFSET 0) AS c
        CROSS JOIN LATERAL relay.running_lease(c.org_id, c.agent_id) AS lease
        WHERE c.org_id = find_agents.org_id AND c.agent_id > start
          AND (glob IS NULL OR relay.card_matches(c.agent_id, c.card, glob))
          AND (beyond.agent_id IS NULL OR EXISTS (
              SELECT FROM relay.agents AS a WHERE a.agent_id = c.agent_id
                AND (COALESCE(a.seat, a.created_at), a.agent_id) < (beyond.seat, beyond.agent_id)))
        ORDER BY c.agent_id LIMIT rows;
    ELSE
        RETURN QUERY
        SELECT c.agent_id, c.card, lease.instances, lease.ends_at
        FROM relay.agent_cards AS c CROSS JOIN LATERAL relay.running_lease(c.org_id, c.agent_id) AS lease
        WHERE c.org_id = find_agents.org_id AND c.agent_id > start
          AND (glob IS NULL OR relay.card_matches(c.agent_id, c.card, glob))
          AND (beyond.agent_id IS NULL OR EXISTS (
              SELECT FROM relay.agents AS a WHERE a.agent_id = c.agent_id
                AND (COALESCE(a.seat, a.created_at), a.agent_id) < (beyond.seat, beyond.agent_id)))
        ORDER BY c.agent_id LIMIT rows;
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.find_agents(text, text, text, text, text, text, integer) IS
    'the agents of an organization (of the verified caller, never of the request) that run, by skill, tag, capability and pattern (* and ? over '
    'id, name and skill ids), all of which must fit; null: any; by agent_id, from the one after `after` on, 1 to 1000 rows; primary only';

CREATE FUNCTION relay_api.agent_card(org_id text, agent_id text) RETURNS SETOF relay_api.running_agent
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM relay.require_short('org_id', agent_card.org_id, 63), relay.require_short('agent_id', agent_card.agent_id, 127);
    IF pg_is_in_recovery() THEN
        RETURN QUERY
        SELECT c.agent_id, c.card, NULL::bigint, NULL::timestamptz
        FROM relay.agent_cards AS c JOIN relay.agent_status AS s ON s.agent_id = c.agent_id
        WHERE c.agent_id = agent_card.agent_id AND c.org_id = agent_card.org_id AND s.status = 'active'
          AND relay.has_seat(c.org_id, c.agent_id);
    ELSE
        RETURN QUERY
        SELECT c.agent_id, c.card, lease.instances, lease.ends_at
        FROM relay.agent_cards AS c CROSS JOIN LATERAL relay.running_lease(c.org_id, c.agent_id) AS lease
        WHERE c.agent_id = agent_card.agent_id AND c.org_id = agent_card.org_id AND relay.has_seat(c.org_id, c.agent_id);
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.agent_card(text, text) IS
    'the row of find_agents for one agent, or none; a standby cannot read leases, so there instances and lease_ends_at are null';

GRANT EXECUTE ON FUNCTION relay_api.register(text, jsonb, text, interval), relay_api.heartbeat(text, text, interval),
    relay_api.drain(text, text), relay_api.unregister(text, text),
    relay_api.find_agents(text, text, text, text, text, text, integer), relay_api.agent_card(text, text) TO relay_gateway;

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
