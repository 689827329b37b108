-- The audit trail. Each action of our staff is a row of auth_events, and so are the first events of each kind that
-- strangers cause. If strangers cause a flood of events, event_floods counts the rest. No event that strangers cause
-- waits for the disk.

-- Events -------------------------------------------------------------------------------------------------------------------------------

-- Grants and a trigger make the table append-only for all our roles. It has monthly partitions and a default one, so
-- that a missing month never stops an authentication. It has no primary key on purpose: nothing refers to an event, and
-- the key would be the largest index.
CREATE SEQUENCE relay.auth_events_event_id_seq AS bigint;
CREATE TABLE relay.auth_events (
    event_id    bigint NOT NULL DEFAULT pg_catalog.nextval('relay.auth_events_event_id_seq'),
    occurred_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    org_id      text COLLATE "C",
    agent_id    text COLLATE "C",
    key_id      text COLLATE "C",
    action      text COLLATE "C" NOT NULL,
    outcome     text COLLATE "C" NOT NULL DEFAULT 'ok',
    reason      text,
    ip_address  inet,
    actor       text,  -- claimed
    db_role     text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    ticket      text,
    trace_id    text COLLATE "C",
    detail      jsonb,
    times       bigint NOT NULL DEFAULT 1,
    CONSTRAINT auth_events_outcome_known CHECK (outcome IN ('ok', 'failed')),
    CONSTRAINT auth_events_times_positive CHECK (times > 0)
) PARTITION BY RANGE (occurred_at);
COMMENT ON COLUMN relay.auth_events.times IS 'how often it happened: more than 1 for a flood that was folded into one row';

ALTER SEQUENCE relay.auth_events_event_id_seq OWNED BY relay.auth_events.event_id;
CREATE INDEX auth_events_by_agent ON relay.auth_events (agent_id, occurred_at, event_id);
-- What was done to an agent, and what was refused, without the many uses of its keys: for a report that must be quick.
CREATE INDEX auth_events_changes ON relay.auth_events (agent_id, occurred_at, event_id)
    WHERE action <> ALL (ARRAY['authenticated', 'legacy_authenticated']);
-- Calls with a wrong secret for a key. The caller has not proved to be the agent, so the event names no agent.
CREATE INDEX auth_events_unproven ON relay.auth_events (key_id, occurred_at) WHERE agent_id IS NULL AND key_id IS NOT NULL;
CREATE INDEX auth_events_by_time ON relay.auth_events (occurred_at, event_id);
-- Failures are few, because floods are folded.
CREATE INDEX auth_events_failures ON relay.auth_events (occurred_at) WHERE outcome = 'failed';
-- Rows are in the order of their numbers, so this costs an insert nothing.
CREATE INDEX auth_events_by_number ON relay.auth_events USING brin (event_id) WITH (pages_per_range = 32, autosummarize = on);
-- The beginning is enough to find a ticket, and a ticket of any length has one.
CREATE INDEX auth_events_by_ticket ON relay.auth_events (pg_catalog.left(ticket, 200), occurred_at) WHERE ticket IS NOT NULL;
-- For relay.keyless_callers: as small as its answer.
CREATE INDEX auth_events_keyless ON relay.auth_events (org_id, occurred_at) WHERE action = 'unauthenticated';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.auth_events
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.auth_events
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

-- Partitions inherit neither the trigger on TRUNCATE nor a revoked privilege nor row level security, so each partition gets its own.
-- A query of auth_events is subject to the policies of auth_events alone. A query of a partition by its name returns no row, even after
-- GRANT ON ALL TABLES: the partition has row level security and no policy.
CREATE FUNCTION relay.protect_events_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change()', partition);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM relay_owner', partition);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', partition);
END
$$;

CREATE TABLE relay.auth_events_default PARTITION OF relay.auth_events DEFAULT;
SELECT relay.protect_events_partition('relay.auth_events_default');

REVOKE UPDATE, DELETE, TRUNCATE ON relay.auth_events FROM relay_owner;
GRANT SELECT ON relay.auth_events TO relay_provisioner, relay_responder, relay_auditor;
-- Without the columns that prove something: event_id, occurred_at, db_role.
GRANT INSERT (org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, ticket, trace_id, detail)
    ON relay.auth_events TO relay_provisioner, relay_responder;
GRANT USAGE ON SEQUENCE relay.auth_events_event_id_seq TO relay_provisioner, relay_responder;

SELECT relay.isolate_tenants('relay.auth_events');
-- Without reason, actor, db_role, ticket and detail: a tenant does not see what the relay's staff writes about it.
GRANT SELECT (event_id, occurred_at, org_id, agent_id, key_id, action, outcome, ip_address, trace_id, times)
    ON relay.auth_events TO relay_tenant;

