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
