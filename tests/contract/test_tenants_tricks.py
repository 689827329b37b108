"""relay_tenant: however a reader asks, it sees no row of another organization."""

import io
import itertools

import pytest

from support.tenant_reader import ask, database, keys, owners, tenant  # noqa: F401
from support.tenants import AGENTS_EACH, ORGS, WAYS, agents_of, check_rows, read_for, readable_columns


def test_set_role_and_back(database, keys):
    """Like PostgREST: one login that becomes relay_tenant for each request."""
    session = database.connect(user=database.cluster.login("authenticator", member_of="relay_tenant"), autocommit=False)
    superuser = database.connect(autocommit=False)
    for connection in (session, superuser):
        for org, way in zip(ORGS, itertools.cycle(WAYS)):
            with connection, connection.cursor() as cursor:
                cursor.execute("SET LOCAL ROLE relay_tenant")
                read_for(cursor, org, way)
                cursor.execute("SELECT agent_id FROM relay.agents ORDER BY 1")
                assert [agent for (agent,) in cursor.fetchall()] == agents_of(org)
        connection.close()


QUERIES = {
    "join": "SELECT a.agent_id, k.agent_id FROM relay.agents a JOIN relay.agent_keys k ON k.org_id <> a.org_id OR k.agent_id <> a.agent_id",
    "outer join to foreign ids": "SELECT a.name FROM generate_series(0, 9) n"
    " LEFT JOIN relay.agents a ON a.agent_id = 'org0' || n || '-bot1'",
    "subquery": "SELECT (SELECT min(agent_id) FROM relay.agents), EXISTS (SELECT FROM relay.agents WHERE agent_id = 'org04-bot1')",
    "aggregate": "SELECT org_id, count(*) FROM relay.auth_events GROUP BY org_id",
    "window": "SELECT lag(agent_id) OVER (ORDER BY agent_id) FROM relay.agents",
    "set operation": "SELECT agent_id FROM relay.agents UNION ALL SELECT agent_id FROM relay.agent_keys EXCEPT SELECT 'nobody'",
    "cte": "WITH a AS MATERIALIZED (SELECT agent_id FROM relay.agents) SELECT * FROM a",
    "recursion": "WITH RECURSIVE r AS (SELECT agent_id FROM relay.agents UNION SELECT k.agent_id FROM relay.agent_keys k, r) SELECT * FROM r",
    "lateral": "SELECT e.* FROM relay.agents a, LATERAL (SELECT agent_id FROM relay.auth_events WHERE org_id >= a.org_id) e",
    "named": "SELECT agent_id FROM relay.agents WHERE org_id = 'org04'",
    "any": "SELECT agent_id FROM relay.agents WHERE org_id = ANY (ARRAY['org03', 'org04'])",
    "sample": "SELECT agent_id FROM relay.agents TABLESAMPLE system (100)",
    "only": "SELECT agent_id FROM ONLY relay.agents",
    "as xml": "SELECT query_to_xml('SELECT agent_id FROM relay.agents', true, true, '')::text",
    "values of statistics": "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE schemaname = 'relay'",
}  # fmt: skip


@pytest.mark.parametrize("what", QUERIES)
def test_however_it_is_asked(tenant, what):
    check_rows("org03", ask(tenant, QUERIES[what], org="org03"))


def test_copy_and_cursors(tenant):
    tenant.autocommit = False
    with tenant, tenant.cursor() as cursor:
        read_for(cursor, "org03")
        for source in ("relay.agents (agent_id, org_id, name)", "(SELECT agent_id FROM relay.auth_events)"):
            out = io.StringIO()
            cursor.copy_expert(f"COPY {source} TO STDOUT", out)
            assert "org03" in out.getvalue()
            check_rows("org03", out.getvalue().splitlines())
        cursor.execute("DECLARE mine CURSOR WITH HOLD FOR SELECT agent_id FROM relay.agents")
    tenant.autocommit = True
    with tenant.cursor() as cursor:
        cursor.execute("FETCH ALL FROM mine")
        check_rows("org03", cursor.fetchall())


LEAKS = {
    "a cheap function of its own": "SELECT count(*) FROM {table} WHERE pg_temp.tell({column}::text)",
    "in a join": "SELECT count(*) FROM {table} t JOIN generate_series(1, 2) n ON pg_temp.tell({column}::text) AND n = 1",
    "as an operator": "SELECT count(*) FROM {table} WHERE {column}::text OPERATOR(pg_temp.<<<) 'x'",
    "in an aggregate": "SELECT count(*) FILTER (WHERE pg_temp.tell({column}::text)) FROM {table}",
    "in ORDER BY": "SELECT {column} FROM {table} ORDER BY pg_temp.tell({column}::text)",
}


@pytest.mark.parametrize("what", LEAKS)
def test_a_function_of_the_tenants_own_is_shown_no_other_row(database, tenant, what):
    """Without the security barrier, this cheap function would run before the condition."""
    with tenant.cursor() as cursor:
        cursor.execute("CREATE FUNCTION pg_temp.tell(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS"
                       " $$ BEGIN RAISE NOTICE 'saw %', value; RETURN true; END $$")  # fmt: skip
        cursor.execute("CREATE FUNCTION pg_temp.tell2(value text, more text) RETURNS boolean LANGUAGE sql COST 0.0001 AS"
                       " $$ SELECT pg_temp.tell($1) $$")  # fmt: skip
        cursor.execute("CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.tell2)")
    owner_of_key = owners(database)
    for table, columns in readable_columns(database).items():
        column = next(name for name in ("agent_id", "subject_id", "key_id", "org_id", "state") if name in columns)
        tenant.notices = []
        ask(tenant, LEAKS[what].format(table=table, column=column), org="org03")
        seen = [(notice.split("saw ", 1)[1].strip(),) for notice in tenant.notices if "saw " in notice]
        assert seen, table
        check_rows("org03", seen, owner_of_key)


def test_an_error_tells_nothing_of_another_row(tenant):
    """A condition that fails on a row of another organization is never evaluated for that row."""
    for broken in ("1 / (CASE org_id WHEN 'org03' THEN 1 ELSE 0 END) = 1", "(CASE org_id WHEN 'org03' THEN '1' ELSE name END)::int = 1"):
        assert len(ask(tenant, f"SELECT agent_id FROM relay.agents WHERE {broken}", org="org03")) == AGENTS_EACH
