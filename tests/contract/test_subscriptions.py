"""relay_api.set_subscription, as the webhook handler of a billing system calls it: events that arrive twice, late and together; and the
plan that ends by the clock of the database."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from support.pooler import PgBouncer
from support.processes import wait_until
from support.seats import Caller, fill

SET = "SELECT changed, reason FROM relay_api.set_subscription(%s, %s, %s, %s, %s, %s)"
STATES = [
    ("paid", "active", None, "sub_1", "2026-01-01T00:00:00Z"),
    ("paid", "past_due", "2100-01-01T00:00:00Z", "sub_1", "2026-01-02T00:00:00Z"),
    ("paid", "active", None, "sub_1", "2026-01-03T00:00:00Z"),
    ("free", "active", None, "sub_1", "2026-01-04T00:00:00Z"),
    ("paid", "cancelled", "2099-01-01T00:00:00Z", "sub_1", "2026-01-05T00:00:00Z"),
]


@pytest.fixture
def billing(database):
    """A function that calls set_subscription as a login in relay_billing; returns (changed, reason)."""
    login = database.cluster.login("billing_login", member_of="relay_billing")
    connection = database.connect(user=login)

    def call(*values, org="acme"):
        with connection.cursor() as cursor:
            cursor.execute(SET, (org, *values))
            return cursor.fetchone()

    call.login = login
    call.connection = connection
    yield call
    connection.close()


def stored(database):
    return database.one("SELECT o.plan, s.state, s.ends_at, s.reference, s.said_at FROM relay.organizations AS o JOIN relay.subscriptions AS s USING (org_id)")


def forget(database):
    database.execute("DELETE FROM relay.subscriptions")
    database.execute("DELETE FROM relay.said_subscriptions")
    database.execute("UPDATE relay.organizations SET plan = 'paid'")


def test_five_states_in_any_order_end_in_the_newest(database, billing):
    fill(database, agents=["bot"])
    for number, order in enumerate(itertools.permutations(STATES)):
        forget(database)
        for state in order:
            changed, reason = billing(*state)
            assert changed is (reason == "ok") and billing(*state) == (False, "stale" if reason == "stale" else "unchanged")
        found = stored(database)
        assert (found["plan"], found["state"], found["reference"]) == ("paid", "cancelled", "sub_1"), (number, order)


def test_changes_of_one_second_end_in_the_same_state_in_any_order(database, billing):
    fill(database, agents=["bot"])
    same = [state[:4] + ("2026-01-01T00:00:00Z",) for state in STATES]
    ends = set()
    for order in itertools.permutations(same):
        forget(database)
        for state in order:
            billing(*state)
        ends.add(tuple(stored(database).values()))
    assert len(ends) == 1 and ends.pop()[1] == "cancelled", "the end comes after the grace"


def test_the_longer_end_of_one_second_counts_however_the_session_writes_times(database, billing):
    fill(database, agents=["bot"])
    with billing.connection.cursor() as cursor:
        cursor.execute("SET datestyle = 'German'")
    events = [("paid", "past_due", end, "sub_1", "2026-01-01") for end in ("2099-12-14", "2100-01-01")]
    for order in itertools.permutations(events):
        forget(database)
        for state in order:
            billing(*state)
        assert stored(database)["ends_at"].year == 2100, order


def test_an_event_that_is_repeated_does_not_undo_what_the_operator_set_since(database, relay, billing):
    fill(database, agents=["bot"])
    for plan in ("aaa", "zzz"):
        forget(database)
        relay("plan", "create", plan, "--name", "Other", check=0)
        assert billing(*STATES[0]) == (True, "ok")
        relay("org", "update", "acme", "--plan", plan, check=0)
        assert billing(*STATES[0]) == (False, "unchanged") and stored(database)["plan"] == plan
    assert billing(*STATES[2]) == (True, "ok") and stored(database)["plan"] == "paid", "a later event counts"


def test_the_end_of_a_subscription_that_was_replaced_does_not_end_the_next_one(database, billing):
    fill(database, agents=["bot"])
    assert billing("paid", "active", None, "sub_1", "2026-01-01") == (True, "ok")
    assert billing("paid", "active", None, "sub_2", "2026-01-02") == (True, "ok")
    for state in ("past_due", "cancelled"):
        assert billing("paid", state, "2026-01-03", "sub_1", "2026-01-03") == (False, "other_subscription")
    assert (stored(database)["state"], stored(database)["reference"]) == ("active", "sub_2")
    assert billing("paid", "cancelled", "2100-01-01", "sub_2", "2026-01-03") == (True, "ok")


def test_the_end_of_the_old_subscription_may_arrive_before_the_new_one(database, billing):
    fill(database, agents=["bot"])
    assert billing("paid", "active", None, "sub_1", "2026-01-01") == (True, "ok")
    assert billing("paid", "cancelled", "2026-01-03", "sub_1", "2026-01-03") == (True, "ok")
    assert billing("paid", "active", None, "sub_2", "2026-01-02") == (True, "ok"), "its change is older, but of another subscription"
    assert (stored(database)["state"], stored(database)["reference"]) == ("active", "sub_2")


def counts(events):
    """What must be in force after these events (reference or None, state, ends_at, plan, number in time), in the order of time: the newest of
    each subscription, without those that a later event about all of them ended; one that is active, else the one that ends last."""
    newest = {}
    for event in sorted(events, key=lambda event: event[4]):
        if event[0] is None:
            newest.clear()
        else:
            newest.pop(None, None)
        newest[event[0]] = event
    return max(newest.values(), key=lambda event: (event[1] == "active", event[2] or "", event[4]))


def test_events_of_two_subscriptions_in_any_order_end_as_in_the_order_of_time(database, billing):
    fill(database, agents=["bot"])
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    seen = set()
    for _ in range(60):
        events = []
        for number in range(choose.randint(2, 7)):
            state = choose.choice(["active", "past_due", "cancelled"])
            ends = None if state == "active" else choose.choice(["2025-06-01", "2099-01-01", "2100-01-01"])
            events.append((choose.choice(["sub_1", "sub_2", "sub_1", "sub_2", None]), state, ends, choose.choice(["paid", "free"]), number))
        expected = counts(events)
        for _ in range(3):
            forget(database)
            arrive = events + choose.sample(events, choose.randint(0, len(events)))
            choose.shuffle(arrive)
            for reference, state, ends, plan, number in arrive:
                _, reason = billing(plan, state, ends, reference, f"2026-01-01 00:00:{number:02}+00")
                seen.add(reason)
            found = stored(database)
            assert (found["state"], str(found["ends_at"])[:10], found["plan"], found["said_at"].second) == (
                expected[1], str(expected[2]), expected[3], expected[4]), (events, arrive)  # fmt: skip
            assert expected[0] is None or found["reference"] == expected[0]
    assert seen == {"ok", "stale", "unchanged", "other_subscription"}


def test_a_change_without_a_reference_keeps_the_one_before(database, billing):
    fill(database, agents=["bot"])
    assert billing("paid", "active", None, "sub_1", "2026-01-01") == (True, "ok")
    assert billing("paid", "past_due", "2100-01-01", None, "2026-01-02") == (True, "ok") and stored(database)["reference"] == "sub_1"
    assert billing("paid", "past_due", "2100-01-01", None, "2026-01-02") == (False, "unchanged")


def test_events_that_arrive_together_through_a_pooler_end_in_the_newest(database, billing):
    fill(database, agents=["bot"])
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    with PgBouncer(database, users=["postgres", billing.login], pool_size=4) as pool, ThreadPoolExecutor(8) as workers:

        def send(state):
            connection = psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=billing.login, sslmode="disable")
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(SET, ("acme", *state))
            connection.close()

        for _ in range(6):
            forget(database)
            events = STATES * 3
            choose.shuffle(events)
            list(workers.map(send, events))
            assert stored(database)["state"] == "cancelled"
    changes = database.rows("SELECT detail FROM relay.auth_events WHERE action = 'plan_changed' AND reason IS DISTINCT FROM 'by SQL'")
    assert changes and all(row["detail"]["said_at"] for row in changes)


def test_an_event_is_written_with_the_change_and_only_then(database, billing):
    fill(database, agents=["bot"])
    assert billing(*STATES[1]) == (True, "ok") and billing(*STATES[0]) == (False, "stale")
    event = database.one("SELECT org_id, actor, db_role, detail FROM relay.auth_events WHERE action = 'plan_changed'")
    assert (event["org_id"], event["actor"], event["db_role"]) == ("acme", billing.login, billing.login)
    assert event["detail"]["state"] == "past_due" and event["detail"]["reference"] == "sub_1" and "state_before" not in event["detail"]


def test_the_same_state_said_later_moves_the_time_so_that_what_is_older_stays_stale(database, billing):
    fill(database, agents=["bot"])
    billing(*STATES[0])
    assert billing(*STATES[2]) == (False, "unchanged")
    assert billing(*STATES[1]) == (False, "stale"), "it happened between the two"


@pytest.mark.parametrize(
    "state",
    [("gold", "active", None, None, "2026-01-01"), ("paid", "ended", None, None, "2026-01-01"), ("paid", "active", "2100-01-01", None, "2026-01-01"),
     ("paid", "past_due", None, None, "2026-01-01"), ("paid", None, None, None, "2026-01-01"), ("paid", "active", None, None, None),
     ("paid", "active", None, None, "3000-01-01"), ("paid", "active", None, None, "-infinity"), ("paid", "cancelled", "infinity", None, "2026-01-01"),
     ("paid", "active", None, "x" * 201, "2026-01-01"), ("paid", "active", None, "", "2026-01-01")],
)  # fmt: skip
def test_what_makes_no_sense_is_an_error_and_changes_nothing(database, billing, state):
    fill(database, agents=["bot"])
    with pytest.raises(psycopg2.Error) as raised:
        billing(*state)
    assert raised.value.pgcode == "22023" and database.rows("SELECT FROM relay.subscriptions") == []
    with pytest.raises(psycopg2.Error) as raised:
        billing(*STATES[0], org="nobody")
    assert raised.value.pgcode == "22023"


def test_a_change_may_be_five_minutes_ahead_and_no_more(database, billing):
    fill(database, agents=["bot"])
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="5 minutes"):
        billing("paid", "active", None, None, database.value("SELECT clock_timestamp() + interval '6 minutes'"))
    assert billing("paid", "active", None, None, database.value("SELECT clock_timestamp() + interval '4 minutes'")) == (True, "ok")


def test_at_its_end_the_plan_is_free_without_a_job_or_a_command(database, billing):
    keys = fill(database)
    caller = Caller(database.cluster.connect(database.name, user=database.gateway_login()))
    ends = database.value("SELECT clock_timestamp() + interval '2 seconds'")
    assert billing("paid", "cancelled", ends, None, "2026-01-01") == (True, "ok")
    early = caller.accepted(keys)
    assert early == set(keys) or database.value("SELECT clock_timestamp() > %s", ends)
    wait_until(lambda: database.value("SELECT clock_timestamp() > %s", ends), what="the end of the plan")
    assert caller.accepted(keys) == {"bot-00"}
    assert database.value("SELECT relay.limit_of('acme', 'agents')") == 1
    assert database.value("SELECT plan_in_force FROM relay.organization_status") == "free"
    assert billing("paid", "active", None, None, "2026-01-02") == (True, "ok") and caller.accepted(keys) == set(keys)
    caller.connection.close()


def test_the_feed_hears_of_lost_seats_by_the_change_and_by_the_next_maintenance(database, relay, billing):
    fill(database)
    lost = "SELECT agent_id, kicks FROM relay.change_feed WHERE change = 'seat_lost' ORDER BY seq"
    billing("free", "active", None, None, "2026-01-01")
    assert [row["agent_id"] for row in database.rows(lost)] == [f"bot-{n:02}" for n in range(1, 12)]
    billing("paid", "active", None, None, "2026-01-02")
    database.execute("TRUNCATE relay.key_changes")
    billing("paid", "cancelled", "2100-01-01", None, "2026-01-03")
    assert relay.json("audit", "maintain")["data"]["plans_ended"] == 0 and database.rows(lost) == []
    database.execute("UPDATE relay.subscriptions SET ends_at = now() - interval '1 second'")
    assert relay.json("audit", "maintain")["data"]["plans_ended"] == 1
    assert len(database.rows(lost)) == 11 and all(row["kicks"] for row in database.rows(lost))
    event = database.one("SELECT org_id, detail FROM relay.auth_events WHERE action = 'plan_ended'")
    assert event["org_id"] == "acme" and event["detail"]["plan_before"] == "paid"
    assert relay.json("audit", "maintain")["data"]["plans_ended"] == 0 and len(database.rows(lost)) == 11


@pytest.mark.parametrize("plan, state, ends", [("paid", "cancelled", "2026-01-04"), ("free", "active", None)])
def test_an_event_after_the_end_by_the_clock_still_announces_who_lost_a_seat(database, relay, billing, plan, state, ends):
    fill(database)
    billing("paid", "cancelled", "2100-01-01", None, "2026-01-03")
    database.execute("UPDATE relay.subscriptions SET ends_at = now() - interval '1 second'")
    assert billing(plan, state, ends, None, "2026-01-05") == (True, "ok")
    lost = "SELECT agent_id FROM relay.change_feed WHERE change = 'seat_lost' ORDER BY seq"
    assert [row["agent_id"] for row in database.rows(lost)] == [f"bot-{n:02}" for n in range(1, 12)]
    assert relay.json("audit", "maintain")["data"]["plans_ended"] == 0 and len(database.rows(lost)) == 11


def test_while_it_is_going_to_end_what_is_new_must_fit_the_plan_that_comes_next(database, relay, billing):
    fill(database, agents=["bot"])
    billing(*STATES[1])
    error = relay.error("agent", "create", "new", "--org", "acme", "--name", "New", "--secret-file", "new.key", check=6)
    assert "subscription is past_due since 2026-01-02T00:00:00Z" in error["why"] and "subscription set acme" in error["next"]
    billing(*STATES[2])
    relay("agent", "create", "new", "--org", "acme", "--name", "New", "--secret-file", "new.key", check=0)


def test_the_billing_system_can_do_nothing_else(database, billing):
    fill(database, agents=["bot"])
    functions = database.rows(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p WHERE p.pronamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace)"
        " AND has_function_privilege(%s, p.oid, 'EXECUTE') AND has_schema_privilege(%s, p.pronamespace, 'USAGE')",
        billing.login, billing.login,
    )  # fmt: skip
    assert [row["name"] for row in functions] == [
        "relay_api.set_subscription(text,text,text,timestamp with time zone,text,timestamp with time zone)"
    ]
    tables = database.rows("SELECT c.oid::regclass::text AS name FROM pg_class AS c WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p', 'v')")
    assert len(tables) > 30
    for table in tables:
        for statement in (f"SELECT FROM {table['name']}", f"DELETE FROM {table['name']}"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                with billing.connection.cursor() as cursor:
                    cursor.execute(statement)


def test_doctor_and_whoami_know_the_role(database, relay, billing):
    (check,) = [item for item in relay.json("doctor", "grants.billing")["items"]]
    assert check["status"] == "ok" and "1 login is in relay_billing" in check["message"]
    database.cluster.query(f"GRANT relay_auditor TO {billing.login}")
    try:
        (check,) = [item for item in relay.json("doctor", "grants.billing")["items"]]
        assert check["status"] == "warn" and billing.login in check["message"]
    finally:
        database.cluster.query(f"REVOKE relay_auditor FROM {billing.login}")
    assert "set subscriptions" in relay.with_(dsn=database.dsn(user=billing.login))("whoami").out
