-- The schema of the last program before release 0.1.0, as its `schema print` wrote it: what `schema apply` converts.
-- foundation: sha256 bb4d103e6a443c0a630645ab0a02334b0dcc18126a4cf828c1ef7a479b7ad782
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
-- Roles, the two schemas, and the record of migrations.
--
-- The roles are groups without login, shared by all databases of a cluster, so they may exist already: made by another
-- database's migration, or beforehand by a superuser for an applier who may not create roles.

DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway',
                                     'relay_auditor', 'relay_tenant'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration was faster
            END;
        END IF;
    END LOOP;
END
$roles$;

-- Everything below belongs to relay_owner. A superuser may act as it at once; who has CREATEROLE joins it first.
DO $join$
BEGIN
    SET LOCAL ROLE relay_owner;
    RESET ROLE;
EXCEPTION
    WHEN insufficient_privilege THEN
        EXECUTE pg_catalog.format('GRANT relay_owner TO %I', current_user);
END
$join$;

CREATE SCHEMA relay AUTHORIZATION relay_owner;
CREATE SCHEMA relay_api AUTHORIZATION relay_owner;

SET LOCAL ROLE relay_owner;

-- The global form: a per-schema one cannot take away what PUBLIC has by default.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA relay TO relay_provisioner, relay_responder, relay_auditor, relay_tenant;
GRANT USAGE ON SCHEMA relay_api TO relay_gateway;

CREATE TABLE relay.schema_migrations (
    version    integer PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    checksum   text COLLATE "C" NOT NULL,  -- SHA-256 of the file, hexadecimal: an edited migration is refused
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    applied_by text COLLATE "C" NOT NULL DEFAULT SESSION_USER
);
GRANT SELECT ON relay.schema_migrations TO relay_provisioner, relay_responder, relay_auditor;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (1, 'foundation', 'bb4d103e6a443c0a630645ab0a02334b0dcc18126a4cf828c1ef7a479b7ad782');
COMMIT;

-- organizations_and_agents: sha256 665bca856bdecc3abd98c173622f2bfdf2d4869466274d56c923145a33bb426e
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Who exists. Whether an org or agent is blocked or revoked is no column here: it follows from relay.revocations.
--
-- The checks repeat the program's own: ids without look-alikes, names without control or bidirectional characters. They avoid
-- bounded repetition ({0,62}), which costs 20 microseconds a row where a negated class and a length cost one.

