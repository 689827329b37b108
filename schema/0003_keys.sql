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
