"""The months of the audit trail: repaired if one was missed, dropped whole, and never a hindrance to authentication."""

import itertools
import threading
import time
from contextlib import closing

import psycopg2
import pytest

from support.agents import decide, digest, first_agent, key_id
from support.audit_months import forget_month, make_old_month, month_of, months, name_of, write_events
from support.cluster import Cluster
from support.database import Database, make_template

GROUPS = ("relay_owner", "relay_provisioner", "relay_responder", "relay_auditor", "relay_gateway", "relay_tenant")


def login_of(database, group):
    return database.cluster.login(f"{group}_login", member_of=group)


def events(database):
    """Every row of the audit trail, as text, in order."""
    return [row["row"] for row in database.rows("SELECT e::text AS row FROM relay.auth_events AS e ORDER BY event_id")]


def make_months(database, ahead=3, group="relay_provisioner"):
    """{month: rows moved}, made by a login of the group."""
    connection = database.connect(user=login_of(database, group), options="-c statement_timeout=40s")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_char(month, 'YYYY-MM'), moved_rows FROM relay.make_event_months(%s)", (ahead,))
            return dict(cursor.fetchall())
    finally:
        connection.close()


def drift(relay):
    """The differences from what the migrations make, without the login that other tests of this file put into
    relay_owner."""
    differences = relay("schema", "verify", "-o", "json").json()["data"]["differences"]
    return [each for each in differences if each["object"] != "membership of relay_owner_login in relay_owner"]


def held_by_default(database):
    return database.value("SELECT count(*) FROM relay.auth_events_default")


# ---- append-only


@pytest.mark.parametrize("group", GROUPS)
def test_no_role_of_ours_changes_a_row_or_takes_one_away(database, group):
    old = make_old_month(database, 14, 3)
    before = events(database)
    tables = ["relay.auth_events", "relay.auth_events_default", name_of(old), name_of(months(database)[-1])]
    statements = [f"{verb} {table}{rest}" for table in tables for verb, rest in (
        ("UPDATE", " SET reason = 'x'"), ("DELETE FROM", ""), ("TRUNCATE", ""))]  # fmt: skip
    statements += ["DELETE FROM relay.retention_drops", "UPDATE relay.retention_drops SET actor = 'x'", "TRUNCATE relay.retention_drops"]
    if group != "relay_owner":
        statements += [f"{statement}" for table in tables for statement in (
            f"DROP TABLE {table}", f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"DROP TRIGGER append_only_truncate ON {table}")]  # fmt: skip
        statements += [
            f"ALTER TABLE relay.auth_events DETACH PARTITION {name_of(old)}",
            "CREATE TABLE pg_temp.mine (LIKE relay.auth_events); ALTER TABLE relay.auth_events ATTACH PARTITION pg_temp.mine"
            " FOR VALUES FROM ('2001-01-01') TO ('2001-02-01')",
            "INSERT INTO relay.auth_events (action, occurred_at) VALUES ('x', '2020-01-01')",
            "INSERT INTO relay.auth_events (action, db_role) VALUES ('x', 'x')",
            f"INSERT INTO {name_of(old)} (action) VALUES ('x')",
            "INSERT INTO relay.retention_drops (month, row_count, bytes, actor) VALUES ('2020-01-01', 1, 1, 'x')",
            "SELECT relay.drop_event_months(1, 'x')",
            "SELECT relay.alter_events('DROP TABLE relay.auth_events_default')",
            "SELECT relay.protect_events_partition('relay.auth_events_default')",
            "SET session_replication_role = replica",
        ]
    connection = database.connect(user=login_of(database, group))
    for statement in statements:
        with connection.cursor() as cursor, pytest.raises(
            (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.WrongObjectType)
        ):
            cursor.execute(statement)
            pytest.fail(f"{group} may {statement}")
    connection.close()
    assert events(database) == before


@pytest.mark.parametrize("verb", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_not_even_a_superuser_by_accident(database, verb):
    old = make_old_month(database, 14, 3)
    for table in ("relay.auth_events", name_of(old)):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="append-only"):
            database.execute(verb.format(table))
    assert len(events(database)) == 3


def test_who_may_make_and_who_may_prune(database):
    for group in set(GROUPS) - {"relay_provisioner", "relay_owner"}:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            make_months(database, group=group)
    for group in ("relay_provisioner", "relay_owner"):
        assert make_months(database, group=group) == {}


# ---- a month that was missed