CREATE FUNCTION relay.permissions_are_valid(permissions jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN pg_catalog.jsonb_typeof(permissions) <> 'array' THEN false
        ELSE NOT EXISTS (
            SELECT FROM pg_catalog.jsonb_array_elements(permissions) AS element
            WHERE pg_catalog.jsonb_typeof(element) <> 'string'
               OR element #>> '{}' !~ '^([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])$'
               OR pg_catalog.length(element #>> '{}') > 129)
    END
$$;
COMMENT ON FUNCTION relay.permissions_are_valid(jsonb) IS 'true for an array of provider:method strings, * on either side';
GRANT EXECUTE ON FUNCTION relay.permissions_are_valid(jsonb) TO relay_provisioner;

CREATE TABLE relay.organizations (
    org_id      text COLLATE "C" PRIMARY KEY,
    name        text NOT NULL,
    plan        text COLLATE "C" NOT NULL DEFAULT 'free',
    max_agents  integer,  -- null: what the plan allows
    key_max_age interval NOT NULL DEFAULT interval '90 days',
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by  text NOT NULL,
    CONSTRAINT organizations_org_id_form CHECK (
        org_id !~ '[^a-z0-9_-]' AND org_id ~ '^[a-z0-9]' AND pg_catalog.length(org_id) <= 63),
    CONSTRAINT organizations_name_form CHECK (
        pg_catalog.octet_length(name) BETWEEN 1 AND 200
        AND name !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'),
    CONSTRAINT organizations_plan_known CHECK (plan IN ('free', 'paid')),
    CONSTRAINT organizations_max_agents_sane CHECK (max_agents BETWEEN 0 AND 10000000),
    CONSTRAINT organizations_key_max_age_sane CHECK (key_max_age > interval '0' AND key_max_age <= interval '3650 days')
);
COMMENT ON COLUMN relay.organizations.max_agents IS 'agents that are not revoked; null: free 1, paid no limit';

CREATE FUNCTION relay.agent_limit(plan text, max_agents integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT COALESCE(max_agents, CASE plan WHEN 'free' THEN 1 END) $$;
COMMENT ON FUNCTION relay.agent_limit(text, integer) IS 'how many agents an organization may have; null: no limit';
GRANT EXECUTE ON FUNCTION relay.agent_limit(text, integer) TO relay_provisioner, relay_responder, relay_auditor;

CREATE TABLE relay.agents (
    agent_id     text COLLATE "C" PRIMARY KEY,
    org_id       text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    name         text NOT NULL,
    permissions  jsonb NOT NULL DEFAULT '[]',
    key_max_age  interval,  -- null: the organization's
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by   text NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT agents_agent_id_form CHECK (  -- capitals and dots: imported legacy ids
        agent_id !~ '[^A-Za-z0-9_.-]' AND agent_id ~ '^[A-Za-z0-9]' AND pg_catalog.length(agent_id) <= 127),
    CONSTRAINT agents_name_form CHECK (
        pg_catalog.octet_length(name) BETWEEN 1 AND 200
        AND name !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'),
    CONSTRAINT agents_permissions_valid CHECK (relay.permissions_are_valid(permissions)),
    CONSTRAINT agents_key_max_age_sane CHECK (key_max_age > interval '0' AND key_max_age <= interval '3650 days'),
    CONSTRAINT agents_org_id_agent_id_key UNIQUE (org_id, agent_id)  -- target of the keys' composite foreign key
) WITH (fillfactor = 90);

GRANT SELECT ON relay.organizations, relay.agents TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (org_id, name, plan, max_agents, key_max_age, created_by), UPDATE (name, plan, max_agents, key_max_age)
    ON relay.organizations TO relay_provisioner;
GRANT INSERT (agent_id, org_id, name, permissions, key_max_age, created_by), UPDATE (name, permissions, key_max_age)
    ON relay.agents TO relay_provisioner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (2, 'organizations_and_agents', '665bca856bdecc3abd98c173622f2bfdf2d4869466274d56c923145a33bb426e');
COMMIT;

-- keys: sha256 615fa5260157df848bbcf837e1bf3db4a1ee8c6fcdcf6421a83ab0a359008090
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Agents' keys and organizations' admin tokens. Only SHA-256(SHA-256(key)) is stored: a stolen table opens nothing.
--
-- created_at is the start of the transaction that made the key, and no role of ours may choose it: a revocation that races a
-- rotation is later than that start, and wins.

CREATE TABLE relay.agent_keys (
    key_id              text COLLATE "C" PRIMARY KEY,
    agent_id            text COLLATE "C" NOT NULL,
    org_id              text COLLATE "C" NOT NULL,
    key_hash            bytea NOT NULL,
    hash_algorithm      text COLLATE "C" NOT NULL DEFAULT 'sha256d',
    state               text COLLATE "C" NOT NULL DEFAULT 'active',
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by          text NOT NULL,
    due_at              timestamptz NOT NULL,  -- when it should have been rotated; nothing stops working then
    expires_at          timestamptz,  -- null: never
    retired_at          timestamptz,
    revoked_at          timestamptz,
    replaced_by         text COLLATE "C",
    retire_on_first_use boolean NOT NULL DEFAULT false,  -- a retiring key: ends when its replacement is first seen working
    last_used_at        timestamptz,
    CONSTRAINT agent_keys_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT agent_keys_key_id_form CHECK (
        key_id !~ '[^0-9a-hjkmnp-tv-z]' AND pg_catalog.length(key_id) = 12),
    CONSTRAINT agent_keys_hash_form CHECK (pg_catalog.octet_length(key_hash) = 32 AND hash_algorithm = 'sha256d'),
    CONSTRAINT agent_keys_state_known CHECK (state IN ('active', 'retiring', 'retired', 'revoked')),
    CONSTRAINT agent_keys_state_dated CHECK (
        (state <> 'retiring' OR (expires_at IS NOT NULL AND replaced_by IS NOT NULL))
        AND (state = 'retired') = (retired_at IS NOT NULL) AND (state = 'revoked') = (revoked_at IS NOT NULL))
) WITH (fillfactor = 85);

CREATE UNIQUE INDEX agent_keys_one_active ON relay.agent_keys (agent_id) WHERE state = 'active';
CREATE UNIQUE INDEX agent_keys_one_retiring ON relay.agent_keys (agent_id) WHERE state = 'retiring';
CREATE INDEX agent_keys_by_agent ON relay.agent_keys (agent_id, created_at);

CREATE TABLE relay.org_tokens (
    token_id       text COLLATE "C" PRIMARY KEY,
    org_id         text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    token_hash     bytea NOT NULL,
    hash_algorithm text COLLATE "C" NOT NULL DEFAULT 'sha256d',
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by     text NOT NULL,
    revoked_at     timestamptz,
    CONSTRAINT org_tokens_token_id_form CHECK (
        token_id !~ '[^0-9a-hjkmnp-tv-z]' AND pg_catalog.length(token_id) = 12),
    CONSTRAINT org_tokens_hash_form CHECK (pg_catalog.octet_length(token_hash) = 32 AND hash_algorithm = 'sha256d')
);
CREATE UNIQUE INDEX org_tokens_one_live ON relay.org_tokens (org_id) WHERE revoked_at IS NULL;

-- Nobody reads a hash but the functions that check keys.
GRANT SELECT (key_id, agent_id, org_id, hash_algorithm, state, created_at, created_by, due_at, expires_at, retired_at, revoked_at,
              replaced_by, retire_on_first_use, last_used_at)
    ON relay.agent_keys TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (key_id, agent_id, org_id, key_hash, hash_algorithm, created_by, due_at, expires_at),
      UPDATE (state, expires_at, retired_at, revoked_at, replaced_by, retire_on_first_use)
    ON relay.agent_keys TO relay_provisioner;
GRANT SELECT (token_id, org_id, hash_algorithm, created_at, created_by, revoked_at)
    ON relay.org_tokens TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (token_id, org_id, token_hash, hash_algorithm, created_by), UPDATE (revoked_at)
    ON relay.org_tokens TO relay_provisioner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (3, 'keys', '615fa5260157df848bbcf837e1bf3db4a1ee8c6fcdcf6421a83ab0a359008090');
COMMIT;

-- auth_events: sha256 06e92cd29c5fad1e48cd2c6745844a0d84ac342b989c5576eacec69aeb8185e4
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- The audit trail: append-only for every role of ours, by grant and by trigger. Monthly partitions and a default one, so that a
-- missing month never stops an authentication. No primary key on purpose: nothing refers to an event, and it would be the largest index.

CREATE SEQUENCE relay.auth_events_event_id_seq AS bigint;

CREATE TABLE relay.auth_events (
    event_id    bigint NOT NULL DEFAULT pg_catalog.nextval('relay.auth_events_event_id_seq'),
    occurred_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    org_id      text COLLATE "C",
    agent_id    text COLLATE "C",
    key_id      text COLLATE "C",
    action      text COLLATE "C" NOT NULL,
    outcome     text COLLATE "C" NOT NULL DEFAULT 'ok',
    reason      text,
    ip_address  inet,
    actor       text,  -- claimed
    db_role     text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    ticket      text,
    trace_id    text COLLATE "C",
    detail      jsonb,
    CONSTRAINT auth_events_outcome_known CHECK (outcome IN ('ok', 'failed'))
) PARTITION BY RANGE (occurred_at);

ALTER SEQUENCE relay.auth_events_event_id_seq OWNED BY relay.auth_events.event_id;
CREATE INDEX auth_events_by_agent ON relay.auth_events (agent_id, occurred_at);
CREATE INDEX auth_events_by_time ON relay.auth_events USING brin (occurred_at);

CREATE FUNCTION relay.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.auth_events
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.auth_events
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

-- A trigger on TRUNCATE does not reach the partitions, and neither does a revoked privilege: each gets its own.
CREATE FUNCTION relay.protect_events_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change()', partition);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM relay_owner', partition);
END
$$;

-- Makes the partitions of the present month and of the `months_ahead` after it; what exists is left alone.
CREATE FUNCTION relay.ensure_event_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month_start  timestamptz;
    partition    text;
    made         integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7263542, 1);
    FOR month IN 0..months_ahead LOOP
        month_start := date_trunc('month', clock_timestamp()) + make_interval(months => month);
        partition := to_char(month_start, '"auth_events_"YYYY"_"MM');
        CONTINUE WHEN to_regclass('relay.' || partition) IS NOT NULL;
        -- Rows of that month in the default partition would have to be moved first; until then they are safe where they are.
        CONTINUE WHEN EXISTS (SELECT FROM relay.auth_events_default AS event
                              WHERE event.occurred_at >= month_start AND event.occurred_at < month_start + interval '1 month');
        EXECUTE format('CREATE TABLE relay.%I PARTITION OF relay.auth_events FOR VALUES FROM (%L) TO (%L)',
                       partition, month_start, month_start + interval '1 month');
        PERFORM relay.protect_events_partition(format('relay.%I', partition)::regclass);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION relay.ensure_event_partitions(integer) IS 'makes monthly partitions of auth_events; returns how many';
GRANT EXECUTE ON FUNCTION relay.ensure_event_partitions(integer) TO relay_provisioner;

CREATE TABLE relay.auth_events_default PARTITION OF relay.auth_events DEFAULT;
SELECT relay.protect_events_partition('relay.auth_events_default');
SELECT relay.ensure_event_partitions();

REVOKE UPDATE, DELETE, TRUNCATE ON relay.auth_events FROM relay_owner;
GRANT SELECT ON relay.auth_events TO relay_provisioner, relay_responder, relay_auditor;
-- Not the columns that prove something: event_id, occurred_at, db_role.
GRANT INSERT (org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, ticket, trace_id, detail)
    ON relay.auth_events TO relay_provisioner, relay_responder;
GRANT USAGE ON SEQUENCE relay.auth_events_event_id_seq TO relay_provisioner, relay_responder;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (4, 'auth_events', '06e92cd29c5fad1e48cd2c6745844a0d84ac342b989c5576eacec69aeb8185e4');
COMMIT;

-- revocations_and_operations: sha256 ac22703a73e2cb8643dcf92e7e04ea008ee2e7649f00679968e3575d898e490e
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Blocks and revocations as rows of their own, and the fence that settles a lost COMMIT.
--
-- No foreign key on the subject: an id that nobody knows can be shut out, and a block waits for no lock on the agent's row.
-- A standing row, of either kind, lets nobody in. A revoke is moreover a cut-off: every key of the subject created before it is dead
-- for good, also after it is lifted.

CREATE TABLE relay.revocations (
    revocation_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    subject_kind  text COLLATE "C" NOT NULL,
    subject_id    text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    at            timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    until         timestamptz,  -- a block that ends by itself; null: until it is lifted
    lifted_at     timestamptz,
    lifted_by     text,
    ticket        text,
    reason        text,
    actor         text NOT NULL,  -- claimed
    db_role       text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    CONSTRAINT revocations_subject_known CHECK (subject_kind IN ('agent', 'org', 'key')),
    CONSTRAINT revocations_kind_known CHECK (kind IN ('block', 'revoke')),
    CONSTRAINT revocations_revoke_has_no_end CHECK (kind = 'block' OR until IS NULL),
    CONSTRAINT revocations_key_stays_dead CHECK (subject_kind <> 'key' OR (kind = 'revoke' AND lifted_at IS NULL)),
    CONSTRAINT revocations_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX revocations_by_subject ON relay.revocations (subject_id);
CREATE INDEX revocations_by_ticket ON relay.revocations (ticket) WHERE ticket IS NOT NULL;

GRANT SELECT ON relay.revocations TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (subject_kind, subject_id, kind, until, ticket, reason, actor), UPDATE (lifted_at, lifted_by)
    ON relay.revocations TO relay_provisioner, relay_responder;

-- A lift is written once, and nothing else of a row ever changes: a lifted revocation is history.
CREATE FUNCTION relay.keep_lifted() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'revocation % was lifted at %: history is not changed', OLD.revocation_id, OLD.lifted_at
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER keep_lifted BEFORE UPDATE ON relay.revocations
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL) EXECUTE FUNCTION relay.keep_lifted();

-- Every writing transaction inserts its own id, chosen by the client. Whoever must learn what became of it inserts the same id as
-- 'aborted': that waits while the transaction is in flight, fails when it is done, and bars it for ever otherwise.
CREATE TABLE relay.operations (
    op_id      text COLLATE "C" PRIMARY KEY,
    state      text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    org_id     text COLLATE "C",
    request_id uuid,
    request    text,  -- the parameters in one canonical line: the same id with others is a conflict
    key_id     text COLLATE "C",
    CONSTRAINT operations_state_known CHECK (state IN ('done', 'aborted')),
    CONSTRAINT operations_request_whole CHECK ((request_id IS NULL) = (request IS NULL) AND (request_id IS NULL OR org_id IS NOT NULL)),
    CONSTRAINT operations_request_unique UNIQUE (org_id, request_id)
);
CREATE INDEX operations_by_time ON relay.operations USING brin (at);

GRANT SELECT ON relay.operations TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (op_id, state, org_id, request_id, request, key_id) ON relay.operations TO relay_provisioner, relay_responder;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (5, 'revocations_and_operations', 'ac22703a73e2cb8643dcf92e7e04ea008ee2e7649f00679968e3575d898e490e');
COMMIT;

-- status_views: sha256 00f5453ba2fb57b635f67ccc571a7396d8a171f2d795605e5cfebbdf6fc27830
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- What people and programs are shown. The views belong to relay_owner and leave out the hashes.

CREATE VIEW relay.standing_revocations AS
SELECT revocation_id, subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.revocations
WHERE lifted_at IS NULL AND (until IS NULL OR until > pg_catalog.statement_timestamp());
COMMENT ON VIEW relay.standing_revocations IS 'each of these rows, block or revoke, lets its subject not in';

CREATE VIEW relay.organization_status AS
SELECT org.org_id, org.name, org.plan, org.max_agents, relay.agent_limit(org.plan, org.max_agents) AS agent_limit,
       org.key_max_age, org.created_at, org.created_by,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status,
       (SELECT pg_catalog.count(*) FROM relay.agents AS agent
        WHERE agent.org_id = org.org_id
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke')
       ) AS agents
FROM relay.organizations AS org
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id = org.org_id AND row.subject_kind = 'org') AS standing;
COMMENT ON COLUMN relay.organization_status.agents IS 'that are not revoked: what counts against agent_limit';

CREATE VIEW relay.agent_status AS
SELECT agent.agent_id, agent.org_id, agent.name, agent.permissions, agent.key_max_age,
       COALESCE(agent.key_max_age, org.key_max_age) AS effective_key_max_age,
       agent.created_at, agent.created_by, agent.last_used_at,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status
FROM relay.agents AS agent
JOIN relay.organizations AS org ON org.org_id = agent.org_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id IN (agent.agent_id, agent.org_id)
      AND row.subject_id = CASE row.subject_kind WHEN 'agent' THEN agent.agent_id WHEN 'org' THEN agent.org_id END) AS standing;
COMMENT ON COLUMN relay.agent_status.status IS 'active, blocked or revoked, by itself or with its organization';

-- `state` is what the key row says; `status` is what a gateway would say, but for a block, which is a column of its own.
CREATE VIEW relay.key_status AS
SELECT key.key_id, key.agent_id, key.org_id, key.state, key.created_at, key.created_by, key.due_at, key.expires_at, key.retired_at,
       COALESCE(key.revoked_at, fate.revoked_at) AS revoked_at, key.replaced_by, key.retire_on_first_use, key.last_used_at,
       CASE
           WHEN fate.revoked_at IS NOT NULL OR key.state = 'revoked' THEN 'revoked'
           WHEN key.state = 'retired' THEN 'retired'
           WHEN key.expires_at <= pg_catalog.statement_timestamp() THEN 'expired'
           ELSE key.state
       END AS status,
       COALESCE(fate.blocked, false) AS blocked
FROM relay.agent_keys AS key
CROSS JOIN LATERAL (
    SELECT pg_catalog.min(row.at) FILTER (WHERE row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.at >= key.created_at))
               AS revoked_at,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id IN (key.key_id, key.agent_id, key.org_id)
      AND row.subject_id = CASE row.subject_kind
              WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END) AS fate;
COMMENT ON COLUMN relay.key_status.status IS 'active, retiring, expired, retired or revoked';

GRANT SELECT ON relay.standing_revocations, relay.organization_status, relay.agent_status, relay.key_status
    TO relay_provisioner, relay_responder, relay_auditor;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (6, 'status_views', '00f5453ba2fb57b635f67ccc571a7396d8a171f2d795605e5cfebbdf6fc27830');
COMMIT;

-- gateway_contract: sha256 9682066aab4eb4b6e0572cec7386f2a999db0ea3f6103fb95ac9983f3fe72ef5
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- What a gateway calls. It sends SHA-256(key), never the key; the table holds SHA-256 of that.

-- A composite type: a function's result may gain a column without being dropped.
CREATE TYPE relay_api.auth_decision AS (
    ok          boolean,
    reason      text,
    org_id      text,
    agent_id    text,
    permissions jsonb,
    expires_at  timestamptz
);

-- Where a key was last seen from: an authentication is logged once a minute for each key and address.
CREATE TABLE relay.key_sightings (
    key_id     text COLLATE "C" NOT NULL,
    ip_address inet NOT NULL,  -- :: when the gateway did not say
    logged_at  timestamptz NOT NULL,
    PRIMARY KEY (key_id, ip_address)
) WITH (fillfactor = 70);
GRANT SELECT ON relay.key_sightings TO relay_provisioner, relay_responder, relay_auditor;

-- The checks in their order, without any effect. Shared by authenticate and verify_key.
-- The same work is done for a key that does not exist; hashes of hashes are compared, so timing tells nothing of use.
CREATE FUNCTION relay.decide(
    claimed_key text, claimed_digest bytea, claimed_agent text, claimed_org text,
    OUT reason text, OUT org_id text, OUT agent_id text, OUT permissions jsonb, OUT expires_at timestamptz, OUT used_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key     record;
    revoked boolean;
    blocked boolean;
BEGIN
    SELECT k.org_id, k.agent_id, a.permissions, k.key_hash, k.state, k.created_at, k.expires_at, k.last_used_at
    INTO key
    FROM relay.agent_keys AS k
    JOIN relay.agents AS a ON a.agent_id = k.agent_id
    WHERE k.key_id = claimed_key;

    IF sha256(claimed_digest) IS DISTINCT FROM key.key_hash OR claimed_digest IS NULL THEN
        reason := 'unknown_key';
        RETURN;
    END IF;
    org_id := key.org_id;
    agent_id := key.agent_id;
    permissions := key.permissions;
    expires_at := key.expires_at;
    used_at := key.last_used_at;

    SELECT bool_or(r.kind = 'revoke' AND (r.lifted_at IS NULL OR r.at >= key.created_at)),
           bool_or(r.kind = 'block' AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
    INTO revoked, blocked
    FROM relay.revocations AS r
    WHERE r.subject_id IN (claimed_key, key.agent_id, key.org_id)
      AND r.subject_id = CASE r.subject_kind
              WHEN 'key' THEN claimed_key WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END;

    reason := CASE
        WHEN revoked THEN 'revoked'
        WHEN blocked THEN 'blocked'
        WHEN key.state = 'revoked' THEN 'revoked'
        WHEN key.state = 'retired' THEN 'retired'
        WHEN key.expires_at <= statement_timestamp() THEN 'expired'
        WHEN claimed_agent <> key.agent_id THEN 'agent_mismatch'
        WHEN claimed_org <> key.org_id THEN 'org_mismatch'
        ELSE 'ok'
    END;
END
$$;

-- Writes what a success leaves behind, at most once a minute. Waits for nobody: a row that a rotation holds is skipped, and the next call
-- does it.
CREATE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz,
                                   seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retired text;
BEGIN
    IF used_at IS NULL OR used_at <= seen_at - interval '1 minute' THEN
        UPDATE relay.agent_keys SET last_used_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.key_id = seen_key FOR NO KEY UPDATE SKIP LOCKED);
        UPDATE relay.agents SET last_used_at = seen_at
        WHERE agent_id = (SELECT a.agent_id FROM relay.agents AS a WHERE a.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED);
        -- The replacement works: its predecessor need not.
        UPDATE relay.agent_keys SET state = 'retired', retired_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.agent_id = seen_agent AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use
                        FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING key_id INTO retired;
        IF retired IS NOT NULL THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
            VALUES (seen_org, seen_agent, retired, 'key_retired', 'its replacement ' || seen_key || ' was used', seen_trace);
        END IF;
    END IF;

    IF NOT EXISTS (SELECT FROM relay.key_sightings AS s
                   WHERE s.key_id = seen_key AND s.ip_address = COALESCE(seen_from, '::')
                     AND s.logged_at > seen_at - interval '1 minute') THEN
        INSERT INTO relay.key_sightings AS s (key_id, ip_address, logged_at)
        VALUES (seen_key, COALESCE(seen_from, '::'), seen_at)
        ON CONFLICT (key_id, ip_address) DO UPDATE SET logged_at = excluded.logged_at
            WHERE s.logged_at <= excluded.logged_at - interval '1 minute';
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, trace_id)
            VALUES (seen_org, seen_agent, seen_key, 'authenticated', seen_from, seen_trace);
        END IF;
    END IF;
END
$$;

CREATE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found    record;
    trace    text := left(authenticate.trace_id, 64);
    writable boolean := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
BEGIN
    SELECT * INTO found
    FROM relay.decide(authenticate.key_id, authenticate.key_digest, authenticate.agent_id, authenticate.org_id);

    IF found.reason = 'ok' THEN
        IF writable THEN
            PERFORM relay.note_success(authenticate.key_id, found.agent_id, found.org_id, clock_timestamp(), found.used_at,
                                       authenticate.ip_address, trace);
        END IF;
        RETURN ROW(true, 'ok', found.org_id, found.agent_id, found.permissions, found.expires_at)::relay_api.auth_decision;
    END IF;

    IF writable THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
        VALUES (found.org_id, found.agent_id, left(authenticate.key_id, 12), 'auth_failed', 'failed', found.reason,
                authenticate.ip_address, trace,
                CASE WHEN authenticate.agent_id IS NOT NULL OR authenticate.org_id IS NOT NULL THEN
                    jsonb_build_object('claimed_agent_id', left(authenticate.agent_id, 127),
                                       'claimed_org_id', left(authenticate.org_id, 63)) END);
    END IF;
    -- Whose key it was is for auth_events, not for the caller.
    RETURN ROW(false, found.reason, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) IS
    'checks a key by its id and SHA-256(key), against the claimed agent and org when given, and records the outcome; '
    'reasons: ok unknown_key expired retired revoked blocked agent_mismatch org_mismatch';

-- The same checks for people: no effect, and the owner is named also when the answer is no.
CREATE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT decided.reason = 'ok', decided.reason, decided.org_id, decided.agent_id, decided.permissions, decided.expires_at
    FROM relay.decide(verify_key.key_id, verify_key.key_digest, verify_key.agent_id, NULL) AS decided
$$;

-- Whose a key or admin token is, if its hash is the stored one. For a leaked text: its key ids prove nothing, since they are public.
CREATE FUNCTION relay.identify(key_id text, key_hash bytea)
RETURNS TABLE (kind text, owner_org text, owner_agent text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'key', k.org_id, k.agent_id FROM relay.agent_keys AS k
    WHERE k.key_id = identify.key_id AND k.key_hash = identify.key_hash
    UNION ALL
    SELECT 'token', t.org_id, NULL FROM relay.org_tokens AS t
    WHERE t.token_id = identify.key_id AND t.token_hash = identify.key_hash
$$;

GRANT EXECUTE ON FUNCTION relay_api.authenticate(text, bytea, text, text, inet, text) TO relay_gateway;
GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO relay_provisioner, relay_responder;
GRANT EXECUTE ON FUNCTION relay.identify(text, bytea) TO relay_provisioner, relay_responder;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (7, 'gateway_contract', '9682066aab4eb4b6e0572cec7386f2a999db0ea3f6103fb95ac9983f3fe72ef5');
COMMIT;

-- roles_and_conditions: sha256 e6e123052b6ce8680c35d542c69835a79745ab009a4c00ebaecb97d2d09379fc
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- What an agent may do: its own permissions, and those of the roles that it has, each under conditions if it has some.
--
-- A permission is provider:method with * on either side. Conditions are a JSON object ({"max_amount": 10000}) that is kept for the
-- gateway, which alone can tell whether a call meets them. Nothing is computed ahead: a change counts from the next check on.

CREATE FUNCTION relay.permission_is_valid(permission text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT permission ~ '^([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])$' AND pg_catalog.length(permission) <= 129
$$;
COMMENT ON FUNCTION relay.permission_is_valid(text) IS 'true for provider:method, * on either side';

CREATE FUNCTION relay.conditions_are_valid(conditions jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.jsonb_typeof(conditions) = 'object' AND conditions <> '{}' AND pg_catalog.octet_length(conditions::text) <= 4096
$$;
COMMENT ON FUNCTION relay.conditions_are_valid(jsonb) IS 'true for an object that says something, in at most 4096 bytes';

GRANT EXECUTE ON FUNCTION relay.permission_is_valid(text), relay.conditions_are_valid(jsonb) TO relay_provisioner;

CREATE TABLE relay.agent_conditions (
    agent_id   text COLLATE "C" NOT NULL,
    org_id     text COLLATE "C" NOT NULL,
    permission text COLLATE "C" NOT NULL,
    conditions jsonb NOT NULL,
    CONSTRAINT agent_conditions_pkey PRIMARY KEY (agent_id, permission),
    CONSTRAINT agent_conditions_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT agent_conditions_permission_form CHECK (relay.permission_is_valid(permission)),
    CONSTRAINT agent_conditions_form CHECK (relay.conditions_are_valid(conditions))
);
COMMENT ON TABLE relay.agent_conditions IS
    'under which conditions an agent has one of its own permissions (agents.permissions); no row: under none';

CREATE TABLE relay.roles (
    org_id     text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    role_id    text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL,
    CONSTRAINT roles_pkey PRIMARY KEY (org_id, role_id),
    CONSTRAINT roles_role_id_form CHECK (
        role_id !~ '[^a-z0-9_-]' AND role_id ~ '^[a-z0-9]' AND pg_catalog.length(role_id) <= 63),
    CONSTRAINT roles_name_form CHECK (
        pg_catalog.octet_length(name) BETWEEN 1 AND 200
        AND name !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]')
);
COMMENT ON TABLE relay.roles IS 'a role is of one organization: two of them may use the same id for different things';

CREATE TABLE relay.role_permissions (
    org_id     text COLLATE "C" NOT NULL,
    role_id    text COLLATE "C" NOT NULL,
    permission text COLLATE "C" NOT NULL,
    conditions jsonb,  -- null: none
    CONSTRAINT role_permissions_pkey PRIMARY KEY (org_id, role_id, permission),
    CONSTRAINT role_permissions_role FOREIGN KEY (org_id, role_id) REFERENCES relay.roles (org_id, role_id) ON DELETE CASCADE,
    CONSTRAINT role_permissions_permission_form CHECK (relay.permission_is_valid(permission)),
    CONSTRAINT role_permissions_conditions_form CHECK (relay.conditions_are_valid(conditions))
);

-- No cascade from roles: deleting one that agents have is a decision of its own.
CREATE TABLE relay.agent_roles (
    agent_id    text COLLATE "C" NOT NULL,
    org_id      text COLLATE "C" NOT NULL,  -- an agent has roles of its own organization only
    role_id     text COLLATE "C" NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    assigned_by text NOT NULL,
    CONSTRAINT agent_roles_pkey PRIMARY KEY (agent_id, role_id),
    CONSTRAINT agent_roles_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT agent_roles_role FOREIGN KEY (org_id, role_id) REFERENCES relay.roles (org_id, role_id)
);
CREATE INDEX agent_roles_by_role ON relay.agent_roles (org_id, role_id);

GRANT SELECT ON relay.agent_conditions, relay.roles, relay.role_permissions, relay.agent_roles
    TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT, UPDATE (conditions), DELETE ON relay.agent_conditions TO relay_provisioner;
GRANT INSERT (org_id, role_id, name, created_by), UPDATE (name), DELETE ON relay.roles TO relay_provisioner;
GRANT INSERT, UPDATE (conditions), DELETE ON relay.role_permissions TO relay_provisioner;
GRANT INSERT (agent_id, org_id, role_id, assigned_by), DELETE ON relay.agent_roles TO relay_provisioner;

CREATE VIEW relay.agent_grants AS
SELECT agent.agent_id, agent.org_id, own.permission COLLATE "C" AS permission, given.conditions, NULL::text COLLATE "C" AS role_id
FROM relay.agents AS agent
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(agent.permissions) AS own (permission)
LEFT JOIN relay.agent_conditions AS given ON given.agent_id = agent.agent_id AND given.permission = own.permission
UNION ALL
SELECT assigned.agent_id, assigned.org_id, granted.permission, granted.conditions, assigned.role_id
FROM relay.agent_roles AS assigned
JOIN relay.role_permissions AS granted ON granted.org_id = assigned.org_id AND granted.role_id = assigned.role_id;
COMMENT ON VIEW relay.agent_grants IS 'each permission that an agent has, once for each way in which it has it';
COMMENT ON COLUMN relay.agent_grants.role_id IS 'the role that it comes from; null: the agent''s own';

CREATE VIEW relay.agent_permissions AS
SELECT agent_id, org_id, permission,
       CASE WHEN pg_catalog.bool_and(conditions IS NOT NULL) THEN pg_catalog.jsonb_agg(DISTINCT conditions) END AS conditions
FROM relay.agent_grants
GROUP BY agent_id, org_id, permission;
COMMENT ON COLUMN relay.agent_permissions.conditions IS
    'alternatives, of which any one is enough; null: granted without conditions, by itself or by a role';

GRANT SELECT ON relay.agent_grants, relay.agent_permissions TO relay_provisioner, relay_responder, relay_auditor;

-- What is in force for an agent whose own permissions are `own`, in the form that gateways get. Two index probes for an agent without roles and
-- conditions. No search_path and no owner's rights of its own: only functions that have both call it.
CREATE FUNCTION relay.effective_grants(subject text, own jsonb, OUT permissions jsonb, OUT conditions jsonb)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM relay.agent_roles AS assigned WHERE assigned.agent_id = subject)
       AND NOT EXISTS (SELECT FROM relay.agent_conditions AS given WHERE given.agent_id = subject) THEN
        permissions := own;
        RETURN;
    END IF;
    SELECT COALESCE(pg_catalog.jsonb_agg(held.permission ORDER BY held.permission), '[]'),
           pg_catalog.jsonb_object_agg(held.permission, held.conditions) FILTER (WHERE held.conditions IS NOT NULL)
    INTO permissions, conditions
    FROM relay.agent_permissions AS held
    WHERE held.agent_id = subject;
END
$$;
COMMENT ON FUNCTION relay.effective_grants(text, jsonb) IS
    'permissions: all of them, own and through roles; conditions: permission -> alternatives, null when no permission has any';
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (8, 'roles_and_conditions', 'e6e123052b6ce8680c35d542c69835a79745ab009a4c00ebaecb97d2d09379fc');
COMMIT;

-- change_feed: sha256 204f3985249d6fc3f4612d294b446fb274e0f8b511f9f8339d76704a8a8e534b
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- The change feed: what gateways must forget, in the order in which it can be told without ever losing a row.
--
-- Every change of who may come in writes its row in its own transaction, by triggers, so that no path can forget it: not the program,
-- not authenticate (retire on first use), not SQL by hand. NOTIFY relay_key_changes is a wake-up without content; the rows are read
-- with changes_since. Nothing is written for what is new (an organization, an agent, its first key): a gateway never caches a refusal,
-- so there is nothing to forget. A block that ends by itself and a key that expires need no row for the same reason, and because a
-- decision carries its expires_at.
--
-- A cursor is a place in the order (txid, seq), below every transaction that is still open: seq alone loses rows, since a transaction may
-- commit after one that has taken a higher seq. It always stands on a row of the feed, never between: such a row was flushed before
-- anybody saw it, while transaction ids that were only seen can be given out again after a crash (asynchronous commits).
-- A long open transaction holds that place up. Rows of later transactions are told at once all the same: the cursor also carries the
-- snapshot in which it saw them, so that each is told once early, and once more when the place moves past it: at least once, never late.

CREATE TABLE relay.key_changes (
    txid     xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    seq      bigint GENERATED ALWAYS AS IDENTITY,
    org_id   text COLLATE "C",  -- with agent_id and key_id null: all of its agents
    agent_id text COLLATE "C",  -- with key_id null: all of its keys
    key_id   text COLLATE "C",
    change   text COLLATE "C" NOT NULL,
    kicks    boolean NOT NULL,
    at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT key_changes_pkey PRIMARY KEY (txid, seq)
);
COMMENT ON TABLE relay.key_changes IS 'what gateways must forget; kept 7 days, written by triggers only';
COMMENT ON COLUMN relay.key_changes.kicks IS
    'true: open connections of the subject must end (block, revoke); false: forget what is cached, and ask again at the next call';

-- Up to where the feed was pruned: a cursor before that may have missed rows.
CREATE TABLE relay.feed_horizon (
    only_row  boolean NOT NULL DEFAULT true,
    txid      xid8 NOT NULL DEFAULT '0',
    seq       bigint NOT NULL DEFAULT 0,
    pruned_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT feed_horizon_pkey PRIMARY KEY (only_row),
    CONSTRAINT feed_horizon_one_row CHECK (only_row)
);
INSERT INTO relay.feed_horizon DEFAULT VALUES;

CREATE TABLE relay.gateway_acks (
    gateway_id text COLLATE "C" NOT NULL,
    history    text COLLATE "C" NOT NULL,
    txid       xid8 NOT NULL,
    seq        bigint NOT NULL,
    seen       pg_snapshot NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven; the gateway_id is claimed
    CONSTRAINT gateway_acks_pkey PRIMARY KEY (gateway_id),
    CONSTRAINT gateway_acks_gateway_id_form CHECK (
        gateway_id !~ '[^A-Za-z0-9_.:@/-]' AND gateway_id ~ '^[A-Za-z0-9]' AND pg_catalog.length(gateway_id) <= 127)
) WITH (fillfactor = 50);
COMMENT ON TABLE relay.gateway_acks IS 'up to where each gateway has read the feed and forgotten what it must; kept 7 days';

GRANT SELECT ON relay.key_changes, relay.feed_horizon, relay.gateway_acks TO relay_provisioner, relay_responder, relay_auditor;

-- Writing ------------------------------------------------------------------------------------------------------------------------------

-- One row of the feed. `wake` false: it can wait for the gateways' next poll.
--
-- NOTIFY takes a lock of the whole cluster at the start of COMMIT and holds it to its end. A transaction that then waits for a
-- synchronous standby would hold up every block with it, so such a transaction does not notify, and is found by polling. Who cannot
-- get the lock in time may SET LOCAL relay.wake = 'later', and notify in a transaction of its own.
CREATE FUNCTION relay.announce(about_org text, about_agent text, about_key text, what text, must_kick boolean, wake boolean DEFAULT true)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO relay.key_changes (org_id, agent_id, key_id, change, kicks)
    VALUES (about_org, about_agent, about_key, what, must_kick);
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);  -- who sees the row may rely on it
    END IF;
    IF wake AND current_setting('relay.wake', true) IS DISTINCT FROM 'later'
       AND (current_setting('synchronous_commit') = 'local' OR current_setting('synchronous_standby_names') = '') THEN
        PERFORM pg_notify('relay_key_changes', '');  -- the same each time: one transaction, one notification
    END IF;
END
$$;
COMMENT ON FUNCTION relay.announce(text, text, text, text, boolean, boolean) IS
    'writes a row of the change feed and wakes who listens; for triggers';

CREATE FUNCTION relay.announce_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- What was lifted or deleted opens; everything else that is done to a row shuts out.
    opens   boolean := CASE TG_OP WHEN 'DELETE' THEN true ELSE NEW.lifted_at IS NOT NULL END;
    subject relay.revocations := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    what    text := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_blocked' ELSE '_revoked' END;
    owner   record;
BEGIN
    IF opens THEN
        what := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_unblocked' ELSE '_restored' END;
    END IF;
    CASE subject.subject_kind
        WHEN 'org' THEN
            PERFORM relay.announce(subject.subject_id, NULL, NULL, what, NOT opens);
        WHEN 'agent' THEN
            SELECT a.org_id INTO owner FROM relay.agents AS a WHERE a.agent_id = subject.subject_id;
            PERFORM relay.announce(owner.org_id, subject.subject_id, NULL, what, NOT opens);
        ELSE
            SELECT k.org_id, k.agent_id INTO owner FROM relay.agent_keys AS k WHERE k.key_id = subject.subject_id;
            PERFORM relay.announce(owner.org_id, owner.agent_id, subject.subject_id, what, NOT opens);
    END CASE;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.revocations
    FOR EACH ROW EXECUTE FUNCTION relay.announce_revocation();

CREATE FUNCTION relay.announce_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM relay.announce(OLD.org_id, OLD.agent_id, OLD.key_id, 'key_revoked', true);
        RETURN NULL;
    END IF;
    what := CASE
        WHEN NEW.state = 'revoked' AND OLD.state <> 'revoked' THEN 'key_revoked'
        WHEN NEW.replaced_by IS NOT NULL AND NEW.replaced_by IS DISTINCT FROM OLD.replaced_by THEN 'key_rotated'
        WHEN NEW.state = 'retired' AND OLD.state <> 'retired' THEN 'key_retired'
        WHEN NEW.state = 'active' AND OLD.state = 'retiring' THEN 'key_rotation_reverted'
        ELSE 'key_updated'
    END;
    -- A rotation ends no connection, not even one without grace: that is an orderly end, and the agent stays who it is. The first use of a
    -- new key wakes nobody: it happens inside an authentication, which must not wait for the lock of NOTIFY.
    PERFORM relay.announce(
        OLD.org_id, OLD.agent_id, OLD.key_id, what,
        what = 'key_revoked' OR (NEW.key_hash, NEW.agent_id, NEW.org_id, NEW.key_id) IS DISTINCT FROM
                                (OLD.key_hash, OLD.agent_id, OLD.org_id, OLD.key_id),
        wake => NOT (what = 'key_retired' AND OLD.retire_on_first_use));
    RETURN NULL;
END
$$;
-- Not of last_used_at and the like: an authentication pays nothing for these triggers.
CREATE TRIGGER announce_change AFTER UPDATE OF key_id, agent_id, org_id, key_hash, hash_algorithm, state, expires_at, replaced_by
    ON relay.agent_keys FOR EACH ROW
    WHEN ((OLD.key_id, OLD.agent_id, OLD.org_id, OLD.key_hash, OLD.hash_algorithm, OLD.state, OLD.expires_at, OLD.replaced_by)
          IS DISTINCT FROM
          (NEW.key_id, NEW.agent_id, NEW.org_id, NEW.key_hash, NEW.hash_algorithm, NEW.state, NEW.expires_at, NEW.replaced_by))
    EXECUTE FUNCTION relay.announce_key();
CREATE TRIGGER announce_delete AFTER DELETE ON relay.agent_keys
    FOR EACH ROW EXECUTE FUNCTION relay.announce_key();

CREATE FUNCTION relay.announce_permissions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM relay.announce(OLD.org_id, OLD.agent_id, NULL, 'permissions_changed', false);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.agent_id <> OLD.agent_id) THEN
        PERFORM relay.announce(NEW.org_id, NEW.agent_id, NULL, 'permissions_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER UPDATE OF permissions ON relay.agents FOR EACH ROW
    WHEN (OLD.permissions IS DISTINCT FROM NEW.permissions) EXECUTE FUNCTION relay.announce_permissions();
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.agent_conditions
    FOR EACH ROW EXECUTE FUNCTION relay.announce_permissions();
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.agent_roles
    FOR EACH ROW EXECUTE FUNCTION relay.announce_permissions();

-- A role that changes concerns whoever has it or is being given it right now: the whole organization asks again.
CREATE FUNCTION relay.announce_role() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM relay.announce(OLD.org_id, NULL, NULL, 'role_changed', false);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.org_id <> OLD.org_id) THEN
        PERFORM relay.announce(NEW.org_id, NULL, NULL, 'role_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.role_permissions
    FOR EACH ROW EXECUTE FUNCTION relay.announce_role();

-- A whole table emptied by hand: nobody can say any more whom it was about.
CREATE FUNCTION relay.announce_reset() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.announce(NULL, NULL, NULL, 'reset', true);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    watched text;
BEGIN
    FOREACH watched IN ARRAY ARRAY['revocations', 'agent_keys', 'agent_conditions', 'agent_roles', 'role_permissions'] LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER announce_truncate AFTER TRUNCATE ON relay.%I '
                                  'FOR EACH STATEMENT EXECUTE FUNCTION relay.announce_reset()', watched);
    END LOOP;
END
$$;

-- Reading ------------------------------------------------------------------------------------------------------------------------------

-- Which history of which database a place in the feed belongs to. Transaction ids say nothing elsewhere: in a restored dump they begin
-- anew, and after a failover the new primary may give out those that were lost with the old one.
CREATE FUNCTION relay.feed_history(OUT database_id text, OUT timeline bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT left(md5(control.system_identifier || '/' || base.oid), 8) INTO database_id
    FROM pg_control_system() AS control, pg_database AS base WHERE base.datname = current_database();
    IF pg_is_in_recovery() THEN
        timeline := (SELECT checkpoint.timeline_id FROM pg_control_checkpoint() AS checkpoint);  -- may lag behind a switch
    ELSE
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
    END IF;
END
$$;

-- "DATABASE.TIMELINE.TXID.SEQ.SNAPSHOT", for instance 1f2e3d4c.1.745.12.746:748:746
CREATE FUNCTION relay.parse_cursor(cursor text, OUT database_id text, OUT timeline bigint, OUT txid xid8, OUT seq bigint, OUT seen pg_snapshot)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[] := string_to_array(parse_cursor.cursor, '.');
BEGIN
    IF octet_length(parse_cursor.cursor) > 65536
       OR parse_cursor.cursor !~ '^[0-9a-f]{8}\.[0-9]{1,10}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]+:[0-9]+:[0-9,]*$' THEN
        RAISE invalid_parameter_value;
    END IF;
    database_id := parts[1];
    timeline := parts[2];
    txid := parts[3];
    seq := parts[4];
    seen := parts[5];
EXCEPTION
    WHEN data_exception THEN
        RAISE EXCEPTION 'malformed cursor' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'pass a cursor as changes_since gave it, or null to begin';
END
$$;

-- The rows after `cursor`, each with the cursor to go on from once it and those before it were acted upon.
--
-- Null or empty, or of another history, or older than what is kept: one row 'reset', from which to go on. Otherwise at most `max_rows`
-- rows of the settled part; if that is not full, then all that was committed ahead of a transaction that is still open. Ask again
-- until the cursor no longer changes.
CREATE FUNCTION relay.read_changes(cursor text, max_rows integer)
RETURNS TABLE (next_cursor text, org_id text, agent_id text, key_id text, change text, kicks boolean, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    standby  boolean := pg_is_in_recovery();
    present  pg_snapshot := pg_current_snapshot();
    settled  xid8 := pg_snapshot_xmin(present);  -- every transaction below has ended
    bound    integer := greatest(1, least(COALESCE(read_changes.max_rows, 1000), 10000));
    history  record;
    place    record;
    horizon  record;
    prefix   text;
    seen     text;
BEGIN
    SELECT * INTO history FROM relay.feed_history();
    SELECT h.txid, h.seq INTO horizon FROM relay.feed_horizon AS h WHERE h.txid < settled;  -- else it came with a dump
    SELECT * INTO place FROM relay.parse_cursor(NULLIF(read_changes.cursor, ''));
    -- A standby's own snapshots do not say which transactions of the primary are open.
    seen := CASE WHEN standby THEN settled || ':' || settled || ':' ELSE present::text END;

    IF place.txid IS NULL OR place.database_id <> history.database_id
       OR place.timeline < history.timeline OR (place.timeline > history.timeline AND NOT standby)
       OR (place.txid, place.seq) < (horizon.txid, horizon.seq)
       OR (place.txid >= pg_snapshot_xmax(present) AND NOT standby) THEN
        RETURN QUERY
        SELECT format('%s.%s.%s.%s.%s', history.database_id, history.timeline, tail.txid, tail.seq, seen),
               NULL::text, NULL::text, NULL::text, 'reset', true, clock_timestamp()
        FROM (SELECT c.txid, c.seq FROM relay.key_changes AS c WHERE c.txid < settled
              UNION ALL SELECT horizon.txid, horizon.seq WHERE horizon.txid IS NOT NULL
              ORDER BY txid DESC, seq DESC LIMIT 1) AS tail;
        RETURN;
    END IF;

    prefix := format('%s.%s.', place.database_id, place.timeline);
    RETURN QUERY
    WITH settled_rows AS MATERIALIZED (
        SELECT c.* FROM relay.key_changes AS c
        WHERE (c.txid, c.seq) > (place.txid, place.seq) AND c.txid < settled
        ORDER BY c.txid, c.seq LIMIT bound
    ), last_settled AS (
        SELECT s.txid, s.seq FROM settled_rows AS s
        UNION ALL SELECT place.txid, place.seq
        ORDER BY txid DESC, seq DESC LIMIT 1
    ), page AS (
        SELECT s.*, s.txid AS place_txid, s.seq AS place_seq FROM settled_rows AS s
        UNION ALL
        SELECT c.*, l.txid, l.seq FROM relay.key_changes AS c CROSS JOIN last_settled AS l
        WHERE c.txid >= settled AND c.txid < pg_snapshot_xmax(present) AND NOT pg_visible_in_snapshot(c.txid, place.seen)
          AND (SELECT count(*) FROM settled_rows) < bound
    )
    -- Only the last row may say that all of it was seen, and only if nothing was left out.
    SELECT prefix || p.place_txid || '.' || p.place_seq || '.'
           || CASE WHEN NOT standby AND (SELECT count(*) FROM settled_rows) < bound
                        AND lead(p.seq) OVER (ORDER BY p.txid, p.seq) IS NULL
                   THEN seen ELSE place.seen::text END,
           p.org_id, p.agent_id, p.key_id, p.change, p.kicks, p.at
    FROM page AS p ORDER BY p.txid, p.seq;
END
$$;

CREATE FUNCTION relay_api.changes_since(cursor text, max_rows integer DEFAULT 1000)
RETURNS TABLE (next_cursor text, org_id text, agent_id text, key_id text, change text, kicks boolean, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM relay.read_changes(changes_since.cursor, changes_since.max_rows)
$$;
COMMENT ON FUNCTION relay_api.changes_since(text, integer) IS
    'what to forget since a cursor (null: to begin), each row at least once, with the cursor to go on from; runs on a standby, too; '
    '''reset'': drop the whole cache and check every open connection';

-- Keeping ------------------------------------------------------------------------------------------------------------------------------

-- Takes away what is older than 7 days: whole from the front, so that the horizon tells what is missing. Bounded, and for one at a time.
CREATE FUNCTION relay.prune_changes(max_rows integer DEFAULT 10000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    oldest  timestamptz := clock_timestamp() - interval '7 days';
    settled xid8 := pg_snapshot_xmin(pg_current_snapshot());
    last    record;
    removed bigint := 0;
BEGIN
    PERFORM FROM relay.feed_horizon FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;  -- somebody else is at it
    END IF;
    SELECT front.txid, front.seq INTO last
    FROM (SELECT c.txid, c.seq, bool_and(c.at < oldest AND c.txid < settled) OVER (ORDER BY c.txid, c.seq) AS old
          FROM relay.key_changes AS c ORDER BY c.txid, c.seq LIMIT prune_changes.max_rows) AS front
    WHERE front.old ORDER BY front.txid DESC, front.seq DESC LIMIT 1;
    IF last.txid IS NOT NULL THEN
        DELETE FROM relay.key_changes AS c WHERE (c.txid, c.seq) <= (last.txid, last.seq);
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    UPDATE relay.feed_horizon AS h
    SET txid = COALESCE(last.txid, h.txid), seq = COALESCE(last.seq, h.seq), pruned_at = clock_timestamp();
    DELETE FROM relay.gateway_acks AS a WHERE a.at < oldest;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_changes(integer) IS
    'removes changes and acknowledgements older than 7 days, at most max_rows changes; returns how many; acknowledge calls it once an hour';
GRANT EXECUTE ON FUNCTION relay.prune_changes(integer) TO relay_provisioner;

CREATE FUNCTION relay_api.acknowledge(gateway_id text, cursor text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place record;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'acknowledge works on the primary only: this is a standby' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    IF acknowledge.gateway_id IS NULL OR COALESCE(acknowledge.cursor, '') = '' THEN
        RAISE EXCEPTION 'acknowledge needs a gateway id and a cursor' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO place FROM relay.parse_cursor(acknowledge.cursor);
    -- It must not wait for a standby; lost in a crash, it is made again.
    IF current_setting('synchronous_commit') <> 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    INSERT INTO relay.gateway_acks AS a (gateway_id, history, txid, seq, seen)
    VALUES (acknowledge.gateway_id, place.database_id || '.' || place.timeline, place.txid, place.seq, place.seen)
    ON CONFLICT ON CONSTRAINT gateway_acks_pkey DO UPDATE
    SET history = excluded.history, txid = excluded.txid, seq = excluded.seq, seen = excluded.seen, at = excluded.at,
        db_role = excluded.db_role;
    IF EXISTS (SELECT FROM relay.feed_horizon AS h WHERE h.pruned_at < clock_timestamp() - interval '1 hour') THEN
        PERFORM relay.prune_changes();
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.acknowledge(text, text) IS
    'says that everything up to a cursor of changes_since was acted upon; also to be called every 20 s as a sign of life; primary only';

GRANT EXECUTE ON FUNCTION relay_api.changes_since(text, integer), relay_api.acknowledge(text, text) TO relay_gateway;
GRANT EXECUTE ON FUNCTION relay.read_changes(text, integer), relay.feed_history()
    TO relay_provisioner, relay_responder, relay_auditor;

-- Live: acknowledged anything within 60 s, three times the pace of a gateway that has nothing to say.
CREATE VIEW relay.gateway_status AS
SELECT ack.gateway_id, ack.at AS acknowledged_at, ack.db_role,
       ack.at > pg_catalog.statement_timestamp() - interval '60 seconds' AS live,
       ack.history = here.database_id || '.' || here.timeline AS same_history,
       CASE WHEN ack.history = here.database_id || '.' || here.timeline THEN missing.changes END AS changes_behind,
       CASE WHEN ack.history = here.database_id || '.' || here.timeline THEN
            pg_catalog.floor(GREATEST(0, COALESCE(EXTRACT(epoch FROM pg_catalog.statement_timestamp() - missing.since), 0)))::bigint
       END AS seconds_behind
FROM relay.gateway_acks AS ack
CROSS JOIN relay.feed_history() AS here
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS changes, pg_catalog.min(c.at) AS since
    FROM relay.key_changes AS c
    WHERE (c.txid, c.seq) > (ack.txid, ack.seq) AND NOT pg_catalog.pg_visible_in_snapshot(c.txid, ack.seen)) AS missing;
COMMENT ON COLUMN relay.gateway_status.changes_behind IS
    'rows of the feed that it has not acknowledged; null: its cursor is of another history of the database, it will be told to reset';

GRANT SELECT ON relay.gateway_status TO relay_provisioner, relay_responder, relay_auditor;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (9, 'change_feed', '204f3985249d6fc3f4612d294b446fb274e0f8b511f9f8339d76704a8a8e534b');
COMMIT;

-- recording: sha256 2244b49ab2a842575ec521b367e19fef72b3048e52b3f21f7bc71a17bab6660c
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- How what strangers can make happen is recorded: a row each until it is a flood, which is counted; and none of it waits for the disk.

ALTER TABLE relay.auth_events ADD COLUMN times bigint NOT NULL DEFAULT 1 CONSTRAINT auth_events_times_positive CHECK (times > 0);
COMMENT ON COLUMN relay.auth_events.times IS 'how often it happened: more than 1 for a flood that was folded into one row';

-- What happens too often for a row each, as one backend sees it: no two transactions ever count in the same row, so nobody waits.
CREATE TABLE relay.event_floods (
    backend  integer NOT NULL,
    subject  text COLLATE "C" NOT NULL,  -- all of what makes two events the same
    ends_at  timestamptz NOT NULL,  -- of its window; from then on anybody may write it down
    began_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    written  integer NOT NULL,  -- how many of this window have rows of their own
    folded   bigint NOT NULL,  -- how many came after them
    org_id text COLLATE "C", agent_id text COLLATE "C", key_id text COLLATE "C",
    action text COLLATE "C" NOT NULL, outcome text COLLATE "C" NOT NULL, reason text COLLATE "C" NOT NULL,
    ip_address inet,
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,
    trace_id   text COLLATE "C",  -- of the last one, as is detail
    detail     jsonb,
    CONSTRAINT event_floods_pkey PRIMARY KEY (backend, subject)
) WITH (fillfactor = 50);
CREATE INDEX event_floods_by_end ON relay.event_floods (ends_at);
COMMENT ON TABLE relay.event_floods IS 'counts that have no row in auth_events yet: relay.recorded_events has both';

CREATE FUNCTION relay.as_event(flood relay.event_floods) RETURNS relay.auth_events
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event relay.auth_events;
BEGIN
    event.occurred_at := flood.last_at;
    event.org_id := flood.org_id;
    event.agent_id := flood.agent_id;
    event.key_id := flood.key_id;
    event.action := flood.action;
    event.outcome := flood.outcome;
    event.reason := flood.reason;
    event.ip_address := flood.ip_address;
    event.db_role := flood.db_role;
    event.trace_id := flood.trace_id;
    event.detail := COALESCE(flood.detail, '{}') || jsonb_build_object('first_at', flood.began_at);
    event.times := flood.folded;
    RETURN event;
END
$$;

CREATE VIEW relay.recorded_events AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay.auth_events
UNION ALL
SELECT NULL, event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address,
       NULL, event.db_role, NULL, event.trace_id, event.detail, event.times
FROM relay.event_floods AS flood CROSS JOIN LATERAL relay.as_event(flood) AS event
WHERE flood.folded > 0;
COMMENT ON VIEW relay.recorded_events IS 'auth_events and the floods that are going on: sum(times) misses nothing';

-- Writes down the floods that ended before `before`, at most `most`; what somebody is at work on is left to him. Returns how many.
CREATE FUNCTION relay.settle_floods(before timestamptz DEFAULT pg_catalog.clock_timestamp(), most integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settled bigint;
BEGIN
    WITH ended AS (
        DELETE FROM relay.event_floods AS flood
        WHERE flood.ctid = ANY (ARRAY(SELECT f.ctid FROM relay.event_floods AS f WHERE f.ends_at <= settle_floods.before
                                      ORDER BY f.ends_at LIMIT settle_floods.most FOR UPDATE SKIP LOCKED))
        RETURNING flood.*
    ), written AS (
        INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, db_role, trace_id,
                                       detail, times)
        SELECT event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason,
               event.ip_address, event.db_role, event.trace_id, event.detail, event.times
        FROM ended CROSS JOIN LATERAL relay.as_event(ended) AS event
        WHERE ended.folded > 0
    )
    SELECT count(*) INTO settled FROM ended;
    RETURN settled;
END
$$;
COMMENT ON FUNCTION relay.settle_floods(timestamptz, integer) IS
    'writes the floods that ended before a time into auth_events; the next failures do the same, so this only hastens it';

-- A transaction that has written nothing yet shall not wait for the disk: what follows is worth a record, but a flood of bad keys must not
-- be one of fsyncs. A crash may take what was recorded in its last 0.6 s (three times wal_writer_delay).
CREATE FUNCTION relay.commit_lazily() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END
$$;

-- Records what anybody can make happen as often as he likes. In each window the first `whole` of a kind have rows of their own; the others
-- are counted, and their count is written when the window is over: at the next of them, by settle_floods, or by whoever comes new.
CREATE FUNCTION relay.record_often(event relay.auth_events, whole integer DEFAULT 10, pace interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present timestamptz := clock_timestamp();
    -- One host chooses among the addresses of an IPv6 /64 as it likes.
    source  inet := CASE WHEN family(event.ip_address) = 6 THEN network(set_masklen(event.ip_address, 64)) ELSE event.ip_address END;
    -- The id of a key that nobody holds is any text: it makes no event another one.
    key     text := CASE WHEN event.agent_id IS NOT NULL THEN event.key_id END;
    about   text := concat(event.action, '|', event.reason, '|', event.org_id, '|', event.agent_id, '|', key, '|', source);
    flood   relay.event_floods;
BEGIN
    PERFORM relay.commit_lazily();
    SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;

    IF flood.ends_at > present AND flood.written >= whole THEN
        UPDATE relay.event_floods AS f
        SET folded = f.folded + 1, last_at = present, trace_id = event.trace_id, detail = event.detail
        WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;

    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
    VALUES (event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address, event.trace_id,
            event.detail);
    IF flood.ends_at > present THEN
        UPDATE relay.event_floods AS f SET written = f.written + 1 WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;
    PERFORM relay.settle_floods(present, 8);  -- its own last window, maybe, and some of what stands about
    -- One that settle_floods is ending elsewhere right now is still seen: then this window counts nothing, each event has its row.
    INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded,
                                    org_id, agent_id, key_id, action, outcome, reason, ip_address)
    SELECT pg_backend_pid(), about, present + pace, present, present, 1, 0,
           event.org_id, event.agent_id, key, event.action, event.outcome, event.reason, source
    WHERE NOT EXISTS (SELECT FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about);
END
$$;

GRANT SELECT ON relay.event_floods, relay.recorded_events TO relay_provisioner, relay_responder, relay_auditor;
GRANT EXECUTE ON FUNCTION relay.as_event(relay.event_floods) TO relay_provisioner, relay_responder, relay_auditor;
GRANT EXECUTE ON FUNCTION relay.settle_floods(timestamptz, integer) TO relay_provisioner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (10, 'recording', '2244b49ab2a842575ec521b367e19fef72b3048e52b3f21f7bc71a17bab6660c');
COMMIT;

-- authentication: sha256 70cc59a28e80228d4e1f9daad8459bed058d60ba09ac7fc36854f42190c181f8
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Checking keys and permissions: authenticate with roles and conditions, one short query for the usual call, and failures that fold when they are a
-- flood; authorize.

ALTER TYPE relay_api.auth_decision ADD ATTRIBUTE conditions jsonb;

ALTER TABLE relay.agent_keys ADD COLUMN last_used_from inet;
COMMENT ON COLUMN relay.agent_keys.last_used_from IS 'the address that last_used_at was written for: from there nothing is due within the minute';
GRANT SELECT (last_used_from) ON relay.agent_keys TO relay_provisioner, relay_responder, relay_auditor;

-- What a key is worth right now, whoever shows it: ok, or the reason why not. One row for each key, all of it by index.
CREATE VIEW relay.key_standing AS
SELECT key.key_id, key.org_id, key.agent_id, agent.permissions, key.key_hash, key.expires_at, key.last_used_at, key.last_used_from,
       standing.reason
FROM relay.agent_keys AS key
JOIN relay.agents AS agent ON agent.agent_id = key.agent_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.at >= key.created_at)) AS revoked,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id = ANY (ARRAY[key.key_id, key.agent_id, key.org_id])
      AND row.subject_id = CASE row.subject_kind
              WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END) AS fate
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN fate.revoked THEN 'revoked'
        WHEN fate.blocked THEN 'blocked'
        WHEN key.state = 'revoked' THEN 'revoked'
        WHEN key.state = 'retired' THEN 'retired'
        WHEN key.expires_at <= pg_catalog.statement_timestamp() THEN 'expired'
        ELSE 'ok'
    END AS reason
    OFFSET 0) AS standing;  -- evaluated once, however often it is used
COMMENT ON VIEW relay.key_standing IS 'for the functions that check keys: it has the hashes, so nobody is granted it';

-- The answer to who shows a key of that standing; a claim that is null was not made. Plain SQL, to be inlined.
CREATE FUNCTION relay.verdict(standing text, right_agent boolean, right_org boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN standing = 'ok' THEN CASE WHEN NOT right_agent THEN 'agent_mismatch' WHEN NOT right_org THEN 'org_mismatch' ELSE 'ok' END
        ELSE COALESCE(standing, 'unknown_key')  -- null: there is no such key
    END
$$;

-- What a success leaves behind, at most once a minute for each key and address. Waits for nobody: a row that a rotation holds is skipped, and
-- the next call does it.
CREATE OR REPLACE FUNCTION relay.note_success(seen_key text, seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz,
                                              seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retired text;
BEGIN
    PERFORM relay.commit_lazily();
    IF used_at IS NULL OR used_at <= seen_at - interval '1 minute' THEN
        UPDATE relay.agent_keys SET last_used_at = seen_at, last_used_from = seen_from
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.key_id = seen_key FOR NO KEY UPDATE SKIP LOCKED);
        UPDATE relay.agents SET last_used_at = seen_at
        WHERE agent_id = (SELECT a.agent_id FROM relay.agents AS a WHERE a.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED);
        -- The replacement works: its predecessor need not.
        UPDATE relay.agent_keys SET state = 'retired', retired_at = seen_at
        WHERE key_id = (SELECT k.key_id FROM relay.agent_keys AS k
                        WHERE k.agent_id = seen_agent AND k.state = 'retiring' AND k.replaced_by = seen_key AND k.retire_on_first_use
                        FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING key_id INTO retired;
        IF retired IS NOT NULL THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
            VALUES (seen_org, seen_agent, retired, 'key_retired', 'its replacement ' || seen_key || ' was used', seen_trace);
        END IF;
    END IF;

    IF NOT EXISTS (SELECT FROM relay.key_sightings AS s
                   WHERE s.key_id = seen_key AND s.ip_address = COALESCE(seen_from, '::')
                     AND s.logged_at > seen_at - interval '1 minute') THEN
        INSERT INTO relay.key_sightings AS s (key_id, ip_address, logged_at)
        VALUES (seen_key, COALESCE(seen_from, '::'), seen_at)
        ON CONFLICT (key_id, ip_address) DO UPDATE SET logged_at = excluded.logged_at
            WHERE s.logged_at <= excluded.logged_at - interval '1 minute';
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, trace_id)
            VALUES (seen_org, seen_agent, seen_key, 'authenticated', seen_from, seen_trace);
        END IF;
    END IF;
END
$$;

-- Most agents have permissions of their own and nothing else, which spares the usual call two lookups. One-way, so that no race of two changes can
-- ever hide a condition: who once had a role or a condition is looked up for good.
ALTER TABLE relay.agents ADD COLUMN plain boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN relay.agents.plain IS 'it never had a role or a condition';
UPDATE relay.agents AS a SET plain = false
WHERE EXISTS (SELECT FROM relay.agent_roles AS r WHERE r.agent_id = a.agent_id)
   OR EXISTS (SELECT FROM relay.agent_conditions AS c WHERE c.agent_id = a.agent_id);

CREATE FUNCTION relay.no_longer_plain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE relay.agents AS a SET plain = false WHERE a.agent_id = NEW.agent_id AND a.plain;
    RETURN NEW;
END
$$;
CREATE TRIGGER no_longer_plain BEFORE INSERT OR UPDATE OF agent_id ON relay.agent_roles
    FOR EACH ROW EXECUTE FUNCTION relay.no_longer_plain();
CREATE TRIGGER no_longer_plain BEFORE INSERT OR UPDATE OF agent_id ON relay.agent_conditions
    FOR EACH ROW EXECUTE FUNCTION relay.no_longer_plain();

-- Twice the same question. The first asks whether all is as usual: nothing was ever held against key, agent or organization, and nothing is due
-- to be written. That is one plan of three index lookups, and whatever is not so, for any reason, is asked again with all the checks.
CREATE OR REPLACE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    used_at  timestamptz;
    refused  relay.auth_events;
BEGIN
    SELECT true, 'ok', k.org_id, k.agent_id, a.permissions, k.expires_at, NULL::jsonb INTO decision
    FROM relay.agent_keys AS k
    JOIN relay.agents AS a ON a.agent_id = k.agent_id
    -- Hashes of hashes are compared, so the time that it takes tells nothing of use.
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r WHERE r.subject_id = ANY (ARRAY[k.key_id, k.agent_id, k.org_id]))
      AND k.state IN ('active', 'retiring') AND (k.expires_at > statement_timestamp()) IS NOT FALSE
      AND (authenticate.agent_id = k.agent_id) IS NOT FALSE AND (authenticate.org_id = k.org_id) IS NOT FALSE
      AND a.plain
      AND k.last_used_at > statement_timestamp() - interval '1 minute' AND k.last_used_from IS NOT DISTINCT FROM authenticate.ip_address;
    IF FOUND THEN
        RETURN decision;
    END IF;

    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, k.permissions, k.expires_at, k.last_used_at
    INTO decision.ok, decision.reason, decision.org_id, decision.agent_id, decision.permissions, decision.expires_at, used_at
    FROM relay.key_standing AS k
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, authenticate.agent_id = k.agent_id, authenticate.org_id = k.org_id) AS reason OFFSET 0) AS answer
    WHERE k.key_id = authenticate.key_id AND k.key_hash = sha256(authenticate.key_digest);
    IF decision.ok THEN
        IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
            PERFORM relay.note_success(authenticate.key_id, decision.agent_id, decision.org_id, clock_timestamp(), used_at,
                                       authenticate.ip_address, left(authenticate.trace_id, 64));
        END IF;
        SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
        FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
        RETURN decision;
    END IF;

    refused.reason := COALESCE(decision.reason, 'unknown_key');
    IF current_setting('transaction_read_only') = 'off' THEN
        refused.action := 'auth_failed';
        refused.outcome := 'failed';
        refused.org_id := decision.org_id;
        refused.agent_id := decision.agent_id;
        refused.key_id := left(authenticate.key_id, 12);
        refused.ip_address := authenticate.ip_address;
        refused.trace_id := left(authenticate.trace_id, 64);
        IF authenticate.agent_id IS NOT NULL OR authenticate.org_id IS NOT NULL THEN
            refused.detail := jsonb_build_object('claimed_agent_id', left(authenticate.agent_id, 127),
                                                 'claimed_org_id', left(authenticate.org_id, 63));
        END IF;
        PERFORM relay.record_often(refused);
    END IF;
    -- Whose key it was is for auth_events, not for the caller.
    RETURN ROW(false, refused.reason, NULL, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;

-- The same checks for people: no effect, and the owner is named also when the answer is no.
CREATE OR REPLACE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT answer.reason = 'ok', answer.reason, k.org_id, k.agent_id, granted.permissions, k.expires_at, granted.conditions
    FROM (VALUES (verify_key.key_id, sha256(verify_key.key_digest))) AS shown (key_id, key_hash)
    LEFT JOIN relay.key_standing AS k ON k.key_id = shown.key_id AND k.key_hash = shown.key_hash
    CROSS JOIN LATERAL (
        SELECT relay.verdict(k.reason, verify_key.agent_id = k.agent_id, NULL) AS reason) AS answer
    CROSS JOIN LATERAL relay.effective_grants(k.agent_id, k.permissions) AS granted
$$;
DROP FUNCTION relay.decide(text, bytea, text, text);

CREATE TYPE relay_api.permission_decision AS (
    ok         boolean,
    reason     text,
    conditions jsonb
);

-- A permission that is asked for is met by itself, by provider:*, by *:method and by *:*. If any grant that meets it has no conditions, it has none;
-- otherwise the call must meet one of the alternatives. What is no permission at all is met by nothing.
CREATE FUNCTION relay_api.authorize(agent_id text, permission text, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.permission_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked    text := CASE WHEN relay.permission_is_valid(authorize.permission) THEN authorize.permission END;
    agent    record;
    granted  record;
    refused  relay.auth_events;
BEGIN
    SELECT a.org_id, a.agent_id,
           (SELECT max(CASE s.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END)  -- revoked is the later word
            FROM relay.standing_revocations AS s
            WHERE s.subject_id IN (a.agent_id, a.org_id)
              AND s.subject_id = CASE s.subject_kind WHEN 'agent' THEN a.agent_id WHEN 'org' THEN a.org_id END) AS shut_out
    INTO agent
    FROM relay.agents AS a
    WHERE a.agent_id = authorize.agent_id;

    IF agent.agent_id IS NOT NULL AND agent.shut_out IS NULL AND asked IS NOT NULL THEN
        SELECT count(*) > 0 AS any, bool_or(g.conditions IS NULL) AS freely, jsonb_agg(DISTINCT g.conditions) AS alternatives
        INTO granted
        FROM relay.agent_grants AS g
        WHERE g.agent_id = agent.agent_id
          AND g.permission IN (asked, split_part(asked, ':', 1) || ':*', '*:' || split_part(asked, ':', 2), '*:*');
        IF granted.any THEN
            RETURN ROW(true, 'ok', CASE WHEN NOT granted.freely THEN granted.alternatives END)::relay_api.permission_decision;
        END IF;
    END IF;

    refused.reason := CASE WHEN agent.agent_id IS NULL THEN 'unknown_agent' ELSE COALESCE(agent.shut_out, 'permission_missing') END;
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
        refused.action := 'authorization_failed';
        refused.outcome := 'failed';
        refused.org_id := agent.org_id;
        refused.agent_id := agent.agent_id;
        refused.ip_address := authorize.ip_address;
        refused.trace_id := left(authorize.trace_id, 64);
        refused.detail := jsonb_build_object('permission', left(authorize.permission, 129));
        IF agent.agent_id IS NULL THEN
            refused.detail := refused.detail || jsonb_build_object('claimed_agent_id', left(authorize.agent_id, 127));
        END IF;
        PERFORM relay.record_often(refused);
    END IF;
    RETURN ROW(false, refused.reason, NULL)::relay_api.permission_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authorize(text, text, inet, text) IS
    'whether an agent, authenticated before, may do provider:method, and the conditions of which its call must meet one (null: none); '
    'a refusal is recorded; reasons: ok permission_missing unknown_agent revoked blocked';

GRANT EXECUTE ON FUNCTION relay_api.authorize(text, text, inet, text) TO relay_gateway;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (11, 'authentication', '70cc59a28e80228d4e1f9daad8459bed058d60ba09ac7fc36854f42190c181f8');
COMMIT;

-- auth_mode: sha256 2f9cded88a6c0658ef5df8703e8826fee6d08872b68b3c69fe6017b12ec7958b
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Organizations that still let agents in without a key, until all of them have theirs.

ALTER TABLE relay.organizations ADD COLUMN auth_mode text COLLATE "C" NOT NULL DEFAULT 'required'
    CONSTRAINT organizations_auth_mode_known CHECK (auth_mode IN ('optional', 'required'));
COMMENT ON COLUMN relay.organizations.auth_mode IS 'optional: a call without a key is let through and recorded, until all agents have theirs';
GRANT INSERT (auth_mode), UPDATE (auth_mode) ON relay.organizations TO relay_provisioner;

CREATE FUNCTION relay.announce_auth_mode() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.announce(NEW.org_id, NULL, NULL, 'auth_mode_changed', false);
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER UPDATE OF auth_mode ON relay.organizations FOR EACH ROW
    WHEN (OLD.auth_mode IS DISTINCT FROM NEW.auth_mode) EXECUTE FUNCTION relay.announce_auth_mode();

-- What a gateway asks for a call that shows no key. The ids are claimed and prove nothing: of an organization whose auth_mode is optional
-- they are taken as said, as before there were keys; an agent that nobody knows then has no permissions and comes back as null.
CREATE FUNCTION relay_api.authenticate_anonymous(
    agent_id text, org_id text DEFAULT NULL, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.auth_decision;
    event    relay.auth_events;
    shut_out text;
    mode     text;
BEGIN
    SELECT a.agent_id, a.org_id, a.permissions INTO decision.agent_id, decision.org_id, decision.permissions
    FROM relay.agents AS a WHERE a.agent_id = authenticate_anonymous.agent_id;
    SELECT o.org_id, o.auth_mode INTO event.org_id, mode
    FROM relay.organizations AS o WHERE o.org_id = COALESCE(decision.org_id, authenticate_anonymous.org_id);
    SELECT max(CASE s.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END) INTO shut_out
    FROM relay.standing_revocations AS s
    WHERE (s.subject_kind = 'agent' AND s.subject_id = authenticate_anonymous.agent_id)
       OR (s.subject_kind = 'org' AND s.subject_id IN (event.org_id, authenticate_anonymous.org_id));

    event.reason := CASE
        WHEN shut_out IS NOT NULL THEN shut_out
        WHEN mode IS NULL THEN CASE WHEN authenticate_anonymous.org_id IS NULL THEN 'unknown_agent' ELSE 'unknown_org' END
        WHEN decision.org_id <> authenticate_anonymous.org_id THEN 'org_mismatch'
        WHEN mode = 'required' THEN 'key_required'
        ELSE 'unauthenticated'
    END;
    decision.ok := event.reason = 'unauthenticated';
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
        event.action := CASE WHEN decision.ok THEN 'unauthenticated' ELSE 'auth_failed' END;
        event.outcome := CASE WHEN decision.ok THEN 'ok' ELSE 'failed' END;
        event.agent_id := decision.agent_id;
        event.ip_address := authenticate_anonymous.ip_address;
        event.trace_id := left(authenticate_anonymous.trace_id, 64);
        IF decision.agent_id IS NULL OR NOT decision.ok THEN
            event.detail := jsonb_build_object('claimed_agent_id', left(authenticate_anonymous.agent_id, 127),
                                               'claimed_org_id', left(authenticate_anonymous.org_id, 63));
        END IF;
        IF decision.ok THEN
            -- Who calls so does it all day: once an hour is enough for each that is known, and for some that are not.
            PERFORM relay.record_often(event, CASE WHEN decision.agent_id IS NULL THEN 20 ELSE 1 END, '1 hour');
        ELSE
            PERFORM relay.record_often(event);
        END IF;
    END IF;
    IF NOT decision.ok THEN
        RETURN ROW(false, event.reason, NULL, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
    END IF;
    decision.reason := event.reason;
    decision.org_id := event.org_id;
    SELECT COALESCE(granted.permissions, '[]'), granted.conditions INTO decision.permissions, decision.conditions
    FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate_anonymous(text, text, inet, text) IS
    'whether a call without a key is let through; reasons: unauthenticated (ok), key_required unknown_agent unknown_org org_mismatch blocked revoked';
GRANT EXECUTE ON FUNCTION relay_api.authenticate_anonymous(text, text, inet, text) TO relay_gateway;

-- Who still calls so. The partial index is as small as the answer.
CREATE INDEX auth_events_keyless ON relay.auth_events (org_id, occurred_at) WHERE action = 'unauthenticated';

CREATE VIEW relay.keyless_callers AS
SELECT event.org_id, COALESCE(event.agent_id, event.detail ->> 'claimed_agent_id') AS caller, event.agent_id IS NOT NULL AS known,
       pg_catalog.sum(event.times)::bigint AS calls, pg_catalog.max(event.occurred_at) AS last_at
FROM relay.recorded_events AS event
WHERE event.action = 'unauthenticated' AND event.occurred_at > pg_catalog.statement_timestamp() - interval '7 days'
GROUP BY 1, 2, 3;
COMMENT ON VIEW relay.keyless_callers IS 'who has called without a key in the last 7 days';
GRANT SELECT ON relay.keyless_callers TO relay_provisioner, relay_responder, relay_auditor;

CREATE OR REPLACE VIEW relay.organization_status AS
SELECT org.org_id, org.name, org.plan, org.max_agents, relay.agent_limit(org.plan, org.max_agents) AS agent_limit,
       org.key_max_age, org.created_at, org.created_by,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status,
       (SELECT pg_catalog.count(*) FROM relay.agents AS agent
        WHERE agent.org_id = org.org_id
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke')
       ) AS agents,
       org.auth_mode
FROM relay.organizations AS org
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id = org.org_id AND row.subject_kind = 'org') AS standing;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (12, 'auth_mode', '2f9cded88a6c0658ef5df8703e8826fee6d08872b68b3c69fe6017b12ec7958b');
COMMIT;

-- tenants: sha256 db3c68657e4ba7f6f2d9851cfa96b4b3fa009fc8d5b174952b08c8b94bfb7e36
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- Row level security: who reads as relay_tenant sees the rows of one organization, whatever it asks.
--
-- Which one is said by a setting: relay.org_id, or the claims that PostgREST and its like put into request.jwt.claims. Whoever may run SQL of
-- its own as relay_tenant may set them, too: the boundary is as good as who sets it. A login for one tenant that runs queries of the
-- tenant's own is to be kept behind a server that does the setting.
--
-- Tenants read tables, never our status views: those belong to relay_owner, to whom no policy applies. (Views with the reader's own rights
-- exist from PostgreSQL 15 on only.) They are granted columns, not tables: no hash, and nothing about the relay's own staff.

CREATE FUNCTION relay.current_org() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims jsonb := NULLIF(current_setting('request.jwt.claims', true), '');  -- '': was set in a transaction that has ended
BEGIN
    RETURN (SELECT CASE WHEN min(said.org) = max(said.org) THEN min(said.org) END
            FROM (VALUES (NULLIF(current_setting('relay.org_id', true), '')), (claims ->> 'org_id'), (claims ->> 'tenant_id'))
                 AS said (org));
END
$$;
COMMENT ON FUNCTION relay.current_org() IS
    'the organization that this session reads for: setting relay.org_id, or org_id or tenant_id of request.jwt.claims (JSON); '
    'null, and so no rows, if none says one or two differ; claims that are no JSON are an error';
GRANT EXECUTE ON FUNCTION relay.current_org() TO relay_tenant;

-- For each table with rows of organizations, also of later migrations. The subselect in the condition is evaluated once a statement instead of
-- once a row, and an index can be used. One policy for each kind of reader: a single one for all would cost the tenants that.
CREATE FUNCTION relay.isolate_tenants(target regclass, of_tenant text DEFAULT 'org_id = (SELECT relay.current_org())') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY tenant ON %s FOR SELECT TO relay_tenant USING (%s)', target, of_tenant);
    EXECUTE format('CREATE POLICY staff ON %s TO relay_provisioner, relay_responder, relay_auditor USING (true) WITH CHECK (true)',
                   target);
END
$$;
COMMENT ON FUNCTION relay.isolate_tenants(regclass, text) IS
    'for migrations: relay_tenant sees the rows that meet a condition, the other roles all that they are granted';

SELECT relay.isolate_tenants(c.oid::regclass)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition;

SELECT relay.isolate_tenants('relay.revocations', $$
    CASE subject_kind
        WHEN 'org' THEN subject_id = (SELECT relay.current_org())
        WHEN 'agent' THEN subject_id IN (SELECT a.agent_id FROM relay.agents AS a WHERE a.org_id = (SELECT relay.current_org()))
        WHEN 'key' THEN subject_id IN (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.org_id = (SELECT relay.current_org()))
    END$$);
SELECT relay.isolate_tenants('relay.key_sightings',
    'key_id IN (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.org_id = (SELECT relay.current_org()))');

CREATE INDEX agent_keys_by_org ON relay.agent_keys (org_id);

-- Through auth_events a partition's rows are under the policies of auth_events. By its own name nobody reads one: not even after a
-- GRANT ON ALL TABLES, since without a policy of its own row level security shows nothing.
CREATE OR REPLACE FUNCTION relay.protect_events_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change()', partition);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM relay_owner', partition);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', partition);
END
$$;
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = 'relay.auth_events'::regclass LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', partition);
    END LOOP;
END
$$;

GRANT SELECT (org_id, name, plan, max_agents, key_max_age, auth_mode, created_at) ON relay.organizations TO relay_tenant;
GRANT SELECT (agent_id, org_id, name, permissions, key_max_age, created_at, last_used_at) ON relay.agents TO relay_tenant;
GRANT SELECT (key_id, agent_id, org_id, hash_algorithm, state, created_at, due_at, expires_at, retired_at, revoked_at, replaced_by,
              retire_on_first_use, last_used_at, last_used_from) ON relay.agent_keys TO relay_tenant;
GRANT SELECT (agent_id, org_id, permission, conditions) ON relay.agent_conditions TO relay_tenant;
GRANT SELECT (org_id, role_id, name, created_at) ON relay.roles TO relay_tenant;
GRANT SELECT (org_id, role_id, permission, conditions) ON relay.role_permissions TO relay_tenant;
GRANT SELECT (agent_id, org_id, role_id, assigned_at) ON relay.agent_roles TO relay_tenant;
GRANT SELECT (key_id, ip_address, logged_at) ON relay.key_sightings TO relay_tenant;
-- Not reason, ticket, actor and db_role: what staff noted about a tenant is not for the tenant.
GRANT SELECT (revocation_id, subject_kind, subject_id, kind, at, until, lifted_at) ON relay.revocations TO relay_tenant;
GRANT SELECT (event_id, occurred_at, org_id, agent_id, key_id, action, outcome, ip_address, trace_id, times)
    ON relay.auth_events TO relay_tenant;

-- But why a gateway turned an agent away is what a tenant most wants to know. Such rows have no actor, and their reasons are our own words.
CREATE VIEW relay.own_refusals WITH (security_barrier) AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, reason, ip_address, trace_id, detail, times
FROM relay.recorded_events
WHERE org_id = (SELECT relay.current_org()) AND outcome = 'failed' AND actor IS NULL;
COMMENT ON VIEW relay.own_refusals IS 'for tenants: what gateways refused to agents of the organization that this session reads for, and why';
GRANT SELECT ON relay.own_refusals TO relay_tenant;
GRANT EXECUTE ON FUNCTION relay.as_event(relay.event_floods) TO relay_tenant;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (13, 'tenants', 'db3c68657e4ba7f6f2d9851cfa96b4b3fa009fc8d5b174952b08c8b94bfb7e36');
COMMIT;

-- standbys: sha256 13852e67cb8bbb717b69f640e5e10f85b4efbaf8265154fa2bafa921dbeb8770
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- What a block that must survive a failover has to know: how far the standbys are.
--
-- PostgreSQL shows the places of its standbys to superusers and to members of pg_read_all_stats only. A responder gets no such right:
-- it would show him the statements of every session of the cluster. It is this one function's owner who needs it. Where that cannot be
-- given here, it is given later (GRANT pg_read_all_stats TO relay_owner); until then the places are null, as in pg_stat_replication.

CREATE FUNCTION relay.wal_senders()
RETURNS TABLE (pid integer, application_name text, client_addr inet, state text, sync_state text, write_lsn pg_lsn, flush_lsn pg_lsn,
               replay_lsn pg_lsn, reply_time timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pid, application_name, client_addr, state, sync_state, write_lsn, flush_lsn, replay_lsn, reply_time FROM pg_stat_replication
$$;
COMMENT ON FUNCTION relay.wal_senders() IS
    'who takes WAL from this server, and how far; the places are null unless relay_owner is in pg_read_all_stats';
GRANT EXECUTE ON FUNCTION relay.wal_senders() TO relay_provisioner, relay_responder, relay_auditor;

-- Owners of several databases share one cluster, so it may be granted already, or by another migration at this moment; and the applier may not
-- be allowed to. None of it is a reason not to migrate: --durable says what to run when it cannot see.
RESET ROLE;
DO $grant$
BEGIN
    IF NOT pg_catalog.pg_has_role('relay_owner', 'pg_read_all_stats', 'MEMBER') THEN
        GRANT pg_read_all_stats TO relay_owner;
    END IF;
EXCEPTION
    WHEN OTHERS THEN NULL;
END
$grant$;
SET LOCAL ROLE relay_owner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (14, 'standbys', '13852e67cb8bbb717b69f640e5e10f85b4efbaf8265154fa2bafa921dbeb8770');
COMMIT;

-- legacy_migration: sha256 56879e6ff5a2c50b068cb7f850088749c1f809c3eaf872903dd457b1912cb390
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- How a running fleet leaves its one shared secret. The secret itself is never stored: the relay holds it in its own environment, and the
-- database says who may still use it, and until when.
--
-- It fails closed. A window always has a deadline, on the database's clock, and what is past it is denied without anybody running
-- anything. Leaving the list is one-way: an agent that has proven a key of its own can never again be impersonated with the shared secret.
--
-- What shuts out is a row of its own, as in revocations: to leave the list and to stop everything are inserts, so neither ever waits for a batch
-- of `issue`, a wave of `start` or whatever else has the agents and the window in hand.

CREATE TABLE relay.legacy_migrations (
    migration_id    bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    state           text COLLATE "C" NOT NULL DEFAULT 'open',
    opened_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    opened_by       text NOT NULL,
    deadline        timestamptz NOT NULL,
    deadline_set_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    closed_at       timestamptz,
    closed_by       text,
    -- aborted: nobody is moved any more, and who was listed may go on until the deadline.
    CONSTRAINT legacy_migrations_state_known CHECK (state IN ('open', 'aborted', 'finished')),
    CONSTRAINT legacy_migrations_closed_by_somebody CHECK (
        (state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT legacy_migrations_deadline_near CHECK (deadline <= deadline_set_at + interval '180 days')
);
CREATE UNIQUE INDEX legacy_migrations_one_open ON relay.legacy_migrations (state) WHERE state = 'open';
COMMENT ON TABLE relay.legacy_migrations IS 'when the shared secret may be used by those who are listed; the latest row counts';

CREATE TABLE relay.legacy_stops (
    stopped_at timestamptz PRIMARY KEY DEFAULT pg_catalog.clock_timestamp(),
    stopped_by text NOT NULL
);
COMMENT ON TABLE relay.legacy_stops IS
    'emergency stops: a window that was opened before one is closed for good, also if whoever opened it commits after it';

CREATE TABLE relay.legacy_agents (
    agent_id       text COLLATE "C" PRIMARY KEY,
    org_id         text COLLATE "C" NOT NULL,
    owner          text,  -- who receives its key: a team, a mail address
    imported_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    imported_by    text NOT NULL,
    migration_id   bigint REFERENCES relay.legacy_migrations (migration_id),  -- null: imported, and on no list yet
    wave           integer,
    listed_at      timestamptz,
    issued_key     text COLLATE "C",
    issued_at      timestamptz,
    last_seen_at   timestamptz,  -- with the shared secret
    last_seen_from inet,
    CONSTRAINT legacy_agents_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT legacy_agents_owner_form CHECK (
        pg_catalog.octet_length(owner) BETWEEN 1 AND 200
        AND owner !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'),
    CONSTRAINT legacy_agents_listed_whole CHECK (
        (migration_id IS NULL) = (wave IS NULL) AND (wave IS NULL) = (listed_at IS NULL)),
    CONSTRAINT legacy_agents_issued_whole CHECK ((issued_key IS NULL) = (issued_at IS NULL))
) WITH (fillfactor = 80);
-- The queue of `issue`.
CREATE INDEX legacy_agents_to_issue ON relay.legacy_agents (migration_id, wave, agent_id) WHERE issued_key IS NULL;
COMMENT ON TABLE relay.legacy_agents IS
    'the allow-list of the shared secret: one row for each imported agent, for ever; who is in proven_agents is off it';

-- Not only who was imported: a first use and an import that do not see each other must not leave a gap between them.
CREATE TABLE relay.proven_agents (
    agent_id  text COLLATE "C" PRIMARY KEY,
    org_id    text COLLATE "C" NOT NULL,
    key_id    text COLLATE "C" NOT NULL,
    proven_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE relay.proven_agents IS 'who has ever used a key of its own: the shared secret is closed to it for good';

-- Where an agent used the shared secret from: logged once a minute for each address, as relay.key_sightings.
CREATE TABLE relay.legacy_sightings (
    agent_id   text COLLATE "C" NOT NULL,
    ip_address inet NOT NULL,  -- :: when the gateway did not say
    logged_at  timestamptz NOT NULL,
    PRIMARY KEY (agent_id, ip_address)
) WITH (fillfactor = 70);

-- Dates what it is told, since nobody may choose the time; and what was given out stays on record.
CREATE FUNCTION relay.keep_legacy_agent() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.agent_id, NEW.org_id, NEW.imported_at) IS DISTINCT FROM (OLD.agent_id, OLD.org_id, OLD.imported_at)
       OR NEW.migration_id < OLD.migration_id OR (NEW.migration_id IS NULL AND OLD.migration_id IS NOT NULL)
       OR (OLD.issued_key IS NOT NULL AND NEW.issued_key IS DISTINCT FROM OLD.issued_key) THEN
        RAISE EXCEPTION 'what was written of agent % stays', OLD.agent_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.listed_at := CASE WHEN NEW.migration_id IS DISTINCT FROM OLD.migration_id THEN now() ELSE OLD.listed_at END;
    NEW.issued_at := CASE WHEN NEW.issued_key IS DISTINCT FROM OLD.issued_key THEN now() ELSE OLD.issued_at END;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_legacy_agent BEFORE UPDATE ON relay.legacy_agents
    FOR EACH ROW EXECUTE FUNCTION relay.keep_legacy_agent();
CREATE TRIGGER append_only BEFORE DELETE ON relay.legacy_agents
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.legacy_agents
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

-- An agent is imported as it is: whether it has a key already is looked up, not told.
CREATE FUNCTION relay.begin_legacy_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT k.key_id, k.created_at INTO NEW.issued_key, NEW.issued_at
    FROM relay.agent_keys AS k WHERE k.agent_id = NEW.agent_id AND k.state IN ('active', 'retiring')
    ORDER BY k.created_at DESC LIMIT 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER begin_legacy_agent BEFORE INSERT ON relay.legacy_agents
    FOR EACH ROW EXECUTE FUNCTION relay.begin_legacy_agent();

-- Finished is finished: a new window is a new row.
CREATE FUNCTION relay.keep_legacy_migration() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.state <> 'open' AND (NEW.state, NEW.deadline, NEW.closed_by) IS DISTINCT FROM (OLD.state, OLD.deadline, OLD.closed_by))
       OR (NEW.migration_id, NEW.opened_at, NEW.opened_by) IS DISTINCT FROM (OLD.migration_id, OLD.opened_at, OLD.opened_by) THEN
        RAISE EXCEPTION 'legacy migration % is %: it is not opened again', OLD.migration_id, OLD.state
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.deadline_set_at := CASE WHEN NEW.deadline <> OLD.deadline THEN now() ELSE OLD.deadline_set_at END;
    NEW.closed_at := CASE WHEN NEW.state = 'open' THEN NULL ELSE COALESCE(OLD.closed_at, now()) END;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_legacy_migration BEFORE UPDATE ON relay.legacy_migrations
    FOR EACH ROW EXECUTE FUNCTION relay.keep_legacy_migration();
CREATE TRIGGER append_only BEFORE DELETE ON relay.legacy_migrations
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.legacy_migrations
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.legacy_stops
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.legacy_stops
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.proven_agents
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.proven_agents
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

GRANT SELECT ON relay.legacy_migrations, relay.legacy_stops, relay.legacy_agents, relay.legacy_sightings, relay.proven_agents
    TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (deadline, opened_by), UPDATE (state, deadline, closed_by) ON relay.legacy_migrations TO relay_provisioner;
GRANT INSERT (agent_id, org_id, owner, imported_by), UPDATE (owner, migration_id, wave, issued_key)
    ON relay.legacy_agents TO relay_provisioner;
SELECT relay.isolate_tenants('relay.legacy_agents');
SELECT relay.isolate_tenants('relay.proven_agents');
SELECT relay.isolate_tenants('relay.legacy_migrations',
    'migration_id IN (SELECT l.migration_id FROM relay.legacy_agents AS l WHERE l.org_id = (SELECT relay.current_org()))');
SELECT relay.isolate_tenants('relay.legacy_sightings',
    'agent_id IN (SELECT a.agent_id FROM relay.agents AS a WHERE a.org_id = (SELECT relay.current_org()))');
-- The emergency stop is the incident responder's, too.
GRANT INSERT (stopped_by) ON relay.legacy_stops TO relay_provisioner, relay_responder;
GRANT UPDATE (state, closed_by) ON relay.legacy_migrations TO relay_responder;
-- A tenant sees how far its own agents are, and until when it has time; not what the relay's staff is called.
GRANT SELECT (migration_id, state, opened_at, deadline, closed_at) ON relay.legacy_migrations TO relay_tenant;
GRANT SELECT (agent_id, org_id, owner, imported_at, migration_id, wave, listed_at, issued_key, issued_at, last_seen_at, last_seen_from)
    ON relay.legacy_agents TO relay_tenant;
GRANT SELECT (agent_id, org_id, key_id, proven_at) ON relay.proven_agents TO relay_tenant;
GRANT SELECT (agent_id, ip_address, logged_at) ON relay.legacy_sightings TO relay_tenant;

-- Leaving the list -------------------------------------------------------------------------------------------------------------------

-- In the transaction of the authentication, whatever function does that, and whoever holds the row of the key or of the agent: last_used_at is
-- left out then, a sighting never is.
CREATE FUNCTION relay.leave_legacy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    proven record;
BEGIN
    SELECT k.agent_id, k.org_id INTO proven
    FROM relay.agent_keys AS k
    WHERE k.key_id = NEW.key_id AND NOT EXISTS (SELECT FROM relay.proven_agents AS p WHERE p.agent_id = k.agent_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO relay.proven_agents (agent_id, org_id, key_id) VALUES (proven.agent_id, proven.org_id, NEW.key_id)
    ON CONFLICT DO NOTHING;
    IF FOUND AND EXISTS (SELECT FROM relay.legacy_agents AS l WHERE l.agent_id = proven.agent_id) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason)
        VALUES (proven.org_id, proven.agent_id, NEW.key_id, 'migration_proven',
                'its own key was used: the shared secret is closed to it for good');
        -- Wakes nobody: this is inside an authentication, which must not wait for the lock of NOTIFY.
        PERFORM relay.announce(proven.org_id, proven.agent_id, NULL, 'legacy_left', false, wake => false);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION relay.leave_legacy() IS 'takes an agent off the list of the shared secret, for good, as a key of its own is seen';
CREATE TRIGGER leave_legacy AFTER INSERT ON relay.key_sightings FOR EACH ROW EXECUTE FUNCTION relay.leave_legacy();

-- Who was seen before there was this trigger; its lock keeps out whoever would be seen meanwhile.
INSERT INTO relay.proven_agents (agent_id, org_id, key_id, proven_at)
SELECT DISTINCT ON (k.agent_id) k.agent_id, k.org_id, k.key_id, s.logged_at
FROM relay.key_sightings AS s JOIN relay.agent_keys AS k ON k.key_id = s.key_id
ORDER BY k.agent_id, s.logged_at;

-- A decision on the shared secret may be cached, so gateways are told when fewer are allowed.
CREATE FUNCTION relay.announce_legacy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.announce(NULL, NULL, NULL, 'legacy_changed', false);
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER UPDATE ON relay.legacy_migrations FOR EACH ROW
    WHEN ((OLD.state, OLD.deadline) IS DISTINCT FROM (NEW.state, NEW.deadline)) EXECUTE FUNCTION relay.announce_legacy();
CREATE TRIGGER announce_change AFTER INSERT ON relay.legacy_stops FOR EACH ROW EXECUTE FUNCTION relay.announce_legacy();

-- What gateways ask ------------------------------------------------------------------------------------------------------------------

-- The checks in their order, without any effect. A closed window comes first: after the end nothing else is worth telling.
CREATE FUNCTION relay.decide_legacy(
    claimed_agent text, claimed_org text,
    OUT reason text, OUT org_id text, OUT permissions jsonb, OUT expires_at timestamptz, OUT seen_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    period   record;
    listed   record;
    revoked  boolean;
    blocked  boolean;
BEGIN
    SELECT m.migration_id, m.deadline,
           m.state <> 'finished' AND m.deadline > statement_timestamp()
           AND NOT EXISTS (SELECT FROM relay.legacy_stops AS stop WHERE stop.stopped_at >= m.opened_at) AS is_open
    INTO period
    FROM relay.legacy_migrations AS m ORDER BY m.migration_id DESC LIMIT 1;

    SELECT a.org_id, a.permissions, l.migration_id, l.listed_at, l.last_seen_at, p.agent_id IS NOT NULL AS proven
    INTO listed
    FROM relay.agents AS a
    LEFT JOIN relay.legacy_agents AS l ON l.agent_id = a.agent_id
    LEFT JOIN relay.proven_agents AS p ON p.agent_id = a.agent_id
    WHERE a.agent_id = claimed_agent;
    org_id := listed.org_id;

    IF period.is_open IS NOT TRUE THEN
        reason := 'legacy_closed';
        RETURN;
    END IF;
    IF listed.org_id IS NULL THEN
        reason := 'unknown_agent';
        RETURN;
    END IF;
    permissions := listed.permissions;
    expires_at := period.deadline;
    seen_at := listed.last_seen_at;

    -- As for a key that was made when the agent was listed: a later revocation stays, also after it was lifted.
    SELECT bool_or(r.kind = 'revoke' AND (r.lifted_at IS NULL OR r.at >= listed.listed_at)),
           bool_or(r.kind = 'block' AND r.lifted_at IS NULL AND (r.until IS NULL OR r.until > statement_timestamp()))
    INTO revoked, blocked
    FROM relay.revocations AS r
    WHERE r.subject_id IN (claimed_agent, listed.org_id)
      AND r.subject_id = CASE r.subject_kind WHEN 'agent' THEN claimed_agent WHEN 'org' THEN listed.org_id END;

    reason := CASE
        WHEN revoked THEN 'revoked'
        WHEN blocked THEN 'blocked'
        WHEN listed.proven THEN 'own_key'
        WHEN listed.migration_id IS DISTINCT FROM period.migration_id THEN 'not_listed'
        WHEN claimed_org <> listed.org_id THEN 'org_mismatch'
        ELSE 'ok'
    END;
END
$$;

-- At most once a minute, and waits for nobody: a row that a batch of `issue` holds is skipped, and the next call does it.
CREATE FUNCTION relay.note_legacy_use(seen_agent text, seen_org text, seen_at timestamptz, used_at timestamptz, seen_from inet, seen_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF used_at IS NULL OR used_at <= seen_at - interval '1 minute' THEN
        UPDATE relay.legacy_agents SET last_seen_at = seen_at, last_seen_from = seen_from
        WHERE agent_id = (SELECT l.agent_id FROM relay.legacy_agents AS l
                          WHERE l.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    IF NOT EXISTS (SELECT FROM relay.legacy_sightings AS s
                   WHERE s.agent_id = seen_agent AND s.ip_address = COALESCE(seen_from, '::')
                     AND s.logged_at > seen_at - interval '1 minute') THEN
        INSERT INTO relay.legacy_sightings AS s (agent_id, ip_address, logged_at)
        VALUES (seen_agent, COALESCE(seen_from, '::'), seen_at)
        ON CONFLICT (agent_id, ip_address) DO UPDATE SET logged_at = excluded.logged_at
            WHERE s.logged_at <= excluded.logged_at - interval '1 minute';
        IF FOUND THEN
            INSERT INTO relay.auth_events (org_id, agent_id, action, ip_address, trace_id)
            VALUES (seen_org, seen_agent, 'legacy_authenticated', seen_from, seen_trace);
        END IF;
    END IF;
END
$$;

-- Twice the same question, as authenticate: first whether all is as usual, in one plan of index lookups, and nothing is due to be written;
-- whatever is not so, for any reason, is asked again with all the checks.
CREATE FUNCTION relay_api.authenticate_legacy(
    agent_id text, org_id text DEFAULT NULL, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    answer   record;
    decision relay_api.auth_decision;
    refused  relay.auth_events;
    trace    text := left(authenticate_legacy.trace_id, 64);
    claimed  text := left(authenticate_legacy.agent_id, 127);
    writable boolean := current_setting('transaction_read_only') = 'off';  -- on a standby it answers and writes nothing
BEGIN
    SELECT true, 'ok', a.org_id, a.agent_id, a.permissions, m.deadline, NULL::jsonb INTO decision
    FROM relay.legacy_agents AS l
    JOIN relay.agents AS a ON a.agent_id = l.agent_id
    JOIN relay.legacy_migrations AS m ON m.migration_id = l.migration_id
    WHERE l.agent_id = authenticate_legacy.agent_id
      AND l.last_seen_at > statement_timestamp() - interval '1 minute' AND l.last_seen_from IS NOT DISTINCT FROM authenticate_legacy.ip_address
      AND (authenticate_legacy.org_id = a.org_id) IS NOT FALSE AND a.plain
      AND m.state <> 'finished' AND m.deadline > statement_timestamp()
      AND NOT EXISTS (SELECT FROM relay.legacy_migrations AS newer WHERE newer.migration_id > m.migration_id)
      AND NOT EXISTS (SELECT FROM relay.legacy_stops AS stop WHERE stop.stopped_at >= m.opened_at)
      AND NOT EXISTS (SELECT FROM relay.proven_agents AS p WHERE p.agent_id = l.agent_id)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r WHERE r.subject_id = ANY (ARRAY[l.agent_id, a.org_id]));
    IF FOUND THEN
        RETURN decision;
    END IF;

    SELECT * INTO answer FROM relay.decide_legacy(authenticate_legacy.agent_id, authenticate_legacy.org_id);
    decision.ok := answer.reason = 'ok';
    decision.reason := answer.reason;
    IF NOT decision.ok THEN
        IF writable THEN
            refused.action := 'legacy_denied';
            refused.outcome := 'failed';
            refused.reason := answer.reason;
            refused.org_id := answer.org_id;
            refused.agent_id := CASE WHEN answer.org_id IS NOT NULL THEN claimed END;
            refused.ip_address := authenticate_legacy.ip_address;
            refused.trace_id := trace;
            refused.detail := jsonb_build_object('claimed_agent_id', claimed, 'claimed_org_id', left(authenticate_legacy.org_id, 63));
            PERFORM relay.record_often(refused);
        END IF;
        RETURN decision;
    END IF;
    IF writable THEN
        PERFORM relay.commit_lazily();
        PERFORM relay.note_legacy_use(claimed, answer.org_id, clock_timestamp(), answer.seen_at, authenticate_legacy.ip_address, trace);
    END IF;
    decision.org_id := answer.org_id;
    decision.agent_id := claimed;
    decision.expires_at := answer.expires_at;
    SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
    FROM relay.effective_grants(claimed, answer.permissions) AS granted;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate_legacy(text, text, inet, text) IS
    'for a caller whose shared secret the gateway itself has matched: whether this agent may still use it, until expires_at, and records the '
    'outcome; reasons: ok legacy_closed unknown_agent revoked blocked own_key not_listed org_mismatch';
GRANT EXECUTE ON FUNCTION relay_api.authenticate_legacy(text, text, inet, text) TO relay_gateway;

-- What people are shown --------------------------------------------------------------------------------------------------------------

CREATE VIEW relay.legacy_agent_status AS
SELECT l.agent_id, l.org_id, l.owner, l.wave, l.imported_at, l.listed_at, l.issued_at, l.issued_key, p.proven_at AS left_at,
       l.last_seen_at, l.last_seen_from, l.migration_id,
       CASE
           WHEN p.agent_id IS NOT NULL THEN 'proven'
           WHEN EXISTS (SELECT FROM relay.revocations AS r
                        WHERE r.subject_id IN (l.agent_id, l.org_id) AND r.kind = 'revoke'
                          AND r.subject_id = CASE r.subject_kind WHEN 'agent' THEN l.agent_id WHEN 'org' THEN l.org_id END
                          AND (r.lifted_at IS NULL OR r.at >= l.listed_at)) THEN 'revoked'
           WHEN l.issued_key IS NOT NULL THEN 'issued'
           WHEN l.migration_id = (SELECT pg_catalog.max(m.migration_id) FROM relay.legacy_migrations AS m) THEN 'listed'
           ELSE 'imported'
       END AS state
FROM relay.legacy_agents AS l LEFT JOIN relay.proven_agents AS p ON p.agent_id = l.agent_id;
COMMENT ON COLUMN relay.legacy_agent_status.state IS
    'imported, listed, issued (an own key, not yet used), proven (off the list for good), or revoked';
GRANT SELECT ON relay.legacy_agent_status TO relay_provisioner, relay_responder, relay_auditor;

-- Reading the tables of an older relay ------------------------------------------------------------------------------------------------

-- With the caller's own rights: whoever imports must be able to read that table. `columns`: our names and theirs; what is not named is null.
-- First, with `after` null, the rows without an id; then page by page in the order of the ids, those with the same id on one page.
CREATE FUNCTION relay.read_legacy_table(source regclass, columns jsonb, after text, max_rows integer)
RETURNS TABLE (agent_id text, org_id text, name text, owner text, secret_hash text, permissions text, revoked text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text[] := ARRAY['agent_id', 'org_id', 'name', 'owner', 'secret_hash', 'permissions', 'revoked'];
    list   text := (SELECT string_agg(CASE WHEN columns ? w THEN format('row.%I::text', columns ->> w) ELSE 'NULL::text' END, ', '
                                      ORDER BY place)
                    FROM unnest(wanted) WITH ORDINALITY AS u (w, place));
    id     text := format('row.%I::text', columns ->> 'agent_id');
BEGIN
    IF after IS NULL THEN
        RETURN QUERY EXECUTE format('SELECT %s FROM %s AS row WHERE COALESCE(%s, '''') = ''''', list, source, id);
    ELSE
        RETURN QUERY EXECUTE format('SELECT %s FROM %s AS row WHERE %s COLLATE "C" > $1 ORDER BY %s COLLATE "C" '
                                    'FETCH FIRST $2 ROWS WITH TIES', list, source, id, id) USING after, max_rows;
    END IF;
END
$$;

CREATE FUNCTION relay.read_legacy_orgs(source regclass, wanted text[]) RETURNS TABLE (org_id text, name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT row.org_id::text, row.name::text FROM %s AS row WHERE row.org_id::text = ANY ($1)', source)
        USING wanted;
END
$$;
GRANT EXECUTE ON FUNCTION relay.read_legacy_table(regclass, jsonb, text, integer), relay.read_legacy_orgs(regclass, text[])
    TO relay_provisioner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (15, 'legacy_migration', '56879e6ff5a2c50b068cb7f850088749c1f809c3eaf872903dd457b1912cb390');
COMMIT;

-- audit_months: sha256 5c74977b5650dd713ca8b308b973e6f088c1b79c7d1d2a597c50d135a8fd8c52
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL ROLE relay_owner;
-- The months of the audit trail: made ahead, put right when one was missed, dropped whole and with a record. And what is not kept for ever.
--
-- Authentication writes into auth_events, so nobody may hold its lock for long. Whatever takes long (copying, counting) is done before a lock
-- is asked for; each attempt to get one waits a tenth of a second at most, since whoever comes later queues up behind it, and lets those
-- pass before it tries again.

CREATE TABLE relay.retention_drops (
    drop_id        bigint GENERATED ALWAYS AS IDENTITY,
    month          date NOT NULL,
    row_count      bigint NOT NULL,
    event_count    bigint NOT NULL,  -- a row of a flood that was folded counts as often as it happened
    first_event_id bigint,
    last_event_id  bigint,
    first_at       timestamptz,
    last_at        timestamptz,
    bytes          bigint NOT NULL,
    dropped_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    actor          text NOT NULL,  -- claimed
    db_role        text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    ticket         text,
    reason         text,
    CONSTRAINT retention_drops_pkey PRIMARY KEY (drop_id)
);
COMMENT ON TABLE relay.retention_drops IS 'the months of auth_events that were dropped, and what was in them; append-only';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON relay.retention_drops
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.retention_drops
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON relay.retention_drops FROM relay_owner;
GRANT SELECT ON relay.retention_drops TO relay_provisioner, relay_responder, relay_auditor;

-- The partitions that are one month each, as their bounds say. One with other bounds was made by hand, and is left alone.
CREATE FUNCTION relay.event_months() RETURNS TABLE (month date, partition regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT bounds[1]::timestamptz::date, bounded.partition
    FROM (SELECT c.oid::regclass AS partition,
                 regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \(''([^'']+)''\) TO \(''([^'']+)''\)$') AS bounds
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'relay.auth_events'::regclass) AS bounded
    WHERE bounds IS NOT NULL AND bounds[1]::timestamptz = date_trunc('month', bounds[1]::timestamptz)
      AND bounds[2]::timestamptz = bounds[1]::timestamptz + interval '1 month'
$$;
GRANT EXECUTE ON FUNCTION relay.event_months() TO relay_provisioner, relay_responder, relay_auditor;

-- Runs a statement that needs a lock on auth_events as soon as it can have it, or gives up after about 6 seconds. By ALTER, CREATE and DROP only: for
-- LOCK TABLE one needs a privilege to change rows, which not even the owner has.
CREATE FUNCTION relay.alter_events(statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    attempts integer := 12;
BEGIN
    FOR attempt IN 1..attempts LOOP
        BEGIN
            EXECUTE statement;
            RETURN;
        EXCEPTION
            WHEN lock_not_available THEN
                IF attempt = attempts THEN
                    RAISE;
                END IF;
        END;
        PERFORM pg_sleep(0.3 + random() * 0.2);
    END LOOP;
END
$$;

-- The last event_id that was given out so far; every row with it or a lower one was committed or never will be. A writer has a lock on auth_events
-- before it takes a number, and until it has ended: in the moment in which we have SHARE, as for an index, there is no writer. The lock
-- and the index go with the subtransaction.
CREATE FUNCTION relay.settled_event_id() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settled bigint;
BEGIN
    PERFORM relay.alter_events('CREATE INDEX auth_events_pause ON ONLY relay.auth_events (event_id)');
    SELECT last_value INTO settled FROM relay.auth_events_event_id_seq;
    RAISE EXCEPTION USING ERRCODE = 'RA000';
EXCEPTION
    WHEN SQLSTATE 'RA000' THEN
        RETURN settled;
END
$$;

-- Rows of one month of the default partition into the table that becomes its partition; those after `after_id` up to `up_to_id`.
CREATE FUNCTION relay.copy_event_month(month_start timestamptz, target text, after_id bigint, up_to_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    copied bigint;
BEGIN
    EXECUTE format('INSERT INTO relay.%I SELECT * FROM relay.auth_events_default AS event'
                   ' WHERE event.occurred_at >= $1 AND event.occurred_at < $1 + interval ''1 month'' AND event.event_id > $2'
                   ' AND event.event_id <= $3', target)
    USING month_start, after_id, up_to_id;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$$;

-- Rows of the default partition cannot be deleted, so moving them means: copy them into tables of their months, then, locked, copy what came
-- meanwhile, and put those tables and an empty default partition in the place of the old one.
CREATE FUNCTION relay.make_event_months(months_ahead integer DEFAULT 3) RETURNS TABLE (month date, moved_rows bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    present  timestamptz := date_trunc('month', clock_timestamp());
    missing  timestamptz[];
    begun    timestamptz;
    names    text[] := '{}';
    moved    bigint[] := '{}';
    settling boolean;
    settled  bigint;
    held     bigint;
    late     bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7263542, 1);
    SELECT array_agg(wanted.month ORDER BY wanted.month) INTO missing
    FROM (SELECT present + make_interval(months => n) FROM generate_series(0, months_ahead) AS n
          UNION
          SELECT date_trunc('month', event.occurred_at) FROM relay.auth_events_default AS event WHERE isfinite(event.occurred_at)
         ) AS wanted (month)
    WHERE NOT EXISTS (SELECT FROM relay.event_months() AS made WHERE made.month = wanted.month::date);
    IF missing IS NULL THEN
        RETURN;
    END IF;
    -- Without a partition for today, rows keep coming into the default one.
    settling := present = ANY (missing) OR EXISTS (SELECT FROM relay.auth_events_default);
    settled := CASE WHEN settling THEN relay.settled_event_id() END;

    FOR i IN 1..cardinality(missing) LOOP
        names[i] := to_char(missing[i], '"auth_events_"YYYY"_"MM');
        EXECUTE format('CREATE TABLE relay.%I (LIKE relay.auth_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', names[i]);
        -- So that attaching need not look at the rows.
        EXECUTE format('ALTER TABLE relay.%I ADD CONSTRAINT one_month CHECK (occurred_at >= %L AND occurred_at < %L)',
                       names[i], missing[i], missing[i] + interval '1 month');
        moved[i] := CASE WHEN settling THEN relay.copy_event_month(missing[i], names[i], -1, settled) ELSE 0 END;
    END LOOP;

    IF settling THEN
        PERFORM relay.alter_events('ALTER TABLE relay.auth_events DETACH PARTITION relay.auth_events_default');
        SELECT count(*), count(*) FILTER (WHERE event.event_id > settled) INTO held, late FROM relay.auth_events_default AS event;
        IF late > 0 THEN
            FOR i IN 1..cardinality(missing) LOOP
                moved[i] := moved[i] + relay.copy_event_month(missing[i], names[i], settled, 9223372036854775807);
            END LOOP;
        END IF;
        IF held <> (SELECT sum(n) FROM unnest(moved) AS n) THEN
            RAISE EXCEPTION 'the default partition of auth_events holds % rows, of which % have a month that can be made',
                held, (SELECT sum(n) FROM unnest(moved) AS n) USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        DROP TABLE relay.auth_events_default;
    END IF;
    FOR i IN 1..cardinality(missing) LOOP
        PERFORM relay.alter_events(format('ALTER TABLE relay.auth_events ATTACH PARTITION relay.%I FOR VALUES FROM (%L) TO (%L)',
                                          names[i], missing[i], missing[i] + interval '1 month'));
        EXECUTE format('ALTER TABLE relay.%I DROP CONSTRAINT one_month', names[i]);
        PERFORM relay.protect_events_partition(format('relay.%I', names[i])::regclass);
    END LOOP;
    IF settling THEN
        CREATE TABLE relay.auth_events_default PARTITION OF relay.auth_events DEFAULT;
        PERFORM relay.protect_events_partition('relay.auth_events_default');
    END IF;
    RETURN QUERY SELECT made.month::date, made.moved FROM unnest(missing, moved) AS made (month, moved);
END
$$;
COMMENT ON FUNCTION relay.make_event_months(integer) IS
    'makes the partitions of auth_events for this month, the months_ahead after it, and every month of which rows are in the default partition, '
    'which are moved; returns what was made';
GRANT EXECUTE ON FUNCTION relay.make_event_months(integer) TO relay_provisioner;

CREATE OR REPLACE FUNCTION relay.ensure_event_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer FROM relay.make_event_months(months_ahead)
$$;

-- What a month holds. Reads all of it.
CREATE FUNCTION relay.measure_event_month(
    month date, OUT row_count bigint, OUT event_count bigint, OUT first_event_id bigint, OUT last_event_id bigint,
    OUT first_at timestamptz, OUT last_at timestamptz, OUT bytes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source regclass := (SELECT made.partition FROM relay.event_months() AS made WHERE made.month = measure_event_month.month);
BEGIN
    IF source IS NOT NULL THEN
        EXECUTE format('SELECT count(*), COALESCE(sum(times), 0)::bigint, min(event_id), max(event_id), min(occurred_at), max(occurred_at),'
                       ' pg_total_relation_size(%L) FROM %s', source, source)
        INTO row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes;
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION relay.measure_event_month(date) TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.droppable_event_months(keep_months integer) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
    SELECT made.month FROM relay.event_months() AS made
    WHERE made.month < date_trunc('month', statement_timestamp()) - make_interval(months => greatest(keep_months, 1))
    ORDER BY made.month
$$;
COMMENT ON FUNCTION relay.droppable_event_months(integer) IS
    'the months of auth_events before the keep_months whole ones that precede the present month; these are at least one';
GRANT EXECUTE ON FUNCTION relay.droppable_event_months(integer) TO relay_provisioner, relay_responder, relay_auditor;

-- Granted to nobody: for members of relay_owner, or for whoever they grant it to. With the floods that have ended written down nothing more comes
-- into a month that is over, so what is counted before the lock is what is dropped.
CREATE FUNCTION relay.drop_event_months(keep_months integer, actor text, reason text DEFAULT NULL, ticket text DEFAULT NULL,
                                        trace_id text DEFAULT NULL)
RETURNS SETOF relay.retention_drops
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    months date[];
    doomed record;
    record relay.retention_drops;
BEGIN
    IF keep_months IS NULL OR keep_months < 1 THEN
        RAISE EXCEPTION 'at least one month before the present one is kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(7263542, 1);
    PERFORM relay.settle_floods();
    months := ARRAY(SELECT relay.droppable_event_months(keep_months));
    IF months = '{}' THEN
        RETURN;
    END IF;
    FOR record IN
        INSERT INTO relay.retention_drops (month, row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes,
                                           actor, reason, ticket)
        SELECT old.month, held.*, drop_event_months.actor, drop_event_months.reason, drop_event_months.ticket
        FROM unnest(months) AS old (month), relay.measure_event_month(old.month) AS held
        RETURNING *
    LOOP
        RETURN NEXT record;
    END LOOP;

    FOR doomed IN SELECT made.partition FROM relay.event_months() AS made WHERE made.month = ANY (months) LOOP
        PERFORM relay.alter_events(format('DROP TABLE %s', doomed.partition));
    END LOOP;
    INSERT INTO relay.auth_events (action, reason, ticket, actor, trace_id, detail)
    SELECT 'audit_month_dropped', drop_event_months.reason, drop_event_months.ticket, drop_event_months.actor, drop_event_months.trace_id,
           jsonb_build_object('month', to_char(dropped.month, 'YYYY-MM'), 'rows', dropped.row_count, 'events', dropped.event_count,
                              'first_at', dropped.first_at, 'last_at', dropped.last_at)
    FROM relay.retention_drops AS dropped
    WHERE dropped.month = ANY (months) AND dropped.dropped_at >= transaction_timestamp();
END
$$;
COMMENT ON FUNCTION relay.drop_event_months(integer, text, text, text, text) IS
    'drops the months that droppable_event_months names, with a record in retention_drops and in auth_events; for members of relay_owner';

-- What need not be kept: product rules in one place. Each call takes at most max_rows, waits for no lock, and returns how many it took.
CREATE FUNCTION relay.prune_operations(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM relay.operations WHERE op_id = ANY (ARRAY(
        SELECT o.op_id FROM relay.operations AS o WHERE o.at < clock_timestamp() - interval '30 days'
        LIMIT prune_operations.max_rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_operations(integer) IS 'removes operations older than 30 days: nothing that old is still in doubt, or asked for again';

-- The newest sighting of each key stays: it tells where the key was last seen.
CREATE FUNCTION relay.prune_sightings(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM relay.key_sightings WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM relay.key_sightings AS s
        WHERE s.logged_at < clock_timestamp() - interval '30 days'
          AND EXISTS (SELECT FROM relay.key_sightings AS newer WHERE newer.key_id = s.key_id AND newer.logged_at > s.logged_at)
        LIMIT prune_sightings.max_rows FOR UPDATE OF s SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_sightings(integer) IS 'removes addresses at which a key was not seen for 30 days, but for its latest';
GRANT EXECUTE ON FUNCTION relay.prune_operations(integer), relay.prune_sightings(integer) TO relay_provisioner;
INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (16, 'audit_months', '5c74977b5650dd713ca8b308b973e6f088c1b79c7d1d2a597c50d135a8fd8c52');
COMMIT;

