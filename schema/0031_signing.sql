-- Keys with which agents sign, instead of showing them. A proof needs nothing more than what is stored of each key; of an Ed25519 key, the
-- public key is stored in the place of the hash.

-- Public keys ----------------------------------------------------------------------------------------------------------------------------

-- The program also refuses bytes that do not encode a point: SQL has no arithmetic of the curve.
CREATE FUNCTION relay.is_public_key(value bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.octet_length(value) = 32
           AND pg_catalog.encode(value, 'hex') !~ '^(e[c-f]|f.)(ff){30}[7f]f$'
           AND pg_catalog.encode(value, 'hex') !~ '^0[01](00){30}[08]0$'
           AND pg_catalog.encode(value, 'hex') !~ '^26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc[08]5$'
           AND pg_catalog.encode(value, 'hex') !~ '^c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03[7f]a$'
$$;
COMMENT ON FUNCTION relay.is_public_key(bytea) IS
    'false for a point of small order, under which a signature can be made without a private key, and for numbers that are not reduced';
GRANT EXECUTE ON FUNCTION relay.is_public_key(bytea) TO relay_provisioner;

ALTER TABLE relay.agent_keys
    ADD COLUMN confirm_grace interval,
    DROP CONSTRAINT agent_keys_hash_form,
    ADD CONSTRAINT agent_keys_hash_form CHECK (
        pg_catalog.octet_length(key_hash) = 32
        AND (hash_algorithm = 'sha256d' OR (hash_algorithm = 'ed25519' AND relay.is_public_key(key_hash)))) NOT VALID,
    ADD CONSTRAINT agent_keys_confirm_grace CHECK (
        (confirm_grace IS NOT NULL OR state <> 'staged' OR hash_algorithm = 'sha256d')
        AND (confirm_grace IS NULL OR hash_algorithm = 'ed25519') AND confirm_grace >= interval '0') NOT VALID;
ALTER TABLE relay.agent_keys VALIDATE CONSTRAINT agent_keys_hash_form, VALIDATE CONSTRAINT agent_keys_confirm_grace;
COMMENT ON COLUMN relay.agent_keys.key_hash IS 'sha256d: SHA-256 of SHA-256 of the key; ed25519: the public key, with which no one can sign';
COMMENT ON COLUMN relay.agent_keys.confirm_grace IS
    'of a public key: how long the keys before it still work after the first request that is signed with it';
-- Of every state: a public key that was revoked would otherwise come back under another id.
CREATE UNIQUE INDEX agent_keys_public ON relay.agent_keys (key_hash) WHERE hash_algorithm = 'ed25519';
GRANT SELECT (confirm_grace), INSERT (confirm_grace) ON relay.agent_keys TO relay_provisioner;
GRANT SELECT (confirm_grace) ON relay.agent_keys TO relay_responder, relay_auditor;

CREATE FUNCTION relay.find_public_key(public_key bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.key_id FROM relay.agent_keys AS k WHERE k.key_hash = find_public_key.public_key AND k.hash_algorithm = 'ed25519'
$$;
COMMENT ON FUNCTION relay.find_public_key(bytea) IS 'the id of the key that has this public key, whatever its state; null: there is none';
GRANT EXECUTE ON FUNCTION relay.find_public_key(bytea) TO relay_provisioner, relay_responder;

-- The person on whose behalf an agent acts, by the id of the system that issues tokens to people.
ALTER TABLE relay.agents
    ADD COLUMN owner_user_id text COLLATE "C",
    ADD CONSTRAINT agents_owner_user_id_form CHECK (
        pg_catalog.length(owner_user_id) >= 1 AND pg_catalog.length(owner_user_id) <= 127 AND relay.is_visible(owner_user_id)) NOT VALID;
ALTER TABLE relay.agents VALIDATE CONSTRAINT agents_owner_user_id_form;
CREATE INDEX agents_by_owner_user ON relay.agents (org_id, owner_user_id) WHERE owner_user_id IS NOT NULL;
GRANT INSERT (owner_user_id), UPDATE (owner_user_id) ON relay.agents TO relay_provisioner;
GRANT SELECT (owner_user_id) ON relay.agents TO relay_tenant;
-- It decides what a tenant's reader sees.
CREATE CONSTRAINT TRIGGER audit_owner_user AFTER UPDATE ON relay.agents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.owner_user_id IS DISTINCT FROM NEW.owner_user_id) EXECUTE FUNCTION relay.audit_change('agent_updated');

-- As in 0004, with owner_user_id.
CREATE OR REPLACE VIEW relay.agent_status AS
SELECT agent.agent_id, agent.org_id, agent.name, agent.permissions, agent.owner, agent.labels, agent.key_max_age,
       COALESCE(agent.key_max_age, org.key_max_age) AS effective_key_max_age,
       agent.created_at, agent.created_by,
       (SELECT pg_catalog.max(seen.last_used_at)
        FROM relay.agent_keys AS key JOIN relay.key_sightings AS seen ON seen.key_id = key.key_id
        WHERE key.agent_id = agent.agent_id) AS last_used_at,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status,
       agent.owner_user_id
FROM relay.agents AS agent
JOIN relay.organizations AS org ON org.org_id = agent.org_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id IN (agent.agent_id, agent.org_id)
      AND row.subject_id = CASE row.subject_kind WHEN 'agent' THEN agent.agent_id WHEN 'org' THEN agent.org_id END) AS standing;

