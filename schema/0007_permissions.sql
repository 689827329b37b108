-- What an agent may do: its own permissions and those of its roles, each with conditions or without.
--
-- A permission is provider:method, with * allowed on either side. Conditions are a JSON object such as {"max_amount":
-- 10000}, stored for the gateway: only the gateway can decide whether a call meets them. Each check computes what is in
-- force, and nothing of it is stored, so a change takes effect at the next check.

CREATE FUNCTION relay.permission_is_valid(permission text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.length(permission) <= 129 AND permission ~ '^([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])$'
$$;
COMMENT ON FUNCTION relay.permission_is_valid(text) IS 'true for provider:method, with * allowed on either side';

CREATE FUNCTION relay.conditions_are_valid(conditions jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.jsonb_typeof(conditions) = 'object' AND conditions <> '{}' AND pg_catalog.octet_length(conditions::text) <= 4096
$$;
COMMENT ON FUNCTION relay.conditions_are_valid(jsonb) IS 'true for a non-empty object of at most 4096 bytes';

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
    'the conditions of an agent''s own permissions (agents.permissions); no row: the permission has no conditions';

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
        pg_catalog.octet_length(name) >= 1 AND pg_catalog.octet_length(name) <= 200
        AND relay.is_visible(name))
);
-- To recognize an id or a name without its organization.
CREATE INDEX roles_by_id ON relay.roles (role_id);
CREATE INDEX roles_by_name ON relay.roles ((pg_catalog.lower(name) COLLATE "C"));
COMMENT ON TABLE relay.roles IS 'a role belongs to one organization: two organizations may use the same id for different roles';

CREATE TABLE relay.role_permissions (
    org_id     text COLLATE "C" NOT NULL,
    role_id    text COLLATE "C" NOT NULL,
    permission text COLLATE "C" NOT NULL,
    conditions jsonb,  -- null: no conditions
    CONSTRAINT role_permissions_pkey PRIMARY KEY (org_id, role_id, permission),
    CONSTRAINT role_permissions_role FOREIGN KEY (org_id, role_id) REFERENCES relay.roles (org_id, role_id) ON DELETE CASCADE,
    CONSTRAINT role_permissions_permission_form CHECK (relay.permission_is_valid(permission)),
    CONSTRAINT role_permissions_conditions_form CHECK (relay.conditions_are_valid(conditions))
);

