"""A database that came out of pg_dump: what `schema verify` and `doctor` say of it, and what `schema apply --repair` puts right."""

import subprocess

import psycopg2
import pytest

from support.agents import first_agent
from support.binaries import client_bin
from support.cluster import Cluster
from support.database import Database
from support.prepared import prepared
from support.relay import Runner

FORGETFUL = ("--no-owner", "--no-acl")
PUBLIC_MAY = """
SELECT count(*) FROM pg_proc AS p, aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace) AND a.grantee = 0"""
OTHERS_OWN = """
SELECT count(*) FROM pg_class WHERE relnamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace)
AND relowner <> 'relay_owner'::regrole"""


def restore(dsn, into, *options, check=True):
    """pg_dump | pg_restore; without `check`, as people do it who read no error."""
    dump = [client_bin() / "pg_dump", "-Fc", "-d", dsn]
    load = [client_bin() / "pg_restore", *options, "-d", into]
    dumped = subprocess.run(dump, check=True, capture_output=True, timeout=120).stdout
    subprocess.run(load, input=dumped, check=check, capture_output=True, timeout=120)


@prepared
def used(relay, database, tmp_path):
    """A database in use: an agent with a key, events, a block."""
    first_agent(relay, tmp_path / "bot.key")
    relay("block", "bot", check=0)
    return database


@pytest.fixture
def restored(empty_database, home, tmp_path):
    """Runs relay-admin against the database into which a test restores."""
    return Runner(dsn=empty_database.dsn(), home=home, cwd=tmp_path)


def statements(document, kind):
    return [each["statement"] for each in document["data"]["repaired"] if each["kind"] == kind]


def test_a_faithful_restore_is_as_it_should_be(used, empty_database, restored):
    restore(used.dsn(), empty_database.dsn())
    assert restored.json("schema", "verify", check=0)["data"]["differences"] == []
    items = {each["check"]: each["status"] for each in restored.json("doctor", "schema", "grants.foreign", check=0)["items"]}
    assert items == {"schema.version": "ok", "schema.drift": "ok", "grants.foreign": "ok"}
    document = restored.json("schema", "apply", "--repair", check=0)
    assert document["changed"] is False and document["data"]["repaired"] == []


def test_what_is_restored_twice_is_the_same(used, empty_database, restored, cluster):
    second = Database(cluster)
    restore(used.dsn(), empty_database.dsn())
    restore(empty_database.dsn(), second.dsn())
    assert restored.with_(dsn=second.dsn()).json("schema", "verify", check=0)["data"]["ok"] is True
    second.drop()


def test_owners_and_rights_that_a_restore_left_out_are_put_right(used, empty_database, restored):
    restore(used.dsn(), empty_database.dsn(), *FORGETFUL)
    assert restored.json("schema", "verify", check=10)["data"]["ok"] is False
    assert empty_database.value(PUBLIC_MAY) > 40 and empty_database.value(OTHERS_OWN) > 20
    result = restored("schema", "apply", "--repair", "-o", "json", check=0)
    document = result.json()
    assert document["changed"] is True and document["data"]["applied"] == []
    assert "ALTER TABLE relay.agents OWNER TO relay_owner" in statements(document, "owner")
    assert "REVOKE EXECUTE ON FUNCTION relay.refuse_change() FROM PUBLIC" in statements(document, "right")
    assert statements(document, "policy") == [] and statements(document, "role") == []
    assert "repaired " in result.err and "owners" in result.err and "rights" in result.err
    assert empty_database.value(PUBLIC_MAY) == 0 and empty_database.value(OTHERS_OWN) == 0
    assert restored.json("schema", "verify", check=0)["data"]["ok"] is True
    assert restored.json("schema", "apply", "--repair", check=0)["changed"] is False
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        empty_database.execute("SET ROLE relay_owner; UPDATE relay.auth_events SET actor = 'nobody'")
    empty_database.execute("RESET ROLE")


@pytest.mark.parametrize("option", FORGETFUL)
def test_one_of_them_is_put_right_alone(used, empty_database, restored, option):
    restore(used.dsn(), empty_database.dsn(), option)
    restored("schema", "verify", check=10)
    restored("schema", "apply", "--repair", check=0)
    restored("schema", "verify", check=0)


