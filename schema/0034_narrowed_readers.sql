-- Readers for one agent, or for the agents of one person, within what a tenant sees: the claims agent_id and owner_user_id of
-- request.jwt.claims. A restrictive policy beside that of the organization, so both must hold.

-- As in 0002, with tenantId, as other servers write it.
CREATE OR REPLACE FUNCTION relay.current_org() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims jsonb := NULLIF(current_setting('request.jwt.claims', true), '');  -- '' after the transaction that set it
BEGIN
    RETURN (SELECT CASE WHEN min(said.org) = max(said.org) THEN min(said.org) END
            FROM (VALUES (NULLIF(current_setting('relay.org_id', true), '')), (claims ->> 'org_id'), (claims ->> 'tenant_id'),
                         (claims ->> 'tenantId')) AS said (org));
END
$$;
COMMENT ON FUNCTION relay.current_org() IS
    'the organization that this session reads for: setting relay.org_id, or org_id, tenant_id or tenantId of request.jwt.claims (JSON); '
    'null, and so no rows, if nothing is set or two of them differ; claims that are not JSON are an error';

CREATE FUNCTION relay.is_narrowed() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims jsonb := NULLIF(current_setting('request.jwt.claims', true), '');
BEGIN
    RETURN COALESCE(claims ?| '{agent_id,owner_user_id}', false);
END
$$;
COMMENT ON FUNCTION relay.is_narrowed() IS 'whether request.jwt.claims has agent_id or owner_user_id, with whatever value';

-- A claim that is null or not a text is of no agent. Both claims: the agent counts. Two queries, so that each uses its index.
CREATE FUNCTION relay.claimed_agents() RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims jsonb := NULLIF(current_setting('request.jwt.claims', true), '');
BEGIN
    IF claims ? 'agent_id' THEN
        RETURN QUERY SELECT a.agent_id FROM relay.agents AS a
                     WHERE a.agent_id = claims ->> 'agent_id' AND a.org_id = relay.current_org() AND jsonb_typeof(claims -> 'agent_id') = 'string';
    ELSE
        RETURN QUERY SELECT a.agent_id FROM relay.agents AS a
                     WHERE a.owner_user_id = claims ->> 'owner_user_id' AND a.org_id = relay.current_org()
                       AND jsonb_typeof(claims -> 'owner_user_id') = 'string';
    END IF;
END
$$;
COMMENT ON FUNCTION relay.claimed_agents() IS 'the agents of this session''s organization that its claims agent_id or owner_user_id name';
GRANT EXECUTE ON FUNCTION relay.is_narrowed(), relay.claimed_agents() TO relay_tenant;

CREATE FUNCTION relay.narrow_readers(target regclass, of_agent text DEFAULT 'agent_id IN (SELECT relay.claimed_agents())') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE POLICY narrowed ON %s AS RESTRICTIVE FOR SELECT TO relay_tenant USING (NOT (SELECT relay.is_narrowed()) OR (%s))',
                   target, of_agent);
END
$$;
COMMENT ON FUNCTION relay.narrow_readers(regclass, text) IS
    'for migrations: a tenant''s reader with a claim of an agent or a person sees only the rows that meet a condition';

-- As in 0002. A table with agent_id shows a narrowed reader the rows of its agents, and another table nothing, unless the condition for
-- tenants reads another table: then it is narrowed together with that one.
CREATE OR REPLACE FUNCTION relay.isolate_tenants(target regclass, of_tenant text DEFAULT 'org_id = (SELECT relay.current_org())') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY tenant ON %s FOR SELECT TO relay_tenant USING (%s)', target, of_tenant);
    EXECUTE format('CREATE POLICY staff ON %s TO relay_provisioner, relay_responder, relay_auditor USING (true) WITH CHECK (true)',
                   target);
    IF EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = 'agent_id' AND NOT a.attisdropped) THEN
        PERFORM relay.narrow_readers(target);
    ELSIF of_tenant !~ 'FROM' THEN
        PERFORM relay.narrow_readers(target, 'false');
    END IF;
END
$$;

-- The tables that were made before. Each reads its own organization; a block of it concerns the agent, too. key_sightings, revocations,
-- legacy_sightings and legacy_migrations are narrowed together with the tables that their policies read.
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT p.polrelid::regclass AS target,
               CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = p.polrelid AND a.attname = 'agent_id')
                    THEN 'agent_id IN (SELECT relay.claimed_agents())' ELSE 'false' END AS of_agent
        FROM pg_catalog.pg_policy AS p
        WHERE p.polname = 'tenant'
          AND NOT p.polrelid = ANY (ARRAY['relay.organizations', 'relay.key_sightings', 'relay.revocations', 'relay.legacy_migrations',
                                          'relay.legacy_sightings', 'relay.limits', 'relay.roles', 'relay.role_permissions']::regclass[])
    LOOP
        PERFORM relay.narrow_readers(place.target, place.of_agent);
    END LOOP;
    PERFORM relay.narrow_readers('relay.limits', 'owner_kind = ''agent'' AND owner_id IN (SELECT relay.claimed_agents())');
    PERFORM relay.narrow_readers('relay.roles', 'role_id IN (SELECT r.role_id FROM relay.agent_roles AS r)');
    PERFORM relay.narrow_readers('relay.role_permissions', 'role_id IN (SELECT r.role_id FROM relay.agent_roles AS r)');
END
$$;

-- As in 0005.
CREATE OR REPLACE VIEW relay.own_refusals WITH (security_barrier) AS
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, reason, ip_address, trace_id, detail - 'claims' AS detail, times
FROM relay.recorded_events
WHERE org_id = (SELECT relay.current_org()) AND outcome = 'failed' AND actor IS NULL
  AND (NOT (SELECT relay.is_narrowed()) OR agent_id IN (SELECT relay.claimed_agents()));
