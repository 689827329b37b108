"""Someone holds a lock on a whole table, as CREATE INDEX does: gateways get the same answers, and only the notes are left
out until a later call."""

import contextlib

import pytest

from support.agents import digest, key_id, read_key, rotate
from support.prepared import prepared

MODES = ("SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE")  # all that exclude writers, but no reader

AUTHENTICATE = "SELECT (relay_api.authenticate(%s, %s, %s, NULL, %s)).reason"
AUTHORIZE = "SELECT (relay_api.authorize(%s, 'a:b', %s)).reason"
ANONYMOUS = "SELECT (relay_api.authenticate_anonymous(%s, NULL, %s)).reason"
LEGACY = "SELECT (relay_api.authenticate_legacy(%s, NULL, %s)).reason"
ACKNOWLEDGE = "SELECT relay_api.acknowledge('one', (SELECT next_cursor FROM relay_api.changes_since(NULL)))::text"
IP = "192.0.2.1"

FLEET = """
INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a' || n, 'acme', 'A', 'test' FROM generate_series(0, 199) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT lpad(n::text, 12, '0'), 'a' || n, 'acme', sha256(sha256('secret')), now() + interval '90 days', 'test' FROM generate_series(0, 199) AS n;
INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '30 days', 'test');
INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) SELECT agent_id, org_id, 'test' FROM relay.agents;
UPDATE relay.legacy_agents SET migration_id = 1, wave = 1;
UPDATE relay.organizations SET auth_mode = 'optional';
"""


@prepared
def fleet(database, key):
    """Two hundred agents, a0 to a199, that may still use the shared secret; the key of each has never been used."""
    database.execute(FLEET)


