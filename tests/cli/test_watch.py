"""watch, gateway list and --wait-ack: on real servers, with gateways that follow the feed, and some that do not."""

import json
import os
import select
import signal
import threading
import time

import psycopg2
import pytest
from support import contract, database as database_support, processes
from support.agents import first_agent, rotate
from support.cluster import Cluster
from support.pooler import PgBouncer
from support.prepared import prepared
from support.standby import Standby


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


class Watch:
    """A running `watch`, its lines taken one by one."""

    def __init__(self, relay, *words):
        self.process = relay.start("watch", *words)
        self.buffer = b""
        self.said = b""
        self.hears("watching from ")

    def hears(self, words, timeout=60):
        """Waits until stderr has a text; returns all of stderr."""
        end = time.monotonic() + timeout
        while words.encode() not in self.said:
            assert time.monotonic() < end and self._read(self.process.stderr, end), self.said
        return self.said.decode()

    def line(self, timeout=60):
        """Returns the next line, after checking it against the JSON contract."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            assert time.monotonic() < end and self._read(self.process.stdout, end), (self.buffer, self.said)
        first, _, self.buffer = self.buffer.partition(b"\n")
        found = json.loads(first)
        contract.check(found)
        return found

    def _read(self, stream, end):
        ready, _, _ = select.select([stream], [], [], max(0, end - time.monotonic()))
        chunk = os.read(stream.fileno(), 65536) if ready else b""
        if stream is self.process.stdout:
            self.buffer += chunk
        else:
            self.said += chunk
        return chunk

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def test_each_change_is_a_line_at_once(relay, tmp_path, key):
    with Watch(relay) as watch:
        rotate(relay, tmp_path / "new.key", "--grace", "24h")
        found = watch.line()
        assert (found["change"], found["kicks"], found["agent_id"], found["key_id"]) == ("key_rotated", False, "bot", key[9:21])
        waits = []
        for _ in range(3):
            relay("block", "bot", check=0)
            before = time.monotonic()
            found = watch.line()
            waits.append(time.monotonic() - before)
            assert (found["change"], found["kicks"], found["org_id"], found["key_id"]) == ("agent_blocked", True, "acme", None)
            relay("unblock", "bot", "--yes", check=0)
            assert watch.line()["change"] == "agent_unblocked"
        # Each comes right after a line, and so after a poll: the next poll would be 3 seconds later.
        assert min(waits) < 1, waits
        assert watch.end() == -signal.SIGINT


def test_it_goes_on_where_it_was_told_to(relay, key):
    with Watch(relay) as watch:
        relay("block", "bot", check=0)
        cursor = watch.line()["cursor"]
        relay("unblock", "bot", "--yes", check=0)
        assert watch.line()["change"] == "agent_unblocked"
    rest = relay("watch", "--since", cursor, "--until-idle", check=0)
    assert [line["change"] for line in rest.jsonl()] == ["agent_unblocked"]
    relay("block", "bot", check=0)
    some = relay("watch", "--since", cursor, "--count", "1", check=0)
    assert [line["change"] for line in some.jsonl()] == ["agent_unblocked"]


def test_lines_that_cannot_be(relay, key):
    assert "--since" in relay.error("watch", "--since", "nonsense", "--until-idle", check=2)["message"]
    assert "JSON lines" in relay("watch", "-o", "csv", check=2).err
    relay.with_(dsn="host=127.0.0.1 port=1 dbname=x").error("watch", check=8)
    cursor = "1f2e3d4c.1.745.12.746:746:"
    relay.with_(dsn="host=127.0.0.1 port=1 dbname=x").error("watch", "--since", cursor, "--until-idle", check=8)


def test_a_command_runs_for_each_change(relay, tmp_path, key):
    hostile = tmp_path / "owned"
    command = (
        'cat >> lines; echo "$RELAY_CHANGE $RELAY_KICKS $RELAY_ORG_ID $RELAY_AGENT_ID [$RELAY_KEY_ID]" >> said; echo talk;'
        ' test "$RELAY_CHANGE" != agent_unblocked'
    )
    with Watch(relay.with_(env={"RELAY_KEY_ID": f"$(touch {hostile})"}), "--exec", command, "--count", "3") as watch:
        relay("block", "bot", check=0)
        relay("unblock", "bot", "--yes", check=0)
        relay("revoke", "bot", check=0)
        printed = [watch.line() for _ in range(3)]
        watch.hears("--exec failed for agent_unblocked: it ended with exit code 1")
        assert watch.process.wait(60) == 0
    assert [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()] == printed
    assert (tmp_path / "said").read_text().splitlines() == [
        "agent_blocked true acme bot []", "agent_unblocked false acme bot []", "agent_revoked true acme bot []",
    ]  # fmt: skip
    assert not hostile.exists()


def test_text_of_a_change_is_never_run(relay, database, tmp_path, key):
    database.execute("ALTER TABLE relay.revocations DROP CONSTRAINT revocations_subject_known")
    cursor = database.value("SELECT next_cursor FROM relay_api.changes_since(NULL)")
    database.execute(
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', '$(touch owned)`touch owned`;touch owned', 'block', 'x')"
    )
    relay("watch", "--since", cursor, "--count", "1", "--exec", 'echo "$RELAY_AGENT_ID" > seen', check=0)
    assert (tmp_path / "seen").read_text().startswith("$(touch owned)") and not (tmp_path / "owned").exists()


def test_a_restart_of_the_server_loses_nothing(relay, tmp_path):
    with Cluster(name="restarted") as own:
        made = database_support.Database(own, template=database_support.make_template(own))
        runner = relay.with_(dsn=made.dsn())
        first_agent(runner, tmp_path / "own.key")
        with Watch(runner) as watch:
            runner("block", "bot", check=0)
            assert watch.line()["change"] == "agent_blocked"
            own.stop("immediate")
            watch.hears("retrying: ")
            own.start()
            made.wait_until_back()
            runner("unblock", "bot", "--yes", check=0)
            assert watch.line()["change"] == "agent_unblocked"
            assert "nothing was missed" in watch.hears("connected again")
            runner("block", "bot", check=0)
            before = time.monotonic()
            assert watch.line()["change"] == "agent_blocked" and time.monotonic() - before < 2.5


def test_through_a_pooler_it_looks_instead(relay, database, key):
    with PgBouncer(database) as pooler:
        dsn = f"host={pooler.host} port={pooler.port} dbname={database.name} user=postgres sslmode=disable"
        with Watch(relay.with_(dsn=dsn)) as watch:
            relay("block", "bot", check=0)
            assert watch.line()["change"] == "agent_blocked"


# --- gateways that acknowledge


class Follower(threading.Thread):
    """A gateway that reads the feed and acknowledges it, ten times per second."""

    def __init__(self, database, name):
        super().__init__(daemon=True)
        self.connection = database.connect(user=database.gateway_login())
        self.name_of_gateway = name
        self.running = True
        self.cursor = None
        self.look()

    def look(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT next_cursor FROM relay_api.changes_since(%s)", (self.cursor,))
            rows = cursor.fetchall()
            self.cursor = rows[-1][0] if rows else self.cursor
            cursor.execute("SELECT relay_api.acknowledge(%s, %s)", (self.name_of_gateway, self.cursor))

    def run(self):
        while self.running:
            self.look()
            time.sleep(0.1)

    def stop(self):
        self.running = False
        if self.is_alive():
            self.join()
        self.connection.close()


@pytest.fixture
def gateways(database, key):
    made = [Follower(database, f"gw-{number}") for number in range(3)]
    yield made
    for gateway in made:
        gateway.stop()


def test_a_block_waits_until_every_gateway_has_it(relay, database, gateways):
    for gateway in gateways:
        gateway.start()
    result = relay("block", "bot", "--wait-ack", "10s", "-o", "json", check=0)
    assert "3/3 gateways in 0." in result.err
    found = result.json()["items"][0]["gateways"]
    assert (found["live"], found["acknowledged"], found["missing"], found["complete"]) == (3, 3, [], True)
    again = relay("block", "bot", "--wait-ack", "10s", check=0)
    assert "3/3 gateways in 0." in again.err
    assert relay.json("block", "bot")["items"][0]["gateways"] is None


def test_a_long_transaction_does_not_hold_up_the_acknowledgement(relay, database, gateways):
    long = database.connect(autocommit=False)
    with long.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
    for gateway in gateways:
        gateway.start()
    assert "3/3 gateways" in relay("revoke", "bot", "--wait-ack", "10s", check=0).err
    long.rollback()
    long.close()


def test_one_of_three_gateways_is_dead(relay, database, gateways):
    for gateway in gateways[:2]:
        gateway.start()
    result = relay("revoke", "bot", "--wait-ack", "1s", "-o", "json", check=10)
    assert "2/3 gateways in 1." in result.err and "not acknowledged by gw-2" in result.err
    found = result.json()["items"][0]
    assert found["result"] == "done" and found["gateways"]["missing"] == ["gw-2"]
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 1
    database.execute("UPDATE relay.gateway_acks SET at = at - interval '61 seconds' WHERE gateway_id = 'gw-2'")
    assert "2/2 gateways" in relay("revoke", "bot", "--wait-ack", "5s", check=0).err
    listed = {item["gateway_id"]: item for item in relay.json("gateway", "list")["items"]}
    assert [listed[name]["live"] for name in sorted(listed)] == [True, True, False]
    assert listed["gw-2"]["changes_behind"] == 1 and listed["gw-0"]["changes_behind"] == 0


def test_without_any_gateway_nothing_is_proven(relay, database, key):
    result = relay("block", "bot", "--wait-ack", "1s", check=10)
    assert "this proves nothing" in result.err
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 1
    assert "no gateways" in relay("gateway", "list", check=0).err


# --- locks and standbys


def test_a_commit_that_holds_the_lock_of_notify_holds_up_no_block(relay, tmp_path):
    """Another program of the cluster notifies, and hangs in its COMMIT behind a dead standby."""
    with Cluster(name="notifying") as own:
        made = database_support.Database(own, template=database_support.make_template(own))
        runner = relay.with_(dsn=made.dsn())
        first_agent(runner, tmp_path / "own.key")
        own.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        own.reload()
        processes.wait_until(lambda: made.value("SHOW synchronous_standby_names") == "nobody")
        rotation = runner.start("rotate-key", "bot", "--secret-file", "new.key", "--timeout", "2s")
        in_commit = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        processes.wait_until(lambda: made.value(in_commit) == 1, what="the rotation to hang in its COMMIT")
        with processes.at_once():
            runner("block", "bot", check=0)
        hung = made.connect()
        thread = threading.Thread(target=_notify_and_hang, args=(hung,), daemon=True)
        thread.start()
        hanging = f"{in_commit} AND query LIKE '%NOTIFY something%'"
        processes.wait_until(lambda: made.value(hanging) == 1, what="the other program to hang in its COMMIT")
        runner("unblock", "bot", "--yes", check=0)
        runner("block", "bot", check=0)
        assert made.value("SELECT count(*) FROM relay.standing_revocations") == 1
        own.query("ALTER SYSTEM RESET synchronous_standby_names")
        own.reload()
        thread.join(60)
        rotation.communicate(timeout=60)
        hung.close()


def _notify_and_hang(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.hung (); NOTIFY something")


def test_a_standby_answers_and_takes_no_acknowledgement(relay, tmp_path):
    with Cluster(name="first") as own:
        made = database_support.Database(own, template=database_support.make_template(own))
        runner = relay.with_(dsn=made.dsn())
        first_agent(runner, tmp_path / "own.key")
        with Standby(own, name="copy") as copy:
            copy.wait_streaming()
            reading = relay.with_(dsn=copy.dsn(made.name))
            with Watch(reading) as watch:
                runner("block", "bot", check=0)
                found = watch.line()
                assert found["change"] == "agent_blocked"
            connection = copy.connect(made.name)
            with connection.cursor() as cursor, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match="standby"):
                cursor.execute("SELECT relay_api.acknowledge('gw', %s)", (found["cursor"],))
            connection.close()
            assert relay.with_(dsn=copy.dsn(made.name))("gateway", "list", check=0).code == 0
            copy.promote()
            after = reading("watch", "--since", found["cursor"], "--until-idle", check=0).jsonl()
            assert [line["change"] for line in after] == ["reset"]
