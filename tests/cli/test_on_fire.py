"""Everything is on fire: the audit log is locked, a report reads all of it, a fleet rotation runs, a pooler is in between, the
primary has just changed. block, revoke, revoke --scan and unblock commit; whois answers. No assertion is about time: what must
not wait is seen in the database while what it could wait for still lasts. (A full NOTIFY queue: test_wake_up.py.)"""

import contextlib
import subprocess
import threading

import pytest

from support import processes
from support.agents import decide, first_agent, key_id, read_key
from support.database import Database, cluster_with_template, make_template
from support.pooler import PgBouncer
from support.prepared import prepared

VERBS = {
    "block": ("block", "bot"),
    "block an organization": ("block", "--org", "acme", "--confirm", "acme"),
    "revoke": ("revoke", "bot"),
    "revoke a key": ("revoke", "--key", "{key}"),
    "revoke --scan": ("revoke", "--scan", "bot.key"),
}


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@prepared
def fleet(relay, key, tmp_path):
    """Twelve more agents."""
    rows = "".join(f"fleet-{number},acme,\n" for number in range(12))
    for row in rows.splitlines():
        agent = row.split(",")[0]
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.key", check=0)
    return [row.split(",")[0] for row in rows.splitlines()]


@contextlib.contextmanager
def holding(database, *statements):
    """A transaction of someone else that stays open."""
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    try:
        yield connection
    finally:
        connection.close()


def words_of(verb, key):
    return [word.format(key=key_id(key)) for word in VERBS[verb]]


def refused(database, key):
    """What the rows say, without the functions for gateways, which could wait, too."""
    return database.value("SELECT count(*) FROM relay.standing_revocations WHERE subject_id IN ('bot', 'acme', %s)", key_id(key)) > 0


# --- someone holds what everyone needs


@pytest.mark.parametrize("mode", ["SHARE", "ACCESS EXCLUSIVE"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_locked_audit_log_delays_nothing(relay, database, key, verb, mode):
    with holding(database, f"LOCK TABLE relay.auth_events IN {mode} MODE"):
        process = relay.start(*words_of(verb, key), "-o", "json")
        processes.wait_until(lambda: refused(database, key), what=f"{verb}, while the audit log is locked")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert decide(database, key) in ("blocked", "revoked")


def test_whois_needs_no_audit_log(relay, database, key):
    with holding(database, "LOCK TABLE relay.auth_events IN ACCESS EXCLUSIVE MODE"):
        assert relay.json("whois", "bot.key")["items"][0]["agent_id"] == "bot"


@pytest.mark.parametrize("verb", VERBS)
def test_a_report_that_reads_everything_delays_nothing(relay, database, key, verb):
    report = [f"SELECT count(*) FROM relay.{table}" for table in ("auth_events", "agents", "agent_keys", "revocations", "key_changes")]
    with holding(database, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", *report):
        with processes.at_once():
            relay(*words_of(verb, key), check=0)
        assert decide(database, key) in ("blocked", "revoked")


@pytest.mark.parametrize("verb", VERBS)
def test_rotations_in_flight_delay_nothing(relay, database, key, verb):
    """A rotation holds its agent, its keys and its organization until its COMMIT."""
    rotation = ("SELECT FROM relay.organizations WHERE org_id = 'acme' FOR NO KEY UPDATE",
                "SELECT FROM relay.agents FOR NO KEY UPDATE", "SELECT FROM relay.agent_keys FOR NO KEY UPDATE")  # fmt: skip
    with holding(database, *rotation):
        with processes.at_once():
            relay(*words_of(verb, key), check=0)
        assert refused(database, key)
    assert decide(database, key) in ("blocked", "revoked")


def test_a_fleet_rotation_is_overtaken(relay, database, key, fleet, tmp_path):
    """Three workers rotate the fleet and the agent again and again; a revocation wins over each of them."""
    stop = threading.Event()
    rotated = []

    def rotate(worker):
        number = 0
        while not stop.is_set():
            agent = ["bot", *fleet][(number * 3 + worker) % 13]
            number += 1
            rotated.append(relay("rotate-key", agent, "--grace", "0", "--secret-file", f"w{worker}-{number}").code)

    workers = [threading.Thread(target=rotate, args=(worker,)) for worker in range(3)]
    for worker in workers:
        worker.start()
    processes.wait_until(lambda: len(rotated) >= 3, what="rotations")
    try:
        relay("block", fleet[0], check=0)
        relay("revoke", "bot", check=0)
        assert database.value("SELECT count(*) FROM relay.key_status WHERE agent_id = 'bot' AND status IN ('staged', 'active', 'retiring')") == 0
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert database.value("SELECT count(*) FROM relay.key_status WHERE agent_id = 'bot' AND status IN ('staged', 'active', 'retiring')") == 0
    assert set(rotated) <= {0, 5} and 0 in rotated  # 5: the agent is revoked


# --- another way to the server


@pytest.mark.parametrize("verb", VERBS)
def test_behind_a_pooler(relay, database, key, verb):
    with PgBouncer(database) as pooler:
        through = relay.with_(dsn=f"host={pooler.host} port={pooler.port} dbname={database.name} user=postgres sslmode=disable")
        assert through.json("whois", "bot.key")["items"][0]["agent_id"] == "bot"
        assert through.json(*words_of(verb, key))["changed"] is True
    assert decide(database, key) in ("blocked", "revoked")


def test_during_a_failover(relay_without_database, tmp_path):
    """The primary of a conninfo with two hosts dies. The command fails cleanly until the standby is promoted, then it works."""
    with cluster_with_template(name="first") as primary:
        database = Database(primary, template=make_template(primary))
        runner = relay_without_database
        made = first_agent(runner.with_(dsn=database.dsn()), tmp_path / "bot.key")
        standby = primary.make_standby(name="second").wait_caught_up()
        both = runner.with_(dsn=f"host={primary.host},{standby.host} port=5432,5432 dbname={database.name} user=postgres")
        primary.kill()
        error = both.error("block", "bot", check=8)
        assert "nothing was changed" in error["message"] and error["retryable"] is True
        standby.promote()
        assert both.json("whois", "bot.key")["items"][0]["agent_id"] == "bot"
        assert both.json("block", "bot")["changed"] is True
        assert both.json("revoke", "--scan", "bot.key")["changed"] is True
        assert standby.query("SELECT status FROM relay.key_status WHERE key_id = %s", (key_id(made),), dbname=database.name)[0][0] == "revoked"
