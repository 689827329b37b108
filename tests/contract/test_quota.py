"""relay_api.take and give_back: what was granted and not given back is what is used, and never more than the limit."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from support import sampling
from support.pooler import PgBouncer
from support.processes import wait_until
from support.quota import Account, Taker, make_org, set_limit, used
from support.tampering import swallow

TAKERS = 16


@pytest.fixture
def account(database):
    with closing(Account(database)) as made:
        yield made


def sizes(account, amount, at_least=None, times=1):
    """What each of a number of takes grants."""
    return [account.take(amount, at_least)["granted"] for _ in range(times)]


def refusals(database, meter="messages"):
    """(rows of auth_events, events with those that are counted)"""
    row = database.one(
        "SELECT count(event_id) AS rows, COALESCE(sum(times), 0)::integer AS events FROM relay.recorded_events"
        " WHERE action = 'quota_refused' AND outcome = 'failed' AND detail ->> 'meter' = %s", meter)  # fmt: skip
    return row["rows"], row["events"]


# ---- how much is granted


def test_all_or_nothing_if_no_less_is_enough(database, account):
    make_org(database, messages=10)
    answer = account.take(6)
    assert (answer["granted"], answer["reason"], answer["remaining"]) == (6, "ok", 4)
    refused = account.take(5)
    assert (refused["granted"], refused["reason"], refused["remaining"]) == (0, "over_quota", 4)
    assert sizes(account, 4) == [4] and sizes(account, 1) == [0]
    assert used(database) == 10 and refusals(database) == (1, 2)


def test_beyond_at_least_it_is_never_more_than_an_eighth_of_what_is_left(database, account):
    make_org(database, messages=8000)
    assert sizes(account, 500, 1) == [500]
    granted, left = [], 7500
    while left:
        answer = account.take(500, 1)
        assert answer["granted"] == min(500, max(1, left // 8)), left
        left -= answer["granted"]
        assert answer["remaining"] == left
        granted.append(answer["granted"])
    assert granted == sorted(granted, reverse=True) and granted[-8:] == [1] * 8
    assert account.take(500, 1)["reason"] == "over_quota" and used(database) == 8000


def test_at_least_is_granted_although_it_is_more_than_an_eighth(database, account):
    make_org(database, messages=100)
    assert sizes(account, 90, 40, times=3) == [40, 40, 0] and sizes(account, 90, 20) == [20]
    assert account.take(1)["reason"] == "over_quota"


def test_without_a_limit_all_is_granted_and_counted(database, account):
    make_org(database)
    answer = account.take(10**15)
    assert (answer["granted"], answer["remaining"]) == (10**15, None) and used(database) == 10**15
    make_org(database, "other", messages=None)
    assert account.take(7, org="other")["remaining"] is None and used(database, "other") == 7


def test_the_day_is_that_of_utc_and_ends_at_its_midnight(database):
    make_org(database)
    with closing(Account(database, options="-c timezone=Pacific/Auckland")) as account:
        answer = account.take(1)
    expected = "date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 day'"
    assert database.value(f"SELECT %s = ({expected}) AT TIME ZONE 'UTC'", answer["resets_at"])
    assert used(database) == 1


def test_what_is_given_back_can_be_taken_again_and_is_never_below_zero(database, account):
    make_org(database, messages=10)
    until = account.take(10)["resets_at"]
    assert account.give_back(4, until) == 6 and sizes(account, 4) == [4]
    assert account.give_back(1000, until) == 0 and used(database) == 0
    assert account.give_back(5, until, meter="ai_tokens") == 0, "nothing was taken of it"


@pytest.mark.parametrize("call, names", [
    ("take('acme', 'messages', 0)", "amount"), ("take('acme', 'messages', -1)", "amount"), ("take('acme', 'messages', NULL)", "amount"),
    ("take('acme', 'messages', 1000000000000001)", "amount"),
    ("take('acme', 'messages', 5, 6)", "at_least"), ("take('acme', 'messages', 5, 0)", "at_least"),
    ("take('acme', 'mesages', 5)", "mesages"), ("take('acme', 'vms', 5)", "vms"), ("take('acme', NULL, 5)", "meter"),
    ("take('nobody', 'messages', 5)", "nobody"), ("take(NULL, 'messages', 5)", "organization"),
    ("give_back('acme', 'messages', 0, {midnight})", "amount"), ("give_back('acme', 'messages', 5, now())", "taken_until"),
    ("give_back('acme', 'messages', 5, 'infinity')", "taken_until"), ("give_back('acme', 'messages', 5, NULL)", "taken_until"),
    ("give_back('acme', 'vms', 5, {midnight})", "vms"), ("give_back('nobody', 'messages', 5, {midnight})", "nobody"),
])  # fmt: skip
def test_a_bad_argument_is_an_error_and_stores_nothing(database, account, call, names):
    make_org(database)
    midnight = "date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '24 hours'"
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=names):
        account._one(call.format(midnight=midnight))
    assert database.value("SELECT count(*) FROM relay.usage") == 0 and refusals(database) == (0, 0)


# ---- refusals


def test_a_flood_of_refusals_is_counted_by_meter_and_waits_for_no_one(database, account):
    make_org(database, messages=1, ai_tokens=0)
    assert sizes(account, 1) == [1] and sizes(account, 1) == [0]
    with closing(database.connect(autocommit=False)) as holder:
        holder.cursor().execute("SELECT FROM relay.usage WHERE meter = 'messages' FOR UPDATE")
        assert not any(sizes(account, 1, times=300)), "it needs no lock to know that nothing is left"
    for _ in range(20):
        account.take(4000, meter="ai_tokens")
    assert refusals(database) == (1, 301) and refusals(database, "ai_tokens") == (1, 20)
    assert database.one("SELECT org_id, reason FROM relay.auth_events WHERE action = 'quota_refused' LIMIT 1") == {
        "org_id": "acme", "reason": "over_quota"}  # fmt: skip


@pytest.mark.parametrize("limit, at_limit", [(6, True), (7, False), (None, False)])
def test_a_day_on_which_the_limit_was_reached_stays_one(database, account, limit, at_limit):
    make_org(database, messages=limit)
    until = account.take(6)["resets_at"]
    set_limit(database, "acme", "messages", 1000)
    account.give_back(5, until)
    account.take(1)
    assert database.value("SELECT at_limit FROM relay.usage") is at_limit


def test_a_take_waits_for_no_disk(database, account):
    make_org(database)
    account.connection.autocommit = False
    with account.connection, account.connection.cursor() as cursor:
        account.take(1)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)


# ---- many together


@pytest.fixture
def pool(database):
    """A pooler with five connections to the server for all takers."""
    with PgBouncer(database, users=["postgres", database.gateway_login()], pool_size=5) as running:
        yield running


def test_sixteen_takers_of_which_some_are_killed_take_what_is_used_and_no_more(database, pool, tmp_path):
    limit, dice = 5000, sampling.dice("takers")
    make_org(database, messages=limit)
    dsn = f"host={pool.host} port={pool.port} dbname={database.name} user={database.gateway_login()} sslmode=disable"
    takers = [Taker(tmp_path, dsn, dice.randrange(10**9), rounds=1000) for _ in range(TAKERS)]
    most, killed = 0, 0
    backends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s LIMIT 1"
    while any(taker.process.poll() is None for taker in takers):
        most = max(most, used(database))
        if killed < 6 and most > (killed + 1) * limit // 10:
            dice.choice(takers).process.kill()
            database.rows(backends, database.gateway_login())
            takers.append(Taker(tmp_path, dsn, dice.randrange(10**9), rounds=1000))
            killed += 1
    assert killed == 6 and most > limit * 0.9 and most <= limit
    wait_until(lambda: database.value("SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'",
                                      database.gateway_login()) == 0, what="the last takes to end")  # fmt: skip
    balances = [taker.balance() for taker in takers]
    surely, taken, given = map(sum, zip(*balances))
    assert surely - given <= used(database) <= min(limit, surely + taken)
    whole = [taker for taker, (_, in_doubt, back) in zip(takers, balances) if not in_doubt and not back]
    assert len(whole) >= TAKERS // 2, "most of them saw every answer, so the bounds are narrow"


def test_what_every_taker_was_answered_adds_up_exactly(database, tmp_path):
    make_org(database, messages=3000)
    takers = [Taker(tmp_path, database.dsn(user=database.gateway_login()), seed, rounds=100) for seed in range(TAKERS)]
    assert [taker.process.wait() for taker in takers] == [0] * TAKERS
    balances = [taker.balance() for taker in takers]
    assert sum(surely for surely, *_ in balances) == used(database) and not any(taken or given for _, taken, given in balances)


def test_after_the_limit_is_lowered_nothing_more_is_granted_and_nothing_taken_back(database):
    make_org(database, messages=10**9)
    lowered, late, early = threading.Event(), [], []

    def taker():
        with closing(Account(database)) as account:
            after = 0
            while after < 20:
                is_late = lowered.is_set()
                answer = account.take(50, 1)
                (late if is_late else early).append(answer["granted"])
                after += is_late

    with ThreadPoolExecutor(TAKERS) as threads:
        running = [threads.submit(taker) for _ in range(TAKERS)]
        wait_until(lambda: used(database) > 20_000, what="the takers")
        set_limit(database, "acme", "messages", 10_000)
        lowered.set()
        for one in running:
            one.result()
    assert len(late) == TAKERS * 20 and not any(late)
    assert used(database) == sum(early) > 20_000
    set_limit(database, "acme", "messages", sum(early) + 3)
    with closing(Account(database)) as account:
        assert sizes(account, 50, 1, times=4) == [1, 1, 1, 0]


@pytest.mark.parametrize("table, call", [("usage", lambda account: account.take(5)), ("holds", lambda account: account.hold("vm-2")),
                                         ("holds", lambda account: account.release("vm-1"))])  # fmt: skip
def test_what_a_trigger_swallows_is_not_granted(database, account, table, call):
    make_org(database, messages=100, vms=10)
    account.hold("vm-1")
    database.execute(swallow(table))
    with pytest.raises(psycopg2.Error) as refused:
        call(account)
    assert refused.value.pgcode == "RA001"
