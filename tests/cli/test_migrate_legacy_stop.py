"""migrate-legacy abort --deny-all: closes immediately, whatever other transactions are open, and their later commits
open nothing."""

import pytest

from support.database import Database, cluster_with_template, make_template
from support.held_up import HeldUp
from support.legacy_past import grow_old, rewrite
from support.processes import at_once

STOP = ("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off")


@pytest.fixture
def fleet(relay, tmp_path):
    """Two imported agents."""
    enlist(relay, tmp_path)


def enlist(relay, folder):
    (folder / "agents.csv").write_text("agent_id,org_id\nold-1,o\nold-2,o\n")
    relay("migrate-legacy", "import", folder / "agents.csv", "--create-orgs", check=0)


def use_secret(database):
    return database.value("SELECT (relay_api.authenticate_legacy('old-1')).reason")


def state(relay):
    return relay.json("migrate-legacy", "status")["data"]["state"]


def stop(relay):
    """Runs the emergency stop and returns its document. It must not have waited for a lock: a lock that it gives up on
    is a warning."""
    with at_once():
        document = relay.json(*STOP)
    assert document["warnings"] == []
    return document


def test_a_window_that_is_being_opened_is_closed_before_anybody_saw_it(relay, database, fleet):
    with HeldUp(relay, database, "migrate-legacy", "start", "--deadline", "9d") as start:
        assert stop(relay)["changed"] is True
    assert start.result.code == 0
    assert use_secret(database) == "legacy_closed" and state(relay) == "denied"
    assert stop(relay)["changed"] is True, "each has its row"
    assert database.value("SELECT count(*) FROM relay.legacy_stops") == 2
    assert relay.json("migrate-legacy", "start", "--deadline", "1d")["data"]["wave_agents"] == 2
    assert use_secret(database) == "ok", "a window of later is open"


@pytest.mark.parametrize(
    "words", [("extend", "--deadline", "20d", "--reason", "more time"), ("abort",)], ids=lambda words: words[0]
)
def test_a_window_that_somebody_has_in_hand_is_closed_all_the_same(relay, database, fleet, words):
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    with HeldUp(relay, database, "migrate-legacy", *words) as other:
        assert stop(relay)["data"]["state"] == "denied"
        assert use_secret(database) == "legacy_closed"
    assert other.result.code == 0
    assert use_secret(database) == "legacy_closed" and state(relay) == "denied"
    relay.error("migrate-legacy", "extend", "--deadline", "9d", "--reason", "x", check=5)
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    assert use_secret(database) == "ok"


def test_who_holds_the_audit_log_does_not_hold_it_up(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    holder = database.connect(autocommit=False)
    try:
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE relay.auth_events IN ACCESS EXCLUSIVE MODE")
        result = relay(*STOP, check=0)
        assert "warning: no auth_events row could be written" in result.err
        assert database.value("SELECT (relay.decide_legacy('old-1', NULL)).reason") == "legacy_closed"
    finally:
        holder.close()


def test_it_is_told_in_the_trail_and_in_the_feed(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    before = database.value("SELECT count(*) FROM relay.key_changes WHERE change = 'legacy_changed'")
    relay(*STOP, "--ticket", "INC-7", check=0)
    assert database.value("SELECT count(*) FROM relay.key_changes WHERE change = 'legacy_changed'") > before
    assert database.value("SELECT ticket FROM relay.auth_events WHERE action = 'migration_denied_all'") == "INC-7"
    shut = database.rows("SELECT state, closed_by IS NOT NULL AS signed FROM relay.legacy_migrations")
    assert shut == [{"state": "aborted", "signed": True}]


def test_a_dry_run_stops_nothing(relay, database, fleet):
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    assert relay.json(*STOP, "--dry-run")["data"]["state"] == "denied"
    assert use_secret(database) == "ok"


def test_it_waits_for_no_standby(relay_without_database, tmp_path):
    with cluster_with_template() as primary:
        database = Database(primary, template=make_template(primary))
        relay = relay_without_database.with_(dsn=database.dsn())
        enlist(relay, tmp_path)
        relay("migrate-legacy", "start", "--deadline", "9d", check=0)
        session = primary.connect()
        with session.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
            cursor.execute("SELECT pg_reload_conf()")
        session.close()
        with at_once():
            relay(*STOP, check=0)
        assert database.value("SELECT (relay.decide_legacy('old-1', NULL)).reason") == "legacy_closed"


@pytest.mark.parametrize("before", ["never opened", "stopped before", "finished before"])
@pytest.mark.parametrize("message", [3, 5, 8, 13, 18, 23])
def test_a_start_that_has_only_begun_opens_nothing(relay, database, fleet, message, before):
    """It is held at each of its messages, of which the first ones leave nothing to be seen: no lock, no row."""
    if before != "never opened":
        relay("migrate-legacy", "start", "--deadline", "9d", check=0)
        grow_old(database)
        relay(*(STOP if before == "stopped before" else ("migrate-legacy", "finish", "--allow-never-seen", "2", "--confirm", "legacy-off")), check=0)
        grow_old(database, "1 minute")
    with HeldUp(relay, database, "migrate-legacy", "start", "--deadline", "9d", at=message) as start:
        rows = database.value("SELECT count(*) FROM relay.legacy_stops")
        assert stop(relay)["changed"] is True
        assert database.value("SELECT count(*) FROM relay.legacy_stops") == rows + 1
    assert start.result.code in (0, 5), start.result
    if start.result.code == 5:
        assert "an emergency stop came in between" in start.result.err
    assert use_secret(database) == "legacy_closed"


def test_a_clock_that_is_moved_back_opens_nothing(relay, database, fleet):
    """The window was opened at a time that is not over yet, by the clock of now."""
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    rewrite(database, "UPDATE relay.legacy_migrations SET opened_at = opened_at + interval '1 hour'")
    assert stop(relay)["data"]["state"] == "denied"
    assert use_secret(database) == "legacy_closed" and state(relay) == "denied"
