"""Gateways that ask a streaming replica: they are told of a block as late as the replica is, and at most a poll more."""

import time
from contextlib import closing

import psycopg2
import pytest
from support.agents import first_agent
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import LANGUAGES, Gateway
from support.processes import wait_until

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
        replayed = time.monotonic()
        time.sleep(POLL + 1.5)
        said = [gateway.call("report")["agents"]["bot"] for gateway in fleet]
        assert all(seen["last"] / 1e9 - replayed < POLL + 1 for seen in said), said
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