-- Floods -------------------------------------------------------------------------------------------------------------------------------

-- Counts of events that are too frequent for one row each. Each backend counts in its own rows, so no transaction waits
-- for another one.
CREATE TABLE relay.event_floods (
    backend  integer NOT NULL,
    subject  text COLLATE "C" NOT NULL,  -- events that agree in it count as the same
    ends_at  timestamptz NOT NULL,  -- of its window; from then on any backend may write the count to auth_events
    began_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    written  integer NOT NULL,  -- how many events of this window have their own rows
    folded   bigint NOT NULL,  -- how many came after them
    org_id text COLLATE "C", agent_id text COLLATE "C", key_id text COLLATE "C",
    action text COLLATE "C" NOT NULL, outcome text COLLATE "C" NOT NULL, reason text COLLATE "C" NOT NULL,
    ip_address inet,
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,
    trace_id   text COLLATE "C",  -- of the last event, as is detail
    detail     jsonb,
    claims     jsonb,  -- what the folded events claimed: relay.add_claims
    CONSTRAINT event_floods_pkey PRIMARY KEY (backend, subject)
) WITH (fillfactor = 50);
CREATE INDEX event_floods_by_end ON relay.event_floods (ends_at);
COMMENT ON TABLE relay.event_floods IS 'counts that have no row in auth_events yet: relay.recorded_events shows both';
GRANT SELECT ON relay.event_floods TO relay_provisioner, relay_responder, relay_auditor;
SELECT relay.isolate_tenants('relay.event_floods');

CREATE FUNCTION relay.as_event(flood relay.event_floods) RETURNS relay.auth_events
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event relay.auth_events;
BEGIN
    event.occurred_at := flood.last_at;
    event.org_id := flood.org_id;
    event.agent_id := flood.agent_id;
    event.key_id := flood.key_id;
    event.action := flood.action;
    event.outcome := flood.outcome;
    event.reason := flood.reason;
    event.ip_address := flood.ip_address;
    event.db_role := flood.db_role;
    event.trace_id := flood.trace_id;
    event.detail := COALESCE(flood.detail, '{}') || jsonb_build_object('first_at', flood.began_at)
                    || CASE WHEN flood.claims IS NULL THEN '{}' ELSE jsonb_build_object('claims', flood.claims) END
                    || CASE WHEN flood.subject LIKE '%|others' THEN '{"sources": "many"}'::jsonb ELSE '{}' END;
    event.times := flood.folded;
    RETURN event;
END
$$;
GRANT EXECUTE ON FUNCTION relay.as_event(relay.event_floods) TO relay_provisioner, relay_responder, relay_auditor, relay_tenant;

CREATE VIEW relay.recorded_events AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events
UNION ALL
SELECT NULL, event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address,
       NULL, event.db_role, NULL, event.trace_id, event.detail, event.times
FROM relay.event_floods AS flood CROSS JOIN LATERAL relay.as_event(flood) AS event
WHERE flood.folded > 0;
COMMENT ON VIEW relay.recorded_events IS 'auth_events, and the floods that it lacks so far: sum(times) misses no event';
GRANT SELECT ON relay.recorded_events TO relay_provisioner, relay_responder, relay_auditor;

