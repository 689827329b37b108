-- How what strangers can make happen is recorded: a row each until it is a flood, which is counted; and none of it waits for the disk.

ALTER TABLE relay.auth_events ADD COLUMN times bigint NOT NULL DEFAULT 1 CONSTRAINT auth_events_times_positive CHECK (times > 0);
COMMENT ON COLUMN relay.auth_events.times IS 'how often it happened: more than 1 for a flood that was folded into one row';

-- What happens too often for a row each, as one backend sees it: no two transactions ever count in the same row, so nobody waits.
CREATE TABLE relay.event_floods (
    backend  integer NOT NULL,
    subject  text COLLATE "C" NOT NULL,  -- all of what makes two events the same
    ends_at  timestamptz NOT NULL,  -- of its window; from then on anybody may write it down
    began_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    written  integer NOT NULL,  -- how many of this window have rows of their own
    folded   bigint NOT NULL,  -- how many came after them
    org_id text COLLATE "C", agent_id text COLLATE "C", key_id text COLLATE "C",
    action text COLLATE "C" NOT NULL, outcome text COLLATE "C" NOT NULL, reason text COLLATE "C" NOT NULL,
    ip_address inet,
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,
    trace_id   text COLLATE "C",  -- of the last one, as is detail
    detail     jsonb,
    CONSTRAINT event_floods_pkey PRIMARY KEY (backend, subject)
) WITH (fillfactor = 50);
CREATE INDEX event_floods_by_end ON relay.event_floods (ends_at);
COMMENT ON TABLE relay.event_floods IS 'counts that have no row in auth_events yet: relay.recorded_events has both';

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
    event.detail := COALESCE(flood.detail, '{}') || jsonb_build_object('first_at', flood.began_at);
    event.times := flood.folded;
    RETURN event;
END
$$;

CREATE VIEW relay.recorded_events AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events
UNION ALL
SELECT NULL, event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address,
       NULL, event.db_role, NULL, event.trace_id, event.detail, event.times
FROM relay.event_floods AS flood CROSS JOIN LATERAL relay.as_event(flood) AS event
WHERE flood.folded > 0;
COMMENT ON VIEW relay.recorded_events IS 'auth_events and the floods that are going on: sum(times) misses nothing';

-- Writes down the floods that ended before `before`, at most `most`; what somebody is at work on is left to him. Returns how many.
CREATE FUNCTION relay.settle_floods(before timestamptz DEFAULT pg_catalog.clock_timestamp(), most integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settled bigint;
BEGIN
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
    'writes the floods that ended before a time into auth_events; the next failures do the same, so this only hastens it';

-- A transaction that has written nothing yet shall not wait for the disk: what follows is worth a record, but a flood of bad keys must not
-- be one of fsyncs. A crash may take what was recorded in its last 0.6 s (three times wal_writer_delay).
CREATE FUNCTION relay.commit_lazily() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END
$$;

-- Records what anybody can make happen as often as he likes. In each window the first `whole` of a kind have rows of their own; the others
-- are counted, and their count is written when the window is over: at the next of them, by settle_floods, or by whoever comes new.
CREATE FUNCTION relay.record_often(event relay.auth_events, whole integer DEFAULT 10, pace interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present timestamptz := clock_timestamp();
    -- One host chooses among the addresses of an IPv6 /64 as it likes.
    source  inet := CASE WHEN family(event.ip_address) = 6 THEN network(set_masklen(event.ip_address, 64)) ELSE event.ip_address END;
    -- The id of a key that nobody holds is any text: it makes no event another one.
    key     text := CASE WHEN event.agent_id IS NOT NULL THEN event.key_id END;
    about   text := concat(event.action, '|', event.reason, '|', event.org_id, '|', event.agent_id, '|', key, '|', source);
    flood   relay.event_floods;
BEGIN
    PERFORM relay.commit_lazily();
    SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;

    IF flood.ends_at > present AND flood.written >= whole THEN
        UPDATE relay.event_floods AS f
        SET folded = f.folded + 1, last_at = present, trace_id = event.trace_id, detail = event.detail
        WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;

    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
    VALUES (event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address, event.trace_id,
            event.detail);
    IF flood.ends_at > present THEN
        UPDATE relay.event_floods AS f SET written = f.written + 1 WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;
    PERFORM relay.settle_floods(present, 8);  -- its own last window, maybe, and some of what stands about
    -- One that settle_floods is ending elsewhere right now is still seen: then this window counts nothing, each event has its row.
    INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded,
                                    org_id, agent_id, key_id, action, outcome, reason, ip_address)
    SELECT pg_backend_pid(), about, present + pace, present, present, 1, 0,
           event.org_id, event.agent_id, key, event.action, event.outcome, event.reason, source
    WHERE NOT EXISTS (SELECT FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about);
END
$$;

GRANT SELECT ON relay.event_floods, relay.recorded_events TO relay_provisioner, relay_responder, relay_auditor;
GRANT EXECUTE ON FUNCTION relay.as_event(relay.event_floods) TO relay_provisioner, relay_responder, relay_auditor;
GRANT EXECUTE ON FUNCTION relay.settle_floods(timestamptz, integer) TO relay_provisioner;
