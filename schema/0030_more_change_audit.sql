-- The audit of more changes by SQL: of the expiry of a key, a new admin token, permissions and roles, what an organization may do, plans and
-- limits, and the window of the shared secret. As in 0015_change_audit.sql, a trigger writes the event unless the transaction has written
-- its own.
-- And names: of the database, and of what people read in lists.

-- As in 0015, by an index in each case: a change by SQL of many rows asks once for each, and adds an event each time.
CREATE OR REPLACE FUNCTION relay.has_own_event(about_agent text, about_org text, what text[], about_key text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF about_agent IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM relay.auth_events AS e
                       WHERE e.agent_id = about_agent AND e.occurred_at >= transaction_timestamp() AND e.action = ANY (what)
                         AND e.db_role = SESSION_USER
                         AND (about_key IS NULL OR e.key_id = about_key OR e.detail ->> 'previous_key_id' = about_key));
    END IF;
    IF about_org IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM relay.auth_events AS e
                       WHERE e.org_id = about_org AND e.agent_id IS NULL AND e.outcome = 'ok' AND e.occurred_at >= transaction_timestamp()
                         AND e.action = ANY (what) AND e.db_role = SESSION_USER);
    END IF;
    RETURN EXISTS (SELECT FROM relay.auth_events AS e
                   WHERE e.org_id IS NULL AND e.agent_id IS NULL AND e.outcome = 'ok' AND e.occurred_at >= transaction_timestamp()
                     AND e.action = ANY (what) AND e.db_role = SESSION_USER);
END
$$;

-- As in 0015, but a caller that has switched hash joins off does not decide about the plan: then each key would read all events of its
-- transaction, and the time of a batch would grow with the square of its size.
CREATE OR REPLACE FUNCTION relay.audit_new_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_hashjoin = on AS $$
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

-- The end of a grace is a promise that the key stops working. Not BEFORE UPDATE: see relay.keep_ended.
CREATE FUNCTION relay.keep_end_of_grace() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'key % is in grace until %: its end is never moved to a later time', OLD.key_id, OLD.expires_at
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER keep_end_of_grace AFTER UPDATE OF expires_at ON relay.agent_keys
    FOR EACH ROW WHEN (OLD.state = 'retiring' AND NEW.state = 'retiring' AND NEW.expires_at > OLD.expires_at)
    EXECUTE FUNCTION relay.keep_end_of_grace();

CREATE FUNCTION relay.audit_key_expiry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT relay.has_own_event(NEW.agent_id, NEW.org_id, ARRAY['key_retiring', 'key_expiry_changed'], NEW.key_id) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, detail)
        VALUES (NEW.org_id, NEW.agent_id, NEW.key_id, 'key_expiry_changed', 'by SQL',
                jsonb_build_object('from', OLD.expires_at, 'to', NEW.expires_at));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_key_expiry AFTER UPDATE ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state = NEW.state AND OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION relay.audit_key_expiry();

CREATE FUNCTION relay.audit_new_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM relay.auth_events AS e
                   WHERE e.occurred_at >= transaction_timestamp() AND e.org_id = NEW.org_id AND e.key_id = NEW.token_id
                     AND e.action = 'token_issued' AND e.db_role = SESSION_USER) THEN
        INSERT INTO relay.auth_events (org_id, key_id, action, reason) VALUES (NEW.org_id, NEW.token_id, 'token_issued', 'by SQL');
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_new_token AFTER INSERT ON relay.org_tokens DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_new_token();

-- The first argument is the action of the event. The others are those with which the program records the same change.
CREATE FUNCTION relay.audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before jsonb := COALESCE(to_jsonb(OLD), '{}');
    after  jsonb := COALESCE(to_jsonb(NEW), '{}');
    org    text := COALESCE(after ->> 'org_id', before ->> 'org_id');
    agent  text := COALESCE(after ->> 'agent_id', before ->> 'agent_id');
BEGIN
    IF NOT relay.has_own_event(agent, org, TG_ARGV) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, action, reason, detail)
        VALUES (org, agent, TG_ARGV[0], 'by SQL', jsonb_build_object(
            'table', TG_TABLE_NAME,
            'from', (SELECT jsonb_object_agg(b.key, b.value) FROM jsonb_each(before) AS b WHERE b.value IS DISTINCT FROM after -> b.key),
            'to', (SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each(after) AS a WHERE a.value IS DISTINCT FROM before -> a.key)));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_permissions AFTER UPDATE ON relay.agents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.permissions IS DISTINCT FROM NEW.permissions)
    EXECUTE FUNCTION relay.audit_change('permissions_changed', 'permission_granted', 'permission_revoked');
