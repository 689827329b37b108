-- The audit of more changes by SQL. Every table that decides who is accepted, and for what, has triggers for INSERT, UPDATE, DELETE and
-- TRUNCATE that write the event, unless the transaction has written its own (0015_change_audit.sql), or refuse the change; a test asks the
-- catalog for those of each table. None fires for what a call of a gateway writes. And names: of the database, and of what people read.

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
    IF NOT relay.has_own_event(NULL, NEW.org_id, ARRAY['token_issued'], NEW.token_id) THEN
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
    hidden text[] := ARRAY['key_hash', 'token_hash', 'secret_hash'];  -- no role may read them
    org    text := COALESCE(after ->> 'org_id', before ->> 'org_id');
    agent  text := COALESCE(after ->> 'agent_id', before ->> 'agent_id');
BEGIN
    IF NOT relay.has_own_event(agent, org, TG_ARGV) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, detail)
        VALUES (org, agent, (before || after) ->> CASE TG_TABLE_NAME WHEN 'org_tokens' THEN 'token_id' ELSE 'key_id' END,
                TG_ARGV[0], 'by SQL', jsonb_build_object(
            'table', TG_TABLE_NAME,
            'from', (SELECT jsonb_object_agg(b.key, b.value) FROM jsonb_each(before - hidden) AS b WHERE b.value IS DISTINCT FROM after -> b.key),
            'to', (SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each(after - hidden) AS a WHERE a.value IS DISTINCT FROM before -> a.key)));
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
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.deadline IS DISTINCT FROM NEW.deadline)
    EXECUTE FUNCTION relay.audit_window();

-- Rows that are made ---------------------------------------------------------------------------------------------------------------------

-- As for keys, all rows of a statement together, so the event must be written before, or in the same statement. The argument is the action.
CREATE FUNCTION relay.audit_new_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_hashjoin = on SET enable_nestloop = off
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    since timestamptz := transaction_timestamp();  -- variables: see relay.has_own_event
    up_to timestamptz := clock_timestamp() + interval '1 hour';
    few   boolean := (SELECT count(*) < 9 FROM (SELECT FROM made LIMIT 9) AS first);
BEGIN
    INSERT INTO relay.auth_events (org_id, agent_id, action, reason, detail)
    SELECT m.org_id, m.agent_id, TG_ARGV[0], 'by SQL',
           jsonb_build_object('table', TG_TABLE_NAME, 'to', jsonb_strip_nulls(m.content) - ARRAY['agent_id', 'org_id'])
    FROM (SELECT one.org_id, one.agent_id, to_jsonb(one) AS content
          FROM made AS one
          WHERE few AND NOT relay.has_own_event(one.agent_id, one.org_id, TG_ARGV)
          UNION ALL
          SELECT one.org_id, one.agent_id, to_jsonb(one)
          FROM made AS one
          WHERE NOT few
            AND NOT EXISTS (SELECT FROM relay.auth_events AS e
                            WHERE e.agent_id = one.agent_id AND e.occurred_at >= since AND e.occurred_at < up_to AND e.action = TG_ARGV[0]
                              AND e.db_role = SESSION_USER AND (e.reason IS DISTINCT FROM 'by SQL' OR e.trace_id IS NOT NULL))) AS m;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_new_agents AFTER INSERT ON relay.agents REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION relay.audit_new_rows('agent_created');
CREATE TRIGGER audit_import AFTER INSERT ON relay.legacy_agents REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION relay.audit_new_rows('migration_imported');
CREATE CONSTRAINT TRIGGER audit_new_organization AFTER INSERT ON relay.organizations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('org_created');

-- Blocks, revocations, stops -------------------------------------------------------------------------------------------------------------

-- These do not wait for a lock of the audit trail, and do not fail if it takes no event: their rows are evidence, too, which say when and
-- by whose session. Where the program leaves its events to a second transaction, it adds those that are not there
-- (lib/relay/incident/trail.hpp), so the event that is written here has the words of the program, which are in the row.
ALTER TABLE relay.legacy_stops ADD COLUMN ticket text, ADD COLUMN reason text,
    ADD COLUMN db_role text COLLATE "C", ALTER COLUMN db_role SET DEFAULT SESSION_USER;
