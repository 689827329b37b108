-- The second half of drift_changes.sql: functions, triggers, policies, types, rights, roles, and what is attached from outside.

--- [13] function: body => function relay.refuse_change()
CREATE OR REPLACE FUNCTION relay.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS 'BEGIN RETURN NEW; END';
--- [13] function: the rights of whoever calls => function relay.verify_key
ALTER FUNCTION relay.verify_key(text, bytea, text) SECURITY INVOKER;
--- [13] function: search path => function relay.verify_key
ALTER FUNCTION relay.verify_key(text, bytea, text) SET search_path = public;
--- [13] function: no settings => function relay.verify_key
ALTER FUNCTION relay.verify_key(text, bytea, text) RESET ALL;
--- [13] function: another setting => session_replication_role=replica
ALTER FUNCTION relay.verify_key(text, bytea, text) SET session_replication_role = 'replica';
--- [13] function: volatility => function relay.verify_key
ALTER FUNCTION relay.verify_key(text, bytea, text) IMMUTABLE;
--- [13] function: nothing for null => proisstrict=true
ALTER FUNCTION relay.verify_key(text, bytea, text) STRICT;
--- [13] function: leakproof => proleakproof=true
ALTER FUNCTION relay.current_org() LEAKPROOF;
--- [13] function: parallel => function relay.current_org()
ALTER FUNCTION relay.current_org() PARALLEL RESTRICTED;
--- [13] function: cost => procost=1
ALTER FUNCTION relay.verify_key(text, bytea, text) COST 1;
--- [13] function: rows => prorows=1
ALTER FUNCTION relay_api.changes_since(text, integer) ROWS 1;
--- [13] function: support => prosupport=
ALTER FUNCTION relay.permission_is_valid(text) SUPPORT pg_catalog.textlike_support;
--- [13] function: owner => function relay.verify_key
ALTER FUNCTION relay.verify_key(text, bytea, text) OWNER TO CURRENT_USER;
--- [13] function: default of an argument => defaults 4
CREATE OR REPLACE FUNCTION relay.ensure_event_partitions(months_ahead integer DEFAULT 4) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer FROM relay.make_event_months(months_ahead)
$$;
--- [13] function: language => in plpgsql
CREATE OR REPLACE FUNCTION relay.permission_is_valid(permission text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
--- [13] function: overloaded => function relay_api.authorize(
CREATE FUNCTION relay_api.authorize(agent_id text, permission text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
--- [13] function: renamed => function relay.other(
ALTER FUNCTION relay.verify_key(text, bytea, text) RENAME TO other;
--- [13] function: in another schema => function relay.as_event(
ALTER FUNCTION relay.as_event(relay.event_floods) SET SCHEMA public;
--- [13] function: dropped => function relay.drop_event_months(
DROP FUNCTION relay.drop_event_months(integer, text, text, text, text);
--- [13] function: an aggregate => function relay.total(
CREATE AGGREGATE relay.total(integer) (SFUNC = int4pl, STYPE = integer);
--- [13] function: a procedure => function relay.do_it(
CREATE PROCEDURE relay.do_it() LANGUAGE sql AS 'SELECT 1';
--- [14] function: a body that is parsed => prosqlbody=
CREATE OR REPLACE FUNCTION relay.permission_is_valid(permission text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true;
--- [13] function: belongs to an extension => extension plpgsql holds function relay.refuse_change()
ALTER EXTENSION plpgsql ADD FUNCTION relay.refuse_change();
--- [13] function: goes with an extension => extension plpgsql holds function relay.refuse_change()
ALTER FUNCTION relay.refuse_change() DEPENDS ON EXTENSION plpgsql;

--- [13] trigger: disabled => trigger relay.auth_events append_only
ALTER TABLE relay.auth_events DISABLE TRIGGER append_only;
--- [13] trigger: all of a partition disabled => trigger relay.auth_events_default append_only
ALTER TABLE relay.auth_events_default DISABLE TRIGGER ALL;
--- [13] trigger: only in a replica's sessions => tgenabled=R
ALTER TABLE relay.auth_events ENABLE REPLICA TRIGGER append_only;
--- [13] trigger: always => tgenabled=A
ALTER TABLE relay.auth_events ENABLE ALWAYS TRIGGER append_only;
--- [13] trigger: those of foreign keys disabled => trigger relay.agents of constraint agents_org_id_fkey
ALTER TABLE relay.agents DISABLE TRIGGER ALL;
--- [13] trigger: dropped => trigger relay.revocations keep_lifted
DROP TRIGGER keep_lifted ON relay.revocations;
--- [13] trigger: of a month dropped => append_only_truncate
DO $$ BEGIN EXECUTE 'DROP TRIGGER append_only_truncate ON ' || (SELECT partition FROM relay.event_months() ORDER BY month LIMIT 1); END $$;
--- [13] trigger: of a month disabled => append_only:
DO $$ BEGIN EXECUTE 'ALTER TABLE ' || (SELECT partition FROM relay.event_months() ORDER BY month LIMIT 1) || ' DISABLE TRIGGER append_only'; END $$;
--- [13] trigger: another function => trigger relay.revocations keep_lifted
DROP TRIGGER keep_lifted ON relay.revocations;
CREATE TRIGGER keep_lifted BEFORE UPDATE ON relay.revocations FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL)
    EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();
--- [13] trigger: another condition => trigger relay.revocations keep_lifted
DROP TRIGGER keep_lifted ON relay.revocations;
CREATE TRIGGER keep_lifted BEFORE UPDATE ON relay.revocations FOR EACH ROW WHEN (false) EXECUTE FUNCTION relay.keep_lifted();
--- [13] trigger: other columns => trigger relay.organizations announce_change
DROP TRIGGER announce_change ON relay.organizations;
CREATE TRIGGER announce_change AFTER UPDATE OF name ON relay.organizations FOR EACH ROW
    WHEN (OLD.auth_mode IS DISTINCT FROM NEW.auth_mode) EXECUTE FUNCTION relay.announce_auth_mode();
--- [13] trigger: an argument => trigger relay.auth_events append_only_truncate
DROP TRIGGER append_only_truncate ON relay.auth_events;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.auth_events FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change('x');
--- [13] trigger: after, not before => trigger relay.auth_events append_only_truncate
DROP TRIGGER append_only_truncate ON relay.auth_events;
CREATE TRIGGER append_only_truncate AFTER TRUNCATE ON relay.auth_events FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
--- [13] trigger: another one => trigger relay.revocations swallow
CREATE TRIGGER swallow BEFORE INSERT ON relay.revocations FOR EACH ROW
    EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();
--- [13] trigger: a constraint trigger => trigger relay.agents of constraint late
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON relay.agents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION relay.refuse_change();
--- [13] trigger: renamed => trigger relay.revocations other
ALTER TRIGGER keep_lifted ON relay.revocations RENAME TO other;
--- [13] trigger: of an event => object event trigger veto
CREATE FUNCTION relay.veto() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER veto ON sql_drop EXECUTE FUNCTION relay.veto();

--- [13] policy: dropped => policy relay.agents tenant
DROP POLICY tenant ON relay.agents;
--- [13] policy: another condition => policy relay.agents tenant
ALTER POLICY tenant ON relay.agents USING (true);
--- [13] policy: for others => policy relay.agents staff
ALTER POLICY staff ON relay.agents TO PUBLIC;
--- [13] policy: what may be written => policy relay.agents staff
ALTER POLICY staff ON relay.agents WITH CHECK (false);
--- [13] policy: another one => policy relay.agents extra
CREATE POLICY extra ON relay.agents FOR SELECT TO relay_tenant USING (true);
--- [13] policy: a restrictive one => restrictive
CREATE POLICY extra ON relay.agents AS RESTRICTIVE USING (false);
--- [13] policy: of a partition => policy relay.auth_events_default extra
CREATE POLICY extra ON relay.auth_events_default USING (true);
--- [13] policy: renamed => policy relay.agents other
ALTER POLICY tenant ON relay.agents RENAME TO other;
--- [13] policy: for another command => policy relay.agents tenant for *
DROP POLICY tenant ON relay.agents;
CREATE POLICY tenant ON relay.agents FOR ALL TO relay_tenant USING (org_id = (SELECT relay.current_org()));

--- [13] type: an attribute more => column relay_api.auth_decision.zzz
ALTER TYPE relay_api.auth_decision ADD ATTRIBUTE zzz text;
--- [13] type: an attribute less => column relay_api.permission_decision.conditions
ALTER TYPE relay_api.permission_decision DROP ATTRIBUTE conditions;
--- [13] type: an attribute renamed => column relay_api.permission_decision.why
ALTER TYPE relay_api.permission_decision RENAME ATTRIBUTE reason TO why;
--- [13] type: owner => type relay_api.auth_decision
ALTER TYPE relay_api.auth_decision OWNER TO CURRENT_USER;
--- [13] type: renamed => type relay_api.decision
ALTER TYPE relay_api.auth_decision RENAME TO decision;
--- [13] type: an enumeration => type relay.extra labels 'a', 'b'
CREATE TYPE relay.extra AS ENUM ('a', 'b');
--- [13] type: a range => type relay.extra of
CREATE TYPE relay.extra AS RANGE (subtype = text);
--- [13] type: a domain with a condition => constraint relay.extra short
CREATE DOMAIN relay.extra AS text CONSTRAINT short CHECK (length(VALUE) < 3);
--- [13] type: a shell => type relay.extra
CREATE TYPE relay.extra;
--- [13] type: not for all => no usage on type relay_api.auth_decision for public
REVOKE USAGE ON TYPE relay_api.auth_decision FROM PUBLIC;
--- [13] type: of a table, not for all => no usage on type relay.agents for public
REVOKE USAGE ON TYPE relay.agents FROM PUBLIC;
--- [13] type: granted => grant usage on type relay_api.auth_decision to relay_tenant
GRANT USAGE ON TYPE relay_api.auth_decision TO relay_tenant;

--- [13] right: a table for PUBLIC => grant select on relation relay.agents to public
GRANT SELECT ON relay.agents TO PUBLIC;
--- [13] right: a table for a group => grant select on relation relay.agents to relay_gateway
GRANT SELECT ON relay.agents TO relay_gateway;
--- [13] right: revoked => grant select on relation relay.agents to relay_auditor
REVOKE SELECT ON relay.agents FROM relay_auditor;
--- [13] right: to grant => with grant option
GRANT SELECT ON relay.agents TO relay_auditor WITH GRANT OPTION;
--- [13] right: the hash of a key => grant select on column relay.agent_keys.key_hash to relay_auditor
GRANT SELECT (key_hash) ON relay.agent_keys TO relay_auditor;
--- [13] right: a column revoked => column relay.revocations.ticket to relay_responder
REVOKE INSERT (ticket) ON relay.revocations FROM relay_responder;
--- [13] right: a partition => grant select on relation relay.auth_events_default to relay_auditor
GRANT SELECT ON relay.auth_events_default TO relay_auditor;
--- [13] right: a function for PUBLIC => grant execute on function relay.verify_key
GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO PUBLIC;
--- [13] right: a function revoked => relay_api.authenticate(
REVOKE EXECUTE ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text, boolean) FROM relay_gateway;
--- [13] right: a sequence => grant usage on relation relay.auth_events_event_id_seq to public
GRANT USAGE ON SEQUENCE relay.auth_events_event_id_seq TO PUBLIC;
--- [13] right: a schema => grant create on schema relay to relay_provisioner
GRANT CREATE ON SCHEMA relay TO relay_provisioner;
--- [13] right: a schema revoked => grant usage on schema relay_api to relay_gateway
REVOKE USAGE ON SCHEMA relay_api FROM relay_gateway;
--- [13] right: a view => grant select on relation relay.agent_status to relay_tenant
GRANT SELECT ON relay.agent_status TO relay_tenant;
--- [17] right: to maintain => grant maintain on relation relay.agents to relay_auditor
GRANT MAINTAIN ON relay.agents TO relay_auditor;
--- [13] right: the owner has none => owner's rights on relation relay.agents: none
REVOKE ALL ON relay.agents FROM relay_owner;
--- [13] right: the owner may delete events => owner's rights on relation relay.auth_events
GRANT DELETE ON relay.auth_events TO relay_owner;
--- [13] right: the owner may not call => owner's rights on function relay.verify_key
REVOKE EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) FROM relay_owner;
--- [13] right: later functions for PUBLIC => default rights on functions of relay_owner
ALTER DEFAULT PRIVILEGES FOR ROLE relay_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
--- [13] right: later tables => default rights on tables of relay_owner
ALTER DEFAULT PRIVILEGES FOR ROLE relay_owner GRANT SELECT ON TABLES TO PUBLIC;
--- [13] right: later tables of one schema => default rights on tables in schema relay
ALTER DEFAULT PRIVILEGES IN SCHEMA relay GRANT SELECT ON TABLES TO PUBLIC;
--- [13] schema: owner => schema relay owner
ALTER SCHEMA relay OWNER TO CURRENT_USER;
--- [15] right: a setting of the server => right of relay_provisioner on parameter
GRANT SET ON PARAMETER session_replication_role TO relay_provisioner;

--- [13] role: may log in => role relay_gateway rolcanlogin=true
ALTER ROLE relay_gateway LOGIN;
--- [13] role: superuser => role relay_gateway rolsuper=true
ALTER ROLE relay_gateway SUPERUSER;
--- [13] role: past row level security => role relay_tenant rolbypassrls=true
ALTER ROLE relay_tenant BYPASSRLS;
--- [13] role: makes roles => role relay_provisioner rolcreaterole=true
ALTER ROLE relay_provisioner CREATEROLE;
--- [13] role: makes databases => role relay_owner rolcreatedb=true
ALTER ROLE relay_owner CREATEDB;
--- [13] role: replicates => role relay_auditor rolreplication=true
ALTER ROLE relay_auditor REPLICATION;
--- [13] role: hands on no rights => role relay_responder rolinherit=false
ALTER ROLE relay_responder NOINHERIT;
--- [13] role: connections => role relay_gateway rolconnlimit=1
ALTER ROLE relay_gateway CONNECTION LIMIT 1;
--- [13] role: an end => rolvaliduntil=
ALTER ROLE relay_gateway VALID UNTIL '2040-01-01';
--- [13] role: settings => setting work_mem=64kB of role relay_gateway
ALTER ROLE relay_gateway SET work_mem = '64kB';
--- [13] role: renamed => role relay_tenant
ALTER ROLE relay_tenant RENAME TO tenant_of_relay;
--- [13] role: one that reads everything => membership of relay_gateway in pg_read_all_settings
GRANT pg_read_all_settings TO relay_gateway;
--- [13] role: one of ours in another => membership of relay_gateway in relay_auditor
GRANT relay_auditor TO relay_gateway;
--- [13] role: a login in relay_owner => membership of some_login in relay_owner
CREATE ROLE some_login LOGIN;
GRANT relay_owner TO some_login;
--- [13] role: a login that lets others in => membership of some_login in relay_gateway with admin option
CREATE ROLE some_login LOGIN;
GRANT relay_gateway TO some_login WITH ADMIN OPTION;
--- [13] setting: triggers of this database are off => setting session_replication_role=replica
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', current_database()); END $$;

--- [13] setting: triggers are off for a login => setting session_replication_role=replica of role some_login
CREATE ROLE some_login LOGIN;
ALTER ROLE some_login SET session_replication_role = replica;
--- [13] setting: triggers are off for a login in this database => setting session_replication_role=replica of role some_login in
CREATE ROLE some_login LOGIN;
DO $$ BEGIN EXECUTE format('ALTER ROLE some_login IN DATABASE %I SET session_replication_role = replica', current_database()); END $$;

--- [13] outside: a function with the rights of relay_owner => owned by relay_owner: function public.backdoor()
CREATE FUNCTION public.backdoor() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE relay.agents SET name = name';
ALTER FUNCTION public.backdoor() OWNER TO relay_owner;
--- [13] outside: statistics => object statistics object relay.extra
CREATE STATISTICS relay.extra ON org_id, agent_id FROM relay.agents;
--- [13] outside: a publication => object publication relation relay.agents
CREATE PUBLICATION extra FOR TABLE relay.agents;
--- [15] outside: a publication of the schema => object publication namespace relay
CREATE PUBLICATION extra FOR TABLES IN SCHEMA relay;
--- [13] outside: a publication of everything => object publication extra of all tables
CREATE PUBLICATION extra FOR ALL TABLES;
--- [13] outside: an event trigger whose function is not ours => object event trigger veto
CREATE FUNCTION public.veto() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
CREATE EVENT TRIGGER veto ON ddl_command_start EXECUTE FUNCTION public.veto();
--- [13] outside: a subscription that writes here => subscription of relay.agents
INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) VALUES (1, 'relay.agents'::regclass, 'r');
--- [13] outside: a cast => object cast
CREATE CAST (relay_api.permission_decision AS text) WITH INOUT AS IMPLICIT;
--- [13] outside: an operator => object operator relay.===
CREATE OPERATOR relay.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
--- [13] outside: an operator class => object operator class relay.extra
CREATE OPERATOR CLASS relay.extra FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 hashtext(text);
--- [13] outside: an operator family => object operator family relay.extra
CREATE OPERATOR FAMILY relay.extra USING btree;
--- [13] outside: a collation => object collation relay.extra
CREATE COLLATION relay.extra FROM "C";
--- [13] outside: a conversion => object conversion relay.extra
CREATE CONVERSION relay.extra FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
--- [13] outside: a text search configuration => object text search configuration relay.extra
CREATE TEXT SEARCH CONFIGURATION relay.extra (COPY = pg_catalog.simple);
--- [13] outside: a text search dictionary => object text search dictionary relay.extra
CREATE TEXT SEARCH DICTIONARY relay.extra (TEMPLATE = pg_catalog.simple);
--- [13] outside: a text search template => object text search template relay.extra
CREATE TEXT SEARCH TEMPLATE relay.extra (LEXIZE = pg_catalog.dsimple_lexize);
--- [13] outside: a text search parser => object text search parser relay.extra
CREATE TEXT SEARCH PARSER relay.extra (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
--- [13] outside: a transform => object transform for relay_api.auth_decision
CREATE TRANSFORM FOR relay_api.auth_decision LANGUAGE plpgsql (FROM SQL WITH FUNCTION pg_catalog.prsd_lextype(internal));
