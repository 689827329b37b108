-- The audit of changes that were not made by the program. Triggers write the event of a lifted block, of a new key, of a key whose
-- state changes, and of an admin token that ends, unless the transaction has written it itself, with more than a trigger can know (ticket, reason). So SQL by hand leaves a
-- trace, too: with its time, and the role that the session really has.

-- A key that has ended stays so, and a confirmed end is never moved.
CREATE FUNCTION relay.keep_ended() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'key % is %: it has ended permanently', OLD.key_id, OLD.state USING ERRCODE = 'insufficient_privilege';
END
$$;
-- Not BEFORE UPDATE: such a trigger locks each row before it is changed, which is one more record in the log for each key of a fleet.
CREATE TRIGGER keep_ended AFTER UPDATE OF state ON relay.agent_keys
    FOR EACH ROW WHEN (OLD.state IN ('retired', 'revoked') AND NEW.state <> OLD.state AND NEW.state <> 'revoked')
    EXECUTE FUNCTION relay.keep_ended();

-- Whether this session has written such an event since its transaction began. Not by xmin: a savepoint has its own.
CREATE FUNCTION relay.has_own_event(about_agent text, about_org text, what text[], about_key text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF about_agent IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM relay.auth_events AS e
                       WHERE e.agent_id = about_agent AND e.occurred_at >= transaction_timestamp() AND e.action = ANY (what)
                         AND e.db_role = SESSION_USER
                         AND (about_key IS NULL OR e.key_id = about_key OR e.detail ->> 'previous_key_id' = about_key));
    END IF;
    RETURN EXISTS (SELECT FROM relay.auth_events AS e
                   WHERE e.occurred_at >= transaction_timestamp() AND e.org_id IS NOT DISTINCT FROM about_org AND e.action = ANY (what)
                     AND e.db_role = SESSION_USER);
END
$$;

-- Deferred to the COMMIT, when the transaction has written what it will.
CREATE FUNCTION relay.audit_lift() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what  text := NEW.subject_kind || CASE WHEN NEW.kind = 'block' THEN '_unblocked' ELSE '_restored' END;
    agent text := CASE WHEN NEW.subject_kind = 'agent' THEN NEW.subject_id END;
    org   text := CASE WHEN NEW.subject_kind = 'org' THEN NEW.subject_id
                       ELSE (SELECT a.org_id FROM relay.agents AS a WHERE a.agent_id = NEW.subject_id) END;
BEGIN
    IF NOT relay.has_own_event(agent, org, ARRAY[what]) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, action, reason, actor, detail)
        VALUES (org, agent, what, 'by SQL', NEW.lifted_by, jsonb_build_object('revocation_id', NEW.revocation_id));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_lift AFTER UPDATE ON relay.revocations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL) EXECUTE FUNCTION relay.audit_lift();

CREATE FUNCTION relay.audit_key_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text := CASE NEW.state WHEN 'retired' THEN 'key_retired' WHEN 'revoked' THEN 'key_revoked' ELSE 'key_state_changed' END;
BEGIN
    IF NOT relay.has_own_event(NEW.agent_id, NEW.org_id, CASE NEW.state
               WHEN 'staged' THEN ARRAY['key_staged', what]
               WHEN 'retiring' THEN ARRAY['key_rotated', 'key_retiring', what]
               WHEN 'active' THEN ARRAY['key_issued', 'key_rotated', 'key_rotation_reverted', what]
               ELSE ARRAY[what] END, NEW.key_id)
       -- The state only follows a revocation, which was recorded when it was made.
       AND NOT (NEW.state = 'revoked' AND EXISTS (
           SELECT FROM relay.revocations AS r
           WHERE r.kind = 'revoke' AND (r.lifted_at IS NULL OR r.cut_off > NEW.made_order)
             AND r.subject_id IN (NEW.key_id, NEW.agent_id, NEW.org_id)
             AND r.subject_id = CASE r.subject_kind WHEN 'key' THEN NEW.key_id WHEN 'agent' THEN NEW.agent_id
                                                    WHEN 'org' THEN NEW.org_id END)) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, detail)
        VALUES (NEW.org_id, NEW.agent_id, NEW.key_id, what, 'by SQL', jsonb_build_object('from', OLD.state, 'to', NEW.state));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_key_state AFTER UPDATE ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION relay.audit_key_state();

-- Also for relay.end_token, which a responder may call by hand.
CREATE FUNCTION relay.audit_token_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text := CASE WHEN NEW.revoked_at IS NULL THEN 'token_state_changed' ELSE 'token_revoked' END;
BEGIN
    IF NOT relay.has_own_event(NULL, NEW.org_id, ARRAY[what]) THEN
        INSERT INTO relay.auth_events (org_id, key_id, action, reason) VALUES (NEW.org_id, NEW.token_id, what, 'by SQL');
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_token_end AFTER UPDATE ON relay.org_tokens DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION relay.audit_token_end();

-- At the end of the statement, for all its keys together, because keys are issued by the thousand. So the event must be written before the
-- key, or in the same statement.
CREATE FUNCTION relay.audit_new_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, actor)
    SELECT made.org_id, made.agent_id, made.key_id, 'key_issued', 'by SQL', made.created_by
    FROM made
    WHERE NOT EXISTS (SELECT FROM relay.auth_events AS e
                      WHERE e.agent_id = made.agent_id AND e.key_id = made.key_id AND e.occurred_at >= transaction_timestamp()
                        AND e.action IN ('key_issued', 'key_rotated', 'key_staged') AND e.db_role = SESSION_USER);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_new_keys AFTER INSERT ON relay.agent_keys REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION relay.audit_new_keys();
