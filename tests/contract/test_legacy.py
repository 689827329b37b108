"""relay_api.authenticate_legacy: which agents may still use the shared secret, until when, and that none can come back
to it."""

import json
import time

import psycopg2
import pytest

from support.agents import digest, first_agent, key_id, read_key, rotate
from support.cluster import Cluster
from support.database import Database, make_template
from support.held_up import HeldUp
from support.prepared import prepared

ASK = "SELECT * FROM relay_api.authenticate_legacy(%s, %s, %s, %s)"


@pytest.fixture
def gateway(database):
    """A session with a gateway's rights."""
    connection = database.connect(user=database.gateway_login())
    yield connection
    connection.close()


def ask(gateway, agent="bot", org=None, ip=None, trace=None):
    """The decision as a gateway gets it: {"ok", "reason", ...}."""
    with gateway.cursor() as cursor:
        cursor.execute(ASK, (agent, org, ip, trace))
        return dict(zip((column.name for column in cursor.description), cursor.fetchone()))


def reason(gateway, agent="bot", **more):
    return ask(gateway, agent, **more)["reason"]


def use_own_key(gateway, key):
    with gateway.cursor() as cursor:
        cursor.execute("SELECT reason FROM relay_api.authenticate(%s, %s)", (key_id(key), digest(key)))
        return cursor.fetchone()[0]


def imported(database, *agents):
    """Puts agents that exist into the inventory, as an import does."""
    for agent in agents:
        database.execute(
            "INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by)"
            " SELECT agent_id, org_id, 'test' FROM relay.agents WHERE agent_id = %s",
            agent,
        )


def events(database, action):
    return database.rows("SELECT * FROM relay.auth_events WHERE action = %s ORDER BY event_id", action)


@prepared
def window(relay, database, key):
    """An open window with `bot` on the list; `key` is its own, and was never used."""
    imported(database, "bot")
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)


def test_before_a_window_everybody_is_refused(gateway, database, key):
    assert reason(gateway) == "legacy_closed"
    imported(database, "bot")
    assert reason(gateway) == "legacy_closed"


def test_a_listed_agent_is_let_in_until_the_deadline(gateway, database, window):
    answer = ask(gateway, org="acme", ip="192.0.2.1", trace="trace-1")
    assert (answer["ok"], answer["reason"], answer["org_id"], answer["agent_id"]) == (True, "ok", "acme", "bot")
    assert answer["expires_at"] == database.value("SELECT deadline FROM relay.legacy_migrations")
    row = database.one("SELECT last_seen_at, last_seen_from FROM relay.legacy_agents")
    assert row["last_seen_at"] is not None and row["last_seen_from"] == "192.0.2.1"
    (logged,) = events(database, "legacy_authenticated")
    assert (logged["agent_id"], logged["org_id"], logged["ip_address"], logged["trace_id"]) == (
        "bot", "acme", "192.0.2.1", "trace-1")  # fmt: skip


def test_it_carries_the_permissions_of_the_agent(gateway, relay, window):
    relay("agent", "grant", "bot", "ledger:read", "--conditions", '{"max_amount": 5}', check=0)
    answer = ask(gateway)
    assert "ledger:read" in answer["permissions"]
    assert answer["conditions"] == {"ledger:read": [{"max_amount": 5}]}


def test_use_is_written_at_most_once_a_minute_and_logged_for_each_address(gateway, database, window):
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", None):
        assert reason(gateway, ip=address) == "ok"
    assert [row["ip_address"] for row in events(database, "legacy_authenticated")] == ["192.0.2.1", "192.0.2.2", None]
    assert database.value("SELECT last_seen_from FROM relay.legacy_agents") == "192.0.2.1"
    database.execute("UPDATE relay.legacy_agents SET last_seen_at = last_seen_at - interval '2 minutes'")
    assert reason(gateway, ip="192.0.2.2") == "ok"
    assert database.value("SELECT last_seen_from FROM relay.legacy_agents") == "192.0.2.2"


