"""Seats: which agents gateways accept when an organization has more than its limit allows, asked as gateways ask."""

import random
from contextlib import closing

import psycopg2
import pytest
from support.agents import digest, key_hash, key_id
from support.own_key import make_key
from support.pooler import PgBouncer
from support.seats import AGENTS, Caller, fill

def set_limit(database, amount, org="acme"):
    database.execute("DELETE FROM relay.limits WHERE owner_kind = 'org' AND owner_id = %s", org)
    if amount is not None:
        database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', %s, 'agents', %s, %s)", org, org, amount)


@pytest.fixture
def caller(database):
    opened = Caller(database.cluster.connect(database.name, user=database.gateway_login()))
    yield opened
    opened.connection.close()


def test_exactly_as_many_agents_as_there_are_seats_and_always_the_same(database, relay):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    keys = fill(database)
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=2) as pool:
        pooled = Caller(psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=database.gateway_login(), sslmode="disable"))
        order, revoked = list(AGENTS), set()
        for _ in range(12):
            if choose.random() < 0.6:
                kept = choose.sample([agent for agent in order if agent not in revoked], choose.randint(1, 3))
                relay("agent", "keep", *kept, check=0)
                order = kept + [agent for agent in order if agent not in kept]
            if choose.random() < 0.4 and len(revoked) < 6:
                gone = choose.choice([agent for agent in order if agent not in revoked])
                relay("revoke", gone, check=0)
                revoked.add(gone)
            limit = choose.choice([None, 0, 1, 2, 5, 11, 12, 13, 10**15])
            set_limit(database, limit)
            live = [agent for agent in order if agent not in revoked]
            expected = set(live if limit is None else live[:limit])
            assert len(expected) == (len(live) if limit is None else min(limit, len(live)))
            assert pooled.accepted(keys) == expected, (limit, order, revoked)
            assert pooled.accepted(keys) == expected, "the same ones each time"
            surplus = {row["agent_id"] for row in database.rows("SELECT agent_id FROM relay.surplus_agents")}
            assert surplus == set(live) - expected
        pooled.connection.close()


def test_agents_that_are_older_than_the_column_are_ordered_by_their_creation(database, caller):
    keys = fill(database)
    database.execute("UPDATE relay.agents SET seat = NULL")
    set_limit(database, 4)
    assert caller.accepted(keys) == set(AGENTS[:4])


def test_a_call_that_was_seen_within_a_minute_is_not_asked_about_seats(database, caller):
    keys = fill(database)
    assert caller.reason(keys["bot-11"], address="192.0.2.1") == "ok"
    set_limit(database, 1)
    assert caller.reason(keys["bot-11"], address="192.0.2.1") == "ok", "the end of a plan takes effect within a minute"
    database.execute("UPDATE relay.key_sightings SET last_used_at = last_used_at - interval '61 seconds'")
    assert caller.reason(keys["bot-11"], address="192.0.2.1") == "over_limit"
    event = database.one("SELECT agent_id, org_id, reason FROM relay.auth_events WHERE action = 'auth_failed'")
    assert event == {"agent_id": "bot-11", "org_id": "acme", "reason": "over_limit"}


def test_a_gateway_that_reports_uses_gets_no_other_answer(database, caller):
    keys = fill(database)
    assert [caller.reason(keys["bot-11"], reports=True) for _ in range(2)] == ["ok", "ok"]
    set_limit(database, 1)
    assert [caller.reason(keys["bot-11"], reports=True) for _ in range(2)] == ["over_limit"] * 2
    assert [caller.reason(keys["bot-00"], reports=True) for _ in range(2)] == ["ok", "ok"]


def test_neither_the_shared_secret_nor_a_call_without_key_is_a_way_around(database, caller):
    keys = fill(database)
    database.execute("UPDATE relay.organizations SET auth_mode = 'optional'")
    database.execute("INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '9 days', 'test')")
    database.execute("INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) SELECT agent_id, org_id, 'test' FROM relay.agents")
    database.execute("UPDATE relay.legacy_agents SET migration_id = (SELECT max(migration_id) FROM relay.legacy_migrations), wave = 1")

    def reasons(agent):
        with caller.connection.cursor() as cursor:
            cursor.execute("SELECT (relay_api.authenticate_legacy(%s)).reason, (relay_api.authenticate_anonymous(%s)).reason", (agent, agent))
            return cursor.fetchone()

    assert reasons("bot-11") == ("ok", "unauthenticated")
    set_limit(database, 1)
    database.execute("UPDATE relay.legacy_agents SET last_seen_at = NULL")
    assert reasons("bot-11") == ("over_limit", "over_limit") and reasons("bot-00") == ("ok", "unauthenticated")
    assert keys


