-- The change feed: what gateways must forget, in an order in which a gateway can read it without ever losing a row.
--
-- If a transaction changes who is accepted, triggers write a row in it. So no change is missed: not one by the program,
-- by authenticate (retire on first use), or by SQL that someone types. NOTIFY relay_key_changes only wakes the gateways
-- and has no content; they read the rows with changes_since. New organizations, new agents and first keys get no row: a
-- gateway never caches a refusal, so it has nothing to forget. Blocks that end automatically and keys that expire need
-- no row for the same reason, and because a decision carries its expires_at.
--
-- A cursor is a place in the order (txid, seq), below every transaction that is still open. seq alone would lose rows,
-- because a transaction can commit after one that took a higher seq. A cursor is always the place of a row of the feed,
-- and never between two rows: a row was flushed to disk before any gateway saw it, whereas a transaction id that a
-- gateway merely saw can be assigned again after a crash (asynchronous commits).
--
-- A transaction that is open for a long time holds that place back. Gateways get the rows of later transactions anyway:
-- the cursor also carries the snapshot in which they were seen. So each such row is returned once early, and once more
-- when the place passes it: at least once, never late.

CREATE TABLE relay.key_changes (
    txid     xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    seq      bigint GENERATED ALWAYS AS IDENTITY,
    org_id   text COLLATE "C",  -- with agent_id and key_id null: all of its agents
    agent_id text COLLATE "C",  -- with key_id null: all of its keys
    key_id   text COLLATE "C",
    change   text COLLATE "C" NOT NULL,
    kicks    boolean NOT NULL,
    at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT key_changes_pkey PRIMARY KEY (txid, seq)
);
COMMENT ON TABLE relay.key_changes IS 'what gateways must forget; kept 7 days, written only by triggers';
COMMENT ON COLUMN relay.key_changes.kicks IS
    'true: end the open connections of the subject (block, revoke); false: forget what is cached, and ask again at '
    'the next call';

-- Rows that key_changes could not take, because someone had locked it, by CREATE INDEX for instance. A block must not wait for
-- that, and gateways must hear of it anyway. Both tables number their rows with one sequence, so they are one feed.
CREATE TABLE relay.key_changes_aside (
    LIKE relay.key_changes INCLUDING COMMENTS,
    CONSTRAINT key_changes_aside_pkey PRIMARY KEY (txid, seq)
);
COMMENT ON TABLE relay.key_changes_aside IS 'rows of the feed that were written while key_changes was locked';

CREATE VIEW relay.change_feed AS
SELECT txid, seq, org_id, agent_id, key_id, change, kicks, at FROM relay.key_changes
UNION ALL
SELECT txid, seq, org_id, agent_id, key_id, change, kicks, at FROM relay.key_changes_aside;
COMMENT ON VIEW relay.change_feed IS 'what gateways must forget: every row, whichever table took it';

-- The last place that was pruned from the feed: a gateway with an earlier cursor may have missed rows.
CREATE TABLE relay.feed_horizon (
    only_row  boolean NOT NULL DEFAULT true,
    txid      xid8 NOT NULL DEFAULT '0',
    seq       bigint NOT NULL DEFAULT 0,
    pruned_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT feed_horizon_pkey PRIMARY KEY (only_row),
    CONSTRAINT feed_horizon_one_row CHECK (only_row)
);
INSERT INTO relay.feed_horizon DEFAULT VALUES;

GRANT SELECT ON relay.key_changes, relay.key_changes_aside, relay.change_feed, relay.feed_horizon TO relay_provisioner, relay_responder, relay_auditor;
SELECT relay.isolate_tenants('relay.key_changes');
SELECT relay.isolate_tenants('relay.key_changes_aside');

-- Writing ------------------------------------------------------------------------------------------------------------------------------