@pytest.fixture
def ask(database):
    """ask(sql, *values) as a gateway, each call in a separate transaction that may take a second."""
    connection = database.connect(user=database.gateway_login())

    def value(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '1s'")
            cursor.execute(sql, values)
            return cursor.fetchone()[0]

    yield value
    connection.close()


@contextlib.contextmanager
def held(database, *statements):
    holder = database.connect(autocommit=False)
    try:
        with holder.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
    finally:
        holder.close()


def lock(table, mode="SHARE"):
    return f"LOCK TABLE ONLY {table} IN {mode} MODE"


def tables(database):
    return [row["name"] for row in database.rows(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'relay'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1")]  # fmt: skip


def first_use(ask, number):
    return ask(AUTHENTICATE, f"{number:012d}", digest("secret"), None, IP)


@pytest.mark.parametrize("mode", MODES)
def test_no_lock_on_any_table_changes_an_answer(database, fleet, ask, key, foreign_key, mode):
    """Each table of the schema in turn, with the partitions of the audit trail: what is not known of it today is found, too."""
    names = tables(database)
    assert len(names) > 25 and "relay.auth_events_default" in names
    for number, name in enumerate(names):
        with held(database, lock(name, mode)):
            answers = {
                "first use": first_use(ask, number),
                "unknown": ask(AUTHENTICATE, key_id(foreign_key), digest(foreign_key), None, f"198.51.100.{number}"),
                "mismatch": ask(AUTHENTICATE, key_id(key), digest(key), "other", f"198.51.100.{number}"),
                "permission": ask(AUTHORIZE, "bot", f"198.51.100.{number}"),
                "keyless": ask(ANONYMOUS, f"a{number}", f"198.51.100.{number}"),
                "shared secret": ask(LEGACY, f"a{199 - number}", f"198.51.100.{number}"),
                "sign of life": ask(ACKNOWLEDGE),
            }
        assert answers == {
            "first use": "ok", "unknown": "unknown_key", "mismatch": "agent_mismatch", "permission": "permission_missing",
            "keyless": "unauthenticated", "shared secret": "ok", "sign of life": "",
        }, name  # fmt: skip
        # What was left out is made up for by the next call: at the latest then the shared secret is closed to the agent.
        assert first_use(ask, number) == "ok" and ask(LEGACY, f"a{number}", IP) == "own_key", name
    assert database.value("SELECT count(*) FROM relay.agent_keys WHERE NOT awaits_use") >= len(names)
    database.execute("UPDATE relay.key_sightings SET last_used_at = last_used_at - interval '2 hours'")
    assert [first_use(ask, number) for number in range(len(names))] == ["ok"] * len(names)
    assert database.value("SELECT count(*) FROM relay.key_sightings WHERE host(ip_address) = %s", IP) == len(names)
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated' AND host(ip_address) = %s", IP) >= len(names)


@pytest.mark.parametrize(
    "index",
    ["relay.agents (name)", "relay.agent_keys (created_by)", "relay.auth_events (ticket)", "relay.key_sightings (last_used_at)",
     "relay.event_floods (began_at)", "relay.legacy_agents (owner)", "relay.legacy_sightings (logged_at)", "relay.proven_agents (key_id)"],
)  # fmt: skip
def test_an_index_that_is_being_made_holds_up_no_call(database, fleet, ask, foreign_key, index):
    with held(database, f"CREATE INDEX made_by_hand ON {index}"):
        assert first_use(ask, 1) == "ok" and ask(LEGACY, "a2", IP) == "ok"
        assert ask(AUTHENTICATE, key_id(foreign_key), digest(foreign_key), None, IP) == "unknown_key"
    assert first_use(ask, 1) == "ok" and ask(LEGACY, "a1", IP) == "own_key"


def test_leaving_the_shared_secret_depends_on_its_own_table_only(database, fleet, ask):
    others = [name for name in tables(database) if name != "relay.proven_agents"]
    with held(database, *(lock(name) for name in others)):
        assert first_use(ask, 1) == "ok"
        assert database.value("SELECT relay.decide_legacy('a1', NULL)::text").startswith("(own_key")
    with held(database, lock("relay.proven_agents")):
        assert first_use(ask, 2) == "ok"
        assert ask(LEGACY, "a2", IP) == "ok", "it cannot be known yet"
        assert database.value("SELECT awaits_use FROM relay.agent_keys WHERE agent_id = 'a2'"), "so that the next call asks again"
    assert first_use(ask, 2) == "ok" and ask(LEGACY, "a2", IP) == "own_key"


@pytest.mark.parametrize("table", ["relay.auth_events", "relay.agent_keys", "relay.auth_events_default"])
def test_an_old_key_ends_at_a_later_call_and_with_its_event(relay, database, ask, key, tmp_path, table):
    database.execute("SELECT relay.make_event_months()")
    if table == "relay.auth_events_default":  # the partition that an event goes to, whatever its name
        table = database.value("SELECT tableoid::regclass::text FROM relay.auth_events ORDER BY event_id DESC LIMIT 1")
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    events = "SELECT count(*) FROM relay.auth_events WHERE action IN ('key_retired', 'key_state_changed')"
    with held(database, lock(table)):
        for _ in range(2):
            assert ask(AUTHENTICATE, key_id(new), digest(new), None, IP) == "ok"
        assert ask(AUTHENTICATE, key_id(key), digest(key), None, IP) == "ok", "not without its event"
        assert database.value(events) == 0
    assert ask(AUTHENTICATE, key_id(new), digest(new), None, IP) == "ok"
    assert ask(AUTHENTICATE, key_id(key), digest(key), None, IP) == "retired"
    assert database.value(events) == 1
    assert read_key(tmp_path / "new.key") == new


def test_failures_are_counted_while_the_audit_trail_is_locked(database, ask, key, foreign_key):
    count = "SELECT COALESCE(sum(times), 0)::int FROM relay.{} WHERE outcome = 'failed'"

    def fail(times):
        for _ in range(times):
            ask(AUTHENTICATE, key_id(foreign_key), digest(foreign_key), None, IP)

    with held(database, lock("relay.auth_events")):
        fail(25)
        assert database.value(count.format("auth_events")) == 0
        assert database.value(count.format("recorded_events")) == 25
    fail(3)
    assert database.value(count.format("recorded_events")) == 28
    database.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
    assert database.value(count.format("auth_events")) == 28
    with held(database, lock("relay.auth_events")):  # a window that ended, and cannot be settled
        fail(2)
        database.execute("UPDATE relay.event_floods SET ends_at = ends_at - interval '2 minutes'")
        fail(2)
    assert database.value(count.format("recorded_events")) == 32


def test_a_row_that_another_call_is_inserting_is_not_waited_for_long(database, fleet, ask):
    """A gateway that checks within an open transaction, against the guide."""
    with held(database, f"SELECT relay_api.authenticate('000000000003', sha256('secret'), NULL, NULL, '{IP}')"):
        assert first_use(ask, 3) == "ok"
    assert first_use(ask, 3) == "ok" and ask(LEGACY, "a3", IP) == "own_key"
