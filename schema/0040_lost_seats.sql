-- What the search for seats need not look at: agents that are revoked. And the seats that are lost by a change that SQL makes.

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
-- 0030_more_change_audit.sql.
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

-- What nothing calls any more. Not dropped where they were replaced: a call that had begun before would have missed them.
DROP FUNCTION relay.note_success(text, text, text, boolean, boolean, inet, text);
DROP FUNCTION relay.note_sighting(text, text, text, integer, timestamptz, inet, text);