def test_the_first_use_of_its_own_key_takes_it_off_the_list_in_the_same_transaction(gateway, database, window, key):
    gateway.autocommit = False
    assert use_own_key(gateway, key) == "ok"
    assert reason(gateway) == "own_key", "in the same transaction"
    gateway.rollback()
    assert reason(gateway) == "ok", "a rolled back use proves nothing"
    gateway.commit()
    assert use_own_key(gateway, key) == "ok"
    gateway.commit()
    assert reason(gateway, ip="203.0.113.9") == "own_key"
    gateway.commit()
    (proven,) = events(database, "migration_proven")
    assert proven["agent_id"] == "bot"
    denied = events(database, "legacy_denied")[-1]
    assert (denied["reason"], denied["ip_address"], denied["outcome"]) == ("own_key", "203.0.113.9", "failed")
    changes = database.rows("SELECT agent_id FROM relay.key_changes WHERE change = 'legacy_left'")
    assert changes == [{"agent_id": "bot"}]


@pytest.mark.parametrize(
    "held",
    ["SELECT FROM relay.agent_keys FOR UPDATE", "SELECT FROM relay.agents FOR UPDATE", "SELECT FROM relay.legacy_agents FOR UPDATE",
     "UPDATE relay.legacy_agents SET owner = 'somebody'", "UPDATE relay.legacy_migrations SET deadline = deadline + interval '1 day'"],
)  # fmt: skip
def test_it_is_off_the_list_whoever_holds_what_and_waits_for_nobody(gateway, database, window, key, held):
    """A rotation, a batch of issue, a wave of start, an import: stopped in the middle, maybe for hours."""
    holder = database.connect(autocommit=False)
    try:
        with holder.cursor() as cursor:
            cursor.execute(held)
        with gateway.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
        assert reason(gateway) == "ok"
        assert use_own_key(gateway, key) == "ok"
        assert reason(gateway) == "own_key"
        holder.commit()
        assert reason(gateway) == "own_key"
    finally:
        holder.close()
    assert [row["agent_id"] for row in events(database, "migration_proven")] == ["bot"]
    row = database.one("SELECT state, left_at FROM relay.legacy_agent_status")
    assert row["state"] == "proven" and row["left_at"] is not None


def test_an_import_in_flight_and_a_first_use_do_not_miss_each_other(gateway, database, relay, key):
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", "other.key", check=0)
    imported(database, "other")
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    importing = database.connect(autocommit=False)
    try:
        with importing.cursor() as cursor:
            cursor.execute("INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) VALUES ('bot', 'acme', 'test')")
            cursor.execute("UPDATE relay.legacy_agents SET migration_id = 1, wave = 2 WHERE agent_id = 'bot'")
        assert use_own_key(gateway, key) == "ok"
        importing.commit()
    finally:
        importing.close()
    assert reason(gateway) == "own_key"
    assert database.value("SELECT state FROM relay.legacy_agent_status WHERE agent_id = 'bot'") == "proven"


