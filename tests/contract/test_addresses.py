"""From where agents may call: the next call obeys a list, whichever way the agent shows who it is."""

from contextlib import closing

import psycopg2
import pytest

from support.agents import digest, first_agent, key_id
from support.pooler import PgBouncer

HERE = "192.0.2.7"


class Caller:
    """Calls the functions of the contract as a gateway, on one session: a session keeps its plans."""

    def __init__(self, connection):
        self.connection = connection

    def reason(self, function, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT ok, reason FROM relay_api.{function}({', '.join(['%s'] * len(arguments))})", arguments)
            ok, reason = cursor.fetchone()
            assert ok == (reason in ("ok", "unauthenticated"))
            return reason

    def key(self, key, address=HERE, reports=False):
        return self.reason("authenticate", key_id(key), digest(key), None, None, address, None, reports)


@pytest.fixture
def caller(database, key):
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Caller(connection)


@pytest.fixture
def allow(database):
    """Sets the list of the organization or of an agent; None: any address."""

    def change(addresses, *, org="acme", agent=None):
        database.execute("DELETE FROM relay.call_policies WHERE org_id = %s AND agent_id IS NOT DISTINCT FROM %s", org, agent)
        if addresses is not None:
            database.execute("INSERT INTO relay.call_policies (org_id, agent_id, addresses) VALUES (%s, %s, %s::cidr[])", org, agent, addresses)

    return change


@pytest.mark.parametrize("reports", [False, True], ids=["", "reports uses"])
def test_a_list_counts_at_the_next_call_and_so_does_its_end(caller, key, allow, reports):
    for _ in range(2):  # the second one is a usual call
        assert caller.key(key, reports=reports) == "ok"
    allow(["198.51.100.0/24"])
    assert caller.key(key, reports=reports) == "address_not_allowed"
    allow(["198.51.100.0/24", "192.0.2.0/28"])
    for _ in range(2):
        assert caller.key(key, reports=reports) == "ok"
        assert caller.key(key, "192.0.2.16", reports) == "address_not_allowed"
    allow(None)
    assert caller.key(key, "192.0.2.16", reports) == "ok"


@pytest.mark.parametrize(
    "address, allowed, reason",
    [
        ("192.0.2.7", "192.0.2.7", "ok"),
        ("192.0.2.7", "192.0.2.6/31", "ok"),
        ("192.0.2.8", "192.0.2.6/31", "address_not_allowed"),
        ("::ffff:192.0.2.7", "192.0.2.0/24", "ok"),
        ("::ffff:192.0.3.7", "192.0.2.0/24", "address_not_allowed"),
        ("::192.0.2.7", "192.0.2.0/24", "address_not_allowed"),
        ("2001:db8::5", "2001:db8::/64", "ok"),
        ("2001:db8:0:1::5", "2001:db8::/64", "address_not_allowed"),
        ("192.0.2.7", "2001:db8::/64", "address_not_allowed"),
        ("192.0.2.7", "2000::/3", "address_not_allowed"),
        ("::ffff:192.0.2.7", "2000::/3", "address_not_allowed"),
        ("192.0.2.7/8", "192.0.2.0/24", "ok"),
        (None, "128.0.0.0/1", "address_not_allowed"),
        (None, "2000::/3", "address_not_allowed"),
    ],
)
def test_an_address_is_compared_as_what_it_is(caller, key, allow, address, allowed, reason):
    """An IPv4 address inside IPv6 is the IPv4 address; an unknown address is in no list."""
    allow([allowed])
    assert caller.key(key, address) == caller.key(key, address) == reason


def test_the_list_of_an_agent_beats_that_of_its_organization(caller, relay, key, allow, tmp_path):
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", tmp_path / "other.key", check=0)
    other = (tmp_path / "other.key").read_text()
    allow(["198.51.100.0/24"])
    allow(["192.0.2.0/24"], agent="bot")
    assert (caller.key(key), caller.key(other)) == ("ok", "address_not_allowed")
    assert (caller.key(key, "198.51.100.1"), caller.key(other, "198.51.100.1")) == ("address_not_allowed", "ok")
    allow(None)
    assert (caller.key(key, "198.51.100.1"), caller.key(other)) == ("address_not_allowed", "ok")


def test_a_list_of_one_tenant_concerns_no_other(caller, database, relay, key, allow, tmp_path):
    relay("org", "create", "zeta", "--name", "Zeta", check=0)
    relay("agent", "create", "zed", "--org", "zeta", "--name", "Zed", "--secret-file", tmp_path / "zed.key", check=0)
    zed = (tmp_path / "zed.key").read_text()
    allow(["198.51.100.0/24"])
    assert (caller.key(key), caller.key(zed)) == ("address_not_allowed", "ok")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        allow(["192.0.2.0/24"], org="zeta", agent="bot")


def test_other_reasons_come_first_and_a_stranger_learns_nothing(caller, relay, key, foreign_key, allow):
    allow(["198.51.100.0/24"])
    assert caller.key(foreign_key) == "unknown_key"
    relay("block", "bot", check=0)
    assert caller.key(key) == "blocked"


def test_a_refusal_is_recorded_with_its_address(caller, database, key, allow):
    allow(["198.51.100.0/24"])
    caller.key(key, "192.0.2.9")
    event = database.one("SELECT org_id, agent_id, key_id, host(ip_address) AS ip, outcome FROM relay.auth_events WHERE reason = 'address_not_allowed'")
    assert event == {"org_id": "acme", "agent_id": "bot", "key_id": key_id(key), "ip": "192.0.2.9", "outcome": "failed"}


def test_the_shared_secret_and_calls_without_a_key_obey_it_too(caller, database, relay, allow):
    """Otherwise the list would be open to whoever has the shared secret, or nothing at all."""
    relay("org", "create", "old", "--name", "Old", "--auth-mode", "optional", check=0)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('rusty', 'old', 'Rusty', 'test')")
    database.execute("INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '1 day', 'test')")
    database.execute("INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) VALUES ('rusty', 'old', 'test')")
    database.execute("UPDATE relay.legacy_agents SET migration_id = 1, wave = 1")
    for _ in range(2):
        assert caller.reason("authenticate_legacy", "rusty", "old", HERE) == "ok"
        assert caller.reason("authenticate_anonymous", "rusty", "old", HERE) == "unauthenticated"
    allow(["198.51.100.0/24"], org="old")
    for address, legacy, anonymous in ((HERE, "address_not_allowed", "address_not_allowed"), ("198.51.100.9", "ok", "unauthenticated")):
        for _ in range(2):
            assert caller.reason("authenticate_legacy", "rusty", "old", address) == legacy
            assert caller.reason("authenticate_anonymous", "rusty", "old", address) == anonymous
            assert caller.reason("authenticate_anonymous", "stranger", "old", address) == anonymous
    allow(["192.0.2.0/24"], org="old", agent="rusty")
    assert caller.reason("authenticate_legacy", "rusty", "old", HERE) == "ok"
    assert caller.reason("authenticate_anonymous", "stranger", "old", HERE) == "address_not_allowed"


def test_through_a_pooler_each_call_obeys_it(database, key, allow):
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=1) as pool:
        sessions = []
        for _ in range(3):
            made = psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=database.gateway_login(), sslmode="disable")
            made.autocommit = True
            sessions.append(Caller(made))
        for addresses, reason in ((None, "ok"), (["198.51.100.0/24"], "address_not_allowed"), (["192.0.2.7"], "ok"), (None, "ok")):
            allow(addresses)
            assert [session.key(key) for session in sessions] == [reason] * 3
        for session in sessions:
            session.connection.close()


