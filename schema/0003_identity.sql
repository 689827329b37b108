-- Organizations and agents, their secrets (agents' keys, organizations' admin tokens), and the record of writing
-- transactions.
--
-- No column says whether an organization or an agent is blocked or revoked: that follows from relay.revocations.
--
-- The checks repeat those of the program: ids without look-alikes, names without invisible characters.
-- They avoid bounded repetition ({0,62}), which takes 20 microseconds per row; a negated class and a length take one.

-- Organizations and agents -------------------------------------------------------------------------------------------------------------

-- The class is that of the program (lib/relay/model/unicode.hpp, which has the reasons), from Unicode 15.0; a test compares
-- them. Names were all visible when they came in, so a later Unicode needs no change of stored rows.
CREATE FUNCTION relay.is_visible(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT value !~ '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f'
        '\u2028-\u202e\u2060-\u206f\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
        '\ufffe-\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U0001fffe-\U0001ffff'
        '\U0002fffe-\U0002ffff\U0003fffe-\U0003ffff\U0004fffe-\U0004ffff\U0005fffe-\U0005ffff'
        '\U0006fffe-\U0006ffff\U0007fffe-\U0007ffff\U0008fffe-\U0008ffff\U0009fffe-\U0009ffff'
        '\U000afffe-\U000affff\U000bfffe-\U000bffff\U000cfffe-\U000cffff\U000dfffe-\U000e0fff'
        '\U000efffe-\U0010ffff]'
$$;
COMMENT ON FUNCTION relay.is_visible(text) IS
    'true for a text without characters that people cannot see: control and bidirectional characters, joiners, variation selectors, '
    'tags, private use; two names that differ only in these would look alike';
GRANT EXECUTE ON FUNCTION relay.is_visible(text) TO relay_provisioner;

CREATE TABLE relay.organizations (
    org_id      text COLLATE "C" PRIMARY KEY,
    name        text NOT NULL,
    plan        text COLLATE "C" NOT NULL DEFAULT 'free',
    max_agents  integer,  -- null: what the plan allows
    key_max_age interval DEFAULT interval '90 days',  -- null: age alone makes no key due
    auth_mode   text COLLATE "C" NOT NULL DEFAULT 'required',
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by  text NOT NULL,
    CONSTRAINT organizations_org_id_form CHECK (
        org_id !~ '[^a-z0-9_-]' AND org_id ~ '^[a-z0-9]' AND pg_catalog.length(org_id) <= 63),
    CONSTRAINT organizations_name_form CHECK (
        pg_catalog.octet_length(name) >= 1 AND pg_catalog.octet_length(name) <= 200
        AND relay.is_visible(name)),
    CONSTRAINT organizations_plan_known CHECK (plan IN ('free', 'paid')),
    CONSTRAINT organizations_max_agents_sane CHECK (max_agents BETWEEN 0 AND 10000000),
    CONSTRAINT organizations_key_max_age_sane CHECK (key_max_age > interval '0' AND key_max_age <= interval '3650 days'),
    CONSTRAINT organizations_auth_mode_known CHECK (auth_mode IN ('optional', 'required'))
);
-- A name that was given for an id is recognized, among a million too. COLLATE "C": an index by a locale's order would be
-- wrong after an update of the C library.
CREATE INDEX organizations_by_name ON relay.organizations ((pg_catalog.lower(name) COLLATE "C"));
COMMENT ON COLUMN relay.organizations.max_agents IS
    'how many agents it may have, not counting revoked ones; null: free 1, paid no limit';
COMMENT ON COLUMN relay.organizations.auth_mode IS
    'optional: calls without a key are accepted and recorded; meant for the time until all agents have keys';

CREATE FUNCTION relay.agent_limit(plan text, max_agents integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT COALESCE(max_agents, CASE plan WHEN 'free' THEN 1 END) $$;
COMMENT ON FUNCTION relay.agent_limit(text, integer) IS 'how many agents an organization may have; null: no limit';
GRANT EXECUTE ON FUNCTION relay.agent_limit(text, integer) TO relay_provisioner, relay_responder, relay_auditor;

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
COMMENT ON FUNCTION relay.permissions_are_valid(jsonb) IS
    'true for an array of provider:method strings, with * allowed on either side';
GRANT EXECUTE ON FUNCTION relay.permissions_are_valid(jsonb) TO relay_provisioner;

CREATE FUNCTION relay.labels_are_valid(labels jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN pg_catalog.jsonb_typeof(labels) <> 'object' THEN false
        ELSE (SELECT pg_catalog.count(*) FROM pg_catalog.jsonb_object_keys(labels)) <= 32
             AND NOT EXISTS (
                SELECT FROM pg_catalog.jsonb_each(labels) AS label
                WHERE label.key !~ '^[a-z0-9][a-z0-9_.-]*$' OR pg_catalog.length(label.key) > 63
                   OR pg_catalog.jsonb_typeof(label.value) <> 'string'
                   OR pg_catalog.octet_length(label.value #>> '{}') NOT BETWEEN 1 AND 200
                   OR NOT relay.is_visible(label.value #>> '{}'))
    END
$$;
COMMENT ON FUNCTION relay.labels_are_valid(jsonb) IS
    'true for an object of at most 32 names with visible texts of 1 to 200 bytes';
GRANT EXECUTE ON FUNCTION relay.labels_are_valid(jsonb) TO relay_provisioner;

CREATE TABLE relay.agents (
    agent_id     text COLLATE "C" PRIMARY KEY,
    org_id       text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    name         text NOT NULL,
    permissions  jsonb NOT NULL DEFAULT '[]',
    plain        boolean NOT NULL DEFAULT true,
    key_max_age  interval,  -- null: that of the organization
    owner        text COLLATE "C",  -- a person, a team or an address: whom to write to about the agent's keys
    labels       jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by   text NOT NULL,
    CONSTRAINT agents_agent_id_form CHECK (  -- capitals and dots: imported legacy ids have them
        agent_id !~ '[^A-Za-z0-9_.-]' AND agent_id ~ '^[A-Za-z0-9]' AND pg_catalog.length(agent_id) <= 127),
    CONSTRAINT agents_name_form CHECK (
        pg_catalog.octet_length(name) >= 1 AND pg_catalog.octet_length(name) <= 200
        AND relay.is_visible(name)),
    CONSTRAINT agents_permissions_valid CHECK (relay.permissions_are_valid(permissions)),
    CONSTRAINT agents_key_max_age_sane CHECK (key_max_age > interval '0' AND key_max_age <= interval '3650 days'),
    CONSTRAINT agents_owner_form CHECK (
        pg_catalog.octet_length(owner) >= 1 AND pg_catalog.octet_length(owner) <= 200 AND relay.is_visible(owner)),
    CONSTRAINT agents_labels_valid CHECK (labels = '{}' OR relay.labels_are_valid(labels)),
    CONSTRAINT agents_org_id_agent_id_key UNIQUE (org_id, agent_id)  -- target of composite foreign keys: agent_keys and others
) WITH (fillfactor = 90);
CREATE INDEX agents_by_name ON relay.agents ((pg_catalog.lower(name) COLLATE "C"));
-- Agents without an owner or labels cost nothing here.
CREATE INDEX agents_by_owner ON relay.agents (owner, agent_id) WHERE owner IS NOT NULL;
CREATE INDEX agents_by_label ON relay.agents USING gin (labels jsonb_path_ops) WHERE labels <> '{}';
-- Most agents have their own permissions and nothing else: for them, the usual authentication skips two lookups. The
-- column never becomes true again, so that two changes at the same time cannot hide a condition.
COMMENT ON COLUMN relay.agents.plain IS 'true: the agent has never had a role or a condition';

GRANT SELECT ON relay.organizations, relay.agents TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (org_id, name, plan, max_agents, key_max_age, auth_mode, created_by),
      UPDATE (name, plan, max_agents, key_max_age, auth_mode)
    ON relay.organizations TO relay_provisioner;
GRANT INSERT (agent_id, org_id, name, permissions, key_max_age, owner, labels, created_by),
      UPDATE (name, permissions, key_max_age, owner, labels)
    ON relay.agents TO relay_provisioner;

SELECT relay.isolate_tenants('relay.organizations');
SELECT relay.isolate_tenants('relay.agents');
GRANT SELECT (org_id, name, plan, max_agents, key_max_age, auth_mode, created_at) ON relay.organizations TO relay_tenant;
GRANT SELECT (agent_id, org_id, name, permissions, key_max_age, created_at) ON relay.agents TO relay_tenant;

-- Keys and admin tokens ----------------------------------------------------------------------------------------------------------------

-- Only SHA-256(SHA-256(key)) is stored: with a stolen copy of the table, no one can authenticate.
--
-- One sequence numbers the keys, the revocations and the liftings, in the order in which the database made them. A clock
-- can be wrong or moved back, so it must not decide whether a key is older than a revocation. A number is drawn
-- immediately, not at COMMIT, and never twice. So a key that is not committed yet is older than a revocation that comes
-- after it.
CREATE SEQUENCE relay.act_order AS bigint;
GRANT USAGE ON SEQUENCE relay.act_order TO relay_provisioner, relay_responder;

CREATE TABLE relay.agent_keys (
    key_id              text COLLATE "C" PRIMARY KEY,
    agent_id            text COLLATE "C" NOT NULL,
    org_id              text COLLATE "C" NOT NULL,
    key_hash            bytea NOT NULL,
    hash_algorithm      text COLLATE "C" NOT NULL DEFAULT 'sha256d',
    state               text COLLATE "C" NOT NULL DEFAULT 'active',
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by          text NOT NULL,
    made_order          bigint NOT NULL DEFAULT pg_catalog.nextval('relay.act_order'),  -- no role of ours may choose it
    due_at              timestamptz,  -- when it should be rotated; the key still works after that; null: never by its age
    expires_at          timestamptz,  -- null: never
    retired_at          timestamptz,
    revoked_at          timestamptz,
    replaced_by         text COLLATE "C",
    retire_on_first_use boolean NOT NULL DEFAULT false,  -- of a retiring key: it ends when its replacement is first used
    awaits_use          boolean NOT NULL DEFAULT true,
    deliver_until       timestamptz,  -- null: never staged
    settle_until        timestamptz,
    first_used_at       timestamptz,
    CONSTRAINT agent_keys_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT agent_keys_key_id_form CHECK (
        key_id !~ '[^0-9a-hjkmnp-tv-z]' AND pg_catalog.length(key_id) = 12),
    CONSTRAINT agent_keys_hash_form CHECK (pg_catalog.octet_length(key_hash) = 32 AND hash_algorithm = 'sha256d'),
    CONSTRAINT agent_keys_state_known CHECK (state IN ('staged', 'active', 'retiring', 'retired', 'revoked')),
    CONSTRAINT agent_keys_state_dated CHECK (
        (state <> 'retiring' OR (expires_at IS NOT NULL AND replaced_by IS NOT NULL))
        AND (state = 'retired') = (retired_at IS NOT NULL) AND (state = 'revoked') = (revoked_at IS NOT NULL)),
    CONSTRAINT agent_keys_staged_dated CHECK (
        (deliver_until IS NULL) = (settle_until IS NULL) AND settle_until >= deliver_until
        AND (state <> 'staged' OR deliver_until IS NOT NULL))
) WITH (fillfactor = 85);
COMMENT ON COLUMN relay.agent_keys.made_order IS 'a revocation with a higher cut_off ends the key permanently';
COMMENT ON COLUMN relay.agent_keys.awaits_use IS
    'true: the next use changes something, so authenticate records it in the same transaction: the agent leaves the shared secret, or '
    'the key that this one replaces retires, or a delivered key is first used after deliver_until';
-- A staged key is accepted as an active one. A command delivers it to a store; the key becomes active when that is confirmed.
COMMENT ON COLUMN relay.agent_keys.deliver_until IS
    'of a key that was staged: by then the command that delivers it has been ended; only a use after that shows that the store has the key';
COMMENT ON COLUMN relay.agent_keys.settle_until IS
    'of a key that was staged: until then the store may still take it, so no other key that it replaces ends';
COMMENT ON COLUMN relay.agent_keys.first_used_at IS
    'of a key that was staged: when authenticate first saw it after deliver_until';

CREATE UNIQUE INDEX agent_keys_one_active ON relay.agent_keys (agent_id) WHERE state = 'active';
CREATE INDEX agent_keys_in_passing ON relay.agent_keys (agent_id, made_order) WHERE state IN ('staged', 'retiring');
CREATE INDEX agent_keys_by_agent ON relay.agent_keys (agent_id, created_at);
CREATE INDEX agent_keys_by_org ON relay.agent_keys (org_id);
-- The two are for relay.due_keys: what is due is found without looking at the rest of the fleet.
CREATE FUNCTION relay.asks_at(state text, due_at timestamptz, settle_until timestamptz, expires_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT LEAST(CASE state WHEN 'staged' THEN settle_until ELSE due_at END, expires_at) $$;
COMMENT ON FUNCTION relay.asks_at(text, timestamptz, timestamptz, timestamptz) IS
    'when a staged or active key asks for someone to act: by its age, when it has settled, or when it expires';
GRANT EXECUTE ON FUNCTION relay.asks_at(text, timestamptz, timestamptz, timestamptz) TO relay_provisioner, relay_responder, relay_auditor;
CREATE INDEX agent_keys_due ON relay.agent_keys (relay.asks_at(state, due_at, settle_until, expires_at))
    WHERE state IN ('staged', 'active');
CREATE INDEX agent_keys_without_successor ON relay.agent_keys (agent_id) WHERE replaced_by IS NULL AND state IN ('retired', 'revoked');

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

-- No role may read hashes. Only the functions that check keys compare them.
GRANT SELECT (key_id, agent_id, org_id, hash_algorithm, state, created_at, created_by, made_order, due_at, expires_at, retired_at,
              revoked_at, replaced_by, retire_on_first_use, awaits_use, deliver_until, settle_until, first_used_at)
    ON relay.agent_keys TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (key_id, agent_id, org_id, key_hash, hash_algorithm, state, created_by, due_at, expires_at, deliver_until, settle_until),
      UPDATE (state, expires_at, retired_at, revoked_at, replaced_by, retire_on_first_use, deliver_until, settle_until, first_used_at)
    ON relay.agent_keys TO relay_provisioner;
GRANT SELECT (token_id, org_id, hash_algorithm, created_at, created_by, revoked_at)
    ON relay.org_tokens TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (token_id, org_id, token_hash, hash_algorithm, created_by), UPDATE (revoked_at)
    ON relay.org_tokens TO relay_provisioner;

SELECT relay.isolate_tenants('relay.agent_keys');
SELECT relay.isolate_tenants('relay.org_tokens');
GRANT SELECT (key_id, agent_id, org_id, hash_algorithm, state, created_at, due_at, expires_at, retired_at, revoked_at, replaced_by,
              retire_on_first_use, deliver_until, settle_until) ON relay.agent_keys TO relay_tenant;

-- When and from where each key was used. A separate table, because it is written all day: agents and agent_keys stay as
-- they are, and every check finds them in memory. Pages are filled to 30 % when rows are added, so that the first change
-- of a page after a checkpoint, which writes the whole page to the log, writes 2.5 kB, not 8 kB.
CREATE TABLE relay.key_sightings (
    key_id        text COLLATE "C" NOT NULL,
    ip_address    inet NOT NULL,  -- :: if the gateway did not send it
    last_used_at  timestamptz NOT NULL,
    uses          bigint NOT NULL DEFAULT 1,
    first_used_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    reported_by   text COLLATE "C",
    proven_at     timestamptz,
    PRIMARY KEY (key_id, ip_address)
) WITH (fillfactor = 30);
COMMENT ON TABLE relay.key_sightings IS 'the uses of each key, one row for each address; the latest one is the last use of the key';
COMMENT ON COLUMN relay.key_sightings.uses IS
    'the uses that were recorded: those that gateways reported, and at most one per minute of those that authenticate saw for a '
    'gateway that does not report';
COMMENT ON COLUMN relay.key_sightings.reported_by IS
    'the role of the gateway that claims last_used_at; null: authenticate saw the key itself';
-- authenticate goes by what it saw itself, so that no report, true or invented, keeps it from recording a use and its event.
COMMENT ON COLUMN relay.key_sightings.proven_at IS
    'if last_used_at is claimed: when authenticate last recorded a use, if ever; else null';
GRANT SELECT ON relay.key_sightings TO relay_provisioner, relay_responder, relay_auditor;
SELECT relay.isolate_tenants('relay.key_sightings',
    'key_id IN (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.org_id = (SELECT relay.current_org()))');
GRANT SELECT (key_id, ip_address, last_used_at, uses, first_used_at) ON relay.key_sightings TO relay_tenant;

-- Returns the owner of a key or an admin token. Compares the hash, too, because a key id is public and proves nothing:
-- for a text that was found where it should not be.
CREATE FUNCTION relay.identify(key_id text, key_hash bytea)
RETURNS TABLE (kind text, owner_org text, owner_agent text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'key', k.org_id, k.agent_id FROM relay.agent_keys AS k
    WHERE k.key_id = identify.key_id AND k.key_hash = identify.key_hash
    UNION ALL
    SELECT 'token', t.org_id, NULL FROM relay.org_tokens AS t
    WHERE t.token_id = identify.key_id AND t.token_hash = identify.key_hash
$$;
GRANT EXECUTE ON FUNCTION relay.identify(text, bytea) TO relay_provisioner, relay_responder;

-- Ends an admin token permanently; returns whether it was live. A function, so that a responder can end a token that was
-- found in a text, but cannot bring one back.
CREATE FUNCTION relay.end_token(token_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE relay.org_tokens AS t SET revoked_at = now() WHERE t.token_id = end_token.token_id AND t.revoked_at IS NULL;
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION relay.end_token(text) TO relay_provisioner, relay_responder;

-- Operations ---------------------------------------------------------------------------------------------------------------------------

-- Every writing transaction inserts its id, which the client chose. A client that lost the answer to its COMMIT inserts the same id as
-- 'aborted' to learn the outcome: the insert waits while that transaction is in flight, fails if it was committed, and otherwise
-- prevents it from ever being committed.
CREATE TABLE relay.operations (
    op_id      text COLLATE "C" PRIMARY KEY,
    state      text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    org_id     text COLLATE "C",
    request_id uuid,
    request    text,  -- the parameters in one canonical line: the same id with other parameters is a conflict
    key_id     text COLLATE "C",
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    CONSTRAINT operations_state_known CHECK (state IN ('done', 'aborted')),
    CONSTRAINT operations_request_whole CHECK ((request_id IS NULL) = (request IS NULL) AND (request_id IS NULL OR org_id IS NOT NULL)),
    CONSTRAINT operations_request_unique UNIQUE (org_id, request_id)
);
CREATE INDEX operations_by_time ON relay.operations USING brin (at);

GRANT SELECT ON relay.operations TO relay_provisioner, relay_responder, relay_auditor;
-- A responder's commands take no request id: it cannot claim that one was done.
GRANT INSERT (op_id, state) ON relay.operations TO relay_provisioner, relay_responder;
GRANT INSERT (org_id, request_id, request, key_id) ON relay.operations TO relay_provisioner;
SELECT relay.isolate_tenants('relay.operations');

CREATE FUNCTION relay.prune_operations(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_operations.max_rows, 1, 1000000);
    DELETE FROM relay.operations WHERE op_id = ANY (ARRAY(
        SELECT o.op_id FROM relay.operations AS o WHERE o.at < clock_timestamp() - interval '30 days'
        LIMIT prune_operations.max_rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_operations(integer) IS
    'removes operations older than 30 days, at most max_rows: by then no outcome is in doubt, and no request is repeated; '
    'waits for no lock; returns how many it removed';
GRANT EXECUTE ON FUNCTION relay.prune_operations(integer) TO relay_provisioner;
