"""Days of usage end at midnight by the clock of the database, whatever is under way; old ones are removed."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.processes import wait_until
from support.quota import DAY_NOW, Account, make_org, used

TAKERS = 8
UNTIL_MIDNIGHT = "SELECT (date_part('epoch', (%s + 1)::timestamp AT TIME ZONE 'UTC' - clock_timestamp()))::integer" % DAY_NOW
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def clock(open_folder):
    return MovedClock(open_folder)


@pytest.fixture
def moved(clock):
    """A database on a server whose clock the test moves."""
    with Cluster(name="clock") as server:
        server.environment = clock.environment
        server.restart()
        database = Database(server, template=make_template(server))
        database.gateway_login()
        make_org(database, messages=10**6)
        yield database
        database.drop()


@pytest.fixture
def account(moved):
    with closing(Account(moved)) as made:
        yield made


def days(database, meter="messages"):
    """{day: used}, the earliest first."""
    rows = database.rows("SELECT day, used FROM relay.usage WHERE meter = %s ORDER BY day", meter)
    return {row["day"]: row["used"] for row in rows}


def go_before_midnight(clock, database, seconds=600):
    clock.move(clock.ahead + database.value(UNTIL_MIDNIGHT) - seconds)
    assert database.value(UNTIL_MIDNIGHT) <= seconds


def test_every_take_belongs_to_exactly_one_day(clock, moved):
    go_before_midnight(clock, moved)
    today, stop = moved.value(f"SELECT {DAY_NOW}"), threading.Event()

    def taker():
        taken = Counter()
        with closing(Account(moved)) as account:
            while not stop.is_set():
                answer = account.take(30, 1)
                taken[answer["resets_at"]] += answer["granted"]
        return taken

    with ThreadPoolExecutor(TAKERS) as threads:
        running = [threads.submit(taker) for _ in range(TAKERS)]
        wait_until(lambda: used(moved) > 1000, what="takes before midnight")
        clock.move(clock.ahead + 1200)
        wait_until(lambda: len(days(moved)) == 2 and used(moved) > 1000, what="takes after midnight")
        stop.set()
        taken = sum((one.result() for one in running), Counter())
    by_day = {moved.value("SELECT (%s AT TIME ZONE 'UTC')::date - 1", until): granted for until, granted in taken.items()}
    assert by_day == days(moved) and min(by_day) == today


def test_a_take_that_waits_across_midnight_is_of_the_day_on_which_it_was_asked(clock, moved, account):
    go_before_midnight(clock, moved)
    until = account.take(1)["resets_at"]
    with ThreadPoolExecutor(1) as threads, closing(moved.connect(autocommit=False)) as holder:
        holder.cursor().execute("SELECT FROM relay.usage FOR UPDATE")
        waiting = threads.submit(account.take, 5)
        wait_until(lambda: moved.value(WAITING) == 1, what="the take to wait")
        clock.move(clock.ahead + 1200)
        holder.rollback()
        assert waiting.result()["resets_at"] == until
    assert list(days(moved).values()) == [6] and used(moved) == 0


def test_what_is_given_back_after_midnight_changes_neither_day(clock, moved, account):
    go_before_midnight(clock, moved)
    until = account.take(100)["resets_at"]
    assert account.give_back(10, until) == 90
    clock.move(clock.ahead + 1200)
    assert account.give_back(10, until) == 90
    account.take(50)
    assert account.give_back(10, until) == 90 and list(days(moved).values()) == [90, 50]
    assert account.give_back(10, account.take(1)["resets_at"]) == 41


def test_a_limit_is_whole_again_at_midnight(clock, moved, account):
    make_org(moved, "small", messages=10)
    go_before_midnight(clock, moved)
    assert account.take(10, org="small")["reason"] == "ok" and account.take(1, org="small")["reason"] == "over_quota"
    clock.move(clock.ahead + 1200)
    assert account.take(10, org="small")["remaining"] == 0


def test_usage_and_ended_holds_of_more_than_25_months_ago_are_removed(database, relay):
    make_org(database)
    database.execute(
        "INSERT INTO relay.usage (org_id, meter, day, used) SELECT 'acme', 'messages', kept.month - n, 1"
        " FROM relay.usage_kept_from() AS kept (month), generate_series(-1, 3) AS n")  # fmt: skip
    database.execute(
        "INSERT INTO relay.holds (org_id, meter, hold_id, amount, since, ended_at) SELECT 'acme', 'vms', 'vm-' || n, 1, '2000-01-01',"
        " CASE WHEN n < 9 THEN kept.month::timestamp AT TIME ZONE 'UTC' - n * interval '1 day' END"
        " FROM relay.usage_kept_from() AS kept (month), unnest(ARRAY[-1, 0, 1, 2, 9]) AS n")  # fmt: skip
    assert database.value("SELECT relay.usage_kept_from() = date_trunc('month', now() AT TIME ZONE 'UTC') - interval '25 months'")
    assert relay.json("audit", "maintain")["data"]["pruned_usage"] == 5
    assert min(days(database)) == database.value("SELECT relay.usage_kept_from()")
    assert [row["hold_id"] for row in database.rows("SELECT hold_id FROM relay.holds ORDER BY 1")] == ["vm--1", "vm-0", "vm-9"]
    assert relay.json("audit", "maintain")["data"]["pruned_usage"] == 0
