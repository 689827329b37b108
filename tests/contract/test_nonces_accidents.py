"""Nonces after a crash, a failover or a jump of the clock, and when someone holds a lock: none is accepted twice."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from support.nonces import USE, Caller, begun, caller, fill, gateway, has_crashed, moved, own_cluster, own_database, replays, rows  # noqa: F401
from support.processes import at_once, wait_until

# ---- crashes and failovers


@pytest.mark.parametrize("ahead", [0, 20], ids=["a right clock", "a clock that is ahead"])
def test_after_a_crash_nothing_that_was_signed_before_is_accepted(own_database, ahead):
    """kill -9 of a backend: the server starts again, with empty unlogged tables."""
    connection = gateway(own_database)
    one = Caller(connection)
    one.begin()
    signed = [(b"nonce %d." % number, one.now(ahead)) for number in range(20)]
    assert {one.use(*call) for call in signed} == {"ok"}
    os.kill(one.value("SELECT pg_backend_pid()"), signal.SIGKILL)
    wait_until(lambda: has_crashed(own_database), what="the server to be back after the crash")
    with closing(gateway(own_database)) as connection:
        again = Caller(connection)
        assert {again.use(*call) for call in signed * 2} == {"too_old"}
        after = again.now(ahead + 2)
        assert [again.use(b"new call", after) for _ in range(2)] == ["ok", "replayed"]


@pytest.mark.parametrize("ahead", [0, 20], ids=["a right clock", "a clock that is ahead"])
def test_a_promoted_standby_accepts_nothing_that_was_signed_before(own_cluster, own_database, ahead):
    with closing(gateway(own_database)) as connection:
        one = Caller(connection)
        one.begin()
        standby = own_cluster.make_standby().wait_caught_up()
        signed = [(b"nonce %d." % number, one.now(ahead)) for number in range(20)]
        assert {one.use(*call) for call in signed} == {"ok"}
        standby.wait_caught_up()
        with closing(gateway(own_database, standby)) as reading, reading.cursor() as cursor:
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match="this server is a standby: call use_nonce on the primary"):
                cursor.execute(USE, ("bot", b"8 bytes.", one.now(), "60s"))
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match="this server is a standby: call lease_rate on the primary"):
                cursor.execute("SELECT relay_api.lease_rate('bot', 'acme', 'here', 1)")
    own_cluster.kill()
    standby.promote()
    with closing(gateway(own_database, standby)) as connection:
        again = Caller(connection)
        assert {again.use(*call) for call in signed * 2} == {"too_old"}
        assert [again.use(b"new call", at) for at in [again.now(ahead + 2)] * 2] == ["ok", "replayed"]


def test_a_new_turn_waits_for_no_standby(own_cluster, own_database):
    with closing(gateway(own_database)) as connection:
        one = Caller(connection)
        one.begin()
        own_database.execute("UPDATE relay.nonces_kept SET held = ARRAY[floor(date_part('epoch', now()) / 600)::bigint - 4]")
        session = own_cluster.connect()
        with closing(session), session.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
            cursor.execute("SELECT pg_reload_conf()")
        with at_once():
            wait_until(lambda: one.value("SHOW synchronous_standby_names") == "gone", what="the setting")
            assert one.use(b"new turn", one.now(-0.001)) == "ok"
    assert own_database.value("SELECT cardinality(dropped) FROM relay.nonces_kept") == 1, "a slot was emptied"


def test_a_call_that_is_ahead_does_not_queue_without_limit(database, begun):
    """Behind one whose commit waits for a standby, for instance."""
    at = begun.now(20)
    with closing(database.connect(autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.nonces_signed_ahead FOR UPDATE")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            begun.use(b"is ahead", at)
    assert begun.use(b"is ahead", at) == "ok"


def test_calls_that_were_signed_in_the_past_write_nothing_to_the_log_for_that(database, begun):
    before = database.value("SELECT xmin::text || up_to FROM relay.nonces_signed_ahead")
    for number in range(50):
        assert begun.use(b"nonce %d." % number, begun.now()) == "ok"
    assert database.value("SELECT xmin::text || up_to FROM relay.nonces_signed_ahead") == before
    at = begun.now(10)
    begun.use(b"is ahead", at)
    noted = database.value("SELECT xmin::text || up_to FROM relay.nonces_signed_ahead")
    assert noted != before
    assert begun.use(b"is ahead, too", at + timedelta(milliseconds=900)) == "ok"  # within the same second
    assert database.value("SELECT xmin::text || up_to FROM relay.nonces_signed_ahead") == noted


# ---- the clock

EARLY_AND_LATE = pytest.mark.parametrize("moved", [0, 300, 595], indirect=True, ids=lambda seconds: f"{seconds} s of the turn are over")


@EARLY_AND_LATE
def test_slots_are_emptied_in_their_turn_and_nothing_is_accepted_twice(moved):
    """Two hours, in steps of less than a slot: the table holds two slots at most."""
    used, most = [], 0
    for step in range(0, 7200, 240):
        moved.clock.move(step)
        used += fill(moved, b"call", -200 if step else 1, 0, 290)
        assert not replays(moved, used)
        most = max(most, rows(moved))
    assert most <= 3 * 20 * 60 / 240 + 3 < len(used) / 3


@pytest.mark.parametrize("ahead", [1200, 1800, 7200, 7800, 8400], ids=lambda s: f"{s // 60} min")
def test_a_clock_that_jumps_ahead_skips_slots_and_replays_nothing(moved, ahead):
    """The slots that no one emptied in time may come round again, with old nonces inside."""
    used = fill(moved, b"then", 0, 1, 200)
    moved.clock.move(ahead)
    used += fill(moved, b"now", -290, 0, 290)
    assert not replays(moved, used)
    moved.clock.move(ahead + 660)
    used += fill(moved, b"later", -290, 0, 290)
    assert not replays(moved, used)
    moved.clock.move(ahead + 1320)
    fill(moved, b"last", -290, 0, 290)
    assert rows(moved) <= 6


@EARLY_AND_LATE
def test_a_clock_that_is_put_right_again_replays_nothing_and_refuses_calls_for_minutes_only(moved):
    used = fill(moved, b"right", 0, 1, 100, 200)
    for ahead in (7200, 7800, 8400, 9000):
        moved.clock.move(ahead)
        used += fill(moved, b"wrong", -290 if ahead > 7200 else 0, 0, 290)
    moved.clock.move(2)
    assert not replays(moved, used)
    moved.clock.move(1500)  # in a turn of which nothing was removed
    used += fill(moved, b"right again", 250, 5, 0)
    assert not replays(moved, used)
    for ahead in range(7000, 9600, 200):  # the time that the wrong clock showed comes, and with it what was signed for it
        moved.clock.move(ahead)
        assert not replays(moved, used)


def test_a_clock_that_is_put_right_soon_refuses_no_new_call(moved):
    """Nothing was removed yet of what the windows of the right clock touch."""
    used = fill(moved, b"right", 0, 1, 100)
    moved.clock.move(7200)
    used += fill(moved, b"wrong", 0, 100)
    moved.clock.move(2)
    used += fill(moved, b"right again", 250, 5, 0)
    assert not replays(moved, used)


def test_a_wild_clock_does_not_keep_a_slot_full(moved):
    """One call for a time in sixteen years: when the clock is right again, that slot is emptied in its turn, too."""
    years = 16 * 365 * 86400
    used = []
    for turn in range(3):
        moved.clock.move(years + turn * 600)
        used += fill(moved, b"wild", 0)
    for turn in range(1, 8):
        moved.clock.move(turn * 660)
        used += fill(moved, b"right", 0, 1)
        assert not replays(moved, used)
    assert rows(moved) <= 8
    assert moved.database.value("SELECT cardinality(held) <= 3 AND since < now() FROM relay.nonces_kept")
    for turn in range(3):
        moved.clock.move(years + turn * 600)
        assert not replays(moved, used)


def test_what_was_removed_is_remembered_in_bounded_room(moved):
    for turn in range(120):
        moved.clock.move(turn * 660)
        fill(moved, b"call", 0, -200 if turn else 1)
        assert moved.database.value("SELECT cardinality(held) <= 5 AND cardinality(dropped) <= 102 FROM relay.nonces_kept")
    assert moved.database.value("SELECT since > now() - interval '1 day' FROM relay.nonces_kept")


def test_a_reader_puts_off_emptying_and_no_call_waits_for_it(moved):
    """As pg_dump, which reads all tables in one long transaction."""
    fill(moved, b"old", 0, 1, 290)
    with closing(moved.database.connect(autocommit=False)) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM relay.nonces")
        before = cursor.fetchone()
        moved.clock.move(1500)
        with moved.connection.cursor() as patience:
            patience.execute("SET statement_timeout = '5s'")
        used = fill(moved, b"new", -200, 0, 200)
        assert not replays(moved, used)
        cursor.execute("SELECT count(*) FROM relay.nonces")
        assert cursor.fetchone()[0] > before[0]
    moved.clock.move(3000)
    fill(moved, b"newer", 0)
    moved.clock.move(4500)
    fill(moved, b"newest", -200, 0, 200)
    assert rows(moved) <= 4


def test_a_call_that_waited_until_its_slot_was_emptied_is_too_old(moved):
    """Otherwise a slow replay would be new."""
    used = fill(moved, b"used", 0)
    slot = moved.database.value("SELECT slot FROM relay.nonces")
    holder = moved.database.connect(autocommit=False)
    with ThreadPoolExecutor(1) as pool, closing(gateway(moved.database)) as connection, closing(holder), holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE relay.nonces_{slot} IN ACCESS EXCLUSIVE MODE")
        slow = pool.submit(Caller(connection).use, *used[0], window="5 minutes")
        waits = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
        wait_until(lambda: moved.database.value(waits, f"relay.nonces_{slot}"), what="the slow call to wait")
        moved.clock.move(1500 - int(moved.now().timestamp()) % 600)  # the middle of the turn after the next one
        cursor.execute(USE, ("bot", b"a later call", moved.now(), "60s"))  # it empties the slot
        cursor.execute("SELECT count(*) FROM relay.nonces WHERE nonce = %s", (used[0][0],))
        assert cursor.fetchone()[0] == 0
        holder.commit()
        assert slow.result() == "too_old"


@pytest.mark.parametrize("after", ["a crash", "a failover"])
def test_a_clock_that_is_behind_afterwards_accepts_nothing_again(moved, after):
    """That of the new primary, or that of the same host, which was put back."""
    cluster = moved.database.cluster
    moved.clock.move(30)
    moved.begin()
    used = fill(moved, b"used", -20, -1, 0)
    if after == "a crash":
        pid = moved.value("SELECT pg_backend_pid()")
        moved.clock.move(0)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_crashed(moved.database), what="the server to be back after the crash")
        server = cluster
    else:
        server = cluster.make_standby().wait_caught_up()
        used += fill(moved, b"more", 0)
        server.wait_caught_up()
        cluster.kill()
        moved.clock.move(0)
        server.promote()
    with closing(gateway(moved.database, server)) as connection:
        again = Caller(connection)
        assert {again.use(*call, window="5 minutes") for call in used * 2} == {"too_old"}
        assert [again.use(b"new call", at, window="5 minutes") for at in [again.now(60)] * 2] == ["ok", "replayed"]
