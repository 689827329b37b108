-- The months of the audit trail: made ahead, repaired if one was missed, and dropped whole, with a record.
--
-- Authentication writes to auth_events, so no function may hold a lock on that table for long. Slow work, such as
-- copying and counting, comes before the request for the lock. An attempt to get the lock waits at most a tenth of a
-- second, because later requests queue behind it. They run before the next attempt.

-- Returns the partitions whose bounds are exactly one month. A partition with other bounds was made by hand and is not
-- touched.
CREATE FUNCTION relay.event_months() RETURNS TABLE (month date, partition regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT bounds[1]::timestamptz::date, bounded.partition
    FROM (SELECT c.oid::regclass AS partition,
                 regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \(''([^'']+)''\) TO \(''([^'']+)''\)$') AS bounds
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'relay.auth_events'::regclass) AS bounded
    WHERE bounds IS NOT NULL AND bounds[1]::timestamptz = date_trunc('month', bounds[1]::timestamptz)
      AND bounds[2]::timestamptz = bounds[1]::timestamptz + interval '1 month'
$$;
GRANT EXECUTE ON FUNCTION relay.event_months() TO relay_provisioner, relay_responder, relay_auditor;

-- Runs a statement that needs a lock on auth_events as soon as it gets the lock, or gives up after about 6 seconds. The statement is an
-- ALTER, CREATE or DROP: LOCK TABLE needs a privilege to change rows, which even the owner does not have.
CREATE FUNCTION relay.alter_events(statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    attempts integer := 12;
BEGIN
    FOR attempt IN 1..attempts LOOP
        BEGIN
            EXECUTE statement;
            RETURN;
        EXCEPTION
            WHEN lock_not_available THEN
                IF attempt = attempts THEN
                    RAISE;
                END IF;
        END;
        PERFORM pg_sleep(0.3 + random() * 0.2);
    END LOOP;
END
$$;

-- One session at a time makes or drops months. Not an advisory lock, which any login could take, but a lock on a table that only the owner
-- may lock; not on auth_events, because authentication writes to it.
CREATE FUNCTION relay.lock_event_months() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE relay.schema_migrations IN SHARE UPDATE EXCLUSIVE MODE;
END
$$;
GRANT EXECUTE ON FUNCTION relay.lock_event_months() TO relay_provisioner;

-- Making months ------------------------------------------------------------------------------------------------------------------------

-- Returns the last event_id that was assigned. Every row with this number or a lower one has been committed or never
-- will be: a writer locks auth_events before it takes a number, and keeps the lock until it ends. The index needs a
-- SHARE lock, and while we have that lock there is no writer. The end of the subtransaction removes the index and
-- releases the lock.
CREATE FUNCTION relay.settled_event_id() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settled bigint;
BEGIN
    PERFORM relay.alter_events('CREATE INDEX auth_events_pause ON ONLY relay.auth_events (event_id)');
    SELECT last_value INTO settled FROM relay.auth_events_event_id_seq;
    RAISE EXCEPTION USING ERRCODE = 'RA000';
EXCEPTION
    WHEN SQLSTATE 'RA000' THEN
        RETURN settled;
END
$$;

-- Copies rows of one month from the default partition into the table that becomes its partition: those after `after_id`, up to `up_to_id`.
CREATE FUNCTION relay.copy_event_month(month_start timestamptz, target text, after_id bigint, up_to_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    copied bigint;
BEGIN
    EXECUTE format('INSERT INTO relay.%I SELECT * FROM relay.auth_events_default AS event'
                   ' WHERE event.occurred_at >= $1 AND event.occurred_at < $1 + interval ''1 month'' AND event.event_id > $2'
                   ' AND event.event_id <= $3', target)
    USING month_start, after_id, up_to_id;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$$;

-- Makes the missing months. No role may delete rows of the default partition, so they are moved in another way: it
-- copies them into tables of their months. Then, under the lock, it copies the rows that were added meanwhile, and
-- replaces the old default partition with those tables and an empty default partition.
CREATE FUNCTION relay.make_event_months(months_ahead integer DEFAULT 3) RETURNS TABLE (month date, moved_rows bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    present  timestamptz := date_trunc('month', clock_timestamp());
    missing  timestamptz[];
    begun    timestamptz;
    names    text[] := '{}';
    moved    bigint[] := '{}';
    settling boolean;
    settled  bigint;
    held     bigint;
    late     bigint;
BEGIN
    PERFORM relay.require_between('months_ahead', make_event_months.months_ahead, 0, 120);
    PERFORM relay.lock_event_months();
    SELECT array_agg(wanted.month ORDER BY wanted.month) INTO missing
    FROM (SELECT present + make_interval(months => n) FROM generate_series(0, months_ahead) AS n
          UNION
          SELECT date_trunc('month', event.occurred_at) FROM relay.auth_events_default AS event WHERE isfinite(event.occurred_at)
         ) AS wanted (month)
    WHERE NOT EXISTS (SELECT FROM relay.event_months() AS made WHERE made.month = wanted.month::date);
    IF missing IS NULL THEN
        RETURN;
    END IF;
    -- Without a partition for today, new rows continue to go to the default partition.
    settling := present = ANY (missing) OR EXISTS (SELECT FROM relay.auth_events_default);
    settled := CASE WHEN settling THEN relay.settled_event_id() END;

    FOR i IN 1..cardinality(missing) LOOP
        names[i] := to_char(missing[i], '"auth_events_"YYYY"_"MM');
        EXECUTE format('CREATE TABLE relay.%I (LIKE relay.auth_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', names[i]);
        -- With this check, ATTACH PARTITION does not need to scan the rows.
        EXECUTE format('ALTER TABLE relay.%I ADD CONSTRAINT one_month CHECK (occurred_at >= %L AND occurred_at < %L)',
                       names[i], missing[i], missing[i] + interval '1 month');
        moved[i] := CASE WHEN settling THEN relay.copy_event_month(missing[i], names[i], -1, settled) ELSE 0 END;
    END LOOP;

    IF settling THEN
        PERFORM relay.alter_events('ALTER TABLE relay.auth_events DETACH PARTITION relay.auth_events_default');
        SELECT count(*), count(*) FILTER (WHERE event.event_id > settled) INTO held, late FROM relay.auth_events_default AS event;
        IF late > 0 THEN
            FOR i IN 1..cardinality(missing) LOOP
                moved[i] := moved[i] + relay.copy_event_month(missing[i], names[i], settled, 9223372036854775807);
            END LOOP;
        END IF;
        IF held <> (SELECT sum(n) FROM unnest(moved) AS n) THEN
            RAISE EXCEPTION 'the default partition of auth_events has % rows, but only % have a time that fits a month',
                held, (SELECT sum(n) FROM unnest(moved) AS n) USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        DROP TABLE relay.auth_events_default;
    END IF;
    FOR i IN 1..cardinality(missing) LOOP
        PERFORM relay.alter_events(format('ALTER TABLE relay.auth_events ATTACH PARTITION relay.%I FOR VALUES FROM (%L) TO (%L)',
                                          names[i], missing[i], missing[i] + interval '1 month'));
        EXECUTE format('ALTER TABLE relay.%I DROP CONSTRAINT one_month', names[i]);
        PERFORM relay.protect_events_partition(format('relay.%I', names[i])::regclass);
    END LOOP;
    IF settling THEN
        CREATE TABLE relay.auth_events_default PARTITION OF relay.auth_events DEFAULT;
        PERFORM relay.protect_events_partition('relay.auth_events_default');
    END IF;
    RETURN QUERY SELECT made.month::date, made.moved FROM unnest(missing, moved) AS made (month, moved);
END
$$;
COMMENT ON FUNCTION relay.make_event_months(integer) IS
    'makes the missing partitions of auth_events: for this month, for the months_ahead after it, and for every '
    'month with rows in '
    'the default partition, which it moves; returns what it made';
GRANT EXECUTE ON FUNCTION relay.make_event_months(integer) TO relay_provisioner;

CREATE FUNCTION relay.ensure_event_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer FROM relay.make_event_months(months_ahead)
$$;
COMMENT ON FUNCTION relay.ensure_event_partitions(integer) IS 'makes monthly partitions of auth_events; returns how many';
GRANT EXECUTE ON FUNCTION relay.ensure_event_partitions(integer) TO relay_provisioner;

SELECT relay.ensure_event_partitions();

-- Dropping months ----------------------------------------------------------------------------------------------------------------------

CREATE TABLE relay.retention_drops (
    drop_id        bigint GENERATED ALWAYS AS IDENTITY,
    month          date NOT NULL,
    row_count      bigint NOT NULL,
    event_count    bigint NOT NULL,  -- the row of a folded flood counts as often as it happened
    first_event_id bigint,
    last_event_id  bigint,
    first_at       timestamptz,
    last_at        timestamptz,
    bytes          bigint NOT NULL,
    dropped_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    actor          text NOT NULL,  -- claimed
    db_role        text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    ticket         text,
    reason         text,
    CONSTRAINT retention_drops_pkey PRIMARY KEY (drop_id)
);
COMMENT ON TABLE relay.retention_drops IS 'the months of auth_events that were dropped, and what was in them; append-only';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.retention_drops
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.retention_drops
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON relay.retention_drops FROM relay_owner;
GRANT SELECT ON relay.retention_drops TO relay_provisioner, relay_responder, relay_auditor;

-- Counts and measures the rows of a month, and so reads all of them.
CREATE FUNCTION relay.measure_event_month(
    month date, OUT row_count bigint, OUT event_count bigint, OUT first_event_id bigint, OUT last_event_id bigint,
    OUT first_at timestamptz, OUT last_at timestamptz, OUT bytes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source regclass := (SELECT made.partition FROM relay.event_months() AS made WHERE made.month = measure_event_month.month);
BEGIN
    IF source IS NOT NULL THEN
        EXECUTE format('SELECT count(*), COALESCE(sum(times), 0)::bigint, min(event_id), max(event_id), min(occurred_at), max(occurred_at),'
                       ' pg_total_relation_size(%L) FROM %s', source, source)
        INTO row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes;
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION relay.measure_event_month(date) TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.droppable_event_months(keep_months integer) RETURNS SETOF date
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    PERFORM relay.require_between('keep_months', keep_months, 1, 1200);
    RETURN QUERY SELECT made.month FROM relay.event_months() AS made
    WHERE made.month < date_trunc('month', statement_timestamp()) - make_interval(months => keep_months)
    ORDER BY made.month;
END
$$;
COMMENT ON FUNCTION relay.droppable_event_months(integer) IS
    'the months of auth_events that are older than the last keep_months whole months; at least one whole month is kept';
GRANT EXECUTE ON FUNCTION relay.droppable_event_months(integer) TO relay_provisioner, relay_responder, relay_auditor;

-- No role is granted this function: it is for members of relay_owner, and for roles to which they grant it. Once the
-- floods that ended are written, a month that is over gets no more rows. So the rows that are counted before the lock
-- are the rows that are dropped.
CREATE FUNCTION relay.drop_event_months(keep_months integer, actor text, reason text DEFAULT NULL, ticket text DEFAULT NULL,
                                        trace_id text DEFAULT NULL)
RETURNS SETOF relay.retention_drops
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    months date[];
    doomed record;
    record relay.retention_drops;
BEGIN
    PERFORM relay.require_between('keep_months', keep_months, 1, 1200);
    PERFORM relay.require_short(said.name, said.value, 1000)
    FROM (VALUES ('actor', actor), ('reason', reason), ('ticket', ticket), ('trace_id', trace_id)) AS said (name, value);
    PERFORM relay.lock_event_months();
    WHILE relay.settle_floods(most => 100000) = 100000 LOOP
    END LOOP;
    months := ARRAY(SELECT relay.droppable_event_months(keep_months));
    IF months = '{}' THEN
        RETURN;
    END IF;
    FOR record IN
        INSERT INTO relay.retention_drops (month, row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes,
                                           actor, reason, ticket)
        SELECT old.month, held.*, drop_event_months.actor, drop_event_months.reason, drop_event_months.ticket
        FROM unnest(months) AS old (month), relay.measure_event_month(old.month) AS held
        RETURNING *
    LOOP
        RETURN NEXT record;
    END LOOP;

    FOR doomed IN SELECT made.partition FROM relay.event_months() AS made WHERE made.month = ANY (months) LOOP
        PERFORM relay.alter_events(format('DROP TABLE %s', doomed.partition));
    END LOOP;
    INSERT INTO relay.auth_events (action, reason, ticket, actor, trace_id, detail)
    SELECT 'audit_month_dropped', drop_event_months.reason, drop_event_months.ticket, drop_event_months.actor, drop_event_months.trace_id,
           jsonb_build_object('month', to_char(dropped.month, 'YYYY-MM'), 'rows', dropped.row_count, 'events', dropped.event_count,
                              'first_at', dropped.first_at, 'last_at', dropped.last_at)
    FROM relay.retention_drops AS dropped
    WHERE dropped.month = ANY (months) AND dropped.dropped_at >= transaction_timestamp();
END
$$;
COMMENT ON FUNCTION relay.drop_event_months(integer, text, text, text, text) IS
    'drops the months that droppable_event_months returns, and records them in retention_drops and auth_events; for '
    'members of relay_owner';
