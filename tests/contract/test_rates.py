"""Rates: gateways lease shares of an agent's limit; the shares follow demand, and refusals cost."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support.pooler import PgBouncer
from support.processes import wait_until
from support.sampling import dice

CAP = 100
LEASE = "SELECT * FROM relay_api.lease_rate(%s, %s, %s, %s, %s)"
RUNNING = "SELECT COALESCE(sum(rate), 0) FROM relay.rate_leases WHERE agent_id = 'bot' AND ends_at > clock_timestamp()"


class Leases:
    """Leases of gateways for one agent, whose time the test can let pass."""

    def __init__(self, database):
        self.database = database

    def take(self, gateway="g1", demand=200, refused=0, *, agent="bot", org="acme"):
        return self.database.one(LEASE, agent, org, gateway, demand, refused)

    def limit(self, amount):
        self.database.execute(
            "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('agent', 'bot', 'agent_qps', 'acme', %s)"
            " ON CONFLICT (owner_kind, owner_id, meter) DO UPDATE SET amount = excluded.amount",
            amount,
        )

    def pass_by(self, seconds):
        """Lets time pass for leases and penalties."""
        self.database.execute("UPDATE relay.rate_leases SET ends_at = ends_at - make_interval(secs => %s)", seconds)
        self.database.execute(
            "UPDATE relay.rate_penalties SET stepped_at = stepped_at - make_interval(secs => %s),"
            " clean_since = clean_since - make_interval(secs => %s)",
            seconds, seconds,
        )  # fmt: skip


@pytest.fixture
def leases(database):
    database.execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('acme', 'Acme', 'test'), ('other', 'Other', 'test')")
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('bot', 'acme', 'Bot', 'test'), ('cat', 'other', 'Cat', 'test')")
    made = Leases(database)
    made.limit(CAP)
    return made


# ---- shares


def test_a_lease_lasts_five_seconds_and_one_gateway_gets_everything(database, leases):
    lease = leases.take(demand=1)
    assert (lease["rate"], lease["burst"], lease["retry_after"]) == (CAP, CAP, 0)
    left = database.value("SELECT ends_at - clock_timestamp() FROM relay.rate_leases").total_seconds()
    assert 0 < left <= 5


def test_a_newcomer_gets_a_sixteenth_and_its_share_when_the_others_have_renewed(leases):
    assert leases.take("g1")["rate"] == 100
    assert leases.take("g2")["rate"] == 6.25
    assert (leases.take("g1")["rate"], leases.take("g2")["rate"]) == (50, 50)


def test_shares_follow_demand(leases):
    for _ in range(3):
        rates = [leases.take("g1", 300)["rate"], leases.take("g2", 100)["rate"]]
    assert rates == [75, 25]
    for _ in range(3):
        rates = [leases.take("g1", 0)["rate"], leases.take("g2", 100)["rate"]]
    assert rates == [6.25, 93.75]


def test_a_gateway_that_is_silent_leaves_its_share_to_the_others(leases):
    leases.take("g1"), leases.take("g2")
    leases.pass_by(6)
    assert leases.take("g2")["rate"] == CAP


@pytest.mark.parametrize("gateways", [2, 7, 16, 24])
def test_the_sum_is_bounded_at_every_moment_and_then_the_limit(leases, gateways):
    """Whatever the demands are, and in whatever order gateways come, renew and go silent."""
    throw = dice(f"rates of {gateways} gateways")
    smallest = 1 / max(gateways, 16)
    for _ in range(200):
        leases.take(f"g{throw.randrange(gateways)}", throw.choice((0, 1, 5, 1000, 1e9)))
        assert leases.database.value(RUNNING) <= CAP * (1 + gateways * smallest) + 1e-6
        if throw.random() < 0.05:
            leases.pass_by(throw.random() * 6)
    demands = [throw.randrange(1, 1000) for _ in range(gateways)]
    for _ in range(3):
        for number, demand in enumerate(demands):
            leases.take(f"g{number}", demand)
    assert leases.database.value(RUNNING) <= CAP + 1e-6


def test_newcomers_stay_within_twice_the_limit_however_many_come_at_once(leases):
    """Each would get its sixteenth, or less, beside one that has all of it."""
    for number in range(40):
        lease = leases.take(f"g{number}", 1000)
        assert lease["rate"] >= 0 and leases.database.value(RUNNING) <= 2 * CAP + 1e-6, number


def test_many_gateways_at_the_same_time_through_a_pooler(database, leases):
    login = database.gateway_login()
    with PgBouncer(database, users=["postgres", login], pool_size=4) as pool:

        def gateway(number):
            throw = random.Random(number)
            with closing(psycopg2.connect(host=pool.host, port=pool.port, dbname=database.name, user=login, sslmode="disable")) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    for _ in range(40):
                        cursor.execute(LEASE, ("bot", "acme", f"g{number}", throw.randrange(1000), 0))

        with ThreadPoolExecutor(12) as gateways:
            list(gateways.map(gateway, range(12)))
    assert 0 < database.value(RUNNING) <= CAP * (1 + 12 / 16)


# ---- the limit


def test_the_limit_of_the_agent_beats_that_of_the_organization_and_of_the_plan(database, leases):
    database.execute("DELETE FROM relay.limits WHERE meter = 'agent_qps'")
    unlimited = leases.take()
    assert (unlimited["rate"], unlimited["burst"], unlimited["retry_after"]) == (None, None, 0)
    assert database.value("SELECT count(*) FROM relay.rate_leases") == 0
    for owner, owner_id, org, amount in (("plan", "free", None, 80), ("org", "acme", "acme", 40), ("agent", "bot", "acme", 20)):
        database.execute(
            "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES (%s, %s, 'agent_qps', %s, %s)",
            owner, owner_id, org, amount,
        )  # fmt: skip
        assert leases.take()["rate"] == amount
        assert database.value("SELECT (relay_api.policy('acme', 'bot')).qps") == amount
    database.execute("UPDATE relay.limits SET amount = NULL WHERE owner_kind = 'agent'")
    assert leases.take()["rate"] is None


def test_a_limit_of_zero_accepts_no_call(leases):
    leases.limit(0)
    assert (leases.take()["rate"], leases.take()["burst"]) == (0, 0)


# ---- refusals


def test_refusals_halve_the_rate_and_double_the_wait_and_clean_minutes_undo_it(leases):
    given = [leases.take(refused=5) for _ in range(8)]
    assert [lease["retry_after"] for lease in given] == [1, 2, 4, 8, 16, 32, 32, 32]
    assert [lease["rate"] for lease in given] == [CAP / 2**step for step in (0, 1, 2, 3, 4, 5, 5, 5)]
    assert leases.take()["retry_after"] == 32  # a clean lease is not a clean minute
    for wait in (16, 8, 4, 2, 1, 0, 0):
        leases.pass_by(60)
        lease = leases.take()
        assert (lease["retry_after"], lease["rate"]) == (wait, CAP / max(wait, 1))


def test_minutes_without_any_lease_are_clean_too(leases):
    for _ in range(4):
        leases.take(refused=1)
    leases.pass_by(125)
    assert leases.take()["retry_after"] == 2
    assert leases.take(refused=1)["retry_after"] == 4


def test_a_flood_that_several_gateways_report_counts_once(leases):
    for gateway in ("g1", "g2", "g3", "g4"):
        assert leases.take(gateway, refused=9)["retry_after"] == 1
    leases.pass_by(5.5)
    for gateway in ("g3", "g1", "g2", "g4"):
        assert leases.take(gateway, refused=9)["retry_after"] == 2


def test_refusals_are_recorded_and_a_flood_of_them_is_counted(database, leases):
    for _ in range(30):
        leases.take(refused=7)
    events = database.rows("SELECT org_id, agent_id, outcome, reason, detail, times FROM relay.recorded_events WHERE action = 'auth_violation'")
    assert sum(event["times"] for event in events) == 30 and len(events) <= 11
    first = events[0]
    assert (first["org_id"], first["agent_id"], first["outcome"], first["reason"]) == ("acme", "bot", "failed", "rate_exceeded")
    assert first["detail"] == {"refused": 7, "limit": CAP, "retry_after": 1}


def test_a_gateway_that_waits_for_the_trail_holds_up_no_other(database, leases):
    """Someone has locked the trail, and the gateway waits for it as long as the test likes."""
    database.execute("ALTER FUNCTION relay.can_write_event() SET lock_timeout = '1h'")
    login = database.gateway_login()
    waits = "SELECT count(*) FROM pg_locks WHERE relation = 'relay.auth_events'::regclass AND NOT granted"
    with closing(database.connect(autocommit=False)) as holder, closing(database.connect(user=login)) as one, ThreadPoolExecutor(1) as pool:
        with holder.cursor() as cursor, one.cursor() as first:
            leases.take("g2")
            cursor.execute("LOCK TABLE relay.auth_events IN ACCESS EXCLUSIVE MODE")
            slow = pool.submit(first.execute, LEASE, ("bot", "acme", "g1", 200, 5))
            wait_until(lambda: database.value(waits), what="the first gateway to wait")
            leases.take("g2")
            assert not slow.done()
            holder.rollback()
            slow.result()
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE reason = 'rate_exceeded'") == 1


# ---- arguments, tenants, room


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("bot", "acme", "g1", -1, 0), "demand must be from 0"),
        (("bot", "acme", "g1", float("nan"), 0), "demand must be from 0"),
        (("bot", "acme", "g1", float("inf"), 0), "demand must be from 0"),
        (("bot", "acme", "g1", None, 0), "demand must be from 0"),
        (("bot", "acme", "g1", 1, -1), "refused must be from 0"),
        (("bot", "acme", "g1", 1, None), "refused must be from 0"),
        (("bot", "acme", "", 1, 0), "gateway_id is not an id"),
        (("bot", "acme", None, 1, 0), "gateway_id is not an id"),
        (("bot", "acme", "g" * 128, 1, 0), "gateway_id has 128 characters"),
        (("bot", "other", "g1", 1, 0), "organization other has no agent bot"),
        (("cat", "acme", "g1", 1, 0), "organization acme has no agent cat"),
        (("ghost", "acme", "g1", 1, 0), "organization acme has no agent ghost"),
        ((None, None, "g1", 1, 0), "organization null has no agent null"),
    ],
    ids=str,
)
def test_bad_arguments_are_errors_and_leave_nothing(database, leases, arguments, words):
    with closing(database.connect(user=database.gateway_login())) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match=words):
            cursor.execute(LEASE, arguments)
    assert database.value("SELECT (SELECT count(*) FROM relay.rate_leases) + (SELECT count(*) FROM relay.rate_penalties)") == 0


def test_what_no_one_uses_any_more_is_removed(database, leases):
    leases.take("g1", refused=1), leases.take("g2")
    leases.pass_by(4000)
    leases.take("g3")
    database.execute("UPDATE relay.feed_horizon SET pruned_at = now() - interval '2 hours'")
    with closing(database.connect(user=database.gateway_login())) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT relay_api.acknowledge('g3', next_cursor) FROM relay_api.changes_since(NULL)")
    assert [row["gateway_id"] for row in database.rows("SELECT gateway_id FROM relay.rate_leases")] == ["g3"]
    assert database.value("SELECT count(*) FROM relay.rate_penalties") == 1
