"""A filled database of release 0.1.0, upgraded by the program of today: every row is still there, every call gets the
answer of before, also while the migrations run, and a run that is killed can be repeated."""

import os
import signal
import threading
from contextlib import closing

import psycopg2
import pytest

from support.proxy import Fault, Proxy, commit
from support.relay import Runner
from support.upgrades import LAST_OF_0_1_0, apply_next, columns_of, load_0_1_0, rows_of, tuples

# Columns that a later migration moves or drops: {"table.column": where its values are now}.
MOVED = {"organizations.max_agents": "limits"}
# A lock only, and what the migrations themselves write.
WITHOUT_ROWS = {"seal_turn"}
GROWING = {"schema_migrations"}

KEYS = "SELECT key_id, agent_id, org_id FROM relay.agent_keys ORDER BY 1"
PERMISSIONS = ("mail:send", "mail:list", "mail:drop", "pay:card")
STANDING = """
SELECT 'agent', agent_id, status FROM relay.agent_status UNION ALL SELECT 'org', org_id, status FROM relay.organization_status
UNION ALL SELECT 'key', key_id, status FROM relay.key_status UNION ALL SELECT 'legacy', agent_id, state FROM relay.legacy_agent_status
ORDER BY 1, 2"""


@pytest.fixture
def old(empty_database):
    load_0_1_0(empty_database)
    return empty_database


@pytest.fixture
def relay(old, home, tmp_path):
    return Runner(dsn=old.dsn(), home=home, cwd=tmp_path)


def answers(database):
    """What gateways hear about every key and agent, by each function of the contract: {question: answer}."""
    found = {}
    ids = [agent for (agent,) in tuples(database, "SELECT agent_id FROM relay.agents UNION SELECT 'nobody' ORDER BY 1")]
    for key, agent, org in tuples(database, KEYS):
        right = f"'{key}', sha256('{key}')"
        for name, call in (
            ("verify_key", f"relay.verify_key({right})"),
            ("authenticate", f"relay_api.authenticate({right}, ip_address => '192.0.2.1')"),
            ("with claims", f"relay_api.authenticate({right}, '{agent}', '{org}', '192.0.2.1')"),
            ("of another", f"relay_api.authenticate({right}, 'nobody', '{org}', '192.0.2.1')"),
            ("reported", f"relay_api.authenticate({right}, ip_address => '192.0.2.1', reports_uses => true)"),
            ("wrong", f"relay_api.authenticate('{key}', sha256('wrong'), ip_address => '198.51.100.1')"),
        ):
            found[name, key] = database.one(f"SELECT * FROM {call}")
    for agent in ids:
        for name in ("authenticate_legacy", "authenticate_anonymous"):
            found[name, agent] = database.one(f"SELECT * FROM relay_api.{name}(%s, NULL, '192.0.2.77')", agent)
        for permission in PERMISSIONS:
            for address in ("10.1.2.3", "192.0.2.1"):
                found[permission, agent, address] = database.one("SELECT * FROM relay_api.authorize(%s, %s, %s)", agent, permission, address)
    return found


def of_before(now, before):
    """The columns that an answer had before: a later version may add columns."""
    return {question: {name: answer[name] for name in before[question]} for question, answer in now.items()}


def versions(database):
    return [version for (version,) in tuples(database, "SELECT version FROM relay.schema_migrations ORDER BY 1")]


def test_every_row_stays_and_every_answer_too(relay, old):
    answers(old)  # the first use of a key changes something; the same question again does not
    before, standing, columns = answers(old), tuples(old, STANDING), columns_of(old)
    rows = rows_of(old, columns)
    assert {table for table in columns if not rows[table]} == WITHOUT_ROWS, "a table without a row proves nothing"
    reasons = {(name, answer["reason"]) for (name, *_), answer in before.items()}
    assert {reason for name, reason in reasons if name == "authenticate"} == {"ok", "retired", "revoked", "blocked", "expired"}
    assert {reason for name, reason in reasons if name == "authenticate_legacy"} >= {"ok", "blocked", "not_listed", "own_key", "revoked"}
    assert ("authenticate_anonymous", "unauthenticated") in reasons and {answer["ok"] for (name, *_), answer in before.items() if name == "mail:send"} == {True, False}
    assert {state for kind, _, state in standing if kind == "key"} == {"staged", "active", "retiring", "retired", "revoked", "expired"}

    behind = relay.json("schema", "status", check=None)["data"]
    relay("schema", "apply", "--yes", check=0)
    assert behind["version"] == LAST_OF_0_1_0

    now = columns_of(old)
    gone = {f"{table}.{name}" for table, names in columns.items() for name in names.split(", ") if name not in now.get(table, "").split(", ")}
    assert gone == set(MOVED)
    kept = {table: ", ".join(name for name in names.split(", ") if f"{table}.{name}" not in MOVED) for table, names in columns.items()}
    after = rows_of(old, kept)
    for table, names in kept.items():
        if table in GROWING:
            assert set(rows[table]) <= set(after[table]), table
        elif names == columns[table]:
            assert after[table] == rows[table], table
        else:
            assert len(after[table]) == len(rows[table]), table
    assert of_before(answers(old), before) == before
    assert tuples(old, STANDING) == standing

    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []
    assert relay.json("audit", "verify", check=0)["data"]["fault"] is None
    assert relay.json("schema", "apply", "--yes", check=0)["changed"] is False


