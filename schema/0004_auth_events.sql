-- The audit trail: append-only for every role of ours, by grant and by trigger. Monthly partitions and a default one, so that a
-- missing month never stops an authentication. No primary key on purpose: nothing refers to an event, and it would be the largest index.

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
    CONSTRAINT auth_events_outcome_known CHECK (outcome IN ('ok', 'failed'))
) PARTITION BY RANGE (occurred_at);

ALTER SEQUENCE relay.auth_events_event_id_seq OWNED BY relay.auth_events.event_id;
CREATE INDEX auth_events_by_agent ON relay.auth_events (agent_id, occurred_at);
CREATE INDEX auth_events_by_time ON relay.auth_events USING brin (occurred_at);

CREATE FUNCTION relay.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.auth_events
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.auth_events
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

-- A trigger on TRUNCATE does not reach the partitions, and neither does a revoked privilege: each gets its own.
CREATE FUNCTION relay.protect_events_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change()', partition);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM relay_owner', partition);
END
$$;

-- Makes the partitions of the present month and of the `months_ahead` after it; what exists is left alone.
CREATE FUNCTION relay.ensure_event_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start  timestamptz;
    partition    text;
    made         integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7263542, 1);
    FOR month IN 0..months_ahead LOOP
        month_start := date_trunc('month', clock_timestamp()) + make_interval(months => month);
        partition := to_char(month_start, '"auth_events_"YYYY"_"MM');
        CONTINUE WHEN to_regclass('relay.' || partition) IS NOT NULL;
        -- Rows of that month in the default partition would have to be moved first; until then they are safe where they are.
        CONTINUE WHEN EXISTS (SELECT FROM relay.auth_events_default AS event
                              WHERE event.occurred_at >= month_start AND event.occurred_at < month_start + interval '1 month');
        EXECUTE format('CREATE TABLE relay.%I PARTITION OF relay.auth_events FOR VALUES FROM (%L) TO (%L)',
                       partition, month_start, month_start + interval '1 month');
        PERFORM relay.protect_events_partition(format('relay.%I', partition)::regclass);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION relay.ensure_event_partitions(integer) IS 'makes monthly partitions of auth_events; returns how many';
GRANT EXECUTE ON FUNCTION relay.ensure_event_partitions(integer) TO relay_provisioner;

CREATE TABLE relay.auth_events_default PARTITION OF relay.auth_events DEFAULT;
SELECT relay.protect_events_partition('relay.auth_events_default');
SELECT relay.ensure_event_partitions();

REVOKE UPDATE, DELETE, TRUNCATE ON relay.auth_events FROM relay_owner;
GRANT SELECT ON relay.auth_events TO relay_provisioner, relay_responder, relay_auditor;
-- Not the columns that prove something: event_id, occurred_at, db_role.
GRANT INSERT (org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, ticket, trace_id, detail)
    ON relay.auth_events TO relay_provisioner, relay_responder;
GRANT USAGE ON SEQUENCE relay.auth_events_event_id_seq TO relay_provisioner, relay_responder;
