"""Nonces: each is accepted once, by whichever gateway, whatever happens to the server, its standby or its clock."""

import os
import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.pooler import PgBouncer
from support.processes import wait_until

CALLERS = 30
USE = "SELECT reason FROM relay_api.use_nonce(%s, %s, %s, %s)"


def gateway(database, server=None):
    """A connection of a gateway, to a given server."""
    login = database.gateway_login()
    return (server or database.cluster).connect(database.name, user=login)


class Caller:
    """Signs and uses nonces as one gateway."""

    def __init__(self, connection, agent="bot", window="60s"):
        self.connection, self.agent, self.window = connection, agent, window

    def value(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone()[0]

    def now(self, seconds=0):
        """A time on the database's clock."""
        return self.value("SELECT clock_timestamp()") + timedelta(seconds=seconds)

    def use(self, nonce, signed_at, *, agent=None, window=None):
        return self.value(USE, agent or self.agent, nonce, signed_at, window or self.window)

    def begin(self):
        """Makes the store keep nonces, as the start of a gateway does."""
        self.value("SELECT relay_api.acknowledge('here', next_cursor) FROM relay_api.changes_since(NULL)")


@pytest.fixture
def caller(database):
    with closing(gateway(database)) as connection:
        yield Caller(connection)


@pytest.fixture
def begun(caller):
    caller.begin()
    return caller


# ---- what is accepted


def test_a_nonce_is_accepted_once_for_each_agent_and_time(begun):
    at = begun.now()
    assert [begun.use(b"8 bytes.", at) for _ in range(3)] == ["ok", "replayed", "replayed"]
    assert begun.use(b"8 bytes.", at, agent="cat") == "ok"
    # The same bytes in another call: its time is signed, too, so it is another call.
    assert begun.use(b"8 bytes.", at + timedelta(milliseconds=1)) == "ok"


@pytest.mark.parametrize("nonce", [None, b"", b"7 bytes", b"n" * 65, b"n" * 1_000_000])
def test_a_malformed_nonce_stores_nothing(database, begun, nonce):
    assert begun.use(nonce, begun.now()) == "malformed"
    assert begun.use(b"n" * 64, None) == begun.use(b"n" * 64, "infinity") == begun.use(b"n" * 64, "-infinity") == "malformed"
    assert database.value("SELECT count(*) FROM relay.nonces") == 0


@pytest.mark.parametrize("window, seconds", [("1s", 1), ("30s", 30), ("5 minutes", 300)])
def test_the_window_is_on_both_sides_of_the_clock_of_the_database(database, begun, window, seconds):
    database.execute("UPDATE relay.nonces_kept SET since = now() - interval '1 hour'")
    assert begun.use(b"long ago", begun.now(-seconds - 0.1), window=window) == "too_old"
    assert begun.use(b"far away", begun.now(seconds + 60), window=window) == "too_early"
    assert begun.use(b"just now", begun.now(-seconds / 2), window=window) == "ok"
    assert begun.use(b"in a bit", begun.now(seconds / 2), window=window) == "ok"
    assert database.value("SELECT count(*) FROM relay.nonces") == 2


@pytest.mark.parametrize("window", [None, "0s", "999ms", "-1s", "5 minutes 1s", "1 month", "1000 years"])
def test_a_window_out_of_bounds_is_an_error(begun, window):
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="time_window must be from 1 s to 5 minutes"):
        begun.value(USE, "bot", b"8 bytes.", begun.now(), window)


def test_the_first_call_of_a_new_store_is_refused_unless_a_gateway_has_started(caller):
    assert caller.use(b"at first", caller.now()) == "too_old"
    assert caller.use(b"at first", caller.now()) == "ok"


def test_after_the_start_of_a_gateway_the_first_call_is_accepted(begun):
    assert begun.use(b"at first", begun.now()) == "ok"


def test_a_gateway_cannot_touch_the_tables(begun):
    for sql in ("SELECT count(*) FROM relay.nonces", "DELETE FROM relay.nonces_0", "TRUNCATE relay.nonces_kept", "SELECT relay.keep_nonces()"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            begun.value(sql)


# ---- once


@pytest.mark.parametrize("through", ["the socket", "a pooler"])
def test_of_thirty_callers_with_one_nonce_one_is_accepted(database, begun, through):
    """Through a pooler, too, whose clients share few connections."""
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=5) as pool:

        def connect():
            if through == "the socket":
                return gateway(database)
            made = psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=database.gateway_login(), sslmode="disable")
            made.autocommit = True
            return made

        connections = [connect() for _ in range(CALLERS)]
        together = threading.Barrier(CALLERS)

        def call(connection, nonce, at):
            together.wait()
            return Caller(connection).use(nonce, at)

        with ThreadPoolExecutor(CALLERS) as callers:
            for turn in range(5):
                at, nonce = begun.now(), b"nonce %d." % turn
                answers = list(callers.map(lambda one: call(one, nonce, at), connections))
                assert sorted(answers) == ["ok"] + ["replayed"] * (CALLERS - 1)
        for connection in connections:
            connection.close()


def test_a_nonce_of_a_transaction_that_fails_was_not_used(database, begun):
    at = begun.now()
    with closing(database.connect(user=database.gateway_login(), autocommit=False)) as other:
        assert Caller(other).use(b"8 bytes.", at) == "ok"
        other.rollback()
    assert begun.use(b"8 bytes.", at) == "ok"


# ---- crashes and failovers


@pytest.fixture
def own_cluster():
    with Cluster(name="primary") as running:
        yield running


@pytest.fixture
def own_database(own_cluster):
    return Database(own_cluster, template=make_template(own_cluster))


def has_crashed(database):
    try:
        return database.value("SELECT count(*) FROM relay.nonces_kept") == 0
    except psycopg2.DatabaseError:
        return False


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


@pytest.fixture
def moved():
    """A caller of a server whose clock the test moves."""
    with tempfile.TemporaryDirectory(prefix="rly-clock-", dir="/tmp") as folder:
        clock = MovedClock(Path(folder))
        cluster = Cluster(name="moved")
        cluster.environment.update(clock.environment)
        with cluster as running:
            database = Database(running, template=make_template(running))
            with closing(gateway(database)) as connection:
                caller = Caller(connection)
                caller.clock, caller.database = clock, database
                caller.begin()
                yield caller


def rows(caller):
    return caller.database.value("SELECT count(*) FROM relay.nonces")


def fill(caller, name, *offsets):
    """Uses one nonce at each offset (seconds) from the clock; returns the calls."""
    calls = [(b"%s at %+d" % (name, offset), caller.now(offset)) for offset in offsets]
    assert {caller.use(*call, window="5 minutes") for call in calls} == {"ok"}
    return calls


def replays(caller, calls):
    """Returns the answers to the same calls; none may be accepted."""
    return {caller.use(*call, window="5 minutes") for call in calls} - {"replayed", "too_old", "too_early"}


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