-- A role that agents have cannot be deleted: taking it from them is a separate decision.
CREATE TABLE relay.agent_roles (
    agent_id    text COLLATE "C" NOT NULL,
    org_id      text COLLATE "C" NOT NULL,  -- both foreign keys use it: an agent has only roles of its organization
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

SELECT relay.isolate_tenants('relay.agent_conditions');
SELECT relay.isolate_tenants('relay.roles');
SELECT relay.isolate_tenants('relay.role_permissions');
SELECT relay.isolate_tenants('relay.agent_roles');
GRANT SELECT (agent_id, org_id, permission, conditions) ON relay.agent_conditions TO relay_tenant;
GRANT SELECT (org_id, role_id, name, created_at) ON relay.roles TO relay_tenant;
GRANT SELECT (org_id, role_id, permission, conditions) ON relay.role_permissions TO relay_tenant;
GRANT SELECT (agent_id, org_id, role_id, assigned_at) ON relay.agent_roles TO relay_tenant;

-- Sets agents.plain to false when an agent gets its first role or condition.
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

-- What is in force ---------------------------------------------------------------------------------------------------------------------

CREATE VIEW relay.agent_grants AS
SELECT agent.agent_id, agent.org_id, own.permission COLLATE "C" AS permission, given.conditions, NULL::text COLLATE "C" AS role_id
FROM relay.agents AS agent
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(agent.permissions) AS own (permission)
LEFT JOIN relay.agent_conditions AS given ON given.agent_id = agent.agent_id AND given.permission = own.permission
UNION ALL
SELECT assigned.agent_id, assigned.org_id, granted.permission, granted.conditions, assigned.role_id
FROM relay.agent_roles AS assigned
JOIN relay.role_permissions AS granted ON granted.org_id = assigned.org_id AND granted.role_id = assigned.role_id;
COMMENT ON VIEW relay.agent_grants IS 'each permission of an agent, once for each way in which the agent has it';
COMMENT ON COLUMN relay.agent_grants.role_id IS 'the role that grants it; null: the agent''s own permission';

CREATE VIEW relay.agent_permissions AS
SELECT agent_id, org_id, permission,
       CASE WHEN pg_catalog.bool_and(conditions IS NOT NULL) THEN pg_catalog.jsonb_agg(DISTINCT conditions) END AS conditions
FROM relay.agent_grants
GROUP BY agent_id, org_id, permission;
COMMENT ON COLUMN relay.agent_permissions.conditions IS
    'alternatives: a call must meet one of them; null: at least one grant of the permission has no conditions';

GRANT SELECT ON relay.agent_grants, relay.agent_permissions TO relay_provisioner, relay_responder, relay_auditor;

-- Returns what is in force for an agent whose own permissions are `own`, in the form that gateways get. For an agent
-- without roles and conditions it takes two index probes. It has neither a search_path nor its owner's rights, because
-- only functions that have both call it.
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
    'permissions: the agent''s own and those of its roles; conditions: permission -> alternatives, null if no permission has any';

-- For gateways -------------------------------------------------------------------------------------------------------------------------

-- A composite type, so that the result can gain a column without dropping the function.
CREATE TYPE relay_api.permission_decision AS (
    ok         boolean,
    reason     text,
    conditions jsonb
);

-- The permission itself, provider:*, *:method and *:* each grant the call. If one of the grants has no conditions, the
-- answer has none; otherwise the call must meet one of the alternatives. Nothing grants a text that is not a valid
-- permission. The first query asks whether the call is a usual one: an agent without roles and conditions, which nothing
-- refuses and which has the permission.
CREATE FUNCTION relay_api.authorize(agent_id text, permission text, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.permission_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    granting text[] := CASE WHEN relay.permission_is_valid(authorize.permission) THEN
                           ARRAY[authorize.permission, split_part(authorize.permission, ':', 1) || ':*',
                                 '*:' || split_part(authorize.permission, ':', 2), '*:*'] END;
    agent    record;
    granted  record;
    refused  relay.auth_events;
BEGIN
    IF EXISTS (SELECT FROM relay.agents AS a
               WHERE a.agent_id = authorize.agent_id AND a.plain AND a.permissions ?| granting
                 AND NOT EXISTS (SELECT FROM relay.standing_revocations AS s WHERE s.subject_id = ANY (ARRAY[a.agent_id, a.org_id]))) THEN
        RETURN ROW(true, 'ok', NULL)::relay_api.permission_decision;
    END IF;

    SELECT a.org_id, a.agent_id,
           (SELECT max(CASE s.kind WHEN 'revoke' THEN 'revoked' ELSE 'blocked' END)  -- the maximum: revoked comes after blocked
            FROM relay.standing_revocations AS s
            WHERE s.subject_id IN (a.agent_id, a.org_id)
              AND s.subject_id = CASE s.subject_kind WHEN 'agent' THEN a.agent_id WHEN 'org' THEN a.org_id END) AS shut_out
    INTO agent
    FROM relay.agents AS a
    WHERE a.agent_id = authorize.agent_id;

    IF agent.agent_id IS NOT NULL AND agent.shut_out IS NULL THEN
        SELECT count(*) > 0 AS any, bool_or(g.conditions IS NULL) AS freely, jsonb_agg(DISTINCT g.conditions) AS alternatives
        INTO granted
        FROM relay.agent_grants AS g
        WHERE g.agent_id = agent.agent_id AND g.permission = ANY (granting);
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
    'whether an agent, authenticated before, may call provider:method; conditions: the call must meet one of them '
    '(null: no conditions); '
    'records a refusal; reasons: ok permission_missing unknown_agent revoked blocked';
GRANT EXECUTE ON FUNCTION relay_api.authorize(text, text, inet, text) TO relay_gateway;
