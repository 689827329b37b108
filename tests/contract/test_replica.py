"""Gateways that ask a streaming replica: they hear of a block as late as the replica, plus at most one poll."""

import threading
import time
from contextlib import closing

import psycopg2
import pytest
from support.agents import digest, first_agent, key_id
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import LANGUAGES, Gateway
from support.processes import wait_until
from support.pulse import Pulse

POLL = 1.0  # seconds


@pytest.fixture(scope="module")
def primary():
    with Cluster(name="primary") as running:
        yield running


@pytest.fixture
def database(primary):
    return Database(primary, template=make_template(primary))


@pytest.fixture
def standby(primary, database):
    database.gateway_login()
    return primary.make_standby().wait_caught_up()


def test_the_verifiers_follow_a_replica_by_looking(relay, database, standby, tmp_path):
    key = first_agent(relay, tmp_path / "bot.key")
    standby.wait_caught_up()
    fleet = [Gateway(language, database, server=standby) for language in LANGUAGES]
    try:
        for gateway in fleet:
            gateway.call("follow")
            gateway.call("use", agent="bot", key=key)
        time.sleep(0.5)
        wait_until(lambda: [one.call("report")["queries"] for one in fleet] == [0] * 3, step=0.2, what="full caches")
        relay("block", "bot", check=0)
        standby.wait_caught_up()
        with Pulse(database) as pulse:
            replayed = time.monotonic()
            time.sleep(POLL + 3)
            said = [gateway.call("report")["agents"]["bot"] for gateway in fleet]
            bound = POLL + 1 + pulse.allowance()
        assert all(seen["last"] / 1e9 - replayed < bound for seen in said), (said, bound)
        assert [seen["refused"] for seen in said] == [["blocked"]] * len(fleet)
    finally:
        for gateway in fleet:
            gateway.close()

    with closing(standby.connect(database.name, user=database.gateway_login())) as connection:
        with connection.cursor() as cursor:
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
                cursor.execute("LISTEN relay_key_changes")
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
                cursor.execute("SELECT relay_api.acknowledge('far', next_cursor) FROM relay_api.changes_since(NULL)")
    assert database.value("SELECT count(*) FROM relay.gateway_acks") == 0


# --- how late, measured


def set_lag(standby, seconds):
    """Makes the replica apply each commit `delay` after it was made."""
    standby.query(f"ALTER SYSTEM SET recovery_min_apply_delay = '{int(seconds * 1000)}ms'")
    standby.reload()


class Looking(threading.Thread):
    """Asks `question` every `pace` seconds, until its one value changes; `last` is when it was last the same."""

    def __init__(self, standby, database, pace, question, *parameters):
        super().__init__(daemon=True)
        self.connection = standby.connect(database.name, user=database.gateway_login())
        self.pace, self.question, self.parameters = pace, question, parameters
        self.at_first, self.last = self.ask(), time.time()
        self.start()

    def ask(self):
        with self.connection.cursor() as cursor:
            cursor.execute(self.question, self.parameters)
            return cursor.fetchone()[0]

    def run(self):
        while self.ask() == self.at_first:
            self.last = time.time()
            time.sleep(self.pace)
        self.connection.close()


def test_a_block_is_as_late_as_the_replica_and_a_look_more(relay, database, standby, tmp_path):
    key = first_agent(relay, tmp_path / "bot.key")
    late = {}
    for lag in (0, 0.5, 1.5):
        set_lag(standby, 0)
        standby.wait_caught_up()
        cursor = standby.query("SELECT next_cursor FROM relay_api.changes_since(NULL)", dbname=database.name)[0][0]
        set_lag(standby, lag)
        said = "SELECT (relay_api.authenticate(%s, %s)).reason"
        asking = Looking(standby, database, 0.02, said, key_id(key), digest(key))
        told = "SELECT count(*) FROM relay_api.changes_since(%s)"
        following = Looking(standby, database, POLL / 2, told, cursor)
        with Pulse(database) as pulse:
            relay("block", "bot", check=0)
            committed = database.value("SELECT extract(epoch FROM max(at))::float8 FROM relay.revocations")
            for looking in (asking, following):
                looking.join(60)
            late[lag] = (asking.last - committed, following.last - committed, pulse.allowance())
        relay("unblock", "bot", "--yes", check=0)
    set_lag(standby, 0)
    print(f"\nlag of the replica: last time let in, and last look that did not tell, in s after the block: {late}")
    for lag, (asked, looked, allowance) in late.items():
        assert lag - 0.1 - allowance < asked < lag + 0.5 + allowance, late
        assert lag - POLL / 2 - 0.1 - allowance < looked < lag + POLL / 2 + 0.5 + allowance, late
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") == 0
