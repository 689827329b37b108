-- Under a large limit, the search would read thousands of agents for one of the last ones, and for one without a seat. So the first search
-- leaves the place of the last seat. From then on each change of agents leaves its number: as many agents may have moved across that place,
-- and not more. An agent with more live ones than that between itself and the place is still on the same side of it. For the others, and
-- after 100 changes, a call searches again, and leaves the new place.

CREATE TABLE relay.last_seats (
    org_id   text COLLATE "C" PRIMARY KEY,
    seats    bigint NOT NULL,
    agents   bigint NOT NULL,
    seat     timestamptz NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    found_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE relay.last_seats IS 'the place of the last agent with a seat, as it was found; relay.seat_changes has what changed since';
COMMENT ON COLUMN relay.last_seats.seats IS 'the limit for which it was found: it says nothing about another';
COMMENT ON COLUMN relay.last_seats.agents IS 'how many agents have a seat: all of the organization, if fewer than seats';

-- Rows are only added, counted and removed. No foreign key, because a revocation waits for no lock.
CREATE TABLE relay.seat_changes (
    org_id text COLLATE "C" NOT NULL,
    agents bigint NOT NULL
);
CREATE INDEX seat_changes_by_org ON relay.seat_changes (org_id);
COMMENT ON TABLE relay.seat_changes IS 'how many agents of an organization were added, revoked, restored or moved since its last seat was found';
SELECT relay.isolate_tenants('relay.last_seats');
SELECT relay.isolate_tenants('relay.seat_changes');
GRANT SELECT ON relay.last_seats, relay.seat_changes TO relay_provisioner, relay_responder, relay_auditor;

-- Null: what was remembered does not say. After an hour it says nothing, in case a change was not counted (by a session without triggers).
CREATE FUNCTION relay.remembered_seat(org text, agent text, seats bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    last      relay.last_seats;
    changes   bigint;
    place     timestamptz;
    is_before boolean;
BEGIN
    SELECT l.* INTO last FROM relay.last_seats AS l
    WHERE l.org_id = remembered_seat.org AND l.seats = remembered_seat.seats AND l.found_at > statement_timestamp() - interval '1 hour';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    changes := (SELECT COALESCE(sum(few.agents), 0)
                FROM (SELECT c.agents FROM relay.seat_changes AS c WHERE c.org_id = remembered_seat.org LIMIT 101) AS few);
    IF changes > 100 THEN
        RETURN NULL;
    END IF;
    SELECT COALESCE(a.seat, a.created_at) INTO place FROM relay.agents AS a
    WHERE a.agent_id = remembered_seat.agent AND a.org_id = remembered_seat.org
      AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                      WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF last.agents < last.seats THEN
        RETURN CASE WHEN last.agents + changes <= last.seats THEN true END;
    END IF;
    is_before := (place, remembered_seat.agent COLLATE "C") <= (last.seat, last.agent_id COLLATE "C");
    IF changes = 0 OR changes = (
        SELECT count(*) FROM (
            SELECT FROM relay.agents AS a
            WHERE a.org_id = remembered_seat.org AND NOT a.gone
              AND (COALESCE(a.seat, a.created_at), a.agent_id) > (CASE WHEN is_before THEN place ELSE last.seat END,
                                                                  CASE WHEN is_before THEN remembered_seat.agent ELSE last.agent_id END)
              AND (COALESCE(a.seat, a.created_at), a.agent_id) < (CASE WHEN is_before THEN last.seat ELSE place END,
                                                                  CASE WHEN is_before THEN last.agent_id ELSE remembered_seat.agent END)
              AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                              WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
            LIMIT changes) AS between_them) THEN
        RETURN is_before;
    END IF;
    RETURN NULL;
END
$$;

GRANT EXECUTE ON FUNCTION relay.remembered_seat(text, text, bigint) TO relay_provisioner, relay_responder, relay_auditor;

-- Finds the last seat, and forgets the changes that were seen with it: one statement, so both are of one moment. One session at a time, which no
-- one waits for. False: nothing was left, because this is a standby, another session is finding one, or no agent is left.
CREATE FUNCTION relay.remember_last_seat(org text, seats bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    IF current_setting('transaction_read_only') = 'on' OR current_setting('transaction_isolation') <> 'read committed'
       OR NOT relay.can_write('seat_changes') OR NOT relay.may_remember_seats() THEN
        RETURN false;
    END IF;
    WITH live AS (
        SELECT COALESCE(a.seat, a.created_at) AS seat, a.agent_id FROM relay.agents AS a
        WHERE a.org_id = remember_last_seat.org AND NOT a.gone
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
        ORDER BY COALESCE(a.seat, a.created_at), a.agent_id LIMIT remember_last_seat.seats
    ), seen AS (
        DELETE FROM relay.seat_changes AS c
        WHERE c.ctid = ANY (ARRAY(SELECT s.ctid FROM relay.seat_changes AS s WHERE s.org_id = remember_last_seat.org LIMIT 10000))
    )
    INSERT INTO relay.last_seats AS l (org_id, seats, agents, seat, agent_id)
    SELECT remember_last_seat.org, remember_last_seat.seats, (SELECT count(*) FROM live), last.seat, last.agent_id
    FROM live AS last ORDER BY last.seat DESC, last.agent_id DESC LIMIT 1
    ON CONFLICT ON CONSTRAINT last_seats_pkey DO UPDATE
        SET seats = excluded.seats, agents = excluded.agents, seat = excluded.seat, agent_id = excluded.agent_id, found_at = excluded.found_at;
    RETURN FOUND;
END
$$;

-- Whether this session may find a last seat, until its COMMIT. A lock on the table, and not an advisory lock, which any login could take.
CREATE FUNCTION relay.may_remember_seats() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE ONLY relay.last_seats IN SHARE ROW EXCLUSIVE MODE NOWAIT;
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;

CREATE FUNCTION relay.count_new_agents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.seat_changes (org_id, agents) SELECT a.org_id, count(*) FROM added AS a GROUP BY a.org_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_new_agents AFTER INSERT ON relay.agents REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION relay.count_new_agents();

CREATE FUNCTION relay.count_moved_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.seat_changes (org_id, agents) VALUES (OLD.org_id, 1);
    RETURN NULL;
END
$$;
CREATE TRIGGER count_moved_agent AFTER UPDATE ON relay.agents FOR EACH ROW
    WHEN (COALESCE(OLD.seat, OLD.created_at) IS DISTINCT FROM COALESCE(NEW.seat, NEW.created_at) OR OLD.agent_id <> NEW.agent_id)
    EXECUTE FUNCTION relay.count_moved_agent();
CREATE TRIGGER count_removed_agent AFTER DELETE ON relay.agents FOR EACH ROW EXECUTE FUNCTION relay.count_moved_agent();

-- Waits for no lock, because a revocation does not. What is not counted, because the table of agents is locked, counts after an hour at most.
CREATE FUNCTION relay.count_changes(agents text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF relay.can_write('seat_changes') AND relay.can_look_up('agent') THEN
        INSERT INTO relay.seat_changes (org_id, agents)
        SELECT a.org_id, count(*) FROM relay.agents AS a WHERE a.agent_id = ANY (count_changes.agents) GROUP BY a.org_id;
    END IF;
END
$$;

CREATE FUNCTION relay.count_revoked_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.count_changes(ARRAY[NEW.subject_id]);
    RETURN NULL;
END
$$;
CREATE TRIGGER count_revoked_agent AFTER INSERT ON relay.revocations
    FOR EACH ROW WHEN (NEW.subject_kind = 'agent' AND NEW.kind = 'revoke') EXECUTE FUNCTION relay.count_revoked_agent();

CREATE FUNCTION relay.forget_seat_changes(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    forgotten bigint;
BEGIN
    PERFORM relay.require_between('max_rows', forget_seat_changes.max_rows, 1, 1000000);
    IF (SELECT count(*) FROM (SELECT FROM relay.seat_changes LIMIT 1000) AS a_thousand) < 1000
       OR NOT relay.can_write('seat_changes') OR NOT relay.may_remember_seats() THEN
        RETURN 0;
    END IF;
    DELETE FROM relay.last_seats AS l WHERE l.found_at < clock_timestamp() - interval '1 hour';
    DELETE FROM relay.seat_changes AS c WHERE c.ctid = ANY (ARRAY(
        SELECT s.ctid FROM relay.seat_changes AS s
        WHERE NOT EXISTS (SELECT FROM relay.last_seats AS l WHERE l.org_id = s.org_id) LIMIT forget_seat_changes.max_rows));
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION relay.forget_seat_changes(integer) IS
    'removes changes of organizations whose last seat is not remembered, at most max_rows, if there are a thousand; returns how many';
GRANT EXECUTE ON FUNCTION relay.forget_seat_changes(integer) TO relay_provisioner;
