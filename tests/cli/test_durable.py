"""block and revoke --durable: the block is in force immediately, then the command waits for the standbys: alive, dead
and in between."""

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import agents, database as database_support, processes
from support.binaries import client_bin
from support.cluster import Cluster
from support.standby import Standby


@pytest.fixture(scope="module")
def primary():
    """A separate primary. In the first tests of this file, it has no standby."""
    with Cluster(name="primary") as own:
        database_support.make_template(own)
        yield own


@pytest.fixture
def made(primary):
    """A database with our schema on that primary."""
    database = database_support.Database(primary, template="relay_template")
    yield database
    require(primary, "")
    database.drop()


@pytest.fixture
def runner(made, relay_without_database):
    return relay_without_database.with_(dsn=made.dsn())


@pytest.fixture
def key(runner, tmp_path):
    return agents.first_agent(runner, tmp_path / "bot.key")


@pytest.fixture(scope="module")
def standbys(primary):
    """Two of them, `left` with a replication slot of its name and `right` without."""
    make_slot(primary, "left")
    return [
        primary.make_standby(name="left", settings={"primary_slot_name": "left"}),
        primary.make_standby(name="right"),
    ]


@pytest.fixture
def left(both):
    return both[0]


@pytest.fixture
def right(both):
    return both[1]


@pytest.fixture
def both(primary, standbys, made):
    """Both standbys in good order; undoes what a test did to them."""
    yield standbys
    require(primary, "")
    for standby in standbys:
        standby.thaw() if standby.is_running() else standby.start()
        standby.query("SELECT pg_wal_replay_resume()")
        standby.wait_streaming()


def require(primary, names):
    """Sets synchronous_standby_names; the server knows it when this returns."""
    primary.query("ALTER SYSTEM SET synchronous_standby_names = %s", (names,))
    primary.reload()


def make_slot(primary, name):
    """A replication slot that counts as used: it keeps WAL from now on."""
    primary.query("SELECT pg_create_physical_replication_slot(%s, true)", (name,))


def drop_slot(primary, name):
    primary.query("SELECT pg_drop_replication_slot(%s)", (name,))


def kill(standby):
    """kill -9, after a restart point: what was replayed since would be replayed again at its start."""
    standby.query("CHECKPOINT")
    standby.kill()


def decide_on(standby, made, key):
    """Returns the answer that a gateway gets from this standby."""
    sql = "SELECT (relay.verify_key(%s, %s)).reason"
    return standby.query(sql, (agents.key_id(key), agents.digest(key)), dbname=made.name)[0][0]


def found_in(result):
    """The `durable` object of a run with -o json."""
    return result.json()["items"][0]["durable"]


def started(runner, made, key, *words):
    """Starts a block that waits for standbys; when this returns, it is already in force, and it has seen the standbys."""
    process = runner.start("block", "bot", "--durable", *words)
    processes.wait_until(lambda: agents.decide(made, key) == "blocked", what="the block", step=0.005)
    # Each look at the standbys is a transaction that only reads, so it ends with ROLLBACK.
    looks = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'relay-admin' AND query = 'ROLLBACK' AND state = 'idle'"
    processes.wait_until(lambda: made.value(looks) or process.poll() is not None, what="the look at the standbys", step=0.005)
    return process


# --- without any that could replay


def test_no_standby_at_all_is_said(primary, runner, made, key):
    primary.query("SELECT pg_create_physical_replication_slot('never_used')")
    result = runner("block", "bot", "--durable", "-o", "json", check=10)
    assert "on the primary only: it has no standby" in result.err
    found = found_in(result)
    assert (found["expected"], found["complete"], found["error"]) == (0, False, None) and found["took_ms"] < 9000
    assert agents.decide(made, key) == "blocked"
    drop_slot(primary, "never_used")


def test_a_slot_and_a_synchronous_name_of_one_standby_are_one(primary, runner, key):
    make_slot(primary, "db_two")
    make_slot(primary, "far")
    require(primary, 'FIRST 1 ("db-two", other)')
    result = runner("block", "bot", "--durable", "--timeout", "2s", "-o", "json", check=10)
    shown = [(one["name"], one["slot"], one["synchronous"], one["state"]) for one in found_in(result)["standbys"]]
    assert shown == [
        ("db-two", "db_two", True, "away"), ("far", "far", False, "away"), ("other", None, True, "away"),
    ]  # fmt: skip
    assert "not replayed by far: not connected, " in result.err and " behind" in result.err
    drop_slot(primary, "db_two")
    drop_slot(primary, "far")


