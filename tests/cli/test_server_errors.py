"""Errors of the server that are not ours to foresee: the exit code says whether a retry helps, and exit 1 is only for bugs."""

import os

import psycopg2
import pytest
from support.account import server_account
from support.agents import first_agent
from support.cluster import Cluster
from support.database import Database, make_template
from support.relay import Runner
from support.tmpfs import small_disk

CODES = {5: "conflict", 8: "unavailable", 11: "schema"}
# SQLSTATE: exit code. A trigger raises each of them, as the server does, at the INSERT.
RAISED = {
    "08006": 8, "09000": 11, "0A000": 11, "21000": 11, "22003": 5, "22P02": 5, "23514": 5, "27000": 11, "2BP01": 11, "2F005": 11,
    "38001": 11, "39P01": 11, "42704": 11, "42804": 11, "42P01": 11, "44000": 11, "53000": 8, "53100": 8, "53200": 8, "53300": 8,
    "53400": 8, "54000": 8, "54001": 8, "54011": 8, "55000": 11, "55006": 8, "55P03": 8, "57000": 8, "57014": 8, "58000": 8,
    "58030": 8, "58P01": 8, "72000": 8, "F0000": 8, "HV000": 8, "P0001": 11, "P0004": 11, "XX000": 8, "XX001": 8, "XX002": 8,
    "ZX123": 8,
}  # fmt: skip


def check_told(error, code, sqlstate):
    assert (error["exit"], error["code"], error["sqlstate"]) == (code, CODES[code], sqlstate)
    assert error["changed"] == "no" and error["message"].endswith("nothing was changed")
    assert error["retryable"] is (code == 8) and (error["next"] or code == 5), error


def raise_at_insert(database, sqlstate):
    database.execute(
        "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION 'a site rule' USING ERRCODE = '{sqlstate}'; END $$"
    )
    database.execute("DROP TRIGGER IF EXISTS refuse ON relay.organizations")
    database.execute("CREATE TRIGGER refuse BEFORE INSERT ON relay.organizations FOR EACH ROW EXECUTE FUNCTION public.refuse()")


def test_what_a_trigger_raises(relay, database):
    for sqlstate, code in RAISED.items():
        raise_at_insert(database, sqlstate)
        check_told(relay.error("org", "create", "acme", "--name", "Acme", check=code), code, sqlstate)
    assert database.value("SELECT count(*) FROM relay.organizations") == 0


def test_text_for_people_has_a_next_step(relay, database):
    raise_at_insert(database, "P0001")
    told = relay("org", "create", "acme", "--name", "Acme", check=11).err
    assert "a site rule; nothing was changed" in told and "interferes" in told and "next: relay-admin schema verify" in told


def test_a_trigger_that_refuses_some_rows_of_a_batch(relay, database, tmp_path):
    """The others are imported: a trigger's word is about the row."""
    first_agent(relay, tmp_path / "bot.key")
    database.execute(
        "CREATE FUNCTION public.refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF NEW.agent_id = 'old-2' THEN RAISE EXCEPTION 'a site rule'; END IF; RETURN NEW; END $$"
    )
    database.execute("CREATE TRIGGER refuse BEFORE INSERT ON relay.agents FOR EACH ROW EXECUTE FUNCTION public.refuse_some()")
    (tmp_path / "old.csv").write_text("agent_id\nold-1\nold-2\nold-3\n")
    result = relay("migrate-legacy", "import", "old.csv", "--org", "acme", "-o", "json", check=7)
    (fault,) = result.data()["faults"]
    assert fault["agent_id"] == "old-2" and "a site rule" in fault["reason"] and "nothing was changed" not in fault["reason"]
    assert database.value("SELECT count(*) FROM relay.legacy_agents") == 2


def test_endless_recursion_in_the_server(relay, database):
    """54001, from the server's own check of its stack."""
    database.execute(
        "CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN INSERT INTO relay.organizations (org_id, name, created_by) VALUES (NEW.org_id || 'x', 'X', 'x'); RETURN NEW; END $$"
    )
    for row in database.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'relay.organizations'::regclass AND contype = 'c'"
    ):
        database.execute(f'ALTER TABLE relay.organizations DROP CONSTRAINT "{row["conname"]}"')
    database.execute("CREATE TRIGGER again BEFORE INSERT ON relay.organizations FOR EACH ROW EXECUTE FUNCTION public.again()")
    check_told(relay.error("org", "create", "acme", "--name", "Acme", check=8), 8, "54001")


@pytest.fixture
def own_cluster(home):
    with Cluster(name="damaged") as own:
        yield own, Database(own, template=make_template(own))


def test_a_lost_file_and_a_damaged_page(own_cluster, home):
    """58P01 and XX001, from the server that finds its files so."""
    own, database = own_cluster
    relay = Runner(dsn=database.dsn(), home=home)
    relay("org", "create", "acme", "--name", "Acme", check=0)
    own.query("CHECKPOINT")
    files = [database.value(f"SELECT pg_relation_filepath('relay.{name}')") for name in ("organizations", "agents")]
    own.stop()
    page = own.data / files[0]
    content = bytearray(page.read_bytes())
    content[0:24] = b"\xff" * 24
    page.write_bytes(content)
    (own.data / files[1]).unlink()
    own.start()
    check_told(relay.error("org", "create", "other", "--name", "Other", check=8), 8, "XX001")
    error = relay.error("agent", "list", check=8)
    assert error["sqlstate"] == "58P01" and "log" in error["next"]
    assert "nothing was changed" not in error["message"], "it was a read"


def test_a_full_disk(tmp_path, home):
    """53100, from a tablespace on a small disk."""
    with Cluster(name="full") as own, small_disk("512k") as disk:
        database = Database(own, template=make_template(own))
        relay = Runner(dsn=database.dsn(), home=home)
        relay("org", "create", "acme", "--name", "Acme", check=0)
        account = server_account()
        os.chown(disk, account.pw_uid, account.pw_gid)
        own.query(f"CREATE TABLESPACE small LOCATION '{disk}'")
        database.execute("ALTER TABLE relay.organizations SET TABLESPACE small")
        with pytest.raises(psycopg2.errors.DiskFull):
            for number in range(10_000):  # one row each, because rows of a failed statement leave room
                database.execute(
                    f"INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('o-{number}', repeat('x', 200), 'test')"
                )
        error = relay.error("org", "create", "last", "--name", "x" * 200, check=8)
        check_told(error, 8, "53100")
        assert "disk" in error["next"]
