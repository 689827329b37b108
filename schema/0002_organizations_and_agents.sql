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