def test_without_any_month_nothing_stops_and_rows_are_moved_later(database, relay, tmp_path):
    key = first_agent(relay, tmp_path / "bot.key")
    present = forget_month(database)
    before = events(database)
    assert database.value("SELECT reason FROM relay_api.authenticate(%s, %s)", key_id(key), digest(key)) == "ok"
    assert held_by_default(database) == len(before) + 1
    before = events(database)
    assert make_months(database) == {present: len(before)}
    assert events(database) == before and held_by_default(database) == 0
    assert database.value(f"SELECT count(*) FROM {name_of(present)}") == len(before)
    assert drift(relay) == []
    assert make_months(database) == {}


def test_several_missed_months_with_made_ones_between_are_made_and_filled(database, relay):
    """No months were made for a long time, then the present one was: the default partition has rows on both sides of
    it."""
    for back, rows in ((5, 30), (4, 20), (1, 10)):
        write_events(database, back, rows)
    made_meanwhile = make_old_month(database, 3, 7)
    before = events(database)
    made = make_months(database, ahead=5)
    assert sorted(made.values()) == [0, 0, 10, 20, 30]
    assert made_meanwhile in months(database) and set(made) <= set(months(database))
    assert events(database) == before and held_by_default(database) == 0
    assert drift(relay) == []


def test_what_was_made_by_moving_is_protected_like_the_rest(database):
    write_events(database, 2, 5)
    (month,) = (month for month, moved in make_months(database).items() if moved)
    wanted = database.rows("SELECT indexrelid FROM pg_index WHERE indrelid = 'relay.auth_events'::regclass")
    for table in (name_of(month), "relay.auth_events_default"):
        shape = database.one(
            "SELECT relrowsecurity, pg_get_userbyid(relowner) AS owner,"
            " (SELECT count(*) FROM pg_index WHERE indrelid = c.oid AND indisvalid) AS indexes,"
            " (SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = c.oid) AS attached,"
            " (SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid) AS triggers,"
            " (SELECT array_agg(conname::text) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c') AS checks,"
            " has_any_column_privilege('relay_provisioner', c.oid, 'SELECT, INSERT, UPDATE') AS open"
            f" FROM pg_class AS c WHERE c.oid = '{table}'::regclass"
        )
        assert shape["relrowsecurity"] and shape["owner"] == "relay_owner" and not shape["open"]
        assert shape["indexes"] == shape["attached"] == len(wanted)
        assert shape["triggers"] == ["append_only", "append_only_truncate"] and "one_month" not in shape["checks"]


def test_a_row_that_belongs_to_no_month_stops_the_move_and_loses_nothing(database):
    write_events(database, 2, 5)
    database.execute("INSERT INTO relay.auth_events (occurred_at, action) VALUES ('infinity', 'x')")
    before = events(database)
    with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="6 rows, but only 5"):
        make_months(database)
    assert events(database) == before


def test_a_partition_made_by_hand_is_left_alone(database):
    database.execute("CREATE TABLE relay.auth_events_long_ago PARTITION OF relay.auth_events FOR VALUES FROM (MINVALUE) TO ('2001-01-01')")
    database.execute("CREATE TABLE relay.auth_events_2001 PARTITION OF relay.auth_events FOR VALUES FROM ('2001-01-01') TO ('2002-01-01')")
    assert make_months(database) == {}
    assert database.rows("SELECT relay.drop_event_months(1, 'me')") == []
    assert database.value("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'relay.auth_events_2001'::regclass") == 1


# ---- under load


@pytest.fixture(scope="module")
def busy_cluster():
    """With fsync and the default deadlock timeout, like a production server."""
    with Cluster(name="busy", settings={"fsync": "on", "full_page_writes": "on", "shared_buffers": "64MB"}) as running:
        yield running


@pytest.fixture
def busy(busy_cluster):
    made = Database(busy_cluster, template=make_template(busy_cluster))
    yield made
    made.drop()


PATIENCE = 0.4  # seconds for which a request waits for a lock on the events
NEXT_PATIENCE = 6.0  # how long its session then waits for none, in whole seconds of its clock


