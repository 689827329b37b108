"""Work that one session at a time may do: a stranger cannot stop it, or is named."""

import concurrent.futures
import re

import pytest
from support.agents import first_agent
from support.processes import wait_until

AUDIT = ["audit", "maintain", "--ahead", "9", "--timeout", "2s"]
LEGACY = ["migrate-legacy", "import", "old.csv", "--org", "acme", "--timeout", "2s"]


@pytest.fixture
def stranger(database):
    """A session of a login without any right, under the name of a program."""
    login = database.cluster.login("mallory")
    session = database.connect(user=login, autocommit=False, application_name="mallory's tool")
    yield session
    session.close()


@pytest.mark.parametrize("key", range(4))
def test_a_public_lock_stops_neither_the_audit_nor_the_migration(relay, database, stranger, tmp_path, key):
    first_agent(relay, tmp_path / "bot.key")
    (tmp_path / "old.csv").write_text("agent_id\nold-1\n")
    stranger.cursor().execute("SELECT pg_advisory_lock(7263542, %s)", [key])
    relay(*AUDIT, check=0)
    relay(*LEGACY, check=0)
    relay("migrate-legacy", "start", "--deadline", "2d", "--timeout", "2s", check=0)


@pytest.mark.parametrize("table", ["legacy_migrations", "schema_migrations"])
@pytest.mark.parametrize("group", [None, "relay_tenant", "relay_gateway", "relay_auditor"])
def test_no_such_login_can_take_the_lock_that_counts(relay, database, table, group):
    login = database.cluster.login(f"locker_{group}", member_of=[group] if group else ())
    with database.connect(user=login) as session, session.cursor() as cursor:
        for statement in (f"LOCK TABLE relay.{table} IN SHARE UPDATE EXCLUSIVE MODE", "SELECT relay.lock_legacy()",
                          "SELECT relay.lock_event_months()"):  # fmt: skip
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute("BEGIN; " + statement)
            session.rollback()


def holder_of(error, pid):
    assert error["changed"] == "no" and error["retryable"] is True and error["sqlstate"] in ("55P03", "57014")
    assert f"session {pid} of role " in error["message"] and "nothing was changed" in error["message"]
    assert f"pg_terminate_backend({pid})" in error["next"]
    return error["message"]


def test_the_holder_of_the_migration_lock_is_named(relay, database, stranger):
    stranger.cursor().execute("SELECT pg_advisory_lock(7263542, 0)")
    told = holder_of(relay.error("schema", "apply", "--timeout", "2s", check=8), stranger.info.backend_pid)
    assert "of role mallory (mallory's tool) since 20" in told and "a migration of the schema" in told


def test_as_far_as_the_asker_may_see(relay, database):
    """A provisioner does not see since when a superuser's transaction is open."""
    asker = relay.with_(dsn=database.dsn(user=database.cluster.login("clerk", member_of=["relay_provisioner"])))
    with database.connect(autocommit=False) as other:
        other.cursor().execute("SELECT relay.lock_event_months()")
        told = holder_of(asker.error(*AUDIT, check=8), other.info.backend_pid)
    assert "of role postgres" in told and " since " not in told


@pytest.mark.parametrize("words, statement, work", [
    (AUDIT, "SELECT relay.lock_event_months()", "the months of the audit trail"),
    (LEGACY, "SELECT relay.lock_legacy()", "the legacy migration"),
])  # fmt: skip
def test_the_holder_of_another_lock_is_named(relay, database, tmp_path, words, statement, work):
    first_agent(relay, tmp_path / "bot.key")
    (tmp_path / "old.csv").write_text("agent_id\nold-1\n")
    with database.connect(autocommit=False) as other:
        other.cursor().execute(statement)
        assert work in holder_of(relay.error(*words, check=8), other.info.backend_pid)


def test_a_lock_that_is_released_in_time_is_waited_for(relay, database, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    (tmp_path / "old.csv").write_text("agent_id\nold-1\n")
    other = database.connect(autocommit=False)
    other.cursor().execute("SELECT relay.lock_legacy()")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(relay, *LEGACY[:-2], "-o", "json")
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'relay.legacy_migrations'::regclass AND NOT granted"
        wait_until(lambda: database.value(waiting) == 1, what="the import to wait")
        other.close()
        assert run.result().code == 0 and re.search(r'"imported":1\b', run.result().out)
