"""A flood of failures leaves some rows and a true count, and does not wait for the disk."""

import threading

import psycopg2
import pytest

from support import vectors
from support.agents import digest, key_id, read_key

ASK = "SELECT (relay_api.authenticate(%s, %s, %s, NULL, %s, %s)).reason"
WHOLE = 10  # how many of the first events of a window get a row each


@pytest.fixture
def caller(database):
    """calls(key, times, ...) as a gateway on its own connection; each thread of a test opens one."""
    login = database.gateway_login()
    opened = []

    class Caller:
        def __init__(self):
            self.connection = database.connect(user=login)
            self.connection.autocommit = True
            opened.append(self.connection)

        def __call__(self, key, times=1, *, claimed=None, address="192.0.2.1", trace=None):
            with self.connection.cursor() as cursor:
                for _ in range(times):
                    cursor.execute(ASK, (key_id(key), digest(key), claimed, address, trace))
                return cursor.fetchone()[0]

    yield Caller
    for connection in opened:
        connection.close()


def recorded(database, where="true"):
    """Returns (rows of auth_events, events by these rows, events with those that are still counted)."""
    row = database.one(
        f"""SELECT (SELECT count(*) FROM relay.auth_events WHERE outcome = 'failed' AND {where}) AS rows,
                   (SELECT COALESCE(sum(times), 0) FROM relay.auth_events WHERE outcome = 'failed' AND {where}) AS settled,
                   (SELECT COALESCE(sum(times), 0) FROM relay.recorded_events WHERE outcome = 'failed' AND {where}) AS all"""
    )
    return row["rows"], row["settled"], row["all"]


def let_windows_end(database, by="2 minutes"):
    database.execute(f"UPDATE relay.event_floods SET ends_at = ends_at - interval '{by}'")


def test_the_first_have_rows_of_their_own_and_the_others_are_counted(database, caller, foreign_key):
    assert caller()(foreign_key, 500) == "unknown_key"
    assert recorded(database) == (WHOLE, WHOLE, 500)
    assert database.value("SELECT relay.settle_floods(now() + interval '1 hour')") == 1
    assert recorded(database) == (WHOLE + 1, 500, 500)
    assert database.value("SELECT count(*) FROM relay.event_floods") == 0
    counted = database.one("SELECT * FROM relay.auth_events WHERE times > 1")
    assert (counted["times"], counted["reason"], counted["action"], counted["ip_address"]) == (490, "unknown_key", "auth_failed", "192.0.2.1")
    assert counted["db_role"] != "postgres", "who was there, not who wrote it down"
    assert "first_at" in counted["detail"]


def test_the_next_one_after_a_window_writes_the_count_of_the_last(database, caller, foreign_key):
    call = caller()
    call(foreign_key, 30)
    let_windows_end(database)
    call(foreign_key)
    assert recorded(database) == (WHOLE + 2, 31, 31)
    call(foreign_key, 30)
    assert recorded(database)[2] == 61


def test_a_flood_that_stops_is_written_down_by_whoever_comes_new(database, caller, foreign_key):
    caller()(foreign_key, 30)
    let_windows_end(database)
    caller()(foreign_key, address="192.0.2.77")
    assert recorded(database) == (WHOLE + 2, 31, 31)


def test_key_ids_that_nobody_holds_make_no_flood_another_one(database, caller):
    call = caller()
    for case in vectors.load()["valid"]:
        call(case["key"], 20)
    happened = 20 * len(vectors.load()["valid"])
    assert happened > 5 * WHOLE
    assert recorded(database) == (WHOLE, WHOLE, happened)


def test_one_host_chooses_among_the_addresses_of_its_network_as_it_likes(database, caller, foreign_key):
    call = caller()
    for number in range(40):
        call(foreign_key, address=f"2001:db8::{number + 1:x}")
    assert recorded(database) == (WHOLE, WHOLE, 40)
    flood = database.one("SELECT ip_address::text AS source FROM relay.recorded_events WHERE times > 1")
    assert flood["source"] == "2001:db8::/64"
    for number in range(40):
        call(foreign_key, address=f"192.0.2.{number + 1}")
    assert recorded(database)[0] == WHOLE + 40, "addresses of IPv4 are hosts"


def test_agents_and_reasons_are_counted_apart(database, caller, relay, key, tmp_path):
    secret = tmp_path / "second.key"
    relay("agent", "create", "second", "--org", "acme", "--name", "Second", "--secret-file", secret, check=0)
    call = caller()
    call(key, 30, claimed="other")
    call(read_key(secret), 20, claimed="other")
    relay("block", "bot", check=0)
    call(key, 15)
    assert recorded(database, "agent_id = 'bot' AND reason = 'agent_mismatch'")[2] == 30
    assert recorded(database, "agent_id = 'second'")[2] == 20
    assert recorded(database, "agent_id = 'bot' AND reason = 'blocked'")[2] == 15
    shown = relay.json("agent", "show", "bot", "--events", "50")["data"]["events"]
    assert sum(event["times"] for event in shown if event["reason"] == "agent_mismatch") == 30, "a flood that goes on is shown"
    assert {event["event_id"] is None for event in shown if event["times"] > 1} == {True}


def test_many_at_once_are_all_counted_and_wait_for_nobody(database, caller, foreign_key):
    threads = [threading.Thread(target=lambda: caller()(foreign_key, 100)) for _ in range(8)]
    stop = threading.Event()

    def settle():
        connection = database.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
        connection.close()

    settler = threading.Thread(target=settle)
    for thread in (*threads, settler):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    settler.join()
    assert recorded(database)[2] == 800