def test_what_comes_after_works(relay, old):
    """The commands of today on the rows of before."""
    relay("schema", "apply", "--yes", check=0)
    relay("agent", "create", "a-new", "--org", "acme", "--name", "New", "--secret-file", "new.key", "--yes", check=0)
    relay("rotate-key", "a-plain", "--secret-file", "plain.key", "--yes", check=0)
    relay("revoke", "a-grace", "--yes", check=0)
    relay("restore", "a-revoked", "--secret-file", "restored.key", "--yes", check=0)
    relay("migrate-legacy", "issue", "--all", "--secret-file", "issued", "--secret-format", "json", "--yes", check=0)
    relay("unblock", "--ticket", "INC-1", "--yes", check=0)
    relay("audit", "maintain", "--yes", check=0)
    relay("audit", "seal", check=0)
    relay("audit", "verify", check=0)
    relay("incident", "show", "INC-2", check=0)
    states = dict(tuples(old, "SELECT agent_id, status FROM relay.agent_status"))
    assert [states[agent] for agent in ("a-new", "a-plain", "a-grace", "a-revoked", "a-blocked", "a-keyless")] == ["active", "active", "revoked", "active", "active", "active"]


def test_no_call_fails_between_two_migrations(relay, old):
    """Each migration is a transaction, so gateways meet every version."""
    old.execute("UPDATE relay.organizations SET max_agents = 1000")  # a limit makes calls look for seats
    answers(old)  # the first use of a key may end another one
    before = {question: (answer.get("ok"), answer.get("reason")) for question, answer in answers(old).items()}
    while apply_next(old):
        now = {question: (answer.get("ok"), answer.get("reason")) for question, answer in answers(old).items()}
        assert now == before, relay.json("schema", "status", check=None)["data"]["version"]
    assert relay.json("schema", "status", check=0)["data"]["missing"] == []


def test_no_call_is_refused_or_held_up_meanwhile(relay, old):
    answers(old)  # the first use of a key may end another one
    works = [key for (name, key, *_), answer in answers(old).items() if name == "authenticate" and answer["ok"]]
    over, wrong, calls = threading.Event(), [], []

    def call(digest, is_right):
        connection = old.connect()
        with connection.cursor() as cursor:
            while not over.is_set():
                for key in works:
                    try:
                        cursor.execute(f"SELECT ok FROM relay_api.authenticate('{key}', sha256('{digest or key}'), NULL, NULL, '192.0.2.1')")
                        calls.append(cursor.fetchone())
                        if calls[-1] != (is_right,):
                            wrong.append(calls[-1])
                    except psycopg2.Error as error:
                        wrong.append(str(error))
        connection.close()

    threads = [threading.Thread(target=call, args=of) for of in ((None, True), ("wrong", False), (None, True))]
    for thread in threads:
        thread.start()
    try:
        relay("schema", "apply", "--yes", check=0)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and len(calls) >= len(works)
    assert "deadlock detected" not in old.cluster.log()


def test_a_table_that_a_session_holds_is_waited_for_and_the_session_is_named(relay, old):
    """For longer than one try waits for it."""
    with closing(old.connect(application_name="a report")) as holder:
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE relay.event_floods IN ROW EXCLUSIVE MODE")
        process = relay.start("schema", "apply", "--yes")
        line = next(line for line in process.stderr if b"waits for a lock" in line).decode()
        pid = holder.info.backend_pid
    assert "warning: the migration is not applied yet" in line and "RowExclusiveLock on relay.event_floods" in line
    assert f"session {pid} of role postgres (a report)" in line and f"SELECT pg_terminate_backend({pid})" in line
    _, said = process.communicate()
    assert process.returncode == 0, said


def test_a_run_that_is_killed_can_be_repeated(relay, old):
    """Killed as it sends its first COMMIT, in the next run its second one, and so on, until a run has come to its end."""
    rows = rows_of(old, columns_of(old))
    names = columns_of(old)
    for number in range(1, 1000):
        before, seen, reached, go_on = versions(old), [], threading.Event(), threading.Event()

        def hold(message):
            seen.append(message)
            if len(seen) == number:
                reached.set()
                go_on.wait(60)

        with Proxy(old.cluster.socket_path, Fault(hold, match=commit, connection=None)) as proxy:
            process = relay.with_(dsn=proxy.dsn(old)).start("schema", "apply", "--yes")
            while process.poll() is None and not reached.wait(0.01):
                pass
            if not reached.is_set():
                assert process.wait() == 0
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            go_on.set()
        assert versions(old)[: len(before)] == before
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []
    kept = {table: columns for table, columns in names.items() if table not in GROWING and not any(moved.startswith(table + ".") for moved in MOVED)}
    assert rows_of(old, kept) == {table: rows[table] for table in kept}
