-- Changes of a database that `schema verify` must notice. drift_test.cpp makes each of them alone, in a transaction that is rolled back,
-- as a superuser.
--
-- A change begins with `--- `, its name, and after ` => ` a part of the line that must name it; `[15]`: from that version on.

--- [13] view: a blocked agent is accepted => view text relay.key_standing
DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW relay.key_standing AS SELECT key_id, org_id, agent_id, permissions, key_hash, expires_at, '
    'awaits_use, ''ok''::text AS reason FROM (' || rtrim(pg_get_viewdef('relay.key_standing'::regclass), ';') || ') AS k'; END $$;
--- [13] view: a condition is gone => view text relay.standing_revocations
DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW relay.standing_revocations AS '
    || regexp_replace(pg_get_viewdef('relay.standing_revocations'::regclass), '\s+WHERE.*', ' WHERE kind = ''block'''); END $$;
--- [13] view: a constant => view text relay.keyless_callers
DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW relay.keyless_callers AS '
    || replace(pg_get_viewdef('relay.keyless_callers'::regclass), '7 days', '8 days'); END $$;
--- [13] view: another column order by a rename => column relay.agent_status.
ALTER VIEW relay.agent_status RENAME COLUMN name TO label;
--- [13] view: a column more => column relay.gateway_status.extra
DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW relay.gateway_status AS SELECT v.*, 1 AS extra FROM ('
    || rtrim(pg_get_viewdef('relay.gateway_status'::regclass), ';') || ') AS v'; END $$;
--- [13] view: no barrier => view relay.own_refusals
ALTER VIEW relay.own_refusals RESET (security_barrier);
--- [13] view: a barrier => view relay.agent_status
ALTER VIEW relay.agent_status SET (security_barrier);
--- [15] view: the rights of whoever asks => view relay.agent_status
ALTER VIEW relay.agent_status SET (security_invoker = true);
--- [13] view: a check option => view relay.standing_revocations
ALTER VIEW relay.standing_revocations SET (check_option = local);
--- [13] view: a default => column relay.standing_revocations.kind
ALTER VIEW relay.standing_revocations ALTER kind SET DEFAULT 'block';
--- [13] view: dropped => view relay.keyless_callers
DROP VIEW relay.keyless_callers;
--- [13] view: another one => view relay.mine
CREATE VIEW relay.mine AS SELECT 1 AS one;
--- [13] view: a materialized one => relation relay.mine
CREATE MATERIALIZED VIEW relay.mine AS SELECT 1 AS one;
--- [13] view: owner => view relay.agent_status
ALTER VIEW relay.agent_status OWNER TO CURRENT_USER;
--- [13] view: renamed => view relay.agent_state
ALTER VIEW relay.agent_status RENAME TO agent_state;
--- [13] view: in another schema => view relay.agent_status
ALTER VIEW relay.agent_status SET SCHEMA public;
--- [13] view: a trigger in place of writes => trigger relay.agent_status ignore
CREATE TRIGGER ignore INSTEAD OF INSERT ON relay.agent_status FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();

--- [13] rule: blocks are not written => rule relay.revocations r
CREATE RULE r AS ON INSERT TO relay.revocations DO INSTEAD NOTHING;
--- [13] rule: the feed stays empty => rule relay.key_changes r
CREATE RULE r AS ON INSERT TO relay.key_changes DO INSTEAD NOTHING;
--- [13] rule: the stop is not written => rule relay.legacy_stops r
CREATE RULE r AS ON INSERT TO relay.legacy_stops DO INSTEAD NOTHING;
--- [13] rule: events are not written => rule relay.auth_events r
CREATE RULE r AS ON INSERT TO relay.auth_events DO INSTEAD NOTHING;
--- [13] rule: something else is done, too => rule relay.agents r
CREATE RULE r AS ON UPDATE TO relay.agents DO ALSO NOTIFY changed;
--- [13] rule: nothing is deleted => rule relay.agents r
CREATE RULE r AS ON DELETE TO relay.agents DO INSTEAD NOTHING;
--- [13] rule: on a partition => rule relay.auth_events_default r
CREATE RULE r AS ON INSERT TO relay.auth_events_default DO INSTEAD NOTHING;
--- [13] rule: on a view => rule relay.recorded_events r
CREATE RULE r AS ON INSERT TO relay.recorded_events DO INSTEAD NOTHING;
--- [13] rule: only in a replica's sessions => ev_enabled=R
CREATE RULE r AS ON INSERT TO relay.agents DO ALSO NOTIFY changed;
ALTER TABLE relay.agents ENABLE REPLICA RULE r;

--- [13] table: lost in a crash => table relay.revocations
ALTER TABLE relay.revocations SET UNLOGGED;
--- [13] table: a month is lost in a crash => relpersistence=u
DO $$ BEGIN EXECUTE 'ALTER TABLE ' || (SELECT partition FROM relay.event_months() ORDER BY month LIMIT 1) || ' SET UNLOGGED'; END $$;
--- [13] table: operations are lost in a crash => table relay.operations
ALTER TABLE relay.operations SET UNLOGGED;
--- [13] table: row level security off => table relay.agents
ALTER TABLE relay.agents DISABLE ROW LEVEL SECURITY;
--- [13] table: row level security forced => table relay.agents
ALTER TABLE relay.agents FORCE ROW LEVEL SECURITY;
--- [13] table: row level security of a partition off => table relay.auth_events_default
ALTER TABLE relay.auth_events_default DISABLE ROW LEVEL SECURITY;
--- [13] table: storage options => table relay.key_changes
ALTER TABLE relay.key_changes SET (autovacuum_enabled = off);
--- [13] table: fill factor => table relay.event_floods
ALTER TABLE relay.event_floods RESET (fillfactor);
--- [13] table: storage options of a partition => table relay.auth_events_default
ALTER TABLE relay.auth_events_default SET (autovacuum_enabled = off);
--- [13] table: storage options of what is too large => toast with
ALTER TABLE relay.agents SET (toast.autovacuum_enabled = off);
--- [13] table: replica identity => relreplident=f
ALTER TABLE relay.agents REPLICA IDENTITY FULL;
--- [13] table: of a type => table relay.extra
CREATE TABLE relay.extra OF relay_api.auth_decision;
--- [13] table: owner => table relay.agents
ALTER TABLE relay.agents OWNER TO CURRENT_USER;
--- [13] table: renamed => table relay.agent
ALTER TABLE relay.agents RENAME TO agent;
--- [13] table: in another schema => table relay.legacy_stops
ALTER TABLE relay.legacy_stops SET SCHEMA public;
--- [13] table: dropped => table relay.legacy_stops
DROP TABLE relay.legacy_stops CASCADE;
--- [13] table: another one => table relay.extra
CREATE TABLE relay.extra (a integer);
--- [13] table: a foreign one => relation relay.extra
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE relay.extra (a integer) SERVER nowhere;
--- [13] table: a partitioned one => table relay.extra partitioned by
CREATE TABLE relay.extra (a integer) PARTITION BY LIST (a);

--- [13] inheritance: rows of a child are agents => inheritance public.kid of relay.agents
CREATE TABLE public.kid () INHERITS (relay.agents);
--- [13] inheritance: a child of another table => inheritance relay.legacy_stops of public.parent
CREATE TABLE public.parent (stopped_at timestamptz NOT NULL);
ALTER TABLE relay.legacy_stops INHERIT public.parent;
--- [13] partition: made elsewhere => inheritance public.extra of relay.auth_events
CREATE TABLE public.extra PARTITION OF relay.auth_events FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
--- [13] partition: with another name => table relay.extra
CREATE TABLE relay.extra PARTITION OF relay.auth_events FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
--- [13] partition: another time than its name says => FOR VALUES FROM
CREATE TABLE relay.auth_events_1999_01 PARTITION OF relay.auth_events FOR VALUES FROM ('1999-01-01') TO ('1999-03-01');
--- [13] partition: a month without protection => table relay.auth_events_1999_01
CREATE TABLE relay.auth_events_1999_01 PARTITION OF relay.auth_events FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
--- [13] partition: detached => table relay.auth_events_default
ALTER TABLE relay.auth_events DETACH PARTITION relay.auth_events_default;
--- [13] partition: a month detached => for its month
DO $$ BEGIN EXECUTE 'ALTER TABLE relay.auth_events DETACH PARTITION ' || (SELECT partition FROM relay.event_months() ORDER BY month LIMIT 1); END $$;

--- [13] column: added => column relay.agents.extra
ALTER TABLE relay.agents ADD COLUMN extra text;
--- [13] column: dropped => column relay.revocations.ticket
ALTER TABLE relay.revocations DROP COLUMN ticket CASCADE;
--- [13] column: dropped and added, so that the order is another => column relay.retention_drops.ticket text after reason
ALTER TABLE relay.retention_drops DROP COLUMN ticket, ADD COLUMN ticket text;
--- [13] column: type => column relay.legacy_sightings.ip_address cidr
ALTER TABLE relay.legacy_sightings ALTER ip_address TYPE cidr USING ip_address::cidr;
--- [13] column: length => column relay.schema_migrations.name character varying(1000)
ALTER TABLE relay.schema_migrations ALTER name TYPE varchar(1000);
--- [13] column: collation => column relay.schema_migrations.name text collate POSIX
ALTER TABLE relay.schema_migrations ALTER name TYPE text COLLATE "POSIX";
--- [13] column: null is allowed => column relay.revocations.actor
ALTER TABLE relay.revocations ALTER actor DROP NOT NULL;
--- [13] column: null is refused => column relay.revocations.ticket text not null
ALTER TABLE relay.revocations ALTER ticket SET NOT NULL;
--- [13] column: no default => column relay.revocations.at
ALTER TABLE relay.revocations ALTER at DROP DEFAULT;
--- [13] column: another default => column relay.revocations.at
ALTER TABLE relay.revocations ALTER at SET DEFAULT now();
--- [13] column: a default => column relay.revocations.until
ALTER TABLE relay.revocations ALTER until SET DEFAULT now();
--- [13] column: numbered always => column relay.revocations.revocation_id
ALTER TABLE relay.revocations ALTER revocation_id SET GENERATED ALWAYS;
--- [13] column: not numbered => column relay.revocations.revocation_id
ALTER TABLE relay.revocations ALTER revocation_id DROP IDENTITY;
--- [13] column: computed => column relay.agents.extra text generated
ALTER TABLE relay.agents ADD COLUMN extra text GENERATED ALWAYS AS (lower(name)) STORED;
--- [13] column: storage => attstorage=e
ALTER TABLE relay.agents ALTER permissions SET STORAGE EXTERNAL;
--- [14] column: compression => attcompression=p
ALTER TABLE relay.agents ALTER permissions SET COMPRESSION pglz;
--- [13] column: statistics => attstattarget=7
ALTER TABLE relay.agents ALTER name SET STATISTICS 7;
--- [13] column: options => attoptions=
ALTER TABLE relay.agents ALTER name SET (n_distinct = 1);
--- [13] column: renamed => column relay.agents.label
ALTER TABLE relay.agents RENAME COLUMN name TO label;
--- [13] column: default of a partition => column relay.auth_events_default.db_role
ALTER TABLE relay.auth_events_default ALTER db_role SET DEFAULT 'nobody';

--- [13] constraint: dropped => constraint relay.agents agents_name_form
ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form;
--- [13] constraint: another condition => constraint relay.agents agents_name_form
ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form, ADD CONSTRAINT agents_name_form CHECK (length(name) > 0);
--- [13] constraint: not for old rows => NOT VALID
ALTER TABLE relay.agents DROP CONSTRAINT agents_key_max_age_sane;
ALTER TABLE relay.agents ADD CONSTRAINT agents_key_max_age_sane CHECK (key_max_age > '0' AND key_max_age <= '3650 days') NOT VALID;
--- [13] constraint: another one => constraint relay.revocations none
ALTER TABLE relay.revocations ADD CONSTRAINT none CHECK (false) NOT VALID;
--- [13] constraint: primary key dropped => constraint relay.key_sightings key_sightings_pkey
ALTER TABLE relay.key_sightings DROP CONSTRAINT key_sightings_pkey;
--- [13] constraint: unique => constraint relay.revocations once
ALTER TABLE relay.revocations ADD CONSTRAINT once UNIQUE (subject_id);
--- [13] constraint: exclusion => constraint relay.revocations once
ALTER TABLE relay.revocations ADD CONSTRAINT once EXCLUDE (subject_id WITH =);
--- [13] constraint: foreign key dropped => constraint relay.agents agents_org_id_fkey
ALTER TABLE relay.agents DROP CONSTRAINT agents_org_id_fkey;
--- [13] constraint: foreign key deferred => DEFERRABLE
ALTER TABLE relay.agents ALTER CONSTRAINT agents_org_id_fkey DEFERRABLE INITIALLY DEFERRED;
--- [13] constraint: foreign key that deletes => ON DELETE CASCADE
ALTER TABLE relay.agents DROP CONSTRAINT agents_org_id_fkey,
    ADD CONSTRAINT agents_org_id_fkey FOREIGN KEY (org_id) REFERENCES relay.organizations ON DELETE CASCADE;
--- [13] constraint: foreign key from elsewhere => trigger relay.agents of constraint other_agent_id_fkey of public.other
CREATE TABLE public.other (agent_id text REFERENCES relay.agents);
--- [13] constraint: renamed => constraint relay.agents other_name
ALTER TABLE relay.agents RENAME CONSTRAINT agents_name_form TO other_name;
--- [13] constraint: of a partition => constraint relay.auth_events_default none
ALTER TABLE relay.auth_events_default ADD CONSTRAINT none CHECK (false) NOT VALID;
--- [18] constraint: not enforced => NOT ENFORCED
ALTER TABLE relay.agents DROP CONSTRAINT agents_org_id_fkey,
    ADD CONSTRAINT agents_org_id_fkey FOREIGN KEY (org_id) REFERENCES relay.organizations NOT ENFORCED;

--- [13] index: dropped => index CREATE UNIQUE INDEX agent_keys_one_active
DROP INDEX relay.agent_keys_one_active;
--- [13] index: another condition => index CREATE UNIQUE INDEX agent_keys_one_active
DROP INDEX relay.agent_keys_one_active;
CREATE UNIQUE INDEX agent_keys_one_active ON relay.agent_keys (agent_id) WHERE state = 'retired';
--- [13] index: not unique => index CREATE INDEX agent_keys_one_active
DROP INDEX relay.agent_keys_one_active;
CREATE INDEX agent_keys_one_active ON relay.agent_keys (agent_id) WHERE state = 'active';
--- [13] index: another one => index CREATE INDEX extra
CREATE INDEX extra ON relay.agents (name);
--- [13] index: storage options => index CREATE UNIQUE INDEX agents_pkey
ALTER INDEX relay.agents_pkey SET (fillfactor = 20);
--- [13] index: of a partition dropped => index CREATE INDEX auth_events_keyless
DROP INDEX relay.auth_events_keyless;
--- [13] index: only of a partition => index CREATE INDEX extra
CREATE INDEX extra ON relay.auth_events_default (key_id);
--- [13] index: rows in its order => indisclustered=true
ALTER TABLE relay.agents CLUSTER ON agents_pkey;
--- [13] index: identity for replicas => indisreplident=true
ALTER TABLE relay.agents REPLICA IDENTITY USING INDEX agents_pkey;
--- [13] index: statistics of an expression => column statistics of index extra
CREATE INDEX extra ON relay.agents (lower(name));
ALTER INDEX relay.extra ALTER COLUMN 1 SET STATISTICS 7;
--- [13] index: not valid => indisvalid=false
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'relay.agents_pkey'::regclass;
--- [13] index: renamed => index CREATE UNIQUE INDEX other
ALTER INDEX relay.agent_keys_one_active RENAME TO other;

--- [13] sequence: last number => sequence relay.revocations_revocation_id_seq
ALTER TABLE relay.revocations ALTER revocation_id SET MAXVALUE 3;
--- [13] sequence: step => seqincrement=2
ALTER SEQUENCE relay.auth_events_event_id_seq INCREMENT 2;
--- [13] sequence: it begins anew => seqcycle=true
ALTER SEQUENCE relay.auth_events_event_id_seq CYCLE;
--- [13] sequence: numbers taken ahead => seqcache=50
ALTER SEQUENCE relay.auth_events_event_id_seq CACHE 50;
--- [13] sequence: first number => seqstart=9
ALTER SEQUENCE relay.auth_events_event_id_seq START 9;
--- [13] sequence: lowest number => seqmin=-5
ALTER SEQUENCE relay.auth_events_event_id_seq MINVALUE -5;
--- [13] sequence: type => sequence relay.auth_events_event_id_seq as integer
ALTER SEQUENCE relay.auth_events_event_id_seq AS integer;
--- [13] sequence: of no column => sequence relay.auth_events_event_id_seq
ALTER SEQUENCE relay.auth_events_event_id_seq OWNED BY NONE;
--- [15] sequence: lost in a crash => sequence relay.auth_events_event_id_seq
ALTER SEQUENCE relay.auth_events_event_id_seq SET UNLOGGED;
--- [13] sequence: another one => sequence relay.extra
CREATE SEQUENCE relay.extra;