CREATE CONSTRAINT TRIGGER audit_conditions AFTER INSERT OR UPDATE OR DELETE ON relay.agent_conditions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('permissions_changed', 'permission_granted', 'permission_revoked');
CREATE CONSTRAINT TRIGGER audit_roles AFTER INSERT OR UPDATE OR DELETE ON relay.agent_roles DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('permissions_changed', 'role_assigned', 'role_unassigned');
CREATE CONSTRAINT TRIGGER audit_role_permissions AFTER INSERT OR UPDATE OR DELETE ON relay.role_permissions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION relay.audit_change('permissions_changed', 'permission_granted', 'permission_revoked', 'role_deleted');
CREATE CONSTRAINT TRIGGER audit_organization AFTER UPDATE ON relay.organizations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION relay.audit_change('org_updated', 'plan_changed');
CREATE CONSTRAINT TRIGGER audit_new_limit AFTER INSERT OR DELETE ON relay.limits DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION relay.audit_change('limits_changed', 'org_created', 'org_updated', 'plan_created', 'plan_updated', 'policy_changed');
CREATE CONSTRAINT TRIGGER audit_limit AFTER UPDATE ON relay.limits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION relay.audit_change('limits_changed', 'org_created', 'org_updated', 'plan_created', 'plan_updated', 'policy_changed');
CREATE CONSTRAINT TRIGGER audit_new_plan AFTER INSERT ON relay.plans DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('plan_created');
CREATE CONSTRAINT TRIGGER audit_plan AFTER UPDATE ON relay.plans DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION relay.audit_change('plan_updated');

CREATE FUNCTION relay.audit_window() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text := CASE WHEN TG_OP = 'INSERT' THEN 'migration_started'
                      WHEN NEW.state = 'aborted' THEN 'migration_aborted'
                      WHEN NEW.state = 'finished' THEN 'migration_finished'
                      WHEN NEW.deadline < OLD.deadline THEN 'migration_shortened'
                      ELSE 'migration_extended' END;
BEGIN
    -- An emergency stop waits for no lock of the audit trail: its event may follow in another transaction, and its row is evidence. A
    -- separate IF, because reading the trail waits, too, and within one condition SQL chooses the order.
    IF EXISTS (SELECT FROM relay.legacy_stops AS stop WHERE stop.stopped_at >= transaction_timestamp()) THEN
        RETURN NULL;
    END IF;
    IF NOT relay.has_own_event(NULL, NULL, ARRAY[what, 'migration_started', 'migration_extended']) THEN
        INSERT INTO relay.auth_events (action, reason, actor, detail)
        VALUES (what, 'by SQL', CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by ELSE NEW.closed_by END,
                jsonb_build_object('migration_id', NEW.migration_id, 'state', NEW.state, 'deadline', NEW.deadline)
                || CASE TG_OP WHEN 'INSERT' THEN '{}' ELSE
                       jsonb_build_object('state_before', OLD.state, 'deadline_before', OLD.deadline) END);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_new_window AFTER INSERT ON relay.legacy_migrations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_window();
CREATE CONSTRAINT TRIGGER audit_window AFTER UPDATE ON relay.legacy_migrations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((OLD.state, OLD.deadline) IS DISTINCT FROM (NEW.state, NEW.deadline)) EXECUTE FUNCTION relay.audit_window();

-- Names ----------------------------------------------------------------------------------------------------------------------------------

-- The class is that of the program (lib/relay/model/unicode.hpp): the blanks of Unicode, and the empty Braille pattern.
CREATE FUNCTION relay.has_blank_end(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT value ~ '^[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]|[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]$'
$$;
COMMENT ON FUNCTION relay.has_blank_end(text) IS 'true for a text with a blank at one of its ends: no one sees it in a list';
GRANT EXECUTE ON FUNCTION relay.has_blank_end(text) TO relay_provisioner;

-- No constraint: rows that have such a name already must still take every other change.
CREATE FUNCTION relay.refuse_blank_end() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a name must not begin or end with a blank' USING ERRCODE = 'check_violation';
END
$$;
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN VALUES ('organizations', 'name'), ('agents', 'name'), ('agents', 'owner'), ('roles', 'name'), ('devices', 'name') LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER %I BEFORE INSERT ON relay.%I FOR EACH ROW '
            'WHEN (relay.has_blank_end(NEW.%I)) EXECUTE FUNCTION relay.refuse_blank_end()',
            'visible_new_' || place.column2, place.column1, place.column2);
        EXECUTE pg_catalog.format('CREATE TRIGGER %I BEFORE UPDATE OF %I ON relay.%I FOR EACH ROW '
            'WHEN (relay.has_blank_end(NEW.%I) AND NEW.%I IS DISTINCT FROM OLD.%I) EXECUTE FUNCTION relay.refuse_blank_end()',
            'visible_' || place.column2, place.column2, place.column1, place.column2, place.column2, place.column2);
    END LOOP;
END
$$;

-- As in 0018_database_name.sql, but the name can be seen and typed, and the event is there when the name is.
CREATE OR REPLACE FUNCTION relay.name_database(name text, production boolean, actor text, reason text DEFAULT NULL,
                                               ticket text DEFAULT NULL, trace_id text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before text := obj_description('relay'::regnamespace, 'pg_namespace');
BEGIN
    IF name IS NULL OR production IS NULL THEN
        RAISE EXCEPTION 'a database needs a name, and is marked as production or not' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF name = '' OR NOT relay.is_visible(name) OR relay.has_blank_end(name) OR octet_length(name) > 63 THEN
        RAISE EXCEPTION 'the name of a database has 1 to 63 bytes that can be seen, and no blank at its ends'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('COMMENT ON SCHEMA relay IS %L', CASE WHEN production THEN 'production ' ELSE '' END || 'database ' || name);
    INSERT INTO relay.auth_events (action, reason, ticket, actor, trace_id, detail)
    VALUES ('database_named', name_database.reason, name_database.ticket, name_database.actor, name_database.trace_id,
            jsonb_build_object('name', name, 'production', production, 'comment_before', before));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an event of the audit trail (relay.auth_events)' USING ERRCODE = 'RA001';
    END IF;
END
$$;