def test_keys_that_were_used_when_there_was_no_window_and_no_import_count(empty_database, relay_without_database, tmp_path):
    """Each agent that ever used a key is recorded, once, with its first key; an import and a window that come later change nothing."""
    relay = relay_without_database.with_(dsn=empty_database.dsn())
    first = first_agent(relay, tmp_path / "bot.key")
    for agent in ("other", "unused"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", tmp_path / agent, check=0)
    other = read_key(tmp_path / "other")
    session = empty_database.connect()
    assert [use_own_key(session, key) for key in (first, other)] == ["ok", "ok"]
    assert use_own_key(session, rotate(relay, tmp_path / "second.key")) == "ok"
    proven = empty_database.rows("SELECT agent_id, org_id, key_id FROM relay.proven_agents ORDER BY agent_id")
    assert [tuple(row.values()) for row in proven] == [("bot", "acme", key_id(first)), ("other", "acme", key_id(other))]
    seen = "SELECT k.agent_id FROM relay.key_sightings AS s JOIN relay.agent_keys AS k USING (key_id)"
    assert empty_database.rows(f"{seen} EXCEPT SELECT agent_id FROM relay.proven_agents") == []
    imported(empty_database, "bot", "other", "unused")
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    assert [reason(session, agent) for agent in ("bot", "other", "unused")] == ["own_key", "own_key", "ok"]
    session.close()


def test_nobody_comes_back_on_the_list(gateway, database, window, key, relay):
    use_own_key(gateway, key)
    for statement in (
        "DELETE FROM relay.proven_agents",
        "UPDATE relay.proven_agents SET agent_id = 'other'",
        "TRUNCATE relay.proven_agents",
        "DELETE FROM relay.legacy_agents",
        "TRUNCATE relay.legacy_agents CASCADE",
        "DELETE FROM relay.legacy_migrations",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            database.execute(statement)
    relay("migrate-legacy", "abort", check=0)
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    assert reason(gateway) == "own_key"


def test_a_key_that_was_used_before_the_import_counts(gateway, database, relay, key):
    use_own_key(gateway, key)
    imported(database, "bot")
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    assert reason(gateway) == "own_key"


def test_every_other_refusal_has_its_reason(gateway, database, relay, window, tmp_path):
    relay("agent", "create", "late", "--org", "acme", "--name", "Late", "--secret-file", tmp_path / "late", check=0)
    assert reason(gateway, "nobody") == "unknown_agent"
    assert reason(gateway, "late") == "not_listed"
    imported(database, "late")
    assert reason(gateway, "late") == "not_listed", "imported, and in no wave yet"
    assert reason(gateway, org="other") == "org_mismatch"
    relay("block", "bot", check=0)
    assert reason(gateway) == "blocked"
    relay("unblock", "bot", "--yes", check=0)
    assert reason(gateway) == "ok"
    relay("revoke", "bot", check=0)
    assert reason(gateway) == "revoked"
    relay("restore", "bot", "--yes", "--secret-file", tmp_path / "fresh", check=0)
    assert reason(gateway) == "revoked", "a revocation is a cut-off, for the shared secret as for keys"
    denied = [(row["agent_id"], row["reason"], row["detail"]["claimed_agent_id"]) for row in events(database, "legacy_denied")]
    assert denied[:2] == [(None, "unknown_agent", "nobody"), ("late", "not_listed", "late")]
    assert [row[1] for row in denied[2:]] == ["not_listed", "org_mismatch", "blocked", "revoked", "revoked"]


def test_a_block_of_its_organization_counts(gateway, relay, window):
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    assert reason(gateway) == "blocked"


def test_after_the_deadline_everybody_is_refused_without_anybody_running_anything(gateway, database, window):
    database.execute("UPDATE relay.legacy_migrations SET deadline = clock_timestamp() + interval '300 milliseconds'")
    assert reason(gateway) == "ok"
    database.execute("SELECT pg_sleep(0.4)")
    assert reason(gateway) == "legacy_closed"
    assert reason(gateway, "nobody") == "legacy_closed"


@pytest.mark.parametrize(
    "words, after",
    [(("finish", "--quiet-for", "0", "--allow-never-seen", "1", "--confirm", "legacy-off"), "legacy_closed"), (("abort",), "ok"),
     (("abort", "--deny-all", "--confirm", "legacy-off"), "legacy_closed")],
)  # fmt: skip
def test_the_end_of_a_window(gateway, database, relay, window, words, after):
    assert reason(gateway, "nobody") == "unknown_agent"
    relay("migrate-legacy", *words, check=0)
    assert reason(gateway) == after
    assert database.value("SELECT count(*) FROM relay.key_changes WHERE change = 'legacy_changed'") >= 1
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.execute("UPDATE relay.legacy_migrations SET state = 'open', closed_by = NULL")


def test_no_check_waits_for_a_batch_that_stands_still(gateway, database, relay, tmp_path, record_property):
    """issue works on two hundred agents and is stopped before its COMMIT: gateways accept those agents, and others with
    their own key, as before."""
    (tmp_path / "agents.csv").write_text("agent_id,org_id\n" + "".join(f"old-{n:03},o\n" for n in range(300)))
    relay("migrate-legacy", "import", tmp_path / "agents.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    lines = ("--secret-format", "json", "--secret-file")
    relay("migrate-legacy", "issue", "--next", "100", *lines, "first", check=0)
    keys = {line["agent_id"]: line["api_key"] for line in map(json.loads, (tmp_path / "first").read_text().splitlines())}
    slowest = 0.0
    with HeldUp(relay, database, "migrate-legacy", "issue", "--all", *lines, "second") as issue:
        for number in range(300):
            agent = f"old-{number:03}"
            began = time.monotonic()
            assert reason(gateway, agent, ip="192.0.2.1") == "ok"
            if agent in keys:
                assert use_own_key(gateway, keys[agent]) == "ok"
                assert reason(gateway, agent) == "own_key"
            slowest = max(slowest, time.monotonic() - began)
    assert issue.result.code == 0 and slowest < 9  # it is stopped for as long as all these checks take
    record_property("slowest check, ms", round(1000 * slowest))
    assert database.value("SELECT count(*) FROM relay.legacy_agent_status WHERE state = 'issued'") == 200


def test_on_a_standby_it_answers_and_writes_nothing(relay_without_database, tmp_path):
    with Cluster() as primary:
        database = Database(primary, template=make_template(primary))
        relay = relay_without_database.with_(dsn=database.dsn())
        first_agent(relay, tmp_path / "bot.key")
        imported(database, "bot")
        relay("migrate-legacy", "start", "--deadline", "1d", check=0)
        login = database.gateway_login()
        standby = primary.make_standby().wait_caught_up()
        session = standby.connect(database.name, user=login)
        try:
            assert ask(session, "bot")["report_now"] is True, "the gateway repeats the call on the primary"
            assert reason(session) == "ok" and reason(session, "nobody") == "unknown_agent"
        finally:
            session.close()
        assert events(database, "legacy_authenticated") == [] and events(database, "legacy_denied") == []


@pytest.mark.parametrize("strange", [None, "", "x" * 100_000, "'; DROP TABLE relay.agents; --", "\u202e\u0007"])
def test_strange_ids_are_unknown_and_leave_a_short_record(gateway, database, window, strange):
    assert reason(gateway, strange, org=strange, trace=strange) == "unknown_agent"
    (logged,) = events(database, "legacy_denied")
    assert len(str(logged)) < 2000


def test_a_rotation_is_no_proof_and_a_new_key_is(gateway, relay, window, tmp_path):
    relay("rotate-key", "bot", "--grace", "0", "--secret-file", tmp_path / "second", check=0)
    assert reason(gateway) == "ok"
    assert use_own_key(gateway, read_key(tmp_path / "second")) == "ok"
    assert reason(gateway) == "own_key"


def test_the_time_of_what_is_told_cannot_be_chosen(database, window):
    login = database.cluster.login("legacy_provisioner", member_of="relay_provisioner")
    session = database.connect(user=login)
    try:
        for statement in (
            "UPDATE relay.legacy_agents SET last_seen_at = NULL",
            "INSERT INTO relay.proven_agents (agent_id, org_id, key_id) VALUES ('bot', 'acme', 'x')",
            "UPDATE relay.legacy_agents SET listed_at = now()",
            "INSERT INTO relay.legacy_stops (stopped_at, stopped_by) VALUES ('2100-01-01', 'x')",
            "INSERT INTO relay.legacy_migrations (deadline, opened_by, opened_at) VALUES (now(), 'x', now())",
        ):
            with session.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
    finally:
        session.close()
