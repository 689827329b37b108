-- How far each gateway has read the change feed, and the pruning of the feed.

CREATE TABLE relay.gateway_acks (
    gateway_id text COLLATE "C" NOT NULL,
    history    text COLLATE "C" NOT NULL,
    txid       xid8 NOT NULL,
    seq        bigint NOT NULL,
    seen       pg_snapshot NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven; the gateway_id is claimed
    former_role      text COLLATE "C",  -- who had the id before, if it changed hands
    changed_hands_at timestamptz,
    CONSTRAINT gateway_acks_pkey PRIMARY KEY (gateway_id),
    CONSTRAINT gateway_acks_gateway_id_form CHECK (
        gateway_id !~ '[^A-Za-z0-9_.:@/-]' AND gateway_id ~ '^[A-Za-z0-9]' AND pg_catalog.length(gateway_id) <= 127)
) WITH (fillfactor = 50);
COMMENT ON TABLE relay.gateway_acks IS 'how far each gateway has read the feed and acted on it; kept 7 days';
GRANT SELECT ON relay.gateway_acks TO relay_provisioner, relay_responder, relay_auditor;

-- Removes changes that are older than 7 days. It removes them from the front without gaps, so that the horizon shows
-- what is missing. The number of rows is bounded, and only one session prunes at a time.
CREATE FUNCTION relay.prune_changes(max_rows integer DEFAULT 10000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    oldest  timestamptz := clock_timestamp() - interval '7 days';
    settled xid8 := pg_snapshot_xmin(pg_current_snapshot());
    last    record;
    removed bigint;
    aside   bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_changes.max_rows, 1, 1000000);
    PERFORM FROM relay.feed_horizon FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;  -- another session is pruning
    END IF;
    SELECT front.txid, front.seq INTO last
    FROM (SELECT c.txid, c.seq, bool_and(c.at < oldest AND c.txid < settled) OVER (ORDER BY c.txid, c.seq) AS old
          FROM relay.change_feed AS c ORDER BY c.txid, c.seq LIMIT prune_changes.max_rows) AS front
    WHERE front.old ORDER BY front.txid DESC, front.seq DESC LIMIT 1;
    DELETE FROM relay.key_changes AS c WHERE (c.txid, c.seq) <= (last.txid, last.seq);
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM relay.key_changes_aside AS c WHERE (c.txid, c.seq) <= (last.txid, last.seq);
    GET DIAGNOSTICS aside = ROW_COUNT;
    UPDATE relay.feed_horizon AS h
    SET txid = COALESCE(last.txid, h.txid), seq = COALESCE(last.seq, h.seq), pruned_at = clock_timestamp();
    DELETE FROM relay.gateway_acks AS a WHERE a.at < oldest;
    RETURN removed + aside;
END
$$;
COMMENT ON FUNCTION relay.prune_changes(integer) IS
    'removes changes and acknowledgements older than 7 days, at most max_rows changes; returns how many; acknowledge calls it once per hour';
GRANT EXECUTE ON FUNCTION relay.prune_changes(integer) TO relay_provisioner;

-- A claim proves nothing: a gateway can name any id and any cursor. So an id belongs to the role that uses it while it is
-- live, a role has at most 1000 live ids, and a cursor beyond the present is refused.
CREATE FUNCTION relay.check_acknowledgement(claimed_id text, place record) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    history record;
    owner   record;
BEGIN
    SELECT * INTO history FROM relay.feed_history();
    IF place.timeline > history.timeline
       OR (place.database_id = history.database_id AND place.timeline = history.timeline
           AND place.txid >= pg_snapshot_xmin(pg_current_snapshot())) THEN
        RAISE EXCEPTION 'cursor beyond the present' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'pass a cursor as changes_since gave it';
    END IF;
    SELECT a.db_role, a.at > clock_timestamp() - interval '60 seconds' AS live INTO owner
    FROM relay.gateway_acks AS a WHERE a.gateway_id = claimed_id;
    IF owner.live AND owner.db_role <> SESSION_USER THEN
        RAISE EXCEPTION 'gateway id % is in use by role %', claimed_id, owner.db_role USING ERRCODE = 'insufficient_privilege',
            HINT = 'give each gateway its own id; this one is free 60 s after its last acknowledgement';
    END IF;
    IF owner.live IS NOT TRUE
       AND (SELECT count(*) FROM relay.gateway_acks AS a
            WHERE a.db_role = SESSION_USER AND a.at > clock_timestamp() - interval '60 seconds') >= 1000 THEN
        RAISE EXCEPTION 'role % has 1000 live gateway ids', SESSION_USER USING ERRCODE = 'configuration_limit_exceeded',
            HINT = 'keep the id of a gateway when it is started again';
    END IF;
END
$$;

CREATE FUNCTION relay_api.acknowledge(gateway_id text, cursor text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place   record;
    present pg_snapshot := pg_current_snapshot();
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby: call acknowledge on the primary'
            USING ERRCODE = 'read_only_sql_transaction';
    END IF;
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
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.acknowledge(text, text) IS
    'records that the gateway has acted on everything up to a cursor of changes_since; call it every 20 s, as a '
    'sign of life; primary only';
GRANT EXECUTE ON FUNCTION relay_api.acknowledge(text, text) TO relay_gateway;

-- A gateway is live if it acknowledged anything within 60 s: three times the interval of a gateway without news.
CREATE VIEW relay.gateway_status AS
SELECT ack.gateway_id, ack.at AS acknowledged_at, ack.db_role, ack.former_role, ack.changed_hands_at,
       ack.at > pg_catalog.statement_timestamp() - interval '60 seconds' AS live,
       ack.history = here.database_id || '.' || here.timeline AS same_history,
       CASE WHEN ack.history = here.database_id || '.' || here.timeline THEN missing.changes END AS changes_behind,
       CASE WHEN ack.history = here.database_id || '.' || here.timeline THEN
            pg_catalog.floor(GREATEST(0, COALESCE(pg_catalog.date_part('epoch', pg_catalog.statement_timestamp() - missing.since), 0)))::bigint
       END AS seconds_behind
FROM relay.gateway_acks AS ack
CROSS JOIN relay.feed_history() AS here
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS changes, pg_catalog.min(c.at) AS since
    FROM relay.change_feed AS c
    WHERE (c.txid, c.seq) > (ack.txid, ack.seq) AND NOT pg_catalog.pg_visible_in_snapshot(c.txid, ack.seen)) AS missing;
COMMENT ON COLUMN relay.gateway_status.changes_behind IS
    'rows of the feed that it has not acknowledged; null: its cursor is from another history of the database, so it '
    'will get a reset';

GRANT SELECT ON relay.gateway_status TO relay_provisioner, relay_responder, relay_auditor;