def test_other_reasons_come_first(database, caller):
    keys = fill(database)
    set_limit(database, 1)
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot-05', 'block', 't'), ('agent', 'bot-06', 'revoke', 't')")
    assert (caller.reason(keys["bot-05"]), caller.reason(keys["bot-06"])) == ("blocked", "revoked")


READS = ("SELECT COALESCE(idx_tup_fetch, 0) + COALESCE(seq_tup_read, 0) FROM pg_stat_xact_user_tables"
         " WHERE relid = 'relay.agents'::regclass")  # fmt: skip


def rows_read(database, agent):
    """Whether an agent of acme has a seat, and how many rows of agents the question reads."""
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(READS)
        before = cursor.fetchone()[0]
        cursor.execute("SELECT relay.has_seat('acme', %s)", (agent,))
        has_seat = cursor.fetchone()[0]
        cursor.execute(READS)
        return has_seat, cursor.fetchone()[0] - before


def fill_revoked(database, number):
    """The organization acme with as many agents, of which all but the last ten are revoked, and a limit of seven."""
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'test')")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, seat)"
                     " SELECT 'a-' || n, 'acme', 'A', 't', now() + make_interval(secs => n) FROM generate_series(1, %s) AS n", number)  # fmt: skip
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor)"
                     " SELECT 'agent', 'a-' || n, 'revoke', 't' FROM generate_series(1, %s) AS n", number - 10)  # fmt: skip
    set_limit(database, 7)


def test_agents_that_were_revoked_cost_the_search_for_seats_nothing(database):
    fill_revoked(database, 3000)
    database.execute("ANALYZE")
    assert rows_read(database, "a-2997") == (True, 7)
    assert rows_read(database, "a-2998") == (False, 7)
    assert rows_read(database, "a-1") == (False, 7)


def test_an_agent_that_is_restored_has_its_place_again(database):
    fill_revoked(database, 30)
    assert [rows_read(database, f"a-{n}")[0] for n in (1, 21, 27)] == [False, True, True]
    database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 't' WHERE subject_id = 'a-1'")
    assert [rows_read(database, f"a-{n}")[0] for n in (1, 21, 27)] == [True, True, False]
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'a-1', 'revoke', 't')")
    assert [rows_read(database, f"a-{n}")[0] for n in (1, 21, 27)] == [False, True, True]


@pytest.mark.parametrize("lock", ["SELECT FROM relay.agents WHERE agent_id = 'a-21' FOR UPDATE", "LOCK TABLE relay.agents IN SHARE MODE"])
def test_a_revocation_waits_for_no_lock_and_what_it_could_not_mark_maintenance_does(database, relay, lock):
    fill_revoked(database, 30)
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute(lock)
        database.execute("SET lock_timeout = '1ms'; INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'a-21', 'revoke', 't')")
        assert not database.value("SELECT gone FROM relay.agents WHERE agent_id = 'a-21'")
        assert [rows_read(database, f"a-{n}")[0] for n in (21, 27, 28, 29)] == [False, True, True, False], "the mark is a hint"
    relay("audit", "maintain", check=0)
    assert database.value("SELECT gone FROM relay.agents WHERE agent_id = 'a-21'") and rows_read(database, "a-29") == (False, 7)


# ---- a large limit


def fill_large(database, limit=1000, surplus=500, org="acme"):
    """An organization with more agents than its limit; returns the key of the first agent, of the last one with a seat, and of the last."""
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, 'Acme', 'paid', 'test')", org)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, seat, permissions)"
                     " SELECT 'a-' || n, %s, 'A', 't', now() - interval '1 day' + make_interval(secs => n), '[]' FROM generate_series(1, %s) AS n",
                     org, limit + surplus)  # fmt: skip
    set_limit(database, limit, org)
    keys = [make_key() for _ in range(3)]
    for agent, key in zip((1, limit, limit + surplus), keys, strict=True):
        database.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by) VALUES (%s, %s, %s, %s, 'test')",
                         key_id(key), f"a-{agent}", org, key_hash(key))  # fmt: skip
    database.execute("ANALYZE relay.agents")
    return keys