def test_who_takes_wal_but_replays_nothing_is_no_standby(primary, runner, key, tmp_path):
    """An archiver, as an example."""
    words = [client_bin() / "pg_receivewal", "-h", primary.host, "-U", "postgres", "-D", tmp_path, "-s", "1"]
    receiver = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        processes.wait_until(lambda: primary.query("SELECT 1 FROM pg_stat_replication"), what="pg_receivewal")
        assert "it has no standby" in runner("block", "bot", "--durable", check=10).err
    finally:
        receiver.terminate()
        receiver.wait(20)


# --- alive


@pytest.mark.parametrize("sync", (False, True))
def test_it_is_durable_once_every_standby_has_replayed_it(primary, made, runner, key, both, sync):
    require(primary, "left" if sync else "")
    result = runner("block", "bot", "--durable", "-o", "json", check=0)
    assert "durable on 2/2 standbys in " in result.err
    found = found_in(result)
    assert (found["expected"], found["replayed"], found["missing"], found["complete"]) == (2, 2, [], True)
    assert [(one["name"], one["state"], one["synchronous"], one["replayed"]) for one in found["standbys"]] == [
        ("left", "streaming", sync, True), ("right", "streaming", False, True),
    ]  # fmt: skip
    for standby in both:
        assert decide_on(standby, made, key) == "blocked"
    again = runner("revoke", "bot", "--durable", check=0)
    assert "durable on 2/2 standbys in " in again.err and "failover" not in again.err


def test_what_was_so_already_is_asked_about_all_the_same(runner, key, right):
    right.freeze()
    runner("block", "bot", check=0)
    result = runner("block", "bot", "--durable", "--timeout", "2s", check=10)
    assert "nothing changed" in result.err and "durable on 1/2 standbys in " in result.err
    right.thaw()
    assert "durable on 2/2 standbys in " in runner("block", "bot", "--durable", check=0).err


def test_without_the_flag_nobody_is_asked(runner, key, right):
    right.freeze()
    assert runner.json("block", "bot")["items"][0]["durable"] is None
    assert runner.json("revoke", "bot", "--durable", "--dry-run")["items"][0]["durable"] is None


# --- dead


def test_a_dead_synchronous_standby_is_named_and_the_block_is_in_force_meanwhile(primary, made, runner, key, right):
    require(primary, "right")
    kill(right)
    began = time.monotonic()
    process = started(runner, made, key, "--timeout", "3s", "-o", "json")
    assert process.poll() is None, "it is in force only when nobody waits any more"
    out, err = process.communicate(timeout=60)
    told = err.decode()
    assert 3 <= time.monotonic() - began < 30
    assert process.returncode == 10, told
    assert "durable on 1/2 standbys in " in told and "not replayed by right: not connected, synchronous" in told
    assert "the block is in effect on the primary, but a failover" in told.splitlines()[-1]
    assert json.loads(out)["items"][0]["durable"]["missing"] == ["right"]


def test_a_frozen_standby_is_named_with_how_long_it_is_silent(runner, key, right):
    right.freeze()
    result = runner("revoke", "bot", "--durable", "--timeout", "3s", "-o", "json", check=10)
    assert "durable on 1/2 standbys in " in result.err
    assert "not replayed by right: streaming, " in result.err and "silent for " in result.err
    assert "the revocation is in effect on the primary" in result.err.splitlines()[-1]
    found = found_in(result)
    assert (found["replayed"], found["missing"], found["complete"]) == (1, ["right"], False)
    (shown,) = [one for one in found["standbys"] if one["name"] == "right"]
    assert not shown["flushed"] and shown["behind_bytes"] > 0 and shown["silent_seconds"] >= 2


def test_a_standby_that_has_it_on_disk_but_does_not_replay_it_is_missing(made, runner, key, left):
    left.wait_caught_up().query("SELECT pg_wal_replay_pause()")
    result = runner("block", "bot", "--durable", "--timeout", "2s", "-o", "json", check=10)
    assert "not replayed by left: streaming, flushed to disk, " in result.err
    assert decide_on(left, made, key) == "ok"
    left.query("SELECT pg_wal_replay_resume()")
    assert runner("block", "bot", "--durable", check=0) and decide_on(left, made, key) == "blocked"


def test_a_standby_that_dies_during_the_wait_is_still_asked_about(made, runner, key, right):
    right.query("SELECT pg_wal_replay_pause()")
    process = started(runner, made, key, "--timeout", "6s")
    kill(right)
    assert process.poll() is None, "it gave up before the standby died"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 10, err
    assert b"durable on 1/2 standbys in " in err and b"not replayed by right: not connected" in err


