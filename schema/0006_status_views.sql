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