class Traffic:
    """Gateways that authenticate without a pause, each time from another address, so that each writes a row.

    `excused`: how many may have left it out, because a lock was in their way for 400 ms: the machine was busy."""

    def __init__(self, database, key, *, clients=4):
        self.database, self.key = database, key
        self.slowest, self.count, self.excused, self.failures = 0.0, 0, 0, []
        self.over = threading.Event()
        self.addresses = itertools.count()
        self.login = database.gateway_login()
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self):
        connection = self.database.connect(user=self.login)
        excused_until = 0.0
        try:
            while not self.over.is_set():
                number = next(self.addresses)
                address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                begin = time.perf_counter()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT reason FROM relay_api.authenticate(%s, %s, NULL, NULL, %s)",
                                   (key_id(self.key), digest(self.key), address))  # fmt: skip
                    assert cursor.fetchone() == ("ok",)
                end = time.perf_counter()
                self.slowest = max(self.slowest, end - begin)
                self.count += 1
                if end - begin >= PATIENCE:
                    excused_until = end + NEXT_PATIENCE
                self.excused += begin < excused_until
        except BaseException as failure:  # pylint: disable=broad-except
            self.failures.append(failure)
        finally:
            connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def quiet(self, seconds):
        """Lets them run; returns the slowest request of that time."""
        self.slowest = 0.0
        time.sleep(seconds)
        return self.slowest


# How long a request may wait: two attempts to get a lock, and for a busy machine a few times the slowest request before
# anything began.
LONGEST = 0.8
BUSY = 4


def test_authentication_goes_on_while_months_are_made_and_filled_and_dropped(busy, relay_without_database, tmp_path):
    """250,000 rows in the default partition, and more coming, are moved; a large month is dropped. No request fails or waits for long."""
    relay = relay_without_database.with_(dsn=busy.dsn())
    key = first_agent(relay, tmp_path / "bot.key")
    forget_month(busy)
    write_events(busy, 1, 200_000)
    write_events(busy, 0, 50_000)
    make_old_month(busy, 6, 200_000)
    for back in (7, 8, 9):
        make_old_month(busy, back, 1000)
    with Traffic(busy, key) as traffic:
        usual = traffic.quiet(1)
        traffic.slowest = 0.0
        begin = time.monotonic()
        made = make_months(busy)
        making, while_made = time.monotonic() - begin, traffic.slowest
        traffic.slowest = 0.0
        dropped = busy.rows("SELECT * FROM relay.drop_event_months(2, 'me')")
        while_dropped = traffic.slowest
        traffic.slowest = 0.0
        for ahead in range(4, 10):
            assert len(make_months(busy, ahead)) == 1
        while_ahead = traffic.slowest
        time.sleep(0.2)
    figures = (f"slowest request: {usual * 1000:.0f} ms before, {while_made * 1000:.0f} ms while {sum(made.values())} rows were moved in"
               f" {making:.1f} s, {while_dropped * 1000:.0f} ms while {len(dropped)} months were dropped,"
               f" {while_ahead * 1000:.0f} ms while months ahead were made")  # fmt: skip
    print(figures)
    assert sum(made.values()) >= 250_000 and [row["row_count"] for row in dropped] == [1000, 1000, 1000, 200_000]
    assert max(while_made, while_dropped, while_ahead) < LONGEST + BUSY * usual, figures
    # Each request has exactly one row, but for those that a lock made wait for too long.
    written = busy.one("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM relay.auth_events WHERE ip_address IS NOT NULL")
    assert written["n"] == written["ids"] and traffic.count - traffic.excused <= written["n"] <= traffic.count, (written, traffic.count, traffic.excused)
    assert held_by_default(busy) == 0


def test_a_long_reader_holds_up_the_maintenance_and_not_the_gateways(busy, relay_without_database, tmp_path):
    relay = relay_without_database.with_(dsn=busy.dsn())
    key = first_agent(relay, tmp_path / "bot.key")
    forget_month(busy)
    reader = busy.connect(autocommit=False)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM relay.auth_events")
    with Traffic(busy, key, clients=2) as traffic:
        usual = traffic.quiet(1)
        done = []
        maker = threading.Thread(target=lambda: done.append(make_months(busy)))
        maker.start()
        waited = traffic.quiet(1.5)
        assert not done and traffic.count > 50
        reader.close()
        maker.join(60)
        assert len(done) == 1
    assert 0.05 < waited < LONGEST + BUSY * usual, (waited, usual)