COMMENT ON COLUMN relay.legacy_stops.db_role IS 'proven; null: of a stop that is older than this column';
GRANT INSERT (ticket, reason) ON relay.legacy_stops TO relay_provisioner, relay_responder;

CREATE FUNCTION relay.event_follows() RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT pg_catalog.current_setting('relay.wake', true) IS NOT DISTINCT FROM 'later' $$;

CREATE FUNCTION relay.shut_out_action(kind text, subject_kind text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT subject_kind || CASE kind WHEN 'block' THEN '_blocked' ELSE '_revoked' END $$;

-- The events since BEGIN are read once for all rows of the statement, in the order of time.
CREATE FUNCTION relay.audit_shut_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET enable_seqscan = off
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    since timestamptz := transaction_timestamp();  -- variables: see relay.has_own_event
    up_to timestamptz := clock_timestamp() + interval '1 hour';
BEGIN
    IF NOT relay.can_write('auth_events') THEN
        RETURN NULL;
    END IF;
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, ticket, actor, detail)
    SELECT CASE made.subject_kind WHEN 'org' THEN made.subject_id ELSE found.org_id END,
           CASE made.subject_kind WHEN 'agent' THEN made.subject_id ELSE found.agent_id END,
           CASE WHEN made.subject_kind IN ('key', 'device') THEN made.subject_id END,
           relay.shut_out_action(made.kind, made.subject_kind), CASE WHEN relay.event_follows() THEN made.reason ELSE 'by SQL' END,
           made.ticket, made.actor, jsonb_strip_nulls(jsonb_build_object(
               'revocation_id', made.revocation_id, 'note', CASE WHEN NOT relay.event_follows() THEN made.reason END,
               'until', to_char(made.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
    FROM made CROSS JOIN LATERAL relay.find_subjects(made.subject_kind, ARRAY[made.subject_id]) AS found
    WHERE (made.subject_id, relay.shut_out_action(made.kind, made.subject_kind) COLLATE "C") NOT IN (
              SELECT COALESCE(e.key_id, e.agent_id, e.org_id, ''), e.action FROM relay.auth_events AS e
              WHERE e.occurred_at >= since AND e.occurred_at < up_to AND e.db_role = SESSION_USER AND e.detail -> 'revocation_id' IS NULL)
    ORDER BY made.revocation_id;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        RAISE LOG 'the audit trail took no event of a block or a revocation: %', SQLERRM;
        RETURN NULL;
END
$$;
CREATE TRIGGER audit_shut_out AFTER INSERT ON relay.revocations REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION relay.audit_shut_out();

-- A lift has its own trigger. Nothing of ours changes such a row otherwise, or deletes it.
CREATE FUNCTION relay.audit_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, ticket, actor, detail)
    SELECT CASE OLD.subject_kind WHEN 'org' THEN OLD.subject_id ELSE found.org_id END,
           CASE OLD.subject_kind WHEN 'agent' THEN OLD.subject_id ELSE found.agent_id END,
           CASE WHEN OLD.subject_kind IN ('key', 'device') THEN OLD.subject_id END,
           CASE TG_OP WHEN 'DELETE' THEN 'revocation_deleted' ELSE 'revocation_changed' END, 'by SQL', OLD.ticket, OLD.actor,
           jsonb_strip_nulls(jsonb_build_object('from', to_jsonb(OLD), 'to', to_jsonb(NEW)))
    FROM relay.find_subjects(OLD.subject_kind, ARRAY[OLD.subject_id]) AS found;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_change AFTER UPDATE ON relay.revocations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT DISTINCT FROM NEW.lifted_at AND OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION relay.audit_revocation();
CREATE CONSTRAINT TRIGGER audit_delete AFTER DELETE ON relay.revocations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_revocation();

CREATE FUNCTION relay.audit_stop() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    IF NOT relay.can_write('auth_events') THEN
        RETURN NULL;
    END IF;
    IF NOT relay.has_own_event(NULL, NULL, ARRAY['migration_denied_all']) THEN
        INSERT INTO relay.auth_events (action, reason, ticket, actor, detail)
        VALUES ('migration_denied_all', CASE WHEN relay.event_follows() THEN NEW.reason ELSE 'by SQL' END, NEW.ticket, NEW.stopped_by,
                jsonb_strip_nulls(jsonb_build_object('migration_id', (SELECT max(m.migration_id) FROM relay.legacy_migrations AS m),
                                                     'note', CASE WHEN NOT relay.event_follows() THEN NEW.reason END)));
    END IF;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        RAISE LOG 'the audit trail took no event of the stop: %', SQLERRM;
        RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_stop AFTER INSERT ON relay.legacy_stops DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_stop();

-- Which agents may use the shared secret. One event of the program describes a whole wave.
CREATE FUNCTION relay.audit_listing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT relay.has_own_event(NULL, NULL, ARRAY['migration_started', 'migration_wave_opened']) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, action, reason, detail)
        VALUES (NEW.org_id, NEW.agent_id, 'migration_listed', 'by SQL',
                jsonb_build_object('migration_id', NEW.migration_id, 'wave', NEW.wave));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_listing AFTER UPDATE OF migration_id, wave ON relay.legacy_agents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.migration_id IS DISTINCT FROM NEW.migration_id OR OLD.wave IS DISTINCT FROM NEW.wave)
    EXECUTE FUNCTION relay.audit_listing();
