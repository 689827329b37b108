"""The schema on other major versions of PostgreSQL than Debian's: made there, changed there, and restored there from here."""

import os
import subprocess

import psycopg2
import pytest

from support.agents import decide, first_agent, read_key
from support.binaries import built, client_bin, client_version
from support.database import Database, make_template
from support.health import one
from support.other_versions import running
from support.proxy import Fault, Proxy
from support.relay import Runner
from support.upgrades import LAST_OF_0_1_0, load_0_1_0, load_before_release

SECONDS = 120
HERE = client_bin()
# A dump is restored to the version of its pg_dump or to a later one.
RESTORED_TO = [version for version in ("16", "17", "18") if int(version) >= client_version()]


@pytest.fixture
def server(request, cluster):  # after the cluster of this machine's version
    with running(request.param) as found:
        yield found


@pytest.mark.parametrize("server", ("13", "16", "17", "18"), indirect=True)
def test_a_new_schema_is_as_it_should_be(server, home, tmp_path):
    relay = Runner(dsn=Database(server).dsn(), home=home, cwd=tmp_path)
    relay("schema", "apply", check=0)
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []


@pytest.mark.parametrize("server", ("13", "18"), indirect=True)
def test_a_database_of_before_the_release_is_converted(server, home, tmp_path):
    old = Database(server)
    load_before_release(old)
    relay = Runner(dsn=old.dsn(), home=home, cwd=tmp_path)
    assert relay.json("schema", "apply", check=0)["data"]["converted"] is True
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []


@pytest.mark.parametrize("server", ("13", "18"), indirect=True)
def test_a_database_of_release_0_1_0_is_upgraded(server, home, tmp_path):
    old = Database(server)
    load_0_1_0(old)
    relay = Runner(dsn=old.dsn(), home=home, cwd=tmp_path)
    assert relay.json("schema", "status", check=None)["data"]["version"] == LAST_OF_0_1_0
    relay("schema", "apply", "--yes", check=0)
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []
    assert relay.json("audit", "verify", check=0)["data"]["fault"] is None


@pytest.mark.parametrize("server", RESTORED_TO, indirect=True)
def test_a_faithful_restore_is_as_it_should_be(server, database, relay, home, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    dumped = subprocess.run([HERE / "pg_dump", "-d", database.dsn()], check=True, capture_output=True, timeout=120).stdout
    there = Database(server)
    restored = Runner(dsn=there.dsn(), home=home, cwd=tmp_path)
    load = [HERE / "psql", "-X", "-q", "-d", there.dsn()]
    subprocess.run(load, input=dumped, check=True, capture_output=True, timeout=120)
    restored("schema", "apply", "--repair", check=0)  # the groups, which belong to the server, and the policies that name them
    again = Database(server)
    subprocess.run([*load[:-1], again.dsn()], input=dumped, check=True, capture_output=True, timeout=120)
    faithful = restored.with_(dsn=again.dsn())
    assert faithful.json("schema", "verify", check=0)["data"]["differences"] == []
    assert faithful.json("agent", "show", "bot")["data"]["status"] == "active"


@pytest.mark.parametrize("server", ("13", "18"), indirect=True)
def test_each_change_is_noticed_there_too(server):
    environment = dict(os.environ, RELAY_TEST_DSN=f"host={server.host} port={server.port} user=postgres")
    subprocess.run([built("db_tests"), "--source-file=*/db/*drift_test.cpp"], env=environment, check=True, timeout=400)


@pytest.mark.parametrize("server", ("17", "18"), indirect=True)
def test_a_queue_of_notifications_that_is_full_vetoes_no_change(server, home, tmp_path):
    """From version 17 on, the queue can be made small: it is full itself (54000), not the disk under it."""
    server.stop()
    server.settings["max_notify_queue_pages"] = "64"
    server.start()
    database = Database(server, template=make_template(server))
    relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
    key = first_agent(relay, tmp_path / "bot.key")
    listener = server.connect()
    with listener.cursor() as cursor:
        cursor.execute("LISTEN nobody_reads_this")
    listener.autocommit = False
    with listener.cursor() as cursor:
        cursor.execute("SELECT 1")  # idle in a transaction: it reads nothing, and the queue grows
    filler = server.connect()
    with filler.cursor() as cursor, pytest.raises(psycopg2.errors.ProgramLimitExceeded, match="too many notifications"):
        for number in range(1000):
            cursor.execute(f"SELECT pg_notify('nobody_reads_this', '{number}' || repeat('x', 7000))")
    with pytest.raises(psycopg2.errors.ProgramLimitExceeded):
        database.execute("SELECT pg_notify('relay_key_changes', '')")
    new = tmp_path / "new.key"
    assert relay.json("rotate-key", "bot", "--grace", "1h", "--secret-file", new)["changed"] is True
    assert relay.json("block", "bot")["changed"] is True
    assert decide(database, key) == "blocked" and decide(database, read_key(new)) == "blocked"
    assert relay.json("revoke", "bot")["changed"] is True
    changes = [row["change"] for row in database.rows("SELECT change FROM relay.change_feed ORDER BY txid, seq")]
    assert changes[-3:] == ["key_rotated", "agent_blocked", "agent_revoked"]
    assert one(relay, "server.notify")["status"] == "error"
    filler.close()
    listener.close()


@pytest.mark.parametrize("server", ("17", "18"), indirect=True)
def test_a_session_that_ends_before_our_settings_is_tried_again_also_behind_a_commit(server, home, tmp_path):
    """The time-out of the database ends the session after BEGIN, and before the statement that lifts it has arrived."""
    database = Database(server, template=make_template(server))
    first_agent(Runner(dsn=database.dsn(), home=home, cwd=tmp_path), tmp_path / "bot.key")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database.name}" SET transaction_timeout = \'100ms\'')
    for words in (["block", "bot"], ["unblock", "bot", "--yes"], ["revoke", "bot"]):
        late = Fault(0.5, match=lambda sent: sent.name == "Parse" and "transaction_timeout" in sent.sql)
        with Proxy(server.socket_path, late) as proxy:
            relay = Runner(dsn=proxy.dsn(database), home=home, cwd=tmp_path)
            assert relay.json(*words)["changed"] is True
        assert late.fired and len(proxy.pairs) >= 2


@pytest.mark.parametrize("server", ("17", "18"), indirect=True)
# 10 ms: a command's transaction takes longer, and the server's own one at the begin of a session, which no client can lift, does not.
@pytest.mark.parametrize("setting", ["transaction_timeout = '10ms'", "idle_in_transaction_session_timeout = '1ms'",
                                     "restrict_nonsystem_relation_kind = 'view'", "event_triggers = off"])  # fmt: skip
def test_settings_that_only_later_versions_have_come_between_nothing(server, home, tmp_path, setting):
    database = Database(server, template=make_template(server))
    relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
    key = first_agent(relay, tmp_path / "bot.key")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database.name}" SET {setting}')
    assert relay("org", "list", check=0)
    assert relay.json("block", "bot")["changed"] is True
    assert relay.json("unblock", "bot", "--yes")["changed"] is True
    assert relay.json("rotate-key", "bot", "--grace", "1h", "--secret-file", tmp_path / "new.key")["changed"] is True
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database.name}" RESET ALL')
    assert decide(database, key) == "ok"
