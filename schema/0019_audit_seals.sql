-- Seals: what shows that the audit trail was not altered.
--
-- A seal is a row that is written once, after the events of its range, so a writer of events never waits for a chain and
-- pays nothing. It has the hash of each row of the range, and the hash of the seal before it, so whoever keeps the hash
-- of one seal elsewhere can prove every row up to it. schema/README.md has the forms of a row and of a seal.
--
-- A range is complete for its numbers once the transactions that could still write below its end have ended
-- (relay.event_writers). While one is open, the seal says so (`closed` is false), and a later seal has the events that it
-- lacks. So no event is left between two ranges, and no seal waits for a writer.

CREATE TABLE relay.event_seals (
    seal_no        bigint NOT NULL,
    after_event_id bigint NOT NULL,
    up_to_event_id bigint NOT NULL,
    closed         boolean NOT NULL,
    row_count      integer NOT NULL,
    entries        bytea NOT NULL,
    previous_hash  bytea NOT NULL,
    hash           bytea NOT NULL,
    sealed_at      timestamptz NOT NULL,
    actor          text NOT NULL,  -- claimed
    db_role        text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    CONSTRAINT event_seals_pkey PRIMARY KEY (seal_no),
    CONSTRAINT event_seals_range CHECK (after_event_id <= up_to_event_id),
    CONSTRAINT event_seals_sizes CHECK (pg_catalog.octet_length(entries) = 26 * row_count AND pg_catalog.octet_length(hash) = 32
                                        AND pg_catalog.octet_length(previous_hash) = 32)
);
COMMENT ON TABLE relay.event_seals IS 'the seals of auth_events, a chain; append-only, and kept when a month is dropped';
COMMENT ON COLUMN relay.event_seals.closed IS 'no transaction could write an event up to up_to_event_id any more';
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
GRANT EXECUTE ON FUNCTION relay.begin_seals() TO relay_provisioner;

-- Adds the next seal of the chain.
CREATE FUNCTION relay.add_seal(seal_no bigint, after_event_id bigint, up_to_event_id bigint, closed boolean, entries bytea,
                               previous_hash bytea, hash bytea, sealed_at timestamptz, actor text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last relay.event_seals;
BEGIN
    PERFORM relay.require_short('actor', add_seal.actor, 1000);
    PERFORM relay.require_between('octet_length(entries)', octet_length(add_seal.entries), 0, 26 * 1000000);
    LOCK TABLE relay.seal_turn IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT * INTO last FROM relay.event_seals AS s ORDER BY s.seal_no DESC LIMIT 1;
    IF add_seal.seal_no <> COALESCE(last.seal_no, 0) + 1 OR add_seal.after_event_id <> COALESCE(last.up_to_event_id, 0)
       OR add_seal.previous_hash <> COALESCE(last.hash, decode(repeat('00', 32), 'hex')) THEN
        RAISE EXCEPTION 'seal % does not follow the last one', add_seal.seal_no USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO relay.event_seals (seal_no, after_event_id, up_to_event_id, closed, row_count, entries, previous_hash, hash, sealed_at, actor)
    VALUES (add_seal.seal_no, add_seal.after_event_id, add_seal.up_to_event_id, add_seal.closed, octet_length(add_seal.entries) / 26,
            add_seal.entries, add_seal.previous_hash, add_seal.hash, add_seal.sealed_at, add_seal.actor);
END
$$;
COMMENT ON FUNCTION relay.add_seal(bigint, bigint, bigint, boolean, bytea, bytea, bytea, timestamptz, text) IS
    'adds the next seal of the chain; the program computes it';
GRANT EXECUTE ON FUNCTION relay.add_seal(bigint, bigint, bigint, boolean, bytea, bytea, bytea, timestamptz, text) TO relay_provisioner;
