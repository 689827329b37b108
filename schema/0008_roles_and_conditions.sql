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

ALTER TYPE relay_api.auth_decision ADD ATTRIBUTE conditions jsonb;

CREATE OR REPLACE FUNCTION relay_api.authenticate(
    key_id text, key_digest bytea, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found    record;
    granted  record;
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
        SELECT * INTO granted FROM relay.effective_grants(found.agent_id, found.permissions);
        RETURN ROW(true, 'ok', found.org_id, found.agent_id, granted.permissions, found.expires_at,
                   granted.conditions)::relay_api.auth_decision;
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
    RETURN ROW(false, found.reason, NULL, NULL, NULL, NULL, NULL)::relay_api.auth_decision;
END
$$;

CREATE OR REPLACE FUNCTION relay.verify_key(key_id text, key_digest bytea, agent_id text DEFAULT NULL)
RETURNS relay_api.auth_decision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT decided.reason = 'ok', decided.reason, decided.org_id, decided.agent_id, granted.permissions, decided.expires_at,
           granted.conditions
    FROM relay.decide(verify_key.key_id, verify_key.key_digest, verify_key.agent_id, NULL) AS decided
    CROSS JOIN LATERAL relay.effective_grants(decided.agent_id, decided.permissions) AS granted
$$;

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
    decision relay_api.permission_decision;
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
            decision := ROW(true, 'ok', CASE WHEN NOT granted.freely THEN granted.alternatives END)::relay_api.permission_decision;
            RETURN decision;
        END IF;
    END IF;

    decision := ROW(false,
                    CASE WHEN agent.agent_id IS NULL THEN 'unknown_agent' ELSE COALESCE(agent.shut_out, 'permission_missing') END,
                    NULL)::relay_api.permission_decision;
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it answers and writes nothing
        INSERT INTO relay.auth_events (org_id, agent_id, action, outcome, reason, ip_address, trace_id, detail)
        VALUES (agent.org_id, agent.agent_id, 'authorization_failed', 'failed', decision.reason, authorize.ip_address,
                left(authorize.trace_id, 64),
                jsonb_build_object('permission', left(authorize.permission, 129))
                || CASE WHEN agent.agent_id IS NULL THEN
                       jsonb_build_object('claimed_agent_id', left(authorize.agent_id, 127)) ELSE '{}' END);
    END IF;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.authorize(text, text, inet, text) IS
    'whether an agent, authenticated before, may do provider:method, and the conditions of which its call must meet one (null: none); '
    'a refusal is recorded; reasons: ok permission_missing unknown_agent revoked blocked';

GRANT EXECUTE ON FUNCTION relay_api.authorize(text, text, inet, text) TO relay_gateway;
