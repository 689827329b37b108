"""Uses that gateways report in batches: a report is a claim, so it writes sightings and nothing else; and what a recorded
use costs in the log of the database."""

from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from support.agents import digest, first_agent, key_id, read_key, rotate
from support.cluster import Cluster
from support.database import Database, make_template
from support.processes import wait_until

CHECK = "SELECT ok, reason, report_now FROM relay_api.authenticate(%s, %s, ip_address => %s, reports_uses => %s)"
REPORT = "SELECT recorded, unknown FROM relay_api.report_uses(%s, %s::inet[], %s::timestamptz[], %s)"
AGAIN = "SELECT again FROM relay_api.report_uses(%s, %s::inet[], %s::timestamptz[])"
UNTOUCHED = ("agents", "agent_keys", "auth_events", "event_floods", "key_changes", "proven_agents", "legacy_agents", "revocations")
IP, OTHER_IP = "192.0.2.1", "2001:db8::7"


@pytest.fixture
def call(database):
    """call(sql, *values) as a gateway: the row, or an error."""
    connection = database.connect(user=database.gateway_login())

    def row(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
            cursor.execute(sql, values)
            return cursor.fetchone()

    yield row
    connection.close()


def check(call, key, *, reports=True, ip=IP):
    return call(CHECK, key_id(key), digest(key), ip, reports)


def report(call, entries):
    """Reports (key id, address, time) or (key id, address, time, uses)."""
    columns = [list(column) for column in zip(*entries)]
    return call(REPORT, *columns[:3], columns[3] if len(columns) > 3 else None)


def left_out(call, entries):
    """Reports (key id, address); returns the places of those to report again."""
    key_ids, addresses = zip(*entries)
    return call(AGAIN, list(key_ids), list(addresses), ["now"] * len(entries))[0]


def sightings(database):
    return database.rows("SELECT key_id, host(ip_address) AS ip, last_used_at, uses, first_used_at, reported_by"
                         " FROM relay.key_sightings ORDER BY key_id, last_used_at")  # fmt: skip


def contents(database):
    return {name: database.rows(f"SELECT row::text FROM relay.{name} AS row ORDER BY 1") for name in UNTOUCHED}


def test_a_gateway_that_reports_is_answered_without_a_trace_after_the_first_use(database, call, key):
    assert check(call, key) == (True, "ok", False)
    (first,) = sightings(database)
    assert (first["ip"], first["reported_by"]) == (IP, None), "authenticate saw the first use itself"
    database.execute("UPDATE relay.key_sightings SET last_used_at = now() - interval '5 hours'")
    before = database.value("SELECT pg_current_wal_insert_lsn()::text")
    assert check(call, key) == check(call, key, ip=OTHER_IP) == check(call, key, ip=None) == (True, "ok", False)
    assert database.value("SELECT pg_current_wal_insert_lsn()::text") == before
    assert check(call, key, reports=False) == check(call, key, reports=None) == (True, "ok", False)
    assert sightings(database)[0]["last_used_at"] > first["last_used_at"]


def test_no_report_keeps_authenticate_from_recording_what_it_saw(database, call, key):
    """A gateway, or who has its login, reports a use of the key every few seconds; another one then sees the key."""
    count = "SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'"
    now = database.value("SELECT clock_timestamp()")
    report(call, [(key_id(key), IP, now, 1)])
    check(call, key, reports=False)
    (seen,) = sightings(database)
    assert (seen["reported_by"], seen["uses"], database.value(count)) == (None, 2, 1)
    database.execute("UPDATE relay.key_sightings SET last_used_at = last_used_at - interval '3 hours'")
    report(call, [(key_id(key), IP, now, 1)])
    assert sightings(database)[0]["reported_by"] is not None
    check(call, key, reports=False)
    assert (sightings(database)[0]["reported_by"], database.value(count)) == (None, 2)
    # A report in between brings no event, nor does the next check within the minute.
    report(call, [(key_id(key), IP, database.value("SELECT clock_timestamp()"), 1)])
    check(call, key, reports=False)
    assert database.value(count) == 2 and sightings(database)[0]["reported_by"] is not None


def test_a_report_is_what_people_read(relay, database, call, key):
    check(call, key)
    now = database.value("SELECT clock_timestamp()")
    database.execute("UPDATE relay.key_sightings SET last_used_at = now() - interval '5 hours'")
    at = now - timedelta(seconds=20)
    assert report(call, [(key_id(key), OTHER_IP, at - timedelta(seconds=5), 3), (key_id(key), OTHER_IP, at, 4)]) == (2, 0)
    seen = sightings(database)[1]
    assert (seen["ip"], seen["last_used_at"], seen["uses"], seen["first_used_at"], seen["reported_by"]) == (
        OTHER_IP, at, 7, at - timedelta(seconds=5), database.gateway_login())  # fmt: skip
    shown = relay.json("agent", "show", "bot")["data"]
    assert shown["last_address"] == OTHER_IP and shown["last_used_at"] == shown["keys"][0]["last_used_at"]
    assert shown["last_used_at"] == relay.json("key", "show", key_id(key))["data"]["last_used_at"]
    assert OTHER_IP in relay("agent", "show", "bot", check=0).out


def test_a_report_of_the_past_moves_nothing_back_and_one_of_the_future_is_of_now(database, call, key):
    check(call, key)
    (proven,) = sightings(database)
    assert report(call, [(key_id(key), IP, proven["last_used_at"] - timedelta(minutes=3))]) == (1, 0)
    (seen,) = sightings(database)
    assert (proven["uses"], seen["uses"]) == (0, 1), "authenticate leaves the count to the report"
    assert (seen["last_used_at"], seen["reported_by"]) == (proven["last_used_at"], None)
    assert report(call, [(key_id(key), IP, "infinity"), (key_id(key), OTHER_IP, "-infinity"), (key_id(key), None, None)]) == (3, 0)
    ages = database.rows("SELECT host(ip_address) AS ip, now() - last_used_at AS age FROM relay.key_sightings ORDER BY last_used_at")
    assert [row["ip"] for row in ages] == [OTHER_IP, "::", IP] or [row["ip"] for row in ages] == [OTHER_IP, IP, "::"]
    assert timedelta(hours=1) <= ages[0]["age"] < timedelta(hours=1, minutes=5)
    assert all(timedelta(0) <= row["age"] < timedelta(minutes=5) for row in ages[1:])


def test_unknown_keys_are_counted_and_lose_nothing(database, call, key, foreign_key):
    entries = [(None, IP, "now"), ("", IP, "now"), (key_id(foreign_key), IP, "now"), ("x" * 100_000, IP, "now"), (key_id(key), IP, "now")]
    assert report(call, entries) == (1, 4)
    assert report(call, [(key_id(key), IP, "now", uses) for uses in (None, -5, 2)]) == (3, 0)
    assert [(row["key_id"], row["uses"]) for row in sightings(database)] == [(key_id(key), 5)]
    assert call(REPORT, [], [], [], None) == (0, 0)


def test_a_report_changes_nothing_that_others_may_do(relay, database, call, key, tmp_path):
    """A key that was never used, whose predecessor waits for its first use, and an agent that may use the shared secret."""
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    database.execute("INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '1 day', 'test');"
                     "INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) VALUES ('bot', 'acme', 'test');"
                     "UPDATE relay.legacy_agents SET migration_id = 1, wave = 1")  # fmt: skip
    before = contents(database)
    assert report(call, [(key_id(new), IP, "now"), (key_id(key), IP, "now")]) == (2, 0)
    assert contents(database) == before
    legacy = "SELECT (relay_api.authenticate_legacy('bot', NULL, '192.0.2.1')).reason"
    assert call(legacy) == ("ok",), "the agent is still on the list"
    assert check(call, key)[1] == "ok", "the old key was not retired"


def test_what_a_use_changes_is_recorded_at_the_first_check_of_a_gateway_that_reports(relay, database, call, key, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    assert check(call, key) == check(call, new) == (True, "ok", False)
    assert check(call, key) == (False, "retired", False)
    assert database.value("SELECT count(*) FROM relay.proven_agents") == 1
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") == 2
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'key_retired'") == 1


def test_a_key_that_is_named_by_hand_as_a_replacement_awaits_its_use_again(relay, database, call, key, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h")
    assert check(call, new)[1] == check(call, key)[1] == check(call, new)[1] == "ok"
    database.execute("UPDATE relay.agent_keys SET retire_on_first_use = true WHERE state = 'retiring'")
    assert check(call, new)[1] == "ok" and check(call, key)[1] == "retired"
    assert read_key(tmp_path / "new.key") == new


def test_a_row_or_a_table_that_someone_holds_is_left_out(database, call, key):
    check(call, key)
    check(call, key, reports=False, ip=OTHER_IP)
    holder = database.connect(autocommit=False)
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT FROM relay.key_sightings WHERE ip_address = %s FOR UPDATE", (IP,))
            assert report(call, [(key_id(key), IP, "now"), (key_id(key), OTHER_IP, "now")]) == (1, 0)
            unknown, held, free = ("0" * 12, IP), (key_id(key), IP), (key_id(key), OTHER_IP)
            assert left_out(call, [unknown, held, free, held]) == [2, 4] and left_out(call, [free, unknown]) == []
            cursor.execute("SELECT relay_api.report_uses(ARRAY[%s], ARRAY['198.51.100.1'::inet], ARRAY[now()])", (key_id(key),))
            assert report(call, [(key_id(key), "198.51.100.1", "now"), (key_id(key), OTHER_IP, "now")]) == (1, 0)
            cursor.execute("LOCK TABLE relay.key_sightings IN SHARE MODE")
            assert report(call, [(key_id(key), OTHER_IP, "now")]) == (0, 0)
            assert left_out(call, [free, unknown, held]) == [1, 2, 3], "without the table nothing is known of any of them"
    finally:
        holder.close()
    assert report(call, [(key_id(key), IP, "now")]) == (1, 0)


def test_rows_that_someone_inserts_are_waited_for_once_and_not_each(database, call, key):
    """Another report has new rows and does not commit: to wait 400 ms for each of 100 rows would take 40 s."""
    addresses = [f"192.0.2.{number}" for number in range(100)]
    with closing(database.connect(autocommit=False)) as holder, holder.cursor() as cursor:
        entries = [key_id(key)] * 100, addresses, ["now"] * 100
        cursor.execute(AGAIN, entries)
        assert sorted(call("SET statement_timeout = '20s'; " + AGAIN, *entries)[0]) == list(range(1, 101))
    assert call(AGAIN, *entries)[0] == []


def test_an_old_sighting_that_was_reported_leaves_an_event(database, call, key):
    check(call, key)
    report(call, [(key_id(key), OTHER_IP, "now", 7)])
    database.execute("UPDATE relay.key_sightings SET last_used_at = now() - interval '40 days' WHERE ip_address = %s", OTHER_IP)
    assert database.value("SELECT relay.prune_sightings()") == 1
    event = database.one("SELECT org_id, agent_id, key_id, host(ip_address) AS ip, times, detail FROM relay.auth_events WHERE action = 'use_reported'")
    assert (event["org_id"], event["agent_id"], event["key_id"], event["ip"], event["times"]) == ("acme", "bot", key_id(key), OTHER_IP, 7)
    assert event["detail"]["reported_by"] == database.gateway_login() and set(event["detail"]) == {"reported_by", "first_at", "last_at"}


def test_on_a_standby_the_answer_asks_for_the_primary_until_the_first_use_is_recorded(relay_without_database, tmp_path):
    with Cluster() as primary:
        database = Database(primary, template=make_template(primary))
        relay = relay_without_database.with_(dsn=database.dsn())
        key = first_agent(relay, tmp_path / "bot.key")
        login = database.gateway_login()
        standby = primary.make_standby().wait_caught_up()

        def ask(server, *, reports):
            session = server.connect(database.name, user=login)
            with session.cursor() as cursor:
                cursor.execute(CHECK, (key_id(key), digest(key), IP, reports))
                found = cursor.fetchone()
            session.close()
            return found

        assert ask(standby, reports=True) == ask(standby, reports=False) == (True, "ok", True)
        assert sightings(database) == []
        assert ask(primary, reports=True) == (True, "ok", False)
        # Its commit does not wait for the disk, so the standby gets it a moment later.
        wait_until(lambda: ask(standby, reports=True) == (True, "ok", False), what="the first use on the standby")
        assert ask(standby, reports=False) == (True, "ok", False)
        session = standby.connect(database.name, user=login)
        with session.cursor() as cursor, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("SELECT relay_api.report_uses('{}', '{}', '{}')")
        session.close()


# --- bytes of the log, which no other load changes

FLEET = """
SET session_replication_role = replica;
INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'test');
INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a' || n, 'acme', 'A', 'test' FROM generate_series(1, 6000) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, awaits_use, created_by)
SELECT lpad(n::text, 12, '0'), 'a' || n, 'acme', sha256(sha256('secret')), now() + interval '90 days', false, 'test'
FROM generate_series(1, 6000) AS n;
INSERT INTO relay.key_sightings SELECT key_id, '192.0.2.1', now() - interval '2 minutes' FROM relay.agent_keys;
SET session_replication_role = origin;
"""
APART = 60  # keys, so that no two of those in use are on one page
MOST_COLD, MOST_WARM = 3000, 400


@pytest.fixture(scope="module")
def logged():
    """A database of 6000 keys that were used two minutes ago, with whole pages in the log, as in production."""
    with Cluster(settings={"full_page_writes": "on", "checkpoint_timeout": "1h"}) as cluster:
        database = Database(cluster, template=make_template(cluster))
        # The event of a new hour is not what is measured: choose a time zone in which the hour did not just begin.
        zone = database.value("SELECT CASE WHEN date_part('minute', now()) < 15 THEN 'Asia/Kolkata' ELSE 'UTC' END")
        database.execute(f"ALTER DATABASE {database.name} SET timezone = '{zone}'")
        database.execute(FLEET)
        database.execute("VACUUM ANALYZE")
        yield database


def bytes_per_use(database, keys, use):
    """The bytes of the log for each use: the first after a checkpoint, and the next."""
    found = []
    for _ in range(2):
        database.execute("UPDATE relay.key_sightings SET last_used_at = now() - interval '2 minutes' WHERE key_id = ANY (%s)", keys)
        if not found:
            database.execute("CHECKPOINT")
        before = database.value("SELECT pg_current_wal_insert_lsn()::text")
        use(keys)
        found.append(float(database.value("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before)) / len(keys))
    assert database.value("SELECT bool_and(last_used_at > now() - interval '1 minute') FROM relay.key_sightings WHERE key_id = ANY (%s)", keys)
    return found


@pytest.mark.parametrize("way", ["checked", "reported"])
def test_a_recorded_use_takes_few_bytes_of_the_log(logged, record_property, way):
    session = logged.connect(user=logged.gateway_login())

    def use(keys):
        with session.cursor() as cursor:
            if way == "reported":
                cursor.execute(REPORT, (keys, [IP] * len(keys), ["now"] * len(keys), None))
                assert cursor.fetchone() == (len(keys), 0)
            for key in keys if way == "checked" else ():
                cursor.execute("SELECT (relay_api.authenticate(%s, sha256('secret'), NULL, NULL, %s)).reason", (key, IP))
                assert cursor.fetchone() == ("ok",)

    cold, warm = bytes_per_use(logged, [f"{n:012}" for n in range(1, 6001, APART)], use)
    session.close()
    record_property("bytes of the log per use, cold and warm", (round(cold), round(warm)))
    print(f"\na use that was {way}: {cold:.0f} bytes of the log after a checkpoint, then {warm:.0f}")
    assert 0 < cold <= MOST_COLD and 0 < warm <= MOST_WARM