-- As in 0004, with the algorithm. No age makes a public key due, because only its agent can make another.
CREATE OR REPLACE VIEW relay.key_status AS
SELECT key.key_id, key.agent_id, key.org_id, key.state, key.created_at, key.created_by, key.made_order,
       CASE WHEN key.state = 'staged' AND key.hash_algorithm <> 'ed25519' THEN key.settle_until ELSE key.due_at END AS due_at, key.expires_at, key.retired_at,
       relay.asks_at(key.state, key.due_at, key.settle_until, key.expires_at) AS asks_at,
       COALESCE(key.revoked_at, fate.revoked_at) AS revoked_at, key.replaced_by, key.retire_on_first_use,
       key.deliver_until, key.settle_until, key.first_used_at,
       (SELECT pg_catalog.max(seen.last_used_at) FROM relay.key_sightings AS seen WHERE seen.key_id = key.key_id) AS last_used_at,
       CASE
           WHEN fate.revoked_at IS NOT NULL OR key.state = 'revoked' THEN 'revoked'
           WHEN key.state = 'retired' THEN 'retired'
           WHEN key.expires_at <= pg_catalog.statement_timestamp() THEN 'expired'
           ELSE key.state
       END AS status,
       COALESCE(fate.blocked, false) AS blocked, key.hash_algorithm
FROM relay.agent_keys AS key
CROSS JOIN LATERAL (
    SELECT pg_catalog.min(row.at) FILTER (WHERE row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.cut_off > key.made_order))
               AS revoked_at,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id IN (key.key_id, key.agent_id, key.org_id) AND (row.lifted_at IS NULL OR row.kind = 'revoke')
      AND row.subject_id = CASE row.subject_kind
              WHEN 'key' THEN key.key_id WHEN 'agent' THEN key.agent_id WHEN 'org' THEN key.org_id END) AS fate;
COMMENT ON COLUMN relay.key_status.due_at IS
    'when the agent should get a new key: by the age of its key, or when a staged key has settled; null: never, as for each public key';

-- As in 0004. A staged public key waits for the first request of its agent, and for no person.
CREATE OR REPLACE VIEW relay.due_keys AS
SELECT key.key_id, key.agent_id, key.org_id, key.asks_at AS due_at, key.asks_at AS listed_from,
       CASE WHEN key.state = 'staged' THEN 'delivery'
            WHEN key.due_at IS NULL OR key.due_at > key.expires_at THEN 'expiry' ELSE 'age' END AS reason,
       key.status, key.blocked, key.created_at, key.expires_at, key.last_used_at
FROM relay.key_status AS key
WHERE key.state IN ('staged', 'active') AND key.status IN ('staged', 'active', 'expired')
  AND (key.state = 'active' OR key.hash_algorithm <> 'ed25519')
UNION ALL
SELECT last.key_id, last.agent_id, last.org_id, last.ends_at, '-infinity', 'missing',
       last.status, last.blocked, last.created_at, last.expires_at, last.last_used_at
