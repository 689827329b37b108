"""relay_api.hold and release: a name holds once, the last place goes to one, and the rows are the bill."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal

import psycopg2
import pytest

from support.cluster import Cluster
from support.database import Database, make_template
from support.quota import Account, make_org, set_limit

CALLERS = 40


@pytest.fixture
def account(database):
    with closing(Account(database)) as made:
        yield made


def open_holds(database, org="acme", meter="vms"):
    rows = database.rows("SELECT hold_id, amount FROM relay.holds WHERE org_id = %s AND meter = %s AND ended_at IS NULL", org, meter)
    return {row["hold_id"]: row["amount"] for row in rows}


def short(answer):
    return answer["granted"], answer["reason"], answer["remaining"]


def test_a_name_holds_once_however_often_it_is_asked(database, account):
    make_org(database, vms=3)
    assert [short(account.hold("vm-1")) for _ in range(3)] == [(1, "ok", 2)] * 3
    assert short(account.hold("vm-2", 2)) == (2, "ok", 0) and short(account.hold("vm-3")) == (0, "over_quota", 0)
    assert open_holds(database) == {"vm-1": 1, "vm-2": 2}
    assert [account.release("vm-1"), account.release("vm-1"), account.release("vm-9")] == [True, False, False]
    assert short(account.hold("vm-3")) == (1, "ok", 0) and account.hold("vm-3")["resets_at"] is None
    assert database.value("SELECT count(*) FROM relay.holds") == 3


def test_another_amount_replaces_the_one_before_without_a_gap(database, account):
    make_org(database, storage_mb=100)
    for amount, expected in ((40, (40, "ok", 60)), (90, (90, "ok", 10)), (101, (0, "over_quota", 10)), (10, (10, "ok", 90))):
        assert short(account.hold("disk", amount, meter="storage_mb")) == expected
    rows = database.rows("SELECT amount, since, ended_at FROM relay.holds ORDER BY since")
    assert [row["amount"] for row in rows] == [40, 90, 10]
    assert [row["ended_at"] for row in rows] == [rows[1]["since"], rows[2]["since"], None]


def test_less_is_granted_even_above_the_limit_and_more_is_not(database, account):
    make_org(database, storage_mb=100)
    account.hold("disk", 90, meter="storage_mb")
    set_limit(database, "acme", "storage_mb", 10)
    assert short(account.hold("disk", 90, meter="storage_mb")) == (90, "ok", 0), "what it has stays"
    assert short(account.hold("disk", 80, meter="storage_mb")) == (80, "ok", 0)
    assert short(account.hold("disk", 81, meter="storage_mb")) == (0, "over_quota", 0)
    assert open_holds(database, meter="storage_mb") == {"disk": 80}


def test_forty_callers_for_the_last_place_and_one_gets_it(database):
    make_org(database, vms=5)
    with closing(Account(database)) as account:
        account.hold("there", 4)
    start = threading.Barrier(CALLERS)

    def caller(number):
        with closing(Account(database)) as account:
            start.wait()
            return account.hold(f"vm-{number}")["reason"]

    with ThreadPoolExecutor(CALLERS) as threads:
        reasons = list(threads.map(caller, range(CALLERS)))
    assert sorted(reasons) == ["ok"] + ["over_quota"] * (CALLERS - 1) and sum(open_holds(database).values()) == 5
    refused = "SELECT sum(times)::integer FROM relay.recorded_events WHERE action = 'quota_refused' AND detail ->> 'meter' = 'vms'"
    assert database.value(refused) == CALLERS - 1


def test_the_same_name_by_forty_callers_holds_once(database):
    make_org(database)
    start = threading.Barrier(CALLERS)

    def caller(number):
        with closing(Account(database)) as account:
            start.wait()
            return account.hold("one", 1 + number % 3)["granted"]

    with ThreadPoolExecutor(CALLERS) as threads:
        granted = list(threads.map(caller, range(CALLERS)))
    assert granted == [1 + number % 3 for number in range(CALLERS)] and len(open_holds(database)) == 1


def test_only_allowed_providers_are_held_of(database, account):
    make_org(database, vms=10)
    assert account.hold("old", provider="hetzner")["reason"] == "ok"
    database.execute("UPDATE relay.organizations SET allowed_providers = '{aws,gcp}'")
    assert [account.hold("vm", provider=name)["reason"] for name in ("azure", None, "AWS", "aws", "aws")] == [
        "provider_not_allowed", "provider_not_allowed", "provider_not_allowed", "ok", "ok"]  # fmt: skip
    assert account.hold("old")["reason"] == account.hold("old", provider="hetzner")["reason"] == "ok", "what it has stays"
    assert account.hold("old", 2)["reason"] == "provider_not_allowed"
    assert account.hold("old", provider="gcp")["reason"] == "ok"
    rows = database.rows("SELECT provider, ended_at IS NULL AS open FROM relay.holds WHERE hold_id = 'old' ORDER BY since")
    assert [(row["provider"], row["open"]) for row in rows] == [("hetzner", False), ("gcp", True)]
    assert database.value("SELECT sum(times)::integer FROM relay.recorded_events WHERE reason = 'provider_not_allowed'") == 4


@pytest.mark.parametrize("state", ["past_due", "cancelled"])
def test_while_a_subscription_is_going_to_end_a_new_hold_must_fit_the_plan_that_comes_next(database, account, state):
    make_org(database)
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'paid', 'vms', 10), ('plan', 'free', 'vms', 2)")
    assert short(account.hold("large", 3)) == (3, "ok", 7)
    database.execute("INSERT INTO relay.subscriptions (org_id, state, ends_at, said_at) VALUES ('acme', %s, now() + interval '3 days', now())", state)
    assert short(account.hold("large", 3)) == (3, "ok", 0) and short(account.hold("new")) == (0, "over_quota", 0)
    assert short(account.hold("large", 1)) == (1, "ok", 1) and account.hold("new")["reason"] == "ok"
    database.execute("UPDATE relay.subscriptions SET state = 'active', ends_at = NULL")
    assert short(account.hold("large", 9)) == (9, "ok", 0)


def test_organizations_hold_and_take_apart(database, account):
    make_org(database, vms=1, messages=5)
    make_org(database, "evil", vms=1, messages=5)
    assert short(account.hold("vm")) == short(account.hold("vm", org="evil")) == (1, "ok", 0)
    assert account.release("vm", org="evil") and open_holds(database) == {"vm": 1}
    assert account.take(5, org="evil")["granted"] == 5 and account.take(5)["granted"] == 5
    assert account.take(1, org="evil")["granted"] == 0
    assert account.give_back(5, account.take(1, org="evil")["resets_at"], org="evil") == 0
    assert account.take(1)["granted"] == 0, "what the other gave back is not ours"


@pytest.mark.parametrize("call, names", [
    ("hold('acme', 'vms', '')", "hold_id"), ("hold('acme', 'vms', NULL)", "hold_id"), ("hold('acme', 'vms', repeat('x', 128))", "hold_id"),
    ("hold('acme', 'vms', E'a\\nb')", "hold_id"), ("hold('acme', 'vms', 'x', 0)", "amount"), ("hold('acme', 'vms', 'x', NULL)", "amount"),
    ("hold('acme', 'vms', 'x', 1, 'a b')", "provider"), ("hold('acme', 'vms', 'x', 1, '')", "provider"),
    ("hold('acme', 'messages', 'x')", "messages"), ("hold('nobody', 'vms', 'x')", "nobody"),
    ("release('acme', 'messages', 'x')", "messages"), ("release('nobody', 'vms', 'x')", "nobody"),
    ("release('acme', 'vms', repeat('x', 128))", "hold_id"),
])  # fmt: skip
def test_a_bad_argument_is_an_error_and_holds_nothing(database, account, call, names):
    make_org(database)
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=names):
        account._one(call)
    assert database.value("SELECT count(*) FROM relay.holds") == 0


def test_a_clock_that_was_moved_back_makes_no_negative_time(database, account):
    make_org(database)
    account.hold("vm")
    database.execute("UPDATE relay.holds SET since = since + interval '1 hour'")
    assert account.hold("vm", 2)["reason"] == "ok" and account.release("vm")
    assert database.value("SELECT sum(amount * date_part('epoch', ended_at - since))::numeric FROM relay.holds") == Decimal(0)


def test_a_standby_says_to_ask_the_primary():
    with Cluster(name="primary") as primary:
        database = Database(primary, template=make_template(primary))
        make_org(database)
        database.gateway_login()
        standby = primary.make_standby().wait_caught_up()
        where = {"host": standby.host, "port": standby.port}
        calls = {
            "take": ("take('acme', 'messages', 1)",), "hold": ("hold('acme', 'vms', 'x')",), "release": ("release('acme', 'vms', 'x')",),
            "give_back": ("give_back('acme', 'messages', 1, date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')",),
        }  # fmt: skip
        with closing(Account(database, **where)) as account:
            for name, call in calls.items():
                with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match=f"this server is a standby: call {name} on the primary"):
                    account._one(*call)
