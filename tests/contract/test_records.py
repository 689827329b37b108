"""The records of a check: events, times of last use; and the locks that it must not wait for."""

import psycopg2
import pytest

from support import pooler
from support.agents import key_id
from support.database import Database, cluster_with_template, make_template
from support.gateways import Gateway
from support.proxy import Proxy


def events(database, action):
    return database.rows("SELECT * FROM relay.auth_events WHERE action = %s ORDER BY event_id", action)


def test_a_success_is_logged_at_first_use_and_then_at_most_once_a_minute_and_address(gateway, database, key):
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"):
        assert gateway.reason(key, ip=address, trace_id="trace-1") == "ok"
    logged = events(database, "authenticated")
    assert [row["ip_address"] for row in logged] == ["192.0.2.1", "192.0.2.2"]
    assert {(row["org_id"], row["agent_id"], row["key_id"], row["trace_id"], row["outcome"]) for row in logged} == {
        ("acme", "bot", key_id(key), "trace-1", "ok")
    }


def test_last_use_is_written_at_most_once_a_minute(gateway, database, key):
    sql = "SELECT last_used_at FROM relay.key_status WHERE key_id = %s"
    assert database.value(sql, key_id(key)) is None
    gateway.ask(key)
    first = database.value(sql, key_id(key))
    assert first is not None
    assert database.value("SELECT last_used_at FROM relay.agent_status") == first
    gateway.ask(key)
    assert database.value(sql, key_id(key)) == first
    database.execute("UPDATE relay.key_sightings SET last_used_at = last_used_at - interval '2 minutes'")
    gateway.ask(key)
    assert database.value(sql, key_id(key)) > first
    assert database.one("SELECT uses, reported_by FROM relay.key_sightings") == {"uses": 2, "reported_by": None}


def test_a_success_in_another_hour_has_an_event(gateway, database, key):
    gateway.ask(key)
    database.execute("UPDATE relay.key_sightings SET last_used_at = last_used_at - interval '1 hour'")
    gateway.ask(key)
    assert len(events(database, "authenticated")) == 2


def test_a_failure_is_logged_with_its_reason_and_the_claims(gateway, database, relay, key, foreign_key):
    gateway.ask(key, agent_id="other", ip="2001:db8::7", trace_id="trace-2")
    gateway.ask(foreign_key, ip="192.0.2.9")
    relay("revoke", "bot", check=0)
    gateway.ask(key)
    mismatch, unknown, revoked = events(database, "auth_failed")
    assert (mismatch["reason"], mismatch["agent_id"], mismatch["ip_address"]) == (
        "agent_mismatch",
        "bot",
        "2001:db8::7",
    )
    assert mismatch["trace_id"] == "trace-2" and mismatch["detail"]["claimed_agent_id"] == "other"
    assert (unknown["reason"], unknown["agent_id"], unknown["org_id"]) == ("unknown_key", None, None)
    assert unknown["key_id"] == key_id(foreign_key)
    assert revoked["reason"] == "revoked"
    assert {row["outcome"] for row in (mismatch, unknown, revoked)} == {"failed"}


def test_the_key_never_leaves_the_gateway(language, database, cluster, key):
    with Proxy((cluster.tcp_host, cluster.port)) as proxy, Gateway(
        language, database, host=proxy.host, port=proxy.port
    ) as gateway:
        assert gateway.reason(key) == "ok"
        wire = proxy.bytes_sent()
    assert key_id(key).encode() in wire
    assert key[22:65].encode() not in wire


def test_a_check_waits_for_no_rotation_in_flight(gateway, database, key):
    rotation = database.connect(autocommit=False)
    try:
        with rotation.cursor() as cursor:
            cursor.execute("SELECT FROM relay.agents FOR UPDATE")
            cursor.execute("SELECT FROM relay.agent_keys FOR UPDATE")
        database.execute(f"ALTER DATABASE {database.name} SET lock_timeout = '1s'")
        with Gateway(gateway.language, database) as impatient:
            assert impatient.reason(key) == "ok"
    finally:
        rotation.close()


def test_a_check_on_a_standby_answers_and_writes_nothing(language, relay_without_database, tmp_path):
    from support.agents import first_agent

    with cluster_with_template() as primary:
        database = Database(primary, template=make_template(primary))
        relay = relay_without_database.with_(dsn=database.dsn())
        key = first_agent(relay, tmp_path / "bot.key")
        database.gateway_login()
        standby = primary.make_standby().wait_caught_up()
        with Gateway(language, database, server=standby) as gateway:
            assert gateway.reason(key) == "ok"
            assert gateway.reason(key, agent_id="other") == "agent_mismatch"
            relay("revoke", "bot", check=0)
            standby.wait_caught_up()
            assert gateway.reason(key) == "revoked"
        assert events(database, "authenticated") == [] and events(database, "auth_failed") == []


def test_it_works_through_a_pooler_in_transaction_mode(language, database, relay, key):
    with pooler.PgBouncer(database, users=[database.gateway_login()]) as pool:
        with Gateway(language, database, host=pool.host, port=pool.port) as gateway:
            assert gateway.reason(key) == "ok"
            relay("block", "bot", check=0)
            assert gateway.reason(key) == "blocked"


@pytest.mark.parametrize("digest", [b"", b"short", b"x" * 33, None])
def test_a_strange_digest_is_an_unknown_key_and_no_error(database, key, digest):
    row = database.one("SELECT * FROM relay_api.authenticate(%s, %s)", key_id(key), digest)
    assert (row["ok"], row["reason"]) == (False, "unknown_key")


@pytest.mark.parametrize("strange", [None, "", "x" * 100_000, "'; DROP TABLE relay.agents; --", "\u202e\u0007"])
def test_strange_ids_are_unknown_and_leave_a_short_record(database, key, strange):
    row = database.one(
        "SELECT * FROM relay_api.authenticate(%s, sha256('x'), %s, %s, NULL, %s)", strange, strange, strange, strange
    )
    assert (row["ok"], row["reason"]) == (False, "unknown_key")
    (logged,) = events(database, "auth_failed")
    assert len(str(logged)) < 2000


def test_the_decision_is_part_of_the_contract(database):
    """A gateway reads these columns by name and type: columns may be added, never changed."""
    columns = database.rows(
        "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute AS a"
        " WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid ="
        " (SELECT prorettype FROM pg_proc WHERE oid = 'relay_api.authenticate'::regproc)) ORDER BY a.attnum"
    )
    assert [(column["name"], column["type"]) for column in columns][:6] == [
        ("ok", "boolean"), ("reason", "text"), ("org_id", "text"), ("agent_id", "text"), ("permissions", "jsonb"),
        ("expires_at", "timestamp with time zone"),
    ]  # fmt: skip


def test_a_broken_address_is_the_callers_error(database, key):
    with pytest.raises(psycopg2.DataError):
        database.rows(
            "SELECT * FROM relay_api.authenticate(%s, sha256('x'), NULL, NULL, %s::inet)", key_id(key), "not-an-address"
        )
