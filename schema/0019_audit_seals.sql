-- Seals: what shows that the audit trail was not altered.
--
-- A seal is a row that is written once, after the events of its range, so a writer of events never waits for a chain and
-- pays nothing. It has the hash of each row of the range, and the hash of the seal before it, so whoever keeps the hash
-- of one seal elsewhere can prove every row up to it. schema/README.md has the forms of a row and of a seal.
--
-- The number of an event is taken before its transaction commits, so a range may lack the events of transactions that were
-- open when it was read (relay.event_writers). Each seal names them. Once they have ended, a later seal has the events
-- that the range lacked, and says up to which number the seals are complete. So no event is left between two ranges, no
-- seal waits for a writer, and the trail becomes complete although there is never a moment without a writer.

CREATE TABLE relay.event_seals (
    seal_no        bigint NOT NULL,
    after_event_id bigint NOT NULL,
    up_to_event_id bigint NOT NULL,
    complete_up_to bigint NOT NULL,
    open_writers   text[] COLLATE "C" NOT NULL,
    row_count      integer NOT NULL,
    entries        bytea NOT NULL,
    previous_hash  bytea NOT NULL,
    hash           bytea NOT NULL,
    sealed_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    actor          text NOT NULL,  -- claimed
    db_role        text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    CONSTRAINT event_seals_pkey PRIMARY KEY (seal_no),
    CONSTRAINT event_seals_range CHECK (after_event_id <= up_to_event_id AND complete_up_to <= up_to_event_id),
    CONSTRAINT event_seals_sizes CHECK (pg_catalog.octet_length(entries) = 26 * row_count AND pg_catalog.octet_length(hash) = 32
                                        AND pg_catalog.octet_length(previous_hash) = 32)
);
CREATE INDEX event_seals_by_end ON relay.event_seals (up_to_event_id);
COMMENT ON TABLE relay.event_seals IS 'the seals of auth_events, a chain; append-only, and kept when a month is dropped';
COMMENT ON COLUMN relay.event_seals.complete_up_to IS
    'this seal and those before it have every event up to this number, and no other can appear';
COMMENT ON COLUMN relay.event_seals.open_writers IS
    'the transactions that could still add an event up to up_to_event_id: pg_locks.virtualtransaction';
COMMENT ON COLUMN relay.event_seals.entries IS
    '26 bytes for each row: its number (8), its month since year 0 (2), the first half of the SHA-256 of its form (16)';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.event_seals
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.event_seals
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON relay.event_seals FROM relay_owner;
GRANT SELECT ON relay.event_seals TO relay_provisioner, relay_responder, relay_auditor;

-- The lock of those who write seals. Not event_seals itself: LOCK TABLE needs a privilege to change rows, which even the owner does not
-- have.
CREATE TABLE relay.seal_turn (only_row boolean NOT NULL DEFAULT true, CONSTRAINT seal_turn_pkey PRIMARY KEY (only_row));
COMMENT ON TABLE relay.seal_turn IS 'without rows: its lock lets one session at a time write seals';

-- One session at a time writes seals; others read them meanwhile. Before that, the index over the numbers is completed:
-- reading a range then costs the same however large the trail is.
CREATE FUNCTION relay.begin_seals() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE relay.seal_turn IN SHARE UPDATE EXCLUSIVE MODE;
    BEGIN
        PERFORM brin_summarize_new_values(i.inhrelid) FROM pg_inherits AS i
        WHERE i.inhparent = 'relay.auth_events_by_number'::regclass;
    EXCEPTION
        WHEN lock_not_available THEN NULL;  -- then reading only takes longer
    END;
END
$$;
GRANT EXECUTE ON FUNCTION relay.begin_seals() TO relay_provisioner, relay_responder;

