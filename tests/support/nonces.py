"""A gateway that uses nonces, and a server whose clock the test moves."""

import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from .clock import MovedClock
from .cluster import Cluster
from .database import Database, make_template

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


@pytest.fixture
def moved(request):
    """A caller of a server whose clock the test moves. The parameter says how many seconds of a turn of ten minutes are over at the
    start, because what is kept and removed depends on that."""
    with tempfile.TemporaryDirectory(prefix="rly-clock-", dir="/tmp") as folder:
        clock = MovedClock(Path(folder), base=round(getattr(request, "param", 60) - time.time()) % 600)
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
