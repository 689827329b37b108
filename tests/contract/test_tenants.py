"""relay_tenant: a reader for one organization never sees a row of another, whatever it asks and whatever happens
meanwhile."""

import time

import psycopg2
import pytest

from support.tenant_reader import ask, database, keys, owners, tenant  # noqa: F401
from support.tenants import AGENTS_EACH, EVENTS_EACH, UNLISTED, WAYS, check_rows, readable_columns

OWN_TABLES = {
    "relay.organizations", "relay.agents", "relay.agent_keys", "relay.agent_conditions", "relay.roles",
    "relay.role_permissions", "relay.agent_roles", "relay.revocations", "relay.key_sightings", "relay.auth_events",
    "relay.own_refusals", "relay.legacy_agents", "relay.legacy_migrations", "relay.legacy_sightings", "relay.proven_agents",
    "relay.limits", "relay.subscriptions", "relay.said_subscriptions",
    "relay.usage", "relay.holds",
    "relay.call_policies", "relay.policy_changes",
    "relay.devices", "relay.pairings",
    "relay.agent_cards", "relay.agent_leases", "relay.running_agents",
}  # fmt: skip


# ---- the rows that tenants see


def test_what_tenants_may_read_is_what_is_theirs_without_hashes_and_staff_notes(database):
    columns = readable_columns(database)
    assert set(columns) == OWN_TABLES
    seen = {column for table in columns.values() for column in table}
    assert not seen & {"key_hash", "token_hash", "actor", "db_role", "ticket", "created_by", "assigned_by", "lifted_by", "opened_by",
                       "closed_by", "imported_by", "stopped_by"}
    assert "reason" not in columns["relay.auth_events"] + columns["relay.revocations"]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_tenant_sees_all_of_its_own_and_nothing_else(database, tenant, keys, way):
    owner_of_key = owners(database)
    expected = {"relay.organizations": 1, "relay.agents": AGENTS_EACH, "relay.agent_keys": AGENTS_EACH,
                "relay.agent_conditions": 1, "relay.roles": 1, "relay.role_permissions": 1, "relay.agent_roles": 1,
                "relay.revocations": 4, "relay.key_sightings": AGENTS_EACH, "relay.auth_events": EVENTS_EACH,
                "relay.own_refusals": 1, "relay.legacy_agents": 2, "relay.legacy_migrations": 1, "relay.legacy_sightings": 1,
                "relay.proven_agents": AGENTS_EACH, "relay.limits": 2, "relay.subscriptions": 1, "relay.said_subscriptions": 2,
                "relay.usage": 1, "relay.holds": 1,
                "relay.call_policies": 2, "relay.policy_changes": 2,
                "relay.devices": 1, "relay.pairings": 1,
                "relay.agent_cards": 1, "relay.agent_leases": 1, "relay.running_agents": 1}  # fmt: skip
    for table, columns in readable_columns(database).items():
        rows = ask(tenant, f"SELECT {', '.join(columns)} FROM {table}", org="org03", way=way)
        assert len(rows) == expected[table], table
        check_rows("org03", rows, owner_of_key)