-- A text in the form of an event or a seal: its number of bytes, a colon and the text.
CREATE FUNCTION relay.counted(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.octet_length(pg_catalog.convert_to(value, 'UTF8')) || ':' || value $$;

-- Whether the transactions that a seal names have ended, as of a later look. A transaction that is prepared meanwhile gets
-- another name, so a prepared one that the seal does not name may be one of them.
CREATE FUNCTION relay.have_ended(open_writers text[], writers text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT open_writers && writers
           AND (open_writers = '{}' OR NOT EXISTS (SELECT FROM unnest(writers) AS writer WHERE writer LIKE '-1/%'))
$$;

-- Adds the next seal of the chain and returns its number, or null if there is nothing to seal up to a number. One call
-- reads at most 5,000 numbers of new events, or completes at most 50,000 numbers. It takes nothing from its caller but the
-- actor, who is only claimed: so whoever may call it can add nothing that is untrue.
CREATE FUNCTION relay.add_seal(up_to bigint, actor text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
    look    record;
    seal    relay.event_seals;
    settled bigint;
    first   bigint;
    known   bigint[] := '{}';
BEGIN
    PERFORM relay.require_short('actor', add_seal.actor, 1000);
    PERFORM relay.require_between('up_to', add_seal.up_to, 0, 9223372036854775807);
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'seals are written in transactions that are READ COMMITTED: an older snapshot would miss events'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.begin_seals();
    SELECT * INTO look FROM relay.event_writers();  -- before any event is read
    SELECT s.seal_no, s.up_to_event_id, s.complete_up_to, s.hash INTO seal.seal_no, seal.after_event_id, seal.complete_up_to, seal.previous_hash
    FROM relay.event_seals AS s ORDER BY s.seal_no DESC LIMIT 1;
    seal.seal_no := COALESCE(seal.seal_no, 0) + 1;
    seal.after_event_id := COALESCE(seal.after_event_id, 0);
    seal.complete_up_to := COALESCE(seal.complete_up_to, 0);
    seal.previous_hash := COALESCE(seal.previous_hash, decode(repeat('00', 32), 'hex'));
    seal.open_writers := ARRAY(SELECT writer FROM unnest(look.writers) AS writer ORDER BY writer COLLATE "C");
    seal.sealed_at := now();
    seal.actor := add_seal.actor;
    seal.db_role := SESSION_USER;

    SELECT min(e.event_id) INTO first FROM relay.auth_events AS e
    WHERE e.event_id > seal.after_event_id AND e.event_id <= LEAST(add_seal.up_to, look.last_event_id, seal.after_event_id + 5000);
    IF first IS NULL THEN
        SELECT min(e.event_id) INTO first FROM relay.auth_events AS e
        WHERE e.event_id > seal.after_event_id AND e.event_id <= LEAST(add_seal.up_to, look.last_event_id);
    END IF;
    IF first IS NOT NULL THEN
        first := CASE WHEN first <= seal.after_event_id + 5000 THEN seal.after_event_id ELSE first - 1 END;
        seal.up_to_event_id := LEAST(look.last_event_id, first + 5000);
        IF look.writers = '{}' AND seal.complete_up_to = seal.after_event_id THEN
            seal.complete_up_to := seal.up_to_event_id;
        END IF;
    ELSE
        seal.up_to_event_id := seal.after_event_id;
        first := seal.complete_up_to;
        SELECT max(s.up_to_event_id) INTO settled FROM relay.event_seals AS s
        WHERE s.up_to_event_id > first AND relay.have_ended(s.open_writers, look.writers);
        IF settled IS NULL THEN
            RETURN NULL;
        END IF;
        seal.complete_up_to := LEAST(settled, first + 50000);
        IF settled > seal.complete_up_to
           AND NOT EXISTS (SELECT FROM relay.auth_events AS e WHERE e.event_id > first AND e.event_id <= seal.complete_up_to) THEN
            SELECT COALESCE(min(e.event_id) - 1, settled) INTO seal.complete_up_to FROM relay.auth_events AS e
            WHERE e.event_id > seal.complete_up_to AND e.event_id <= settled;
        END IF;
        SELECT COALESCE(array_agg(('x' || encode(substr(held.entries, 26 * at + 1, 8), 'hex'))::bit(64)::bigint), '{}') INTO known
        FROM (SELECT s.entries || ''::bytea AS entries, s.row_count FROM relay.event_seals AS s
              WHERE s.up_to_event_id > first AND s.after_event_id < seal.complete_up_to AND s.after_event_id < s.up_to_event_id
              OFFSET 0) AS held, generate_series(0, held.row_count - 1) AS at;
    END IF;

    -- schema/README.md describes the form. Whole minutes and the rest, because a double is exact for both.
    SELECT count(*), COALESCE(string_agg(int8send(e.event_id) || substr(int4send(e.month), 3, 2) || substr(sha256(convert_to(
               E'relay-event/1\n' || relay.counted(e.event_id::text) || ','
               || relay.counted(CASE WHEN isfinite(e.occurred_at)
                                     THEN (extract(epoch FROM date_trunc('minute', e.occurred_at))::bigint * 1000000
                                           + extract(microseconds FROM e.occurred_at)::bigint)::text
                                     ELSE e.occurred_at::text END) || ','
               || COALESCE(relay.counted(e.org_id) || ',', '-,') || COALESCE(relay.counted(e.agent_id) || ',', '-,')
               || COALESCE(relay.counted(e.key_id) || ',', '-,') || relay.counted(e.action) || ','
               || relay.counted(e.outcome) || ',' || COALESCE(relay.counted(e.reason) || ',', '-,')
               || COALESCE(relay.counted(text(e.ip_address)) || ',', '-,') || COALESCE(relay.counted(e.actor) || ',', '-,')
               || relay.counted(e.db_role) || ',' || COALESCE(relay.counted(e.ticket) || ',', '-,')
               || COALESCE(relay.counted(e.trace_id) || ',', '-,') || COALESCE(relay.counted(e.detail::text) || ',', '-,')
               || relay.counted(e.times::text) || ',', 'UTF8')), 1, 16), ''::bytea ORDER BY e.event_id), '')
    INTO seal.row_count, seal.entries
    FROM (SELECT event.*, CASE WHEN isfinite(event.occurred_at)
                               THEN LEAST(GREATEST(extract(year FROM event.occurred_at) * 12 + extract(month FROM event.occurred_at) - 1, 0),
                                          65535)::integer ELSE 0 END AS month
          FROM relay.auth_events AS event) AS e
    WHERE e.event_id > first AND e.event_id <= CASE WHEN seal.up_to_event_id > seal.after_event_id THEN seal.up_to_event_id ELSE seal.complete_up_to END
      AND e.event_id NOT IN (SELECT unnest(known));
    seal.hash := sha256(convert_to(format(
        E'relay-audit-seal/1\nseal %s\nafter %s\nup_to %s\ncomplete %s\nwriters %s\nrows %s\nat %s\nactor %s\nrole %s\nentries %s\nprevious %s\n',
        seal.seal_no, seal.after_event_id, seal.up_to_event_id, seal.complete_up_to,
        relay.counted(array_to_string(seal.open_writers, ',')), seal.row_count,
        to_char(seal.sealed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), relay.counted(seal.actor), relay.counted(seal.db_role),
        encode(sha256(seal.entries), 'hex'), encode(seal.previous_hash, 'hex')), 'UTF8'));
    INSERT INTO relay.event_seals SELECT seal.*;
    RETURN seal.seal_no;
END
$$;
COMMENT ON FUNCTION relay.add_seal(bigint, text) IS 'adds the next seal of the chain, of events up to a number at most';
GRANT EXECUTE ON FUNCTION relay.add_seal(bigint, text) TO relay_provisioner, relay_responder;