FROM (SELECT key.agent_id FROM relay.agent_keys AS key WHERE key.replaced_by IS NULL AND key.state IN ('retired', 'revoked')
      UNION
      SELECT key.agent_id FROM relay.revocations AS row JOIN relay.agent_keys AS key ON key.key_id = row.subject_id
      WHERE row.kind = 'revoke' AND row.subject_kind = 'key' AND key.state IN ('staged', 'active')
      UNION
      SELECT key.agent_id FROM relay.revocations AS row JOIN relay.agent_keys AS key ON key.agent_id = row.subject_id
      WHERE row.kind = 'revoke' AND row.subject_kind = 'agent' AND row.lifted_at IS NOT NULL AND key.state IN ('staged', 'active')
      UNION
      SELECT key.agent_id FROM relay.revocations AS row JOIN relay.agent_keys AS key ON key.org_id = row.subject_id
      WHERE row.kind = 'revoke' AND row.subject_kind = 'org' AND row.lifted_at IS NOT NULL AND key.state IN ('staged', 'active')
     ) AS ended
CROSS JOIN LATERAL (
    SELECT key.*, LEAST(key.expires_at, key.retired_at, key.revoked_at) AS ends_at,
           pg_catalog.bool_or(key.state IN ('staged', 'active') AND key.status <> 'revoked') OVER () AS has_other
    FROM relay.key_status AS key WHERE key.agent_id = ended.agent_id
    ORDER BY LEAST(key.expires_at, key.retired_at, key.revoked_at) DESC, key.made_order DESC LIMIT 1) AS last
WHERE NOT last.has_other
  AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                  WHERE gone.kind = 'revoke' AND gone.subject_id IN (last.agent_id, last.org_id)
                    AND gone.subject_id = CASE gone.subject_kind WHEN 'agent' THEN last.agent_id WHEN 'org' THEN last.org_id END);

-- Proofs ---------------------------------------------------------------------------------------------------------------------------------

-- As the client proof of SCRAM (RFC 5802). With d = SHA-256(key), and the verifier h = SHA-256(d) that is stored, a caller shows
-- proof = d XOR HMAC-SHA-256(h, message_digest). So proof XOR HMAC gives d, and SHA-256(d) must be h. Without h, a proof shows nothing
-- of d; with h alone, no one can make one. HMAC is SHA-256(h XOR 5c.. || SHA-256(h XOR 36.. || message)), where h is padded to 64 bytes.
-- Bytes are XORed as bits; bit_send has four bytes of length before them. One expression, so that a query evaluates it in place.
CREATE FUNCTION relay.proves(verifier bytea, message_digest bytea, proof bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN pg_catalog.octet_length(verifier) = 32 AND pg_catalog.octet_length(message_digest) = 32
                     AND pg_catalog.octet_length(proof) = 32 THEN
        pg_catalog.sha256(pg_catalog.substr(pg_catalog.bit_send(
            ('x' || pg_catalog.encode(proof, 'hex'))::bit(256)
            # ('x' || pg_catalog.encode(pg_catalog.sha256(
                pg_catalog.substr(pg_catalog.bit_send(
                    ('x' || pg_catalog.encode(verifier, 'hex'))::bit(256) # ('x' || pg_catalog.repeat('5c', 32))::bit(256)), 5)
                || pg_catalog.decode(pg_catalog.repeat('5c', 32), 'hex')
                || pg_catalog.sha256(
                    pg_catalog.substr(pg_catalog.bit_send(
                        ('x' || pg_catalog.encode(verifier, 'hex'))::bit(256) # ('x' || pg_catalog.repeat('36', 32))::bit(256)), 5)
                    || pg_catalog.decode(pg_catalog.repeat('36', 32), 'hex') || message_digest)), 'hex'))::bit(256)), 5)) = verifier
    ELSE false END
$$;
COMMENT ON FUNCTION relay.proves(bytea, bytea, bytea) IS
    'whether a proof (32 bytes) shows that its maker holds the key of this verifier (key_hash) and has signed this digest (32 bytes)';

-- What policy_settings says; a constant, because a look into the table would cost each signed call as much as its proof.
CREATE FUNCTION relay.preset_window() RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT interval '60 seconds' $$;

CREATE FUNCTION relay.untimely(org text, agent text, signed_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    present     timestamptz := clock_timestamp();
    time_window interval := relay.preset_window();
BEGIN
    IF EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = org) THEN
        time_window := (SELECT f.value FROM relay.policy_in_force(org, agent) AS f WHERE f.setting = 'window');
    END IF;
    RETURN CASE WHEN signed_at < present - time_window THEN 'too_old' WHEN signed_at > present + time_window THEN 'too_early' END;
END
$$;
COMMENT ON FUNCTION relay.untimely(text, text, timestamptz) IS
    'too_old or too_early for a call that was signed outside the window of the agent; else null';