def test_on_a_new_server_groups_and_policies_come_back(used, home, tmp_path):
    """pg_restore cannot make a policy for a role that is not there."""
    with Cluster() as server:
        there = Database(server)
        restore(used.dsn(), there.dsn(), check=False)
        assert there.value("SELECT count(*) FROM pg_policy") == 0
        relay = Runner(dsn=there.dsn(), home=home, cwd=tmp_path)
        document = relay.json("schema", "apply", "--repair", check=0)
        assert len(statements(document, "role")) == 7 and len(statements(document, "policy")) > 30
        assert relay.json("schema", "verify", check=0)["data"]["ok"] is True
        assert relay.json("agent", "show", "bot")["data"]["status"] == "blocked"


def test_a_dry_run_repairs_nothing(used, empty_database, restored):
    restore(used.dsn(), empty_database.dsn(), *FORGETFUL)
    document = restored.json("schema", "apply", "--repair", "--dry-run", check=0)
    assert document["dry_run"] is True and len(document["data"]["repaired"]) > 100
    restored("schema", "verify", check=10)
    assert empty_database.value(OTHERS_OWN) > 20


def test_a_login_that_may_make_roles_repairs_what_it_restored_and_leaves_relay_owner(used, cluster, restored):
    cluster.query("CREATE ROLE restorer LOGIN CREATEROLE")
    if int(cluster.query("SHOW server_version_num")[0][0]) >= 160000:  # there, a login has this of the roles that it made
        cluster.query("GRANT relay_owner TO restorer WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    target = Database(cluster)
    try:
        cluster.query(f'ALTER DATABASE "{target.name}" OWNER TO restorer')
        # The schema public belongs to the server, so its comment is not the restorer's to write.
        restore(used.dsn(), target.dsn(user="restorer"), *FORGETFUL, "--no-comments", check=False)
        admin = restored.with_(dsn=target.dsn(user="restorer"))
        admin("schema", "apply", "--repair", check=0)
        assert cluster.query("SELECT pg_has_role('restorer', 'relay_owner', 'USAGE')") == [(False,)]
        assert restored.with_(dsn=target.dsn()).json("schema", "verify", check=0)["data"]["ok"] is True
    finally:
        target.drop()
        cluster.query("DROP ROLE restorer")


def test_what_somebody_changed_is_not_given_the_rights_of_relay_owner(used, empty_database, restored):
    restore(used.dsn(), empty_database.dsn(), *FORGETFUL)
    empty_database.execute(
        "CREATE OR REPLACE FUNCTION relay.commit_lazily() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END'")
    empty_database.execute("CREATE TABLE relay.mine (a integer)")
    empty_database.execute("CREATE OR REPLACE VIEW relay.standing_revocations AS SELECT * FROM relay.revocations WHERE false"
                           .replace("*", "revocation_id, subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role"))
    result = restored("schema", "apply", "--repair", check=10)
    assert "still differ" in result.err and "schema verify" in result.err
    owner = "SELECT pg_get_userbyid({}) FROM {} WHERE oid = '{}'"
    for column, table, name in (
        ("proowner", "pg_proc", "relay.commit_lazily()'::regprocedure"),
        ("relowner", "pg_class", "relay.mine'::regclass"),
        ("relowner", "pg_class", "relay.standing_revocations'::regclass"),
    ):
        assert empty_database.value(owner.format(column, table, name).removesuffix("'")) == "postgres"
    assert empty_database.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'relay.agents'::regclass") == "relay_owner"


def test_rights_of_others_are_theirs(relay, database, cluster):
    login = cluster.login("reporting")
    database.execute(f"GRANT SELECT ON relay.agents TO {login}")
    database.execute("GRANT SELECT ON relay.agents TO relay_gateway")
    document = relay.json("schema", "apply", "--repair", check=10)
    assert statements(document, "right") == ["REVOKE SELECT ON TABLE relay.agents FROM relay_gateway"]
    (left,) = relay.json("schema", "verify", check=10)["data"]["differences"]
    assert left["object"] == f"grant select on relation relay.agents to {login}"