-- Writes one row of the feed. `wake` false: the row can wait for the next poll of the gateways.
--
-- It waits for no one's lock: a block that fails because the feed is locked would leave a leaked key alive. If both tables
-- are locked, the row is missing: gateways that cache learn of the change when their answers expire, within a minute, and
-- the program warns.
--
-- NOTIFY takes a lock for the whole cluster when COMMIT begins, and holds it until COMMIT ends. If the transaction
-- waits for a synchronous standby then, every block waits with it. So such a transaction does not notify, and gateways
-- find its row by polling. If COMMIT cannot get the lock in time, or the queue of notifications is full (any
-- login of the cluster can fill it), COMMIT fails. Then run the transaction again with SET LOCAL relay.wake = 'later',
-- and notify in a separate transaction.
CREATE FUNCTION relay.announce(about_org text, about_agent text, about_key text, what text, must_kick boolean, wake boolean DEFAULT true)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF relay.can_write('key_changes') THEN
        INSERT INTO relay.key_changes (org_id, agent_id, key_id, change, kicks)
        VALUES (about_org, about_agent, about_key, what, must_kick);
    ELSIF relay.can_write('key_changes_aside') THEN
        INSERT INTO relay.key_changes_aside (txid, seq, org_id, agent_id, key_id, change, kicks, at)
        VALUES (pg_current_xact_id(), nextval('relay.key_changes_seq_seq'), about_org, about_agent, about_key, what, must_kick,
                clock_timestamp());
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);  -- a gateway that sees the row may rely on it
    END IF;
    IF wake AND current_setting('relay.wake', true) IS DISTINCT FROM 'later'
       AND (current_setting('synchronous_commit') = 'local' OR current_setting('synchronous_standby_names') = '') THEN
        BEGIN
            PERFORM pg_notify('relay_key_changes', '');  -- the same payload each time: one notification per transaction
        EXCEPTION
            WHEN OTHERS THEN NULL;  -- gateways find the row by polling; a failed wake-up must not undo the change
        END;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.announce(text, text, text, text, boolean, boolean) IS
    'writes a row of the change feed and wakes the gateways that listen; for triggers';

-- Two statements, because key_changes may be locked against readers, too, if this transaction has written to the other table.
CREATE FUNCTION relay.has_announced() RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM relay.key_changes_aside AS c WHERE c.txid = pg_current_xact_id_if_assigned()) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM relay.key_changes AS c WHERE c.txid = pg_current_xact_id_if_assigned());
END
$$;
COMMENT ON FUNCTION relay.has_announced() IS 'whether this transaction has written a row of the change feed';
GRANT EXECUTE ON FUNCTION relay.has_announced() TO relay_provisioner, relay_responder;

CREATE FUNCTION relay.announce_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- If the row was lifted or deleted, its subject is accepted again. After every other change it is refused.
    opens   boolean := CASE TG_OP WHEN 'DELETE' THEN true ELSE NEW.lifted_at IS NOT NULL END;
    subject relay.revocations := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    what    text := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_blocked' ELSE '_revoked' END;
    owner   record;
BEGIN
    IF opens THEN
        what := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_unblocked' ELSE '_restored' END;
    END IF;
    CASE subject.subject_kind
        WHEN 'org' THEN
            PERFORM relay.announce(subject.subject_id, NULL, NULL, what, NOT opens);
        WHEN 'agent' THEN
            SELECT a.org_id INTO owner FROM relay.agents AS a WHERE a.agent_id = subject.subject_id;
            PERFORM relay.announce(owner.org_id, subject.subject_id, NULL, what, NOT opens);
        ELSE
            SELECT k.org_id, k.agent_id INTO owner FROM relay.agent_keys AS k WHERE k.key_id = subject.subject_id;
            PERFORM relay.announce(owner.org_id, owner.agent_id, subject.subject_id, what, NOT opens);
    END CASE;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.revocations
    FOR EACH ROW EXECUTE FUNCTION relay.announce_revocation();

CREATE FUNCTION relay.announce_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM relay.announce(OLD.org_id, OLD.agent_id, OLD.key_id, 'key_revoked', true);
        RETURN NULL;
    END IF;
    what := CASE
        WHEN NEW.state = 'revoked' AND OLD.state <> 'revoked' THEN 'key_revoked'
        WHEN NEW.replaced_by IS NOT NULL AND NEW.replaced_by IS DISTINCT FROM OLD.replaced_by THEN 'key_rotated'
        WHEN NEW.state = 'retired' AND OLD.state <> 'retired' THEN 'key_retired'
        WHEN NEW.state = 'active' AND OLD.state = 'retiring' THEN 'key_rotation_reverted'
        ELSE 'key_updated'
    END;
    -- A rotation ends no connection, even without grace: the key ends in good order, and the agent remains the same.
    -- The first use of a new key wakes no gateway: it happens inside an authentication, which must not wait for the
    -- lock of NOTIFY.
    PERFORM relay.announce(
        OLD.org_id, OLD.agent_id, OLD.key_id, what,
        what = 'key_revoked' OR (NEW.key_hash, NEW.agent_id, NEW.org_id, NEW.key_id) IS DISTINCT FROM
                                (OLD.key_hash, OLD.agent_id, OLD.org_id, OLD.key_id),
        wake => NOT (what = 'key_retired' AND OLD.retire_on_first_use));
    RETURN NULL;