@pytest.mark.parametrize(
    "addresses",
    ["{}", "{NULL}", "{0.0.0.0/0}", "{::/0}", "{192.0.2.1,0.0.0.0/0}", "{::ffff:192.0.2.0/120}", "{::/8}", "{::fffe:0:0/95}", "{{192.0.2.1},{192.0.2.2}}",
     "{" + ",".join(f"192.0.2.{number}" for number in range(65)) + "}"],
)  # fmt: skip
def test_the_database_refuses_a_list_that_is_none(database, key, addresses):
    with pytest.raises((psycopg2.errors.CheckViolation, psycopg2.errors.NotNullViolation)):
        database.execute("INSERT INTO relay.call_policies (org_id, addresses) VALUES ('acme', %s::cidr[])", addresses)


def test_a_list_may_have_64_ranges(caller, key, allow):
    allow([f"198.51.100.{number}" for number in range(63)] + ["192.0.2.7"])
    assert caller.key(key) == "ok"


def test_with_a_list_too_a_usual_call_writes_nothing(caller, database, key, allow):
    allow(["192.0.2.0/24"])
    caller.key(key)
    before = database.value("SELECT pg_current_wal_insert_lsn()::text")
    assert caller.key(key) == "ok"
    assert database.value("SELECT pg_current_wal_insert_lsn()::text") == before