def test_a_tenant_sees_its_own_way_off_the_shared_secret_and_no_status_of_others(tenant):
    assert ask(tenant, "SELECT state FROM relay.legacy_migrations", org=UNLISTED) == []
    assert ask(tenant, "SELECT DISTINCT migration_id FROM relay.legacy_agents", org=UNLISTED) == [(None,)]
    for view in ("relay.legacy_agent_status", "relay.legacy_stops"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(tenant, f"SELECT * FROM {view}", org="org03")


def test_a_tenant_learns_why_it_was_refused_and_not_what_staff_noted(tenant):
    assert ask(tenant, "SELECT agent_id, reason FROM relay.own_refusals", org="org03") == [("org03-bot4", "expired")]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(tenant, "SELECT reason FROM relay.auth_events", org="org03")


NOBODY = {
    "nothing said": (),
    "empty": (("relay.org_id", ""), ("request.jwt.claims", "")),
    "no such org": (("relay.org_id", "org"),),
    "a pattern": (("relay.org_id", "%"),),
    "all": (("relay.org_id", "*"),),
    "two that differ": (("relay.org_id", "org03"), ("request.jwt.claims", '{"org_id": "org04"}')),
    "differing claims": (("request.jwt.claims", '{"org_id": "org03", "tenant_id": "org04"}'),),
    "all three differ": (("relay.org_id", "org02"), ("request.jwt.claims", '{"org_id": "org03", "tenant_id": "org04"}')),
    "an empty claim": (("relay.org_id", "org03"), ("request.jwt.claims", '{"org_id": ""}')),
    "claims without an org": (("request.jwt.claims", '{"sub": "org03"}'),),
    "a null claim": (("request.jwt.claims", '{"org_id": null}'),),
    "a list of orgs": (("request.jwt.claims", '{"org_id": ["org03", "org04"]}'),),
    "no object": (("request.jwt.claims", '"org03"'),),
    "null": (("request.jwt.claims", "null"),),
    "an array": (("request.jwt.claims", '["org_id", "org03"]'),),
}


@pytest.mark.parametrize("what", NOBODY)
def test_who_does_not_say_clearly_whom_it_reads_for_sees_nothing(database, tenant, what):
    with tenant.cursor() as cursor:
        for name, value in NOBODY[what]:
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        for table in readable_columns(database):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table


@pytest.mark.parametrize("claims", ["{", "org03", '{"org_id": "org03"', '{"org_id": "\\u0000"}'])
def test_claims_that_are_no_json_are_an_error_and_no_rows(tenant, claims):
    with tenant.cursor() as cursor:
        cursor.execute("SELECT set_config('request.jwt.claims', %s, false), set_config('relay.org_id', 'org03', false)", (claims,))
        with pytest.raises(psycopg2.DataError):
            cursor.execute("SELECT agent_id FROM relay.agents")


def test_what_a_transaction_said_ends_with_it(tenant):
    count = "SELECT count(*) FROM relay.agents"
    for way in WAYS:
        assert ask(tenant, count, org="org05", way=way) == [(AGENTS_EACH,)]
        assert ask(tenant, count) == [(0,)]


# ---- other readers and writers


@pytest.mark.parametrize("group", ["relay_provisioner", "relay_responder", "relay_auditor"])
def test_the_other_roles_see_every_row(database, keys, group):
    session = database.connect(user=database.cluster.login(f"{group}_login", member_of=group))
    with session.cursor() as cursor:
        for table in sorted(OWN_TABLES - {"relay.agent_keys", "relay.own_refusals", "relay.running_agents"} | {"relay.key_changes", "relay.operations"}):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone()[0] == database.value(f"SELECT count(*) FROM {table}"), table
        cursor.execute("SELECT count(*) FROM relay.key_status")
        assert cursor.fetchone() == (len(keys),)
        cursor.execute("SELECT set_config('relay.org_id', 'org03', false)")
        cursor.execute("SELECT count(*) FROM relay.agents")
        assert cursor.fetchone() == (len(keys),)
    session.close()


def test_an_owner_that_is_no_superuser_sees_every_row(database, keys):
    login = database.cluster.login("owner_login", member_of="relay_owner")
    session = database.connect(user=login)
    with session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM relay.agents")
        assert cursor.fetchone() == (len(keys),)
    session.close()


def test_every_table_with_rows_of_organizations_is_isolated(database):
    """Each migration that adds a table with org_id must call relay.isolate_tenants for it."""
    open_tables = database.rows(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND NOT (c.relrowsecurity AND ARRAY['staff', 'tenant']::name[] ="
        " (SELECT array_agg(p.polname ORDER BY p.polname) FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polpermissive))"
    )
    assert open_tables == []


def test_a_tenant_can_read_no_partition_by_its_name_not_even_after_a_careless_grant(database, tenant):
    partitions = [row["name"] for row in database.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'relay.auth_events'::regclass")]  # fmt: skip
    assert len(partitions) >= 5
    for name in partitions:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(tenant, f"SELECT event_id FROM {name}", org="org03")
    database.execute(f"GRANT SELECT ON {', '.join(partitions)} TO relay_tenant")
    for name in partitions:
        assert ask(tenant, f"SELECT event_id FROM {name}", org="org03") == []
    assert len(ask(tenant, "SELECT event_id FROM relay.auth_events", org="org03")) == EVENTS_EACH
    database.execute(f"REVOKE SELECT ON {', '.join(partitions)} FROM relay_tenant")


@pytest.mark.parametrize("statement", [
    "UPDATE relay.agents SET name = 'x'",
    "DELETE FROM relay.agents",
    "TRUNCATE relay.agents",
    "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a', 'org03', 'a', 'a')",
    "UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'me'",
    "INSERT INTO relay.auth_events (org_id, action) VALUES ('org03', 'x')",
    "DELETE FROM relay.own_refusals",
    "SELECT agent_id FROM relay.agents FOR UPDATE",
    "SELECT key_hash FROM relay.agent_keys",
    "SELECT * FROM relay.agent_keys",
    "SELECT agents FROM relay.agents",
    "SELECT agent_id FROM relay.agents WHERE ctid = '(0,1)'",
    "SELECT * FROM relay.agent_status",
    "SELECT * FROM relay.operations",
    "SELECT * FROM relay.key_changes",
    "SELECT * FROM relay.org_tokens",
    "SELECT relay.verify_key('0', '')",
    "SELECT relay.identify('0', '')",
    "SELECT relay_api.authenticate('0', '')",
    "SELECT * FROM relay.read_changes(NULL, 1)",
    "SELECT relay.isolate_tenants('relay.agents')",
    "ALTER TABLE relay.agents DISABLE ROW LEVEL SECURITY",
    "ALTER POLICY tenant ON relay.agents USING (true)",
    "CREATE POLICY mine ON relay.agents USING (true)",
    "CREATE TABLE relay.mine ()",
    "SET ROLE relay_auditor",
])  # fmt: skip
def test_a_tenant_changes_nothing_and_gets_no_further(tenant, statement):
    # The error is object_not_in_prerequisite_state: no role can write to a view that unites tables.
    with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ObjectNotInPrerequisiteState)):
        ask(tenant, statement, org="org03")


def test_no_switch_of_the_session_opens_more(tenant):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        with tenant.cursor() as cursor:
            cursor.execute("SET row_security = off; SELECT set_config('relay.org_id', 'org03', false)")
            cursor.execute("SELECT agent_id FROM relay.agents")
    with tenant.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SET session_replication_role = replica")


# ---- the policies


def plan_of(connection, sql, org):
    ((plan,),) = ask(connection, f"EXPLAIN (FORMAT JSON, COSTS off) {sql}", org=org)
    return str(plan)


def test_the_organization_is_looked_up_once_a_statement_and_not_once_a_row(database, tenant):
    for table in sorted(OWN_TABLES - {"relay.revocations", "relay.key_sightings", "relay.legacy_sightings", "relay.legacy_migrations"}):
        plan = plan_of(tenant, f"SELECT org_id FROM {table}", "org03")
        assert "InitPlan" in plan and "current_org" not in plan.replace("relay.current_org()", ""), table
        conditions = [part for part in plan.split(", ") if "Filter" in part or "Cond" in part]
        assert conditions and not any("current_org" in part for part in conditions), plan


def test_the_lookup_once_a_statement_pays(database, tenant):
    """The same table twice, under our policy and under one that calls the function for each row."""
    database.execute("CREATE TABLE public.once (org_id text COLLATE \"C\"); CREATE TABLE public.each_row (org_id text COLLATE \"C\")")
    database.execute("INSERT INTO public.once SELECT 'org0' || n % 10 FROM generate_series(1, 20000) n")
    database.execute("INSERT INTO public.each_row SELECT org_id FROM public.once")
    database.execute("SELECT relay.isolate_tenants('public.once'), relay.isolate_tenants('public.each_row', 'org_id = relay.current_org()')")
    database.execute("GRANT SELECT ON public.once, public.each_row TO relay_tenant")

    def best(table):
        taken = []
        for _ in range(3):
            begin = time.perf_counter()
            assert ask(tenant, f"SELECT count(*) FROM {table}", org="org03") == [(2000,)]
            taken.append(time.perf_counter() - begin)
        return min(taken)

    ratio = best("public.each_row") / best("public.once")
    database.execute("DROP TABLE public.once, public.each_row")
    assert ratio > 5, ratio
    print(f"a call for each of 20,000 rows takes {ratio:.0f} times as long")


def test_an_index_finds_an_organizations_keys_among_many(database, tenant):
    database.execute("SET session_replication_role = replica")
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)"
        " SELECT lpad(translate(to_hex(n), 'abcdef', 'ghjkmn'), 12, '0'), 'a' || n, 'many', sha256('x'), now(), 'x'"
        " FROM generate_series(1, 20000) AS n"
    )
    database.execute("ANALYZE relay.agent_keys")
    assert "agent_keys_by_org" in plan_of(tenant, "SELECT key_id FROM relay.agent_keys", "org03")
    database.execute("DELETE FROM relay.agent_keys WHERE org_id = 'many'")
    database.execute("RESET session_replication_role; ANALYZE relay.agent_keys")
