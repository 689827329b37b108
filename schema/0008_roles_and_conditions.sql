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