END
$$;
-- Without awaits_use: a first use changes nothing that a gateway has cached.
CREATE TRIGGER announce_change AFTER UPDATE OF key_id, agent_id, org_id, key_hash, hash_algorithm, state, expires_at, replaced_by
    ON relay.agent_keys FOR EACH ROW
    WHEN (OLD.key_id IS DISTINCT FROM NEW.key_id OR OLD.agent_id IS DISTINCT FROM NEW.agent_id
          OR OLD.org_id IS DISTINCT FROM NEW.org_id OR OLD.key_hash IS DISTINCT FROM NEW.key_hash
          OR OLD.hash_algorithm IS DISTINCT FROM NEW.hash_algorithm OR OLD.state IS DISTINCT FROM NEW.state
          OR OLD.expires_at IS DISTINCT FROM NEW.expires_at OR OLD.replaced_by IS DISTINCT FROM NEW.replaced_by)
    EXECUTE FUNCTION relay.announce_key();
CREATE TRIGGER announce_delete AFTER DELETE ON relay.agent_keys
    FOR EACH ROW EXECUTE FUNCTION relay.announce_key();

CREATE FUNCTION relay.announce_permissions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM relay.announce(OLD.org_id, OLD.agent_id, NULL, 'permissions_changed', false);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.agent_id <> OLD.agent_id) THEN
        PERFORM relay.announce(NEW.org_id, NEW.agent_id, NULL, 'permissions_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER UPDATE OF permissions ON relay.agents FOR EACH ROW
    WHEN (OLD.permissions IS DISTINCT FROM NEW.permissions) EXECUTE FUNCTION relay.announce_permissions();
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.agent_conditions
    FOR EACH ROW EXECUTE FUNCTION relay.announce_permissions();
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.agent_roles
    FOR EACH ROW EXECUTE FUNCTION relay.announce_permissions();

-- A change of a role concerns each agent that has it, and each agent that is given it at the same time. So gateways ask
-- again for the whole organization.
CREATE FUNCTION relay.announce_role() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM relay.announce(OLD.org_id, NULL, NULL, 'role_changed', false);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.org_id <> OLD.org_id) THEN
        PERFORM relay.announce(NEW.org_id, NULL, NULL, 'role_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.role_permissions
    FOR EACH ROW EXECUTE FUNCTION relay.announce_role();

CREATE FUNCTION relay.announce_auth_mode() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.announce(NEW.org_id, NULL, NULL, 'auth_mode_changed', false);
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER UPDATE OF auth_mode ON relay.organizations FOR EACH ROW
    WHEN (OLD.auth_mode IS DISTINCT FROM NEW.auth_mode) EXECUTE FUNCTION relay.announce_auth_mode();

-- After a TRUNCATE, no row is left that names its subject.
CREATE FUNCTION relay.announce_reset() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.announce(NULL, NULL, NULL, 'reset', true);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    watched text;
BEGIN
    FOREACH watched IN ARRAY ARRAY['revocations', 'agent_keys', 'agent_conditions', 'agent_roles', 'role_permissions'] LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER announce_truncate AFTER TRUNCATE ON relay.%I '
                                  'FOR EACH STATEMENT EXECUTE FUNCTION relay.announce_reset()', watched);
    END LOOP;
END
$$;

-- Reading ------------------------------------------------------------------------------------------------------------------------------

