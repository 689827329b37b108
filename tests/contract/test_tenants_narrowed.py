"""Readers for one agent, or for the agents of one person: claims that narrow what a tenant's reader sees."""

import json

import pytest

from support.tenant_reader import ask, database, keys, tenant  # noqa: F401
from support.tenants import readable_columns

CLAIMS = ("request.jwt.claims", "%s")
ORG, OTHER = "org03", "org04"
BOT = f"{ORG}-bot5"


def read(tenant, sql, **claims):
    return ask(tenant, sql, org=json.dumps(claims).replace("%", "%%"), way=CLAIMS)


def count(tenant, table, **claims):
    return read(tenant, f"SELECT count(*) FROM {table}", **claims)[0][0]


@pytest.fixture(scope="module")
def owned(database, keys):  # noqa: F811
    """Two agents of each of two organizations act for the same person."""
    for org in (ORG, OTHER):
        database.execute("UPDATE relay.agents SET owner_user_id = 'user-7' WHERE agent_id IN (%s, %s)", f"{org}-bot5", f"{org}-bot4")
    yield database
    database.execute("UPDATE relay.agents SET owner_user_id = NULL")


# The tables whose rows concern an agent by another column, or the organization: what a reader for one agent sees of each.
ELSEWHERE = {"relay.organizations", "relay.revocations", "relay.key_sightings", "relay.legacy_migrations", "relay.limits", "relay.roles",
             "relay.role_permissions", "relay.policy_changes"}  # fmt: skip


def test_a_reader_for_an_agent_sees_the_rows_of_that_agent_only(owned, tenant):  # noqa: F811
    seen = set()
    for table, columns in readable_columns(owned).items():
        rows = [dict(zip(columns, row, strict=True))
                for row in read(tenant, f"SELECT {', '.join(columns)} FROM {table}", org_id=ORG, agent_id=BOT)]  # fmt: skip
        if "agent_id" in columns:
            assert {row["agent_id"] for row in rows} <= {BOT}, table
        elif table not in ELSEWHERE:
            assert rows == [], table
        seen |= {table} if rows else set()
    assert {"relay.agents", "relay.agent_keys", "relay.organizations", "relay.key_sightings", "relay.auth_events"} <= seen
    assert count(tenant, "relay.agents", org_id=ORG, agent_id=BOT) == 1
    assert count(tenant, "relay.key_sightings", org_id=ORG, agent_id=BOT) == 1
    assert read(tenant, "SELECT org_id FROM relay.organizations", org_id=ORG, agent_id=BOT) == [(ORG,)]
    # Of what concerns others by another column, nothing.
    keys_of_bot = {row[0] for row in read(tenant, "SELECT key_id FROM relay.agent_keys", org_id=ORG, agent_id=BOT)}
    keys_of_bot |= {row[0] for row in read(tenant, "SELECT device_id FROM relay.devices", org_id=ORG, agent_id=BOT)}
    for kind, subject in read(tenant, "SELECT subject_kind, subject_id FROM relay.revocations", org_id=ORG, agent_id=BOT):
        assert subject in {BOT, ORG, *keys_of_bot}, kind
    for kind, owner in read(tenant, "SELECT owner_kind, owner_id FROM relay.limits", org_id=ORG, agent_id=BOT):
        assert (kind, owner) == ("agent", BOT)
    assert read(tenant, "SELECT scope_kind, scope_id FROM relay.policy_changes", org_id=ORG, agent_id=BOT) == [("agent", BOT)]
    own_roles = {row[0] for row in read(tenant, "SELECT role_id FROM relay.agent_roles", org_id=ORG, agent_id=BOT)}
    for table in ("relay.roles", "relay.role_permissions"):
        assert {row[0] for row in read(tenant, f"SELECT role_id FROM {table}", org_id=ORG, agent_id=BOT)} <= own_roles


def test_a_reader_for_a_person_sees_the_agents_of_that_person_in_its_organization(owned, tenant):  # noqa: F811
    agents = read(tenant, "SELECT agent_id FROM relay.agents ORDER BY 1", org_id=ORG, owner_user_id="user-7")
    assert agents == [(f"{ORG}-bot4",), (BOT,)]
    assert count(tenant, "relay.agent_keys", org_id=ORG, owner_user_id="user-7") == 2
    assert read(tenant, "SELECT DISTINCT agent_id FROM relay.own_refusals", org_id=ORG, owner_user_id="user-7") == [(f"{ORG}-bot4",)]
    assert read(tenant, "SELECT * FROM relay.own_refusals", org_id=ORG, agent_id=BOT) == []
    assert count(tenant, "relay.agents", org_id=ORG, owner_user_id="user-8") == 0
    # Both claims: the agent counts, whoever owns it.
    assert count(tenant, "relay.agents", org_id=ORG, owner_user_id="user-8", agent_id=BOT) == 1


@pytest.mark.parametrize("claim", ["agent_id", "owner_user_id"])
@pytest.mark.parametrize("value", [None, "", ["org03-bot5"], {"a": 1}, 7, True, "%", f"{OTHER}-bot5"])
def test_a_claim_that_names_no_agent_of_the_organization_shows_none(owned, tenant, claim, value):  # noqa: F811
    assert count(tenant, "relay.agents", org_id=ORG, **{claim: value}) == 0
    assert count(tenant, "relay.auth_events", org_id=ORG, **{claim: value}) == 0


def test_a_claim_without_an_organization_shows_nothing(owned, tenant):  # noqa: F811
    for table in readable_columns(owned):
        assert count(tenant, table, agent_id=BOT) == 0 == count(tenant, table, owner_user_id="user-7"), table


def test_without_these_claims_a_tenant_sees_all_of_its_own(owned, tenant):  # noqa: F811
    everything = count(tenant, "relay.agents", org_id=ORG)
    assert everything > 2 and count(tenant, "relay.agents", org_id=ORG, sub="org03-bot5", agentId=BOT) == everything


@pytest.mark.parametrize("claims, rows", [
    ({"tenantId": ORG}, True), ({"tenantId": ORG, "org_id": ORG, "tenant_id": ORG}, True), ({"tenantId": OTHER, "org_id": ORG}, False),
    ({"tenantId": ""}, False), ({"tenantId": None}, False), ({"tenantid": ORG}, False)])  # fmt: skip
def test_tenant_id_in_the_other_spelling(owned, tenant, claims, rows):  # noqa: F811
    assert (count(tenant, "relay.agents", **claims) > 0) is rows


def test_every_table_that_tenants_read_is_narrowed(owned):
    """A table that a later migration adds is narrowed by isolate_tenants; the others are narrowed by what their policies read."""
    open_tables = owned.rows(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = 'tenant'"
        " WHERE NOT EXISTS (SELECT FROM pg_policy AS n WHERE n.polrelid = c.oid AND n.polname = 'narrowed' AND NOT n.polpermissive)"
        " AND pg_get_expr(p.polqual, p.polrelid) !~ 'FROM relay.(agents|agent_keys|legacy_agents)'"
    )
    assert [row["name"] for row in open_tables] == ["relay.organizations"]