def call_reads(database, key):
    """The answer to a call, and how many rows of agents it reads."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; " + READS)
        before = cursor.fetchone()[0]
        cursor.execute("SELECT (relay_api.authenticate(%s, %s, reports_uses => true)).reason", (key_id(key), digest(key)))
        reason = cursor.fetchone()[0]
        cursor.execute(READS)
        read = cursor.fetchone()[0] - before
        cursor.execute("COMMIT")
        return reason, read


def test_under_a_large_limit_only_the_first_call_searches(database):
    first, last, surplus = fill_large(database)
    assert call_reads(database, surplus)[1] > 1000
    for key, expected in ((surplus, "over_limit"), (first, "ok"), (last, "ok")) * 2:
        reason, read = call_reads(database, key)
        assert reason == expected and read < 10
    database.execute("SELECT relay.keep_agents('acme', ARRAY['a-1500'])")
    assert call_reads(database, surplus)[0] == "ok"
    assert (call_reads(database, last)[0], call_reads(database, first)[0]) == ("over_limit", "ok")
    assert call_reads(database, surplus)[1] < 20 and call_reads(database, last)[1] < 20


def test_a_heartbeat_under_a_large_limit_reads_few_agents(database):
    fill_large(database)
    database.execute("INSERT INTO relay.agent_cards (agent_id, org_id, card, terms) SELECT 'a-1500', 'acme', '{}', '{}'")

    def beat():
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN; " + READS)
            before = cursor.fetchone()[0]
            cursor.execute("SELECT (relay_api.heartbeat('a-1500')).reason")
            reason = cursor.fetchone()[0]
            cursor.execute(READS)
            read = cursor.fetchone()[0] - before
            cursor.execute("COMMIT")
            return reason, read

    assert beat()[1] > 1000
    reason, read = beat()
    assert reason == "over_limit" and read < 20


def test_what_is_remembered_of_seats_never_decides_otherwise_than_a_search(database):
    """Random changes, each followed by the question about agents near the last seat and far from it, as a call asks and as a view does."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    limit, total = 110, 140
    fill_large(database, limit, total - limit)
    agents = [f"a-{n}" for n in range(1, total + 1)]
    asked = 0
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for number in range(60):
            if number in (20, 40):
                cursor.execute("BEGIN" if number == 20 else "COMMIT")
            agent = choose.choice(agents)
            what = choose.choice(["revoke", "restore", "keep", "create", "search", "limit" if number % 10 == 9 else "search"])
            if what == "revoke":
                cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', %s, 'revoke', 't')", (agent,))
            elif what == "restore":
                cursor.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 't' WHERE lifted_at IS NULL AND subject_id = %s", (agent,))
            elif what == "keep":
                cursor.execute("SELECT relay.keep_agents('acme', %s)", (choose.sample(agents, 2),))
            elif what == "create":
                agents.append(f"new-{number}")
                cursor.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, permissions) VALUES (%s, 'acme', 'A', 't', '[]')", (agents[-1],))
            elif what == "limit":
                limit += choose.choice([-3, 1])
                set_limit(database, limit)
            cursor.execute("SELECT agent_id FROM relay.seat_order WHERE org_id = 'acme' AND place <= %s", (limit,))
            seated = {row[0] for row in cursor.fetchall()}
            near = sorted(seated, key=agents.index)[-3:] + choose.sample(agents, 6)
            for asker in ("has_seat", "find_seat") if what == "search" else ("has_seat",):
                cursor.execute(f"SELECT agent_id, relay.{asker}('acme', agent_id), relay.remembered_seat('acme', agent_id, %s) IS NOT NULL"
                               " FROM unnest(%s) AS agent_id", (limit, near))  # fmt: skip
                rows = cursor.fetchall()
                assert {row[0]: row[1] for row in rows} == {each: each in seated for each in near}, (what, agent)
                asked += sum(row[2] for row in rows)
    assert asked > 50, "something was remembered"


def test_a_change_that_is_not_committed_when_the_last_seat_is_found_counts_from_its_commit_on(database):
    _, last, surplus = fill_large(database)
    with database.connect(autocommit=False) as revoker, revoker.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'a-7', 'revoke', 't')")
        assert call_reads(database, surplus)[0] == "over_limit"
        assert database.value("SELECT agent_id FROM relay.last_seats") == "a-1000"
        revoker.commit()
    assert rows_read(database, "a-1001")[0] and not rows_read(database, "a-1002")[0]
    assert call_reads(database, last)[0] == "ok"


