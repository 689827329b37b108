"""NOTIFY only wakes the gateways: whatever becomes of it, a change is committed and reported, and gateways find it by polling."""

import contextlib
import os

import psycopg2
import pytest

from support.account import server_account
from support.agents import decide, read_key
from support.cluster import Cluster
from support.database import Database, make_template
from support.devices import Contract
from support.health import assert_found, one
from support.tmpfs import small_disk


@pytest.fixture(scope="module")
def full():
    """A server whose queue of notifications has no more room: the disk that it is written to is full.

    The queue itself ends at 8 GB, which takes minutes to fill; COMMIT then fails in the same place, with SQLSTATE 54000 instead of 53100."""
    with small_disk("40k") as disk, Cluster(name="full") as server:
        server.stop()
        account = server_account()
        os.chown(disk, account.pw_uid, account.pw_gid)
        clear(server.data / "pg_notify")
        os.symlink(disk, server.data / "pg_notify")
        server.start()
        make_template(server)
        listener = server.connect()
        with listener.cursor() as cursor:
            cursor.execute("LISTEN nobody_reads_this")
        listener.autocommit = False
        with listener.cursor() as cursor:
            cursor.execute("SELECT 1")  # idle in a transaction: it reads nothing, and the queue grows
        fill(server, "repeat('x', 7000)")
        fill(server, "''")  # and what is left of the last page
        yield server
        listener.close()


def fill(server, payload):
    """Notifies until the server cannot write it any more. The channel's name is as long as ours, so that what does not fit is the same."""
    filler = server.connect()
    with filler.cursor() as cursor:
        with pytest.raises(psycopg2.Error, match="could not"):
            for _ in range(1000):
                cursor.execute(f"SELECT pg_notify('nobody_reads_this', {payload})")
    filler.close()


def clear(folder):
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.fixture
def database(full):
    made = Database(full, template=make_template(full))
    yield made
    made.drop()


def feed(database):
    return [row["change"] for row in database.rows("SELECT change FROM relay.key_changes ORDER BY txid, seq")]


def test_the_queue_is_full_indeed(database):
    with pytest.raises(psycopg2.Error, match="could not"):
        database.execute("SELECT pg_notify('relay_key_changes', '')")


def test_no_change_is_vetoed_by_it(relay, database, key, tmp_path):
    """Every write that wakes gateways: reported as changed, once in the audit trail, and in the feed for those who poll."""
    new = tmp_path / "new.key"
    assert relay.json("rotate-key", "bot", "--grace", "1h", "--secret-file", new)["changed"] is True
    assert decide(database, read_key(new)) == "ok" and feed(database)[-1] == "key_rotated"
    assert relay.json("key", "retire", key[9:21], "--yes")["changed"] is True
    assert relay.json("block", "bot")["changed"] is True
    assert decide(database, read_key(new)) == "blocked" and feed(database)[-1] == "agent_blocked"
    assert relay.json("unblock", "bot", "--yes")["changed"] is True
    assert relay.json("agent", "grant", "bot", "a:b")["changed"] is True
    assert relay.json("org", "update", "acme", "--auth-mode", "optional", "--yes")["changed"] is True
    assert relay.json("revoke", "bot")["changed"] is True
    assert decide(database, read_key(new)) == "revoked" and feed(database)[-1] == "agent_revoked"
    fresh = tmp_path / "fresh.key"
    assert relay.json("restore", "bot", "--yes", "--secret-file", fresh)["changed"] is True
    assert decide(database, read_key(fresh)) == "ok"
    assert relay.json("block", "--org", "acme", "--confirm", "acme")["changed"] is True
    events = [row["action"] for row in database.rows("SELECT action FROM relay.auth_events ORDER BY event_id")]
    for action in ("key_rotated", "agent_blocked", "agent_unblocked", "agent_revoked", "agent_restored", "org_blocked"):
        assert events.count(action) == 1, events
    assert database.value("SELECT count(*) FROM relay.operations WHERE state = 'done'") >= 9


def test_the_shared_secret_can_be_stopped(relay, database, key, tmp_path):
    (tmp_path / "old.csv").write_text("agent_id\nold-1\n")
    relay("migrate-legacy", "import", "old.csv", "--org", "acme", check=0)
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    assert relay.json("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off")["changed"] is True
    assert database.value("SELECT (relay.decide_legacy('old-1', NULL)).reason") == "legacy_closed"


def test_no_call_of_a_gateway_is_vetoed_by_it(relay, database, key, tmp_path):
    """Each of these is one transaction, which no one runs again without the wake-up."""
    (tmp_path / "one.pub").write_text(relay("agent", "keygen", "one.pem", "-o", "id", check=0).out)
    signer = relay.json("rotate-key", "bot", "--public-key", "one.pub", "--grace", "0")["data"]["key_id"]
    with contextlib.closing(database.connect(user=database.gateway_login())) as connection:
        connection.autocommit = True
        devices = Contract(connection)
        device, stolen = devices.pair()
        token = stolen
        for _ in range(2):
            _, token, _ = devices.refresh(device, token)
        assert devices.refresh(device, stolen)[0] == "reused" and feed(database)[-1] == "device_revoked"
        assert devices.refresh(device, token)[0] == "revoked"
        with connection.cursor() as cursor:
            cursor.execute("SELECT ok, reason FROM relay_api.accept_signed(%s, NULL, clock_timestamp())", (signer,))
            assert cursor.fetchone() == (True, "ok")
    assert decide(database, key) == "retired" and "key_rotated" in feed(database)
    billing = database.cluster.login("a_billing_system", member_of="relay_billing")
    database.execute("INSERT INTO relay.plans (plan_id, name, created_by) VALUES ('none', 'None', 'test');"
                     "INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'none', 'agents', 0)")  # fmt: skip
    with contextlib.closing(database.connect(user=billing)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM relay_api.set_subscription('acme', 'none', 'active', NULL, 'sub_1', now())")
        assert cursor.fetchone() == (True, "ok")
    assert feed(database)[-1] == "seat_lost"


def test_a_dry_run_needs_no_second_try(relay, database, key):
    assert relay.json("block", "bot", "--dry-run")["changed"] is True
    assert decide(database, key) == "ok"


def test_an_error_of_the_wake_up_itself_is_no_error_of_the_change(relay, database, key):
    """Here no login may call pg_notify."""
    database.execute("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC")
    login = database.cluster.login("a_responder", member_of="relay_responder")
    assert relay.with_(dsn=database.dsn(user=login)).json("block", "bot")["changed"] is True
    assert decide(database, key) == "blocked"


def test_a_commit_that_is_refused_for_another_reason_is_an_error(relay, database, key):
    database.execute(
        "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '54000'; END $$;"
        "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON relay.revocations DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.no()"
    )
    assert relay.error("block", "bot", check=8)["changed"] == "no"
    assert decide(database, key) == "ok"


@pytest.mark.parametrize("usage, status", [(0.05, "ok"), (0.2, "warn"), (0.6, "error")])
def test_doctor_watches_the_queue(relay, database, usage, status):
    database.execute(
        f"CREATE OR REPLACE FUNCTION pg_catalog.pg_notification_queue_usage() RETURNS float8 LANGUAGE sql AS 'SELECT {usage}::float8'"
    )
    assert_found(one(relay, "server.notify"), status, f"{usage * 100:.1f} % full")