def test_a_change_opens_no_month_but_its_own(database, relay, tmp_path):
    """So an old month that is being dropped, or years of them, cost a change nothing. Nor does it open the default partition."""
    first_agent(relay, tmp_path / "bot.key")
    relay("org", "update", "acme", "--plan", "paid", "--yes", check=0)
    make_old_month(database, 3, 10)
    with closing(database.connect(autocommit=False)) as holder:
        holder.cursor().execute(f"LOCK TABLE {name_of(month_of(database, 3))}, relay.auth_events_default IN ACCESS EXCLUSIVE MODE")
        for line in ("agent create crm --org acme --name Crm --secret-file crm.key", "rotate-key crm --secret-file crm.2",
                     "agent update crm --name Clerk", "agent grant crm a:b", "role create ops --org acme --name Ops", "agent assign-role crm ops",
                     "policy set crm --window 30s", "org create other --name Other", "migrate-legacy import old.csv --org acme"):  # fmt: skip
            (tmp_path / "old.csv").write_text("agent_id\nold-1\n")
            relay(*line.split(), "--timeout", "5s", check=0)
        with closing(database.connect()) as session, session.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
            cursor.execute("UPDATE relay.agents SET name = 'by SQL'")
            cursor.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '9 days' WHERE state = 'active'")
            cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 'test')")
        assert decide(database, (tmp_path / "bot.key").read_text()) != "ok"
    written = database.rows("SELECT action FROM relay.auth_events WHERE reason = 'by SQL' ORDER BY event_id")
    assert [row["action"] for row in written] == [*3 * ["agent_updated"], *2 * ["key_expiry_changed"], "agent_blocked"]


def test_who_never_gets_the_lock_gives_up_and_leaves_everything_as_it_was(database):
    before = months(database)
    reader = database.connect(autocommit=False)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM relay.auth_events")
    begin = time.monotonic()
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        make_months(database, 12)
    assert 3 < time.monotonic() - begin < 60
    reader.close()
    assert months(database) == before
    assert len(make_months(database, 12)) == 9


def test_two_at_once_make_each_month_once(database):
    write_events(database, 2, 2000)
    results = []
    threads = [threading.Thread(target=lambda: results.append(make_months(database, 6))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, results)) == [0, 0, 0, 4]


# ---- pruning


def test_old_operations_sightings_and_changes_are_pruned_and_young_ones_kept(database, relay, tmp_path):
    key = first_agent(relay, tmp_path / "bot.key")
    database.execute("INSERT INTO relay.operations (op_id, state, at) SELECT 'old' || n, 'done', now() - interval '31 days' FROM generate_series(1, 5) n")
    database.execute("INSERT INTO relay.operations (op_id, state, at) VALUES ('young', 'done', now() - interval '29 days')")
    database.execute("INSERT INTO relay.key_sightings VALUES (%s, '192.0.2.1', now() - interval '60 days'),"
                     " (%s, '192.0.2.2', now() - interval '50 days'), (%s, '192.0.2.3', now() - interval '1 day'),"
                     " ('000000000000', '192.0.2.1', now() - interval '60 days'), ('000000000000', '192.0.2.9', now() - interval '90 days')",
                     *[key_id(key)] * 3)  # fmt: skip
    database.execute("INSERT INTO relay.fleet_rotations (request_id, request, began_by, last_at)"
                     " SELECT 'r' || days, '', 'test', now() - make_interval(days => days) FROM unnest(ARRAY[29, 31, 40, 50]) AS days")  # fmt: skip
    young = database.value("SELECT count(*) FROM relay.operations") - 5
    connection = database.connect(user=login_of(database, "relay_provisioner"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT relay.prune_operations(2), relay.prune_sightings()")
        assert cursor.fetchone() == (2, 3)
        cursor.execute("SELECT relay.prune_operations(), relay.prune_sightings()")
        assert cursor.fetchone() == (3, 0)
    connection.close()
    assert database.value("SELECT count(*) FROM relay.operations") == young
    assert database.value("SELECT array_agg(request_id) FROM relay.fleet_rotations") == ["r29"]
    left = database.rows("SELECT key_id, host(ip_address) AS ip FROM relay.key_sightings ORDER BY 1, 2")
    assert {(row["key_id"], row["ip"]) for row in left} == {(key_id(key), "192.0.2.3"), ("000000000000", "192.0.2.1")}


def test_pruning_waits_for_nobody(database):
    database.execute("INSERT INTO relay.operations (op_id, state, at) VALUES ('held', 'done', now() - interval '31 days'), ('free', 'done', now() - interval '31 days')")
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.operations WHERE op_id = 'held' FOR UPDATE")
    database.execute("SET lock_timeout = '1s'")
    assert database.value("SELECT relay.prune_operations()") == 1
    holder.close()
    assert database.value("SELECT relay.prune_operations()") == 1