CREATE CONSTRAINT TRIGGER audit_owner AFTER UPDATE OF owner ON relay.legacy_agents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.owner IS DISTINCT FROM NEW.owner) EXECUTE FUNCTION relay.audit_change('migration_owner_changed');

-- Other changes --------------------------------------------------------------------------------------------------------------------------

-- A condition compares column by column: pg_dump writes a row of three columns in another form, and `schema verify` would report that.

CREATE CONSTRAINT TRIGGER audit_agent AFTER UPDATE OF agent_id, org_id, name, owner, labels, key_max_age, created_at, created_by
    ON relay.agents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.agent_id <> NEW.agent_id OR OLD.org_id <> NEW.org_id OR OLD.name <> NEW.name OR OLD.owner IS DISTINCT FROM NEW.owner
          OR OLD.labels <> NEW.labels OR OLD.key_max_age IS DISTINCT FROM NEW.key_max_age
          OR OLD.created_at <> NEW.created_at OR OLD.created_by <> NEW.created_by)
    EXECUTE FUNCTION relay.audit_change('agent_updated');
-- By columns that neither a call nor a rotation sets.
CREATE CONSTRAINT TRIGGER audit_key AFTER UPDATE OF key_id, agent_id, org_id, key_hash, hash_algorithm, made_order, created_at, created_by
    ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.key_id <> NEW.key_id OR OLD.agent_id <> NEW.agent_id OR OLD.org_id <> NEW.org_id OR OLD.key_hash <> NEW.key_hash
          OR OLD.hash_algorithm <> NEW.hash_algorithm OR OLD.made_order <> NEW.made_order
          OR OLD.created_at <> NEW.created_at OR OLD.created_by <> NEW.created_by)
    EXECUTE FUNCTION relay.audit_change('key_changed');
CREATE CONSTRAINT TRIGGER audit_key_terms AFTER UPDATE OF replaced_by, retire_on_first_use, deliver_until, settle_until
    ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.state = NEW.state AND OLD.expires_at IS NOT DISTINCT FROM NEW.expires_at
          AND (OLD.replaced_by IS DISTINCT FROM NEW.replaced_by OR OLD.retire_on_first_use <> NEW.retire_on_first_use
               OR OLD.deliver_until IS DISTINCT FROM NEW.deliver_until OR OLD.settle_until IS DISTINCT FROM NEW.settle_until))
    EXECUTE FUNCTION relay.audit_change('key_changed', 'key_issued', 'key_staged', 'key_rotated', 'key_retiring', 'key_retired',
                                        'key_revoked', 'key_rotation_reverted', 'agent_restored');
CREATE CONSTRAINT TRIGGER audit_token AFTER UPDATE OF token_id, org_id, token_hash, hash_algorithm, created_at, created_by
    ON relay.org_tokens DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT DISTINCT FROM NEW.revoked_at AND OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION relay.audit_change('token_state_changed');
