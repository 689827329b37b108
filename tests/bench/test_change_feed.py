"""Ten gateways that follow the feed, while four clients block agents as fast as they can: how many blocks there are per
second, against a fleet in which no gateway listens, and how late the slowest gateway has ended the agent's
connection."""

import hashlib
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from kit_speed import make_keys
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import LANGUAGES, Gateway
from support.processes import wait_until

GATEWAYS, CLIENTS, AGENTS = 10, 4, 1200
RATE_MUST, RATE_AIM = 800, 1000  # blocks per second
HEARD_MUST, HEARD_AIM = 50, 25  # ms, p99
SHARE_MUST = 0.5  # of the blocks per second when no gateway listens: all of them run on this machine

SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "off"}
FLEET = """
INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'bench');
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || n, 'acme', 'Agent', '[]', 'bench' FROM generate_series(0, {last}) AS n;
"""
KEY = """
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
VALUES (%s, %s, 'acme', %s, now() + interval '90 days', 'bench')"""
BLOCK = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', %s, 'block', 'bench')"


@pytest.fixture(scope="module")
def server():
    with Cluster(settings=SETTINGS, name="bench") as running:
        yield running


@pytest.fixture
def database(server):
    made = Database(server, template=make_template(server))
    made.execute(FLEET.format(last=AGENTS - 1))
    yield made
    made.drop()


@pytest.fixture
def keys(database, tmp_path):
    make_keys(tmp_path / "keys", AGENTS)
    made = (tmp_path / "keys").read_text().split()
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for number, key in enumerate(made):
            digest = hashlib.sha256(key.encode()).digest()
            cursor.execute(KEY, (key.split("_")[2], f"agent-{number}", hashlib.sha256(digest).digest()))
    return made


@contextmanager
def fleet(language, database, keys, count):
    """That many gateways that report uses, each with an open connection of every agent."""
    running = [Gateway(language, database, gateway_id=f"gateway-{number}", reports=10) for number in range(count)]

    def connect(gateway):
        gateway.call("follow")
        for number, key in enumerate(keys):
            assert gateway.call("hold", key=key, name=f"agent-{number}")["ok"]

    try:
        with ThreadPoolExecutor(max(1, count)) as threads:
            list(threads.map(connect, running))
        yield running
    finally:
        for gateway in running:
            gateway.close()


def block_all(database):
    """Returns ({agent: when its block was committed, in ns}, blocks per second)."""
    names, committed, lock = iter([f"agent-{number}" for number in range(AGENTS)]), {}, threading.Lock()

    def client():
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            while True:
                with lock:
                    name = next(names, None)
                if name is None:
                    return
                cursor.execute(BLOCK, (name,))
                committed[name] = time.monotonic_ns()

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as threads:
        for one in [threads.submit(client) for _ in range(CLIENTS)]:
            one.result()
    return committed, AGENTS / (time.monotonic() - began)


def measure(language, database, keys, count):
    """Returns (blocks per second, [ms until the slowest gateway had acted, for each block])."""
    database.execute("TRUNCATE relay.revocations")
    with fleet(language, database, keys, count) as gateways:
        committed, rate = block_all(database)
        everyone = {gateway: {} for gateway in gateways}

        def all_have_heard():
            for gateway in gateways:
                everyone[gateway] = gateway.call("report")["ended"]
            return all(len(ended) == AGENTS for ended in everyone.values())

        wait_until(all_have_heard, timeout=10, step=0.2, what="every gateway to hear of every block")
    late = [max((ended[name] - at) / 1e6 for ended in everyone.values()) for name, at in committed.items()] if gateways else []
    return rate, late


@pytest.mark.parametrize("language", LANGUAGES)
def test_ten_gateways_hear_of_each_block_and_slow_the_blocks_little(language, database, keys, capsys):
    alone, _ = measure(language, database, keys, 0)
    rate, late = measure(language, database, keys, GATEWAYS)
    p99 = statistics.quantiles(late, n=100)[98]
    with capsys.disabled():
        print(f"\n{GATEWAYS} gateways in {language}: {rate:,.0f} blocks per second (must {RATE_MUST}, aim {RATE_AIM}), {rate / alone:.2f}"
              f" of those without a gateway; the slowest acts within {statistics.median(late):.0f} ms (median), {p99:.0f} ms (p99; must"
              f" {HEARD_MUST}, aim {HEARD_AIM}), {max(late):.0f} ms at most")  # fmt: skip
    assert rate / alone >= SHARE_MUST