def test_a_standby_that_comes_back_during_the_wait_ends_it(made, runner, key, left):
    left.stop()
    process = started(runner, made, key, "--timeout", "1m")
    assert process.poll() is None
    left.start()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0 and b"durable on 2/2 standbys in " in err, err


def test_one_that_is_away_is_known_by_its_slot(runner, key, left):
    left.stop()
    result = runner("block", "bot", "--durable", "--timeout", "2s", "-o", "json", check=10)
    assert "not replayed by left: not connected, " in result.err and " behind" in result.err
    shown = {one["name"]: one for one in found_in(result)["standbys"]}["left"]
    assert (shown["slot"], shown["state"], shown["silent_seconds"]) == ("left", "away", None)


def test_two_standbys_of_one_name_are_two(primary, runner, key, left):
    with Standby(primary, name="left") as twin:
        twin.wait_caught_up().freeze()
        found = found_in(runner("block", "bot", "--durable", "--timeout", "2s", "-o", "json", check=10))
        assert (found["expected"], found["replayed"]) == (3, 2)
        assert {one["name"] for one in found["standbys"]} == {"left (slot left)", "left #2", "right"}
        assert found["missing"] == ["left #2"]


# --- rights


def test_a_responder_sees_the_standbys_through_the_schema_and_else_is_told_what_to_grant(primary, made, runner, key, both):
    login = primary.login("responder", member_of="relay_responder")
    responder = runner.with_(dsn=made.dsn(user=login))
    assert "durable on 2/2 standbys in " in responder("block", "bot", "--durable", check=0).err
    primary.query("REVOKE pg_read_all_stats FROM relay_owner")
    try:
        result = responder("revoke", "bot", "--durable", "-o", "json", check=10)
        assert "cannot see how far 2 standbys got (left, right)" in result.err
        assert "next: as a superuser, GRANT pg_read_all_stats TO relay_owner" in result.err
        found = found_in(result)
        assert found["error"] and not found["complete"] and found["standbys"][0]["state"] == "hidden"
        assert agents.decide(made, key) == "revoked"
        monitor = primary.login("monitoring", member_of=("relay_responder", "pg_monitor"))
        own_right = runner.with_(dsn=made.dsn(user=monitor))
        assert "durable on 2/2 standbys in " in own_right("revoke", "bot", "--durable", check=0).err
    finally:
        primary.query("GRANT pg_read_all_stats TO relay_owner")


# --- together with others


def test_several_blocks_at_once_and_gateways_and_standbys_are_waited_for_together(made, runner, key, right):
    right.query("SELECT pg_wal_replay_pause()")
    made.value("SELECT relay_api.acknowledge('gw', next_cursor) FROM relay_api.changes_since(NULL)")
    numbers = range(4)
    for number in numbers:
        words = ("agent", "create", f"a{number}", "--org", "acme", "--name", "A")
        runner(*words, "--secret-file", f"a{number}.key", check=0)
    waiting = ("--durable", "--timeout", "3s", "--wait-ack", "1s", "-o", "json")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: runner("block", f"a{number}", *waiting, check=10), numbers))
    for result in results:
        item = result.json()["items"][0]
        assert item["gateways"]["missing"] == ["gw"] and 1000 <= item["gateways"]["took_ms"] < 15_000
        assert item["durable"]["missing"] == ["right"] and 3000 <= item["durable"]["took_ms"] < 20_000
        assert "0/1 gateways in " in result.err and "committed: gateways refuse it" in result.err


def test_ctrl_c_ends_the_wait_and_tells_what_is_done(primary, made, runner, key, right):
    require(primary, "right")
    kill(right)
    process = started(runner, made, key, "--timeout", "1m")
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 14 and b"interrupted; the change itself is committed" in err, err
    assert b"bot" in out and b"undo:" in err and b"not replayed by right: not connected" in err


def test_a_primary_that_dies_during_the_wait_is_said(primary, made, runner, key, right):
    kill(right)
    require(primary, "right")
    process = started(runner, made, key, "--timeout", "3s")
    primary.kill()
    _, err = process.communicate(timeout=90)
    primary.start()
    made.wait_until_back()
    assert process.returncode == 10 and b"cannot read how far the standbys are" in err, err
    assert b"nothing was changed" not in err and b"the block is in effect on the primary" in err.splitlines()[-1]
    assert agents.decide(made, key) == "blocked"
