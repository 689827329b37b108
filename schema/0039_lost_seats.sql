-- What the search for seats need not look at: agents that are revoked, and under a large limit those before the last seat. And the seats that
-- are lost by a change that SQL makes.

-- The last seat ----------------------------------------------------------------------------------------------------------------------------

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

-- Waits for no lock, because a revocation does not.
CREATE FUNCTION relay.count_changes(agents text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF relay.can_write('seat_changes') THEN
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

-- Agents that are gone ---------------------------------------------------------------------------------------------------------------------

-- relay.has_seat asks about each agent of an organization, from the first one on, whether it is revoked. Without a mark it would ask
-- about each one that was ever revoked, at each check of a key. A revocation waits for no lock, so it marks only agents that no one has locked;
-- `audit maintain` marks the rest. Returns how many it marked.
CREATE FUNCTION relay.mark_gone(agents text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    marked bigint;
BEGIN
    IF NOT relay.can_write('agents') THEN
        RETURN 0;
    END IF;
    UPDATE relay.agents AS a SET gone = true WHERE a.ctid = ANY (ARRAY(
        SELECT revoked.ctid FROM relay.agents AS revoked WHERE revoked.agent_id = ANY (mark_gone.agents) AND NOT revoked.gone
        ORDER BY revoked.agent_id FOR NO KEY UPDATE SKIP LOCKED));
    GET DIAGNOSTICS marked = ROW_COUNT;
    -- Again, under the lock of the row: it may have been restored meanwhile, and without a seat its calls would be refused.
    UPDATE relay.agents AS a SET gone = false
    WHERE a.agent_id = ANY (mark_gone.agents) AND a.gone
      AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                      WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke');
    RETURN marked;
END
$$;

-- At COMMIT, so that a revocation that is not committed yet holds no lock of the agent.
CREATE FUNCTION relay.mark_revoked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.mark_gone(ARRAY[NEW.subject_id]);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER mark_revoked AFTER INSERT ON relay.revocations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.subject_kind = 'agent' AND NEW.kind = 'revoke') EXECUTE FUNCTION relay.mark_revoked();

-- An agent that is restored has a seat from the same moment on, so this waits for the lock, which the restore has anyway.
CREATE FUNCTION relay.unmark_restored() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM relay.agents AS a WHERE a.agent_id = OLD.subject_id FOR NO KEY UPDATE;  -- also of one that is being marked just now
    UPDATE relay.agents AS a SET gone = false WHERE a.agent_id = OLD.subject_id AND a.gone;
    PERFORM relay.count_changes(ARRAY[OLD.subject_id]);
    RETURN NULL;
END
$$;
CREATE TRIGGER unmark_restored AFTER UPDATE OR DELETE ON relay.revocations
    FOR EACH ROW WHEN (OLD.subject_kind = 'agent' AND OLD.kind = 'revoke') EXECUTE FUNCTION relay.unmark_restored();

CREATE FUNCTION relay.mark_gone_agents(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    agents text[];
BEGIN
    PERFORM relay.require_between('max_rows', mark_gone_agents.max_rows, 1, 1000000);
    agents := ARRAY(
        SELECT a.agent_id FROM relay.standing_revocations AS gone JOIN relay.agents AS a ON a.agent_id = gone.subject_id
        WHERE gone.subject_kind = 'agent' AND gone.kind = 'revoke' AND NOT a.gone LIMIT mark_gone_agents.max_rows);
    PERFORM relay.count_changes(agents);  -- in case a lock kept the revocation from it
    RETURN relay.mark_gone(agents);
END
$$;
COMMENT ON FUNCTION relay.mark_gone_agents(integer) IS
    'marks revoked agents that someone had locked when they were revoked, at most max_rows; waits for no lock; returns how many';
GRANT EXECUTE ON FUNCTION relay.mark_gone_agents(integer) TO relay_provisioner;
SELECT relay.mark_gone_agents(1000000);

-- Changes by SQL ---------------------------------------------------------------------------------------------------------------------------

-- Deferred to the COMMIT, when the transaction has noted the seats itself if it is one of the program. The audit of these changes is in
-- 0029_more_change_audit.sql.
CREATE FUNCTION relay.note_seats_lost_by_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed relay.limits := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    before  bigint := CASE TG_OP WHEN 'INSERT' THEN NULL ELSE OLD.amount END;
BEGIN
    IF relay.are_seats_noted(CASE changed.owner_kind WHEN 'plan' THEN 'plan/' ELSE '' END || changed.owner_id) THEN
        RETURN NULL;
    END IF;
    IF changed.owner_kind = 'plan' THEN
        PERFORM relay.note_seats_lost_by_plan(changed.owner_id, before);
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN  -- until then its plan decided
        before := (SELECT l.amount FROM relay.limits AS l
                   JOIN relay.organizations AS o ON o.org_id = changed.owner_id
                   LEFT JOIN relay.subscriptions AS s ON s.org_id = o.org_id
                   WHERE l.owner_kind = 'plan' AND l.owner_id = relay.plan_now(o.plan, s.ends_at) AND l.meter = 'agents');
    END IF;
    PERFORM relay.lose_seats(changed.owner_id, before);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER note_lost_seats AFTER INSERT ON relay.limits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.meter = 'agents') EXECUTE FUNCTION relay.note_seats_lost_by_limit();
CREATE CONSTRAINT TRIGGER note_lost_seats_by_change AFTER UPDATE ON relay.limits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.meter = 'agents' AND OLD.amount IS DISTINCT FROM NEW.amount) EXECUTE FUNCTION relay.note_seats_lost_by_limit();
CREATE CONSTRAINT TRIGGER note_lost_seats_by_end AFTER DELETE ON relay.limits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.meter = 'agents') EXECUTE FUNCTION relay.note_seats_lost_by_limit();

CREATE FUNCTION relay.note_seats_lost_by_other_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT relay.are_seats_noted(NEW.org_id)
       AND NOT EXISTS (SELECT FROM relay.limits AS own WHERE own.owner_kind = 'org' AND own.owner_id = NEW.org_id AND own.meter = 'agents') THEN
        PERFORM relay.lose_seats(NEW.org_id, (
            SELECT l.amount FROM relay.limits AS l
            WHERE l.owner_kind = 'plan' AND l.meter = 'agents'
              AND l.owner_id = relay.plan_now(OLD.plan, (SELECT s.ends_at FROM relay.subscriptions AS s WHERE s.org_id = NEW.org_id))));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER note_lost_seats AFTER UPDATE ON relay.organizations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.plan <> NEW.plan) EXECUTE FUNCTION relay.note_seats_lost_by_other_plan();

-- relay.keep_agents by SQL leaves an event, too.
CREATE CONSTRAINT TRIGGER audit_seat AFTER UPDATE ON relay.agents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.seat IS DISTINCT FROM NEW.seat) EXECUTE FUNCTION relay.audit_change('seat_kept');
