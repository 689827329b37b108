"""Nonces: each is accepted once, by whichever gateway."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from support.nonces import USE, Caller, begun, caller, gateway  # noqa: F401
from support.pooler import PgBouncer

CALLERS = 30

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