-- Returns the database and its history, to which a place in the feed belongs. In another history, transaction ids mean
-- nothing: in a restored dump they start again, and after a failover the new primary may assign ids again that were
-- lost with the old one.
CREATE FUNCTION relay.feed_history(OUT database_id text, OUT timeline bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT left(md5(control.system_identifier || '/' || base.oid), 8) INTO database_id
    FROM pg_control_system() AS control, pg_database AS base WHERE base.datname = current_database();
    IF pg_is_in_recovery() THEN
        timeline := (SELECT checkpoint.timeline_id FROM pg_control_checkpoint() AS checkpoint);  -- may lag behind a switch
    ELSE
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
    END IF;
END
$$;

-- "DATABASE.TIMELINE.TXID.SEQ.SNAPSHOT", for instance 1f2e3d4c.1.745.12.746:748:746
CREATE FUNCTION relay.parse_cursor(cursor text, OUT database_id text, OUT timeline bigint, OUT txid xid8, OUT seq bigint, OUT seen pg_snapshot)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[] := string_to_array(parse_cursor.cursor, '.');
BEGIN
    IF octet_length(parse_cursor.cursor) > 65536
       OR parse_cursor.cursor !~ '^[0-9a-f]{8}\.[0-9]{1,10}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]+:[0-9]+:[0-9,]*$' THEN
        RAISE invalid_parameter_value;
    END IF;
    database_id := parts[1];
    timeline := parts[2];
    txid := parts[3];
    seq := parts[4];
    seen := parts[5];
EXCEPTION
    WHEN data_exception THEN
        RAISE EXCEPTION 'malformed cursor' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'pass a cursor exactly as changes_since returned it, or null to begin';
END
$$;

-- Returns the rows after `cursor`. Each comes with the cursor to continue from once the gateway has acted on that row
-- and those before it.
--
-- If `cursor` is null, empty, from another history, or older than what is kept, it returns one row 'reset', with the
-- cursor to continue from. Otherwise it returns at most `max_rows` rows of the settled part. If there are fewer, all
-- rows follow that were committed ahead of a transaction that is still open. Call it again until the cursor no longer
-- changes.
CREATE FUNCTION relay.read_changes(cursor text, max_rows integer)
RETURNS TABLE (next_cursor text, org_id text, agent_id text, key_id text, change text, kicks boolean, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    standby  boolean := pg_is_in_recovery();
    present  pg_snapshot := pg_current_snapshot();
    settled  xid8 := pg_snapshot_xmin(present);  -- every transaction below has ended
    bound    integer := greatest(1, least(COALESCE(read_changes.max_rows, 1000), 10000));
    history  record;
    place    record;
    horizon  record;
    prefix   text;
    seen     text;
BEGIN
    SELECT * INTO history FROM relay.feed_history();
    SELECT h.txid, h.seq INTO horizon FROM relay.feed_horizon AS h WHERE h.txid < settled;  -- else it came with a dump
    SELECT * INTO place FROM relay.parse_cursor(NULLIF(read_changes.cursor, ''));
    -- The snapshots of a standby do not show which transactions of the primary are open.
    seen := CASE WHEN standby THEN settled || ':' || settled || ':' ELSE present::text END;

    IF place.txid IS NULL OR place.database_id <> history.database_id
       OR place.timeline < history.timeline OR (place.timeline > history.timeline AND NOT standby)
       OR (place.txid, place.seq) < (horizon.txid, horizon.seq)
       OR (place.txid >= pg_snapshot_xmax(present) AND NOT standby) THEN
        RETURN QUERY
        SELECT format('%s.%s.%s.%s.%s', history.database_id, history.timeline, tail.txid, tail.seq, seen),
               NULL::text, NULL::text, NULL::text, 'reset', true, clock_timestamp()
        FROM (SELECT c.txid, c.seq FROM relay.change_feed AS c WHERE c.txid < settled
              UNION ALL SELECT horizon.txid, horizon.seq WHERE horizon.txid IS NOT NULL
              ORDER BY txid DESC, seq DESC LIMIT 1) AS tail;
        RETURN;
    END IF;

    prefix := format('%s.%s.', place.database_id, place.timeline);
    RETURN QUERY
    WITH settled_rows AS MATERIALIZED (
        SELECT c.* FROM relay.change_feed AS c
        WHERE (c.txid, c.seq) > (place.txid, place.seq) AND c.txid < settled
        ORDER BY c.txid, c.seq LIMIT bound
    ), last_settled AS (
        SELECT s.txid, s.seq FROM settled_rows AS s
        UNION ALL SELECT place.txid, place.seq
        ORDER BY txid DESC, seq DESC LIMIT 1
    ), page AS (
        SELECT s.*, s.txid AS place_txid, s.seq AS place_seq FROM settled_rows AS s
        UNION ALL
        SELECT c.*, l.txid, l.seq FROM relay.change_feed AS c CROSS JOIN last_settled AS l
        WHERE c.txid >= settled AND c.txid < pg_snapshot_xmax(present) AND NOT pg_visible_in_snapshot(c.txid, place.seen)
          AND (SELECT count(*) FROM settled_rows) < bound
    )
    -- Only the cursor of the last row may carry the present snapshot, and only if no row was left out.
    SELECT prefix || p.place_txid || '.' || p.place_seq || '.'
           || CASE WHEN NOT standby AND (SELECT count(*) FROM settled_rows) < bound
                        AND lead(p.seq) OVER (ORDER BY p.txid, p.seq) IS NULL
                   THEN seen ELSE place.seen::text END,
           p.org_id, p.agent_id, p.key_id, p.change, p.kicks, p.at
    FROM page AS p ORDER BY p.txid, p.seq;
END
$$;

CREATE FUNCTION relay_api.changes_since(cursor text, max_rows integer DEFAULT 1000)
RETURNS TABLE (next_cursor text, org_id text, agent_id text, key_id text, change text, kicks boolean, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM relay.read_changes(changes_since.cursor, changes_since.max_rows)
$$;
COMMENT ON FUNCTION relay_api.changes_since(text, integer) IS
    'the changes that a gateway must forget since a cursor (null to begin): each row at least once, with the cursor '
    'to continue from; '
    '''reset'': drop the whole cache and check every open connection; works on a standby, too';
GRANT EXECUTE ON FUNCTION relay_api.changes_since(text, integer) TO relay_gateway;
GRANT EXECUTE ON FUNCTION relay.read_changes(text, integer), relay.feed_history()
    TO relay_provisioner, relay_responder, relay_auditor;