def test_a_search_waits_for_no_other_and_a_standby_only_reads(database):
    _, last, surplus = fill_large(database)
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT relay.remember_last_seat('acme', 1000)")
        assert cursor.fetchone() == (True,)
        assert [call_reads(database, key)[0] for key in (surplus, last)] == ["over_limit", "ok"]
        holder.rollback()
    with database.connect(autocommit=False) as reader, reader.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY; SELECT relay.find_seat('acme', 'a-1500'), relay.find_seat('acme', 'a-1000')")
        assert cursor.fetchone() == (False, True)
    assert database.value("SELECT count(*) FROM relay.last_seats") == 0


def test_changes_that_no_one_asks_about_are_removed(database, relay):
    fill_large(database)
    database.execute("INSERT INTO relay.seat_changes SELECT 'other', 1 FROM generate_series(1, 1000)")
    database.execute("SELECT relay.find_seat('acme', 'a-1'); SELECT relay.keep_agents('acme', ARRAY['a-9'])")
    relay("audit", "maintain", check=0)
    assert database.rows("SELECT org_id, agents FROM relay.seat_changes") == [{"org_id": "acme", "agents": 1}]


LOSERS = "SELECT agent_id FROM relay.change_feed WHERE change = 'seat_lost' AND org_id = 'acme' AND kicks ORDER BY seq"


@pytest.mark.parametrize(
    "change, action",
    [("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'agents', 'acme', 9)", "limits_changed"),
     ("UPDATE relay.limits SET amount = 9 WHERE owner_kind = 'org' AND org_id = 'own'", "limits_changed"),
     ("UPDATE relay.limits SET amount = 9 WHERE owner_id = 'team'", "limits_changed"),
     ("INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'paid', 'agents', 9)", "limits_changed"),
     ("DELETE FROM relay.limits WHERE owner_id = 'own'", "limits_changed"),
     ("UPDATE relay.organizations SET plan = 'nine'", "org_updated")],
)  # fmt: skip
def test_seats_that_a_change_by_sql_takes_are_announced_and_recorded(database, change, action):
    database.execute("INSERT INTO relay.plans (plan_id, name, created_by) VALUES ('team', 'Team', 't'), ('nine', 'Nine', 't')")
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'team', 'agents', 12), ('plan', 'nine', 'agents', 9)")
    fill(database, plan="team" if "team" in change else "nine" if "DELETE" in change else "paid")
    if "'own'" in change:
        change = change.replace("'own'", "'acme'")
        set_limit(database, 12)
    assert database.rows(LOSERS) == []
    database.execute(change)
    assert [row["agent_id"] for row in database.rows(LOSERS)] == ["bot-09", "bot-10", "bot-11"]
    event = database.one("SELECT reason, db_role FROM relay.auth_events WHERE action = %s ORDER BY event_id DESC LIMIT 1", action)
    assert event["reason"] == "by SQL" and event["db_role"] == "postgres"
    database.execute("UPDATE relay.limits SET amount = 11 WHERE meter = 'agents'")
    assert len(database.rows(LOSERS)) == 3, "a gained seat has no row"


def test_an_order_of_seats_that_sql_changes_leaves_an_event(database, relay):
    fill(database)
    database.execute("SELECT relay.keep_agents('acme', ARRAY['bot-07'])")
    relay("agent", "keep", "bot-05", check=0)
    events = database.rows("SELECT agent_id, reason FROM relay.auth_events WHERE action = 'seat_kept' ORDER BY event_id")
    assert events == [{"agent_id": "bot-07", "reason": "by SQL"}, {"agent_id": "bot-05", "reason": None}]


def test_no_more_live_agents_are_read_than_there_are_seats(database):
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'test')")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, seat)"
                     " SELECT 'a-' || n, 'acme', 'A', 't', now() + make_interval(secs => n) FROM generate_series(1, 5000) AS n")  # fmt: skip
    set_limit(database, 7)
    database.execute("ANALYZE")
    for agent, expected in (("a-1", True), ("a-7", True), ("a-8", False), ("a-5000", False)):
        has_seat, read = rows_read(database, agent)
        assert has_seat is expected and read <= 7, agent