CREATE CONSTRAINT TRIGGER audit_roles AFTER INSERT OR UPDATE OR DELETE ON relay.roles DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('role_changed', 'role_created', 'role_deleted');
-- A change of what was said that leaves the plan as it is has no event.
CREATE CONSTRAINT TRIGGER audit_subscription AFTER INSERT OR DELETE ON relay.subscriptions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_change('plan_changed');
CREATE CONSTRAINT TRIGGER audit_subscription_end AFTER UPDATE ON relay.subscriptions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.org_id <> NEW.org_id OR OLD.state <> NEW.state OR OLD.ends_at IS DISTINCT FROM NEW.ends_at)
    EXECUTE FUNCTION relay.audit_change('plan_changed');
-- Gateways make and end holds, and prune_usage removes those that have ended.
CREATE CONSTRAINT TRIGGER audit_hold AFTER UPDATE OF org_id, meter, hold_id, amount, provider, since ON relay.holds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.org_id <> NEW.org_id OR OLD.meter <> NEW.meter OR OLD.hold_id <> NEW.hold_id OR OLD.amount <> NEW.amount
          OR OLD.provider IS DISTINCT FROM NEW.provider OR OLD.since <> NEW.since) EXECUTE FUNCTION relay.audit_change('hold_changed');
CREATE CONSTRAINT TRIGGER audit_open_hold AFTER DELETE ON relay.holds DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION relay.audit_change('hold_deleted', 'hold_released');
-- A guess takes attempts, and a pairing that is redeemed gets its device.
CREATE CONSTRAINT TRIGGER audit_pairing AFTER UPDATE ON relay.pairings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.agent_id <> NEW.agent_id OR OLD.org_id <> NEW.org_id OR OLD.secret_hash <> NEW.secret_hash
                       OR OLD.expires_at < NEW.expires_at OR OLD.attempts_left < NEW.attempts_left
                       OR (OLD.device_id IS NOT NULL AND OLD.device_id IS DISTINCT FROM NEW.device_id))
    EXECUTE FUNCTION relay.audit_change('pairing_changed', 'pairing_started');
-- prune_changes removes acknowledgements of gateways that have been silent for 7 days.
CREATE CONSTRAINT TRIGGER audit_gateway AFTER DELETE ON relay.gateway_acks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.at > pg_catalog.clock_timestamp() - interval '1 day')
    EXECUTE FUNCTION relay.audit_change('gateway_deleted');

CREATE FUNCTION relay.audit_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.auth_events (action, reason, detail)
    VALUES ('table_truncated', 'by SQL', jsonb_build_object('table', TG_TABLE_NAME));
    RETURN NULL;
END
$$;
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN VALUES ('organizations', 'org_deleted'), ('agents', 'agent_deleted'), ('agent_keys', 'key_deleted'),
                        ('org_tokens', 'token_deleted'), ('plans', 'plan_deleted') LOOP
        EXECUTE pg_catalog.format('CREATE CONSTRAINT TRIGGER audit_delete AFTER DELETE ON relay.%I DEFERRABLE INITIALLY DEFERRED '
            'FOR EACH ROW EXECUTE FUNCTION relay.audit_change(%L)', place.column1, place.column2);
    END LOOP;
    FOR place IN VALUES ('meters'), ('policy_settings') LOOP  -- only a migration changes them
        EXECUTE pg_catalog.format('CREATE CONSTRAINT TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON relay.%I '
            'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION relay.audit_change(%L)', place.column1, place.column1 || '_changed');
    END LOOP;
    FOR place IN SELECT pg_catalog.unnest('{organizations,agents,agent_keys,org_tokens,revocations,agent_conditions,roles,role_permissions,
            agent_roles,plans,meters,limits,subscriptions,usage,holds,call_policies,policy_settings,devices,spent_tokens,pairings,
            gateway_acks}'::text[]) AS name LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER audit_truncate AFTER TRUNCATE ON relay.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION relay.audit_truncate()', place.name);
    END LOOP;
END
$$;

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