-- Which events may still appear, for readers that follow the trail or seal it. The number of an event is taken before its
-- transaction commits, so an event can appear after one with a higher number. But a writer locks auth_events before it
-- takes a number, and keeps the lock until it ends. So once the `writers` have ended, no event up to `last_event_id` can
-- appear any more. No one waits for that, and an insert pays nothing for it. A standby does not show the locks of the
-- primary: there, last_event_id is null, and what its snapshot shows as open may still write.
CREATE FUNCTION relay.event_writers(OUT last_event_id bigint, OUT writers text[], OUT oldest_open bigint, OUT next_transaction bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        writers := '{}';
        oldest_open := pg_snapshot_xmin(pg_current_snapshot())::text;
        next_transaction := pg_snapshot_xmax(pg_current_snapshot())::text;
        RETURN;
    END IF;
    -- In this order, because a transaction that takes a number after the first statement does not matter.
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO last_event_id FROM relay.auth_events_event_id_seq AS s;
    SELECT COALESCE(array_agg(DISTINCT l.virtualtransaction), '{}') INTO writers FROM pg_locks AS l
    WHERE l.locktype = 'relation' AND l.relation = 'relay.auth_events'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND l.pid IS DISTINCT FROM pg_backend_pid();
END
$$;
COMMENT ON FUNCTION relay.event_writers() IS
    'the last number of an event that was taken, and the transactions that may still commit an event up to it';
GRANT EXECUTE ON FUNCTION relay.event_writers() TO relay_provisioner, relay_responder, relay_auditor;

-- Above all, tenants ask why a gateway refused an agent. Such rows have no actor, and a fixed set of reasons. The
-- claims of a flood would show which agents of others exist.
CREATE VIEW relay.own_refusals WITH (security_barrier) AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, reason, ip_address, trace_id, detail - 'claims' AS detail, times
FROM relay.recorded_events
WHERE org_id = (SELECT relay.current_org()) AND outcome = 'failed' AND actor IS NULL;
COMMENT ON VIEW relay.own_refusals IS
    'for tenants: which calls of agents of this session''s organization gateways refused, and why';
GRANT SELECT ON relay.own_refusals TO relay_tenant;

-- Moves the floods that ended before `before` to auth_events, at most `most` of them, and returns how many. Skips
-- floods that another backend is writing.
CREATE FUNCTION relay.settle_floods(before timestamptz DEFAULT pg_catalog.clock_timestamp(), most integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    settled bigint;
BEGIN
    PERFORM relay.require_between('most', settle_floods.most, 1, 1000000);
    WITH ended AS (
        DELETE FROM relay.event_floods AS flood
        WHERE flood.ctid = ANY (ARRAY(SELECT f.ctid FROM relay.event_floods AS f WHERE f.ends_at <= settle_floods.before
                                      ORDER BY f.ends_at LIMIT settle_floods.most FOR UPDATE SKIP LOCKED))
        RETURNING flood.*
    ), written AS (
        INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, db_role, trace_id,
                                       detail, times)
        SELECT event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason,
               event.ip_address, event.db_role, event.trace_id, event.detail, event.times
        FROM ended CROSS JOIN LATERAL relay.as_event(ended) AS event
        WHERE ended.folded > 0
    )
    SELECT count(*) INTO settled FROM ended;
    RETURN settled;
END
$$;
COMMENT ON FUNCTION relay.settle_floods(timestamptz, integer) IS
    'moves the floods that ended before a time to auth_events immediately, at most `most` of them; without it, later events move them';
GRANT EXECUTE ON FUNCTION relay.settle_floods(timestamptz, integer) TO relay_provisioner;

-- If the transaction has written nothing so far, its COMMIT will not wait for the disk: a flood of bad keys must be
-- recorded, but must not become a flood of fsyncs. A crash can lose the records of the last 0.6 s (three times
-- wal_writer_delay).
CREATE FUNCTION relay.commit_lazily() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END
$$;

-- Adds the claims of one more folded event to those of its flood: the distinct agents, organizations, permissions and key
-- ids, so that an attempt cannot hide among others. 20 of each are kept, and `more` counts the events with further claims.
-- Agents that exist have a separate list, which invented ones cannot fill.
CREATE FUNCTION relay.add_claims(claims jsonb, event relay.auth_events) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most     constant integer := 20;
    claim    record;
    list     text;
    has_more boolean := false;
BEGIN
    claims := COALESCE(claims, '{}');
    FOR claim IN
        SELECT claimed.kind, claimed.value
        FROM jsonb_each_text(COALESCE(event.detail, '{}') || jsonb_build_object('key_id', event.key_id)) AS claimed (kind, value)
        WHERE claimed.kind IN ('claimed_agent_id', 'claimed_org_id', 'permission', 'key_id') AND claimed.value IS NOT NULL
    LOOP
        CONTINUE WHEN claims -> claim.kind ? claim.value
                      OR (claim.kind = 'claimed_agent_id' AND claims -> 'existing_agent_id' ? claim.value);
        list := claim.kind;
        IF list = 'claimed_agent_id' AND EXISTS (SELECT FROM relay.agents AS a WHERE a.agent_id = claim.value) THEN
            list := 'existing_agent_id';
        END IF;
        IF jsonb_array_length(COALESCE(claims -> list, '[]')) < most THEN
            claims := jsonb_set(claims, ARRAY[list], COALESCE(claims -> list, '[]') || to_jsonb(claim.value));
        ELSE
            has_more := true;
        END IF;
    END LOOP;
    IF has_more THEN
        claims := jsonb_set(claims, '{more}', to_jsonb(COALESCE((claims ->> 'more')::bigint, 0) + 1));
    END IF;
    RETURN claims;
END
$$;

-- As can_write, for auth_events, which has moments when its months are made or dropped: it waits for these. If the lock is not
-- released then, someone else holds it, maybe for hours, and this session does not wait again for 5 s.
CREATE FUNCTION relay.can_write_event() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
BEGIN
    IF relay.can_write('auth_events') THEN
        RETURN true;
    END IF;
    IF clock_timestamp() < to_timestamp(substring(current_setting('relay.events_locked_until', true) FROM '^\d{1,12}$')::bigint) THEN
        RETURN false;
    END IF;
    LOCK TABLE ONLY relay.auth_events IN ROW EXCLUSIVE MODE;
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        PERFORM set_config('relay.events_locked_until', (date_part('epoch', clock_timestamp())::bigint + 5)::text, false);
        RETURN false;
END
$$;

-- Writes the row of an event now, and settles a few floods that ended before `settle_before`, if it is not null. Returns
-- false, without having written anything, if someone's lock on auth_events or one of its partitions excludes that.
CREATE FUNCTION relay.write_event(event relay.auth_events, settle_before timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
BEGIN
    IF NOT relay.can_write_event() THEN
        RETURN false;
    END IF;
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
    VALUES (event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address, event.trace_id,
            event.detail);
    IF settle_before IS NOT NULL THEN
        PERFORM relay.settle_floods(settle_before, 8);
    END IF;
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;

-- Whether this backend may begin one more flood in this minute, which is counted. An attacker can have any number of
-- networks of IPv6, so beyond 100 floods their sources are counted together. The count is in a setting of the session: it
-- costs the same however many floods there are, and a session that resets it gains nothing but more rows.
CREATE FUNCTION relay.may_begin_flood(present timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    this_minute text := to_char(present, 'YYYYMMDDHH24MI');
    begun       integer := substring(current_setting('relay.floods_begun', true) FROM '^' || this_minute || ' (\d{1,6})$');
BEGIN
    IF begun >= 100 THEN
        RETURN false;
    END IF;
    PERFORM set_config('relay.floods_begun', this_minute || ' ' || COALESCE(begun, 0) + 1, false);
    RETURN true;
END
$$;

-- Records an event that strangers can cause as often as they like. In each window, the first `whole` events of a kind
-- get a row each; the others are counted. When the window is over, the count is written: by the next such event, by
-- settle_floods, or by an event of another kind that begins its window. While auth_events is locked, all are counted.
-- While event_floods is locked, no event is recorded: the decision must not wait.
-- A plan that was made while event_floods was small would read all of it when it is large.
CREATE FUNCTION relay.record_often(event relay.auth_events, whole integer DEFAULT 10, pace interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    present  timestamptz := clock_timestamp();
    -- One host can use every address of its IPv6 /64, so they count as one.
    source   inet := CASE WHEN family(event.ip_address) = 6 THEN network(set_masklen(event.ip_address, 64)) ELSE event.ip_address END;
    -- If there is no such key, its id can be any text. Such events count as the same, whatever the id.
    key      text := CASE WHEN event.agent_id IS NOT NULL OR EXISTS (SELECT FROM relay.agent_keys AS k WHERE k.key_id = event.key_id)
                          THEN event.key_id END;
    about    text := concat(event.action, '|', event.reason, '|', event.org_id, '|', event.agent_id, '|', key, '|', source);
    flood    relay.event_floods;
    is_open  boolean;
    is_whole boolean;
BEGIN
    PERFORM relay.commit_lazily();
    IF NOT relay.can_write('event_floods') THEN
        RETURN;
    END IF;
    SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;
    IF (flood.ends_at > present) IS NOT TRUE AND NOT relay.may_begin_flood(present) THEN
        source := NULL;
        key := CASE WHEN event.agent_id IS NOT NULL THEN event.key_id END;  -- else the caller has only named it
        about := concat(event.action, '|', event.reason, '|', event.org_id, '|', event.agent_id, '|', key, '|others');
        SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;
    END IF;

    is_open := COALESCE(flood.ends_at > present, false);
    is_whole := NOT (is_open AND flood.written >= whole) AND relay.write_event(event, CASE WHEN NOT is_open THEN present END);
    IF is_open OR (flood.backend IS NOT NULL AND NOT is_whole) THEN
        UPDATE relay.event_floods AS f
        SET written = f.written + is_whole::integer, folded = f.folded + (NOT is_whole)::integer, last_at = present,
            trace_id = event.trace_id, detail = event.detail,
            claims = CASE WHEN is_whole THEN f.claims ELSE relay.add_claims(f.claims, event) END
        WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;
    -- If another backend is writing this row in settle_floods right now, the row is still visible here. Then this window counts nothing,
    -- and each of its events has its own row.
    INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded,
                                    org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail, claims)
    SELECT pg_backend_pid(), about, present + pace, present, present, is_whole::integer, (NOT is_whole)::integer,
           event.org_id, event.agent_id, key, event.action, event.outcome, event.reason, source,
           event.trace_id, event.detail, CASE WHEN NOT is_whole THEN relay.add_claims(NULL, event) END
    WHERE NOT EXISTS (SELECT FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about);
END
$$;
