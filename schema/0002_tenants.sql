-- Row level security: a member of relay_tenant sees the rows of one organization, whatever it asks for.
--
-- The session names that organization in a setting: relay.org_id, or the claims that PostgREST and similar servers put
-- into request.jwt.claims. A tenant that can run SQL as relay_tenant can change the setting. So the security boundary
-- is the server that makes the setting, and tenants must reach the database only through such a server.
--
-- Tenants read tables, and never our status views: these belong to relay_owner, to whom no policy applies, and only
-- PostgreSQL 15 and later have views with the rights of the reader. Tenants are granted columns, not tables: no hashes,
-- and nothing about the relay's staff. Each of the following files grants what tenants may read of its tables.

CREATE FUNCTION relay.current_org() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims jsonb := NULLIF(current_setting('request.jwt.claims', true), '');  -- '' after the transaction that set it
BEGIN
    RETURN (SELECT CASE WHEN min(said.org) = max(said.org) THEN min(said.org) END
            FROM (VALUES (NULLIF(current_setting('relay.org_id', true), '')), (claims ->> 'org_id'), (claims ->> 'tenant_id'))
                 AS said (org));
END
$$;
COMMENT ON FUNCTION relay.current_org() IS
    'the organization that this session reads for: setting relay.org_id, or org_id or tenant_id of request.jwt.claims (JSON); '
    'null, and so no rows, if nothing is set or two of them differ; claims that are not JSON are an error';
GRANT EXECUTE ON FUNCTION relay.current_org() TO relay_tenant;

-- The migration that makes a table with rows of organizations calls it. PostgreSQL evaluates the subselect in the
-- condition once per statement instead of once per row, and can use an index. Tenants and staff have separate policies:
-- with a single policy for both, queries of tenants would lose that.
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
    'for migrations: relay_tenant sees only the rows that meet a condition; the other roles see all rows of what '
    'they are granted';
