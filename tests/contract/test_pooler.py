"""Gateways behind PgBouncer in transaction mode: they ask through it, and hear of changes on one direct connection."""

import select
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from support.agents import digest, key_id, rotate
from support.gateways import LANGUAGES, Gateway
from support.pooler import PgBouncer
from support.processes import wait_until
from support.pulse import Pulse

POOL_SIZE = 2


@pytest.fixture
def pool(database):
    """A pooler with two connections to the server for all its clients."""
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=POOL_SIZE) as running:
        yield running


def pooled(pool, database, user=None):
    """A client of the pooler."""
    made = psycopg2.connect(
        host=pool.host, port=pool.port, dbname=database.name, user=user or database.gateway_login(), sslmode="disable"
    )
    made.autocommit = True
    return made


def start(language, database, pool, *, feed):
    gateway = Gateway(language, database, host=pool.host, port=pool.port, feed=feed, gateway_id=f"gateway-{language}")
    gateway.call("follow")
    return gateway


def wait_cached(gateway):
    """Waits until the cache answers its calls."""
    gateway.call("report")

    def rested():
        time.sleep(0.2)
        said = gateway.call("report")
        return said["queries"] == 0 and all(seen["accepted"] > 0 for seen in said["agents"].values())

    wait_until(rested, what=f"{gateway.language} to answer by its cache")


def test_every_function_of_the_contract_works_for_many_clients(database, relay, key, pool):
    relay("agent", "grant", "bot", "stripe:refund", check=0)
    begin = database.value("SELECT next_cursor FROM relay_api.changes_since(NULL)")

    def client(number):
        connection = pooled(pool, database)
        with connection.cursor() as cursor:
            place = begin
            for turn in range(20):
                cursor.execute("SELECT reason FROM relay_api.authenticate(%s, %s)", (key_id(key), digest(key)))
                assert cursor.fetchone() == ("ok",)
                cursor.execute(
                    "SELECT ok FROM relay_api.authorize('bot', %s)", (f"stripe:{'refund' if turn % 2 else 'x'}",)
                )
                assert cursor.fetchone() == (turn % 2 == 1,)
                cursor.execute("SELECT next_cursor FROM relay_api.changes_since(%s)", (place,))
                place = (cursor.fetchall() or [(place,)])[-1][0]
                cursor.execute("SELECT relay_api.acknowledge(%s, %s)", (f"client-{number}", place))
        connection.close()
        return place

    with ThreadPoolExecutor(8) as clients:
        running = [clients.submit(client, number) for number in range(8)]
        relay("block", "stranger", "--force", check=0)
        places = [one.result() for one in running]
    assert len(places) == 8
    backends = database.rows(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND usename = %s", database.gateway_login()
    )
    assert 1 <= len(backends) <= POOL_SIZE
    acknowledged = database.rows("SELECT gateway_id, db_role FROM relay.gateway_status WHERE live")
    assert {row["gateway_id"] for row in acknowledged} == {f"client-{number}" for number in range(8)}
    refused = "SELECT sum(times) FROM relay.recorded_events WHERE action = 'authorization_failed'"
    assert database.value(refused) == 8 * 10


def test_the_verifiers_ask_through_it_and_listen_beside_it(database, relay, cluster, key, pool, tmp_path):
    """relay-admin's changes go through it as well."""
    through = relay.with_(dsn=database.dsn(host=pool.host, port=pool.port))
    fleet = [start(language, database, pool, feed=(cluster.host, cluster.port)) for language in LANGUAGES]
    try:
        for gateway in fleet:
            gateway.call("use", agent="bot", key=key)
        for gateway in fleet:
            wait_cached(gateway)
        new = rotate(through, tmp_path / "new.key", "--grace", "24h")
        for gateway in fleet:
            gateway.call("use", agent="bot", key=new)
            wait_cached(gateway)
            assert gateway.call("report")["agents"]["bot"]["refused"] == []
        through("agent", "create", "payer", "--org", "acme", "--name", "P", "--secret-file", "payer.key", check=0)
        for words in (["block", "bot"], ["revoke", "bot"]):
            through.json(*words, "--wait-ack", "10s")
            wait_until(
                lambda: [gateway.call("report")["agents"]["bot"]["accepted"] for gateway in fleet] == [0] * len(fleet),
                step=0.2,
                what="what was under way to be over, and nobody to be let in",
            )
    finally:
        for gateway in fleet:
            gateway.close()


def test_who_listens_through_it_is_not_woken(relay, database, key, pool):
    """LISTEN does not fail there, which is the trap."""
    with closing(pooled(pool, database)) as listener, listener.cursor() as cursor:
        cursor.execute("LISTEN relay_key_changes")
        relay("block", "bot", check=0)
        assert select.select([listener], [], [], 0.5) == ([], [], [])


def test_who_listens_through_it_looks_each_second_all_the_same(language, database, key, pool):
    gateway = start(language, database, pool, feed=(pool.host, pool.port))
    try:
        gateway.call("use", agent="bot", key=key)
        wait_cached(gateway)
        database.execute(
            "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 't')"
        )
        with Pulse(database) as pulse:
            committed = time.monotonic()
            time.sleep(2.5)
            assert gateway.call("report")["agents"]["bot"]["last"] / 1e9 - committed < 2 + pulse.allowance()
    finally:
        gateway.close()