def test_a_settler_that_does_not_end_holds_nobody_up(database, caller, foreign_key):
    call = caller()
    call(foreign_key, 30)
    holder = database.connect()
    holder.autocommit = False
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
            with call.connection.cursor() as other:
                other.execute("SET lock_timeout = '2s'")
            call(foreign_key, 5)
        holder.commit()
    finally:
        holder.close()
    assert recorded(database)[2] == 35, "while it is being written down, each has a row"


def flushed(cursor):
    cursor.execute("SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() AS all")
    return cursor.fetchone()[0]


def test_neither_a_failure_nor_a_usual_success_waits_for_the_disk(database, caller, key, foreign_key):
    waited = {"failure": 0, "success": 0}
    call = caller()
    for number in range(40):
        with database.connect() as connection, connection.cursor() as cursor:
            call(foreign_key, address=f"192.0.2.{number + 1}")
            waited["failure"] += flushed(cursor)
            call(key, address=f"192.0.2.{number + 1}")
            waited["success"] += flushed(cursor)
        connection.close()
    assert all(count < 20 for count in waited.values()), waited


@pytest.mark.parametrize("wrote, durable", [(False, "off"), (True, "on")])
def test_what_the_caller_wrote_before_is_as_durable_as_it_wants(database, foreign_key, wrote, durable):
    database.execute("CREATE TABLE public.own (n integer)")
    connection = database.connect()
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            if wrote:
                cursor.execute("INSERT INTO public.own VALUES (1)")
            cursor.execute(ASK, (key_id(foreign_key), digest(foreign_key), None, None, None))
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone()[0] == durable
    finally:
        connection.close()


def test_a_count_is_never_changed_once_it_is_written(database, caller, foreign_key):
    caller()(foreign_key, 30)
    database.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.execute("UPDATE relay.auth_events SET times = 1")


MOST = 100  # floods that a connection begins per minute


def from_networks(call, key, count, first=1, **more):
    """`count` failures, each from another /64 of IPv6."""
    for number in range(first, first + count):
        call(key, address=f"2001:db8:{number:x}::1", **more)


def begin_again(call):
    """As if the minute were over."""
    with call.connection.cursor() as cursor:
        cursor.execute("SET relay.floods_begun = '197001010000 100'")


def test_networks_beyond_a_number_are_counted_together(database, caller, foreign_key):
    call = caller()
    from_networks(call, foreign_key, 1000)
    assert database.value("SELECT count(*) FROM relay.event_floods") <= MOST + 1
    rows, _, happened = recorded(database)
    assert rows <= MOST + WHOLE and happened == 1000
    others = database.one("SELECT * FROM relay.recorded_events WHERE event_id IS NULL")
    assert others["times"] == 1000 - MOST - WHOLE and others["ip_address"] is None
    assert others["detail"]["sources"] == "many" and others["detail"]["claims"]["key_id"] == [key_id(foreign_key)]
    database.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
    assert database.value("SELECT count(*) FROM relay.event_floods") == 0 and recorded(database)[1:] == (1000, 1000)


def test_that_number_is_per_minute_and_connection(database, caller, foreign_key):
    call = caller()
    from_networks(call, foreign_key, MOST + 5)
    from_networks(caller(), foreign_key, 5, first=5000)
    begin_again(call)
    from_networks(call, foreign_key, 5, first=9000)
    sources = "SELECT count(DISTINCT ip_address) FROM relay.event_floods"
    assert database.value(sources) == MOST + 5 + 5 and recorded(database)[2] == MOST + 15
    with call.connection.cursor() as cursor:  # a session may set anything: that costs rows, and no answer
        for nonsense in ("", "x", "999999999999 999999999999999"):
            cursor.execute("SET relay.floods_begun = %s", (nonsense,))
            assert call(foreign_key, address="2001:db8:ffff::1") == "unknown_key"


def test_ids_of_known_keys_that_anyone_can_name_are_not_without_end_either(database, caller, key, foreign_key):
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a' || n, 'acme', 'A', 't' FROM generate_series(1, 300) AS n;"
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)"
        " SELECT lpad(n::text, 12, '0'), 'a' || n, 'acme', sha256('x'), now(), 't' FROM generate_series(1, 300) AS n")  # fmt: skip
    call = caller()
    with call.connection.cursor() as cursor:
        for number in range(1, 301):
            cursor.execute(ASK, (f"{number:012d}", digest(foreign_key), None, "192.0.2.1", None))
    assert database.value("SELECT count(*) FROM relay.event_floods") <= MOST + 1 and recorded(database)[2] == 300


def test_an_agent_is_named_however_many_networks_there_are(database, caller, key, foreign_key):
    """The caller has its key, and claims another id."""
    call = caller()
    from_networks(call, foreign_key, MOST)
    from_networks(call, key, 50, first=9000, claimed="other")
    assert recorded(database, "agent_id = 'bot' AND reason = 'agent_mismatch'")[2] == 50
    assert database.value("SELECT count(*) FROM relay.event_floods WHERE agent_id = 'bot'") == 1


READ = "SELECT COALESCE(idx_tup_fetch, 0) + seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE relname = 'event_floods'"


def test_a_failure_costs_no_more_for_being_beyond_it(database, caller, foreign_key):
    call = caller()
    call.connection.autocommit = False
    with call.connection.cursor() as cursor:

        def rows_of(count, first):
            cursor.execute(READ)
            before = cursor.fetchone()[0]
            from_networks(call, foreign_key, count, first=first)
            cursor.execute(READ)
            return (cursor.fetchone()[0] - before) / count

        call(foreign_key)
        few = rows_of(10, 1)
        from_networks(call, foreign_key, 500, first=1000)
        assert rows_of(100, 5000) <= few + 6  # the row of the others is found, locked and updated
