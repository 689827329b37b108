"""The kit spends blocks of quota: how often it asks, what it gives back, and what happens at the limit, at midnight, and when the
database is away."""

import math
import time

import pytest

from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import Gateway
from support.processes import wait_until
from support.proxy import Fault, Proxy
from support.quota import make_org, set_limit, used

BLOCK = 500
LONG, SOON = 3600, 0.3  # seconds without a call until a block is given back
DAY = 86_400


@pytest.fixture
def start(language, database):
    """start(seconds until an unused block is given back): a gateway."""
    database.gateway_login()
    running = []

    def begin(idle=LONG, where=None, **more):
        running.append(Gateway(language, where or database, part="quota", env={"IDLE": str(idle)}, **more))
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()


def spend(gateway, times=1, **more):
    """(accepted, refused, failed) of a number of calls."""
    said = gateway.call("spend", times=times, **more)
    return said["accepted"], said["refused"], said["failed"]


def queries(gateway):
    return gateway.call("report")["queries"]


def close(gateway):
    gateway.call("close", limit=60)


def test_a_block_is_one_question_and_the_rest_of_it_is_given_back_in_the_end(start, database):
    make_org(database)
    gateway = start()
    assert spend(gateway, 1200) == (1200, 0, 0)
    assert queries(gateway) == math.ceil(1200 / BLOCK) and used(database) == 3 * BLOCK
    close(gateway)
    assert used(database) == 1200 and gateway.call("report")["errors"] == []
    assert spend(gateway) == (1, 0, 0) and used(database) == 1201, "after the end it takes what a call needs"


def test_what_is_unused_for_a_while_is_given_back(start, database):
    make_org(database)
    gateway = start(SOON)
    assert spend(gateway, 3) == (3, 0, 0)
    wait_until(lambda: used(database) == 3, what="the block to be given back")
    assert spend(gateway) == (1, 0, 0) and used(database) == 3 + BLOCK
    wait_until(lambda: used(database) == 4, what="the next one")


def test_the_last_unit_of_the_day_is_spent_and_then_all_is_refused(start, database):
    make_org(database, messages=1000)
    gateway = start()
    assert spend(gateway, 1003) == (1000, 3, 0) and used(database) == 1000
    refused = gateway.call("spend")
    assert (refused["ok"], refused["reason"], refused["remaining"]) == (False, "over_quota", 0)
    assert 0 < refused["retry_after"] <= DAY
    set_limit(database, "acme", "messages", 1001)
    wait_until(lambda: gateway.call("spend")["ok"], what="the refusal to be forgotten")


def test_a_flood_over_the_limit_costs_one_question_per_second(start, database):
    make_org(database, messages=3)
    gateway = start()
    assert spend(gateway, 3) == (3, 0, 0)
    asked, began = queries(gateway), time.monotonic()
    assert gateway.call("crowd", callers=8, times=200) == {"accepted": 0, "refused": 1600, "failed": 0}
    assert asked == 3 and queries(gateway) <= 1 + (time.monotonic() - began)


def test_blocks_get_small_near_the_end_so_that_several_gateways_share_the_rest(start, database):
    make_org(database, messages=1000)
    first, second = start(), start()
    assert spend(first) == (1, 0, 0) and spend(second) == (1, 0, 0)
    assert used(database) == 125 + 109
    assert first.call("spend")["remaining"] == 1000 - 125 + 123
    assert spend(first, 893) == (889, 4, 0) and spend(second, 111) == (108, 3, 0)


def test_all_of_an_amount_is_spent_or_nothing(start, database):
    make_org(database, ai_tokens=15_000, messages=700)
    gateway = start()
    assert spend(gateway, meter="ai_tokens", amount=4000) == (1, 0, 0) and used(database, meter="ai_tokens") == 4000
    assert spend(gateway, meter="ai_tokens", amount=12_000) == (0, 1, 0) and used(database, meter="ai_tokens") == 4000
    assert spend(gateway, amount=600) == (1, 0, 0) and spend(gateway, amount=101) == (0, 1, 0)
    assert spend(gateway, amount=100) == (1, 0, 0) and used(database) == 700


def test_what_an_estimate_was_too_high_can_be_spent_again(start, database):
    make_org(database, ai_tokens=100_000)
    gateway = start()
    day = gateway.call("spend", meter="ai_tokens", amount=9000)["day"]
    before = queries(gateway)
    gateway.call("give", meter="ai_tokens", amount=8000, day=day)
    assert spend(gateway, meter="ai_tokens", amount=8500) == (1, 0, 0) and (before, queries(gateway)) == (1, 0)
    close(gateway)
    assert used(database, meter="ai_tokens") == 9500
    gateway.call("give", meter="ai_tokens", amount=500, day=day)
    assert used(database, meter="ai_tokens") == 9000, "its block is gone: it goes to the database"


def test_organizations_and_meters_have_blocks_apart(start, database):
    make_org(database, messages=5)
    make_org(database, "evil", messages=5)
    gateway = start()
    assert spend(gateway, 9, org="evil") == (5, 4, 0) and spend(gateway, 9) == (5, 4, 0) and spend(gateway, 9, meter="api_calls") == (9, 0, 0)


def test_many_calls_at_once_spend_what_is_taken_and_no_more(start, database):
    make_org(database, messages=4000)
    gateway = start()
    assert gateway.call("crowd", callers=8, times=502) == {"accepted": 4000, "refused": 16, "failed": 0}
    assert used(database) == 4000


def test_one_of_many_asks(start, database):
    make_org(database)
    gateway = start()
    assert gateway.call("crowd", callers=20, times=5) == {"accepted": 100, "refused": 0, "failed": 0}
    assert queries(gateway) == 1


# ---- the database is away


@pytest.fixture
def proxy(cluster):
    with Proxy((cluster.tcp_host, cluster.port)) as running:
        yield running


def go_away(proxy, database):
    """Ends the connections of the gateway, and refuses others."""
    proxy.mode = "refuse"
    database.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", database.gateway_login())


def test_while_the_database_is_away_a_block_lasts_and_then_calls_fail(start, database, proxy):
    make_org(database)
    gateway = start(host=proxy.host, port=proxy.port)
    assert spend(gateway, 10) == (10, 0, 0)
    go_away(proxy, database)
    assert spend(gateway, BLOCK) == (BLOCK - 10, 0, 10) and used(database) == BLOCK
    assert gateway.call("crowd", callers=8, times=1) == {"accepted": 0, "refused": 0, "failed": 8}
    proxy.mode = "forward"
    assert spend(gateway, 10) == (10, 0, 0) and used(database) == 2 * BLOCK


def test_a_lost_answer_charges_one_block(start, database, proxy):
    make_org(database)
    gateway = start(host=proxy.host, port=proxy.port)
    proxy.faults.append(Fault("fin", match=lambda message: message.direction == "F" and b"relay_api.take" in message.raw, when="after"))
    failed = spend(gateway)[2]
    assert spend(gateway, 10)[0] == 10
    close(gateway)
    assert failed == 1 and used(database) - 10 in (0, BLOCK)


def test_what_could_not_be_given_back_is_said_and_not_tried_twice(start, database, proxy):
    make_org(database)
    gateway = start(SOON, host=proxy.host, port=proxy.port)
    assert spend(gateway, 10) == (10, 0, 0)
    go_away(proxy, database)
    wait_until(lambda: gateway.call("report")["errors"], what="the failure")
    proxy.mode = "forward"
    wait_until(lambda: spend(gateway) == (1, 0, 0), what="a new connection")
    wait_until(lambda: used(database) == BLOCK + 1, what="the next block to be given back, although the log of the first failure failed")
    close(gateway)
    assert used(database) == BLOCK + 1 and len(gateway.call("report")["errors"]) == 1


# ---- midnight


@pytest.fixture
def midnight(open_folder):
    """(clock, database): the clock of the server is a moment before 00:00 UTC; that of the gateway is right."""
    clock = MovedClock(open_folder)
    with Cluster(name="midnight", tcp=True) as server:
        server.environment = clock.environment
        server.restart()
        database = Database(server, template=make_template(server))
        database.gateway_login()
        make_org(database)
        clock.move(database.value("SELECT 86400 - date_part('epoch', clock_timestamp() AT TIME ZONE 'UTC')::bigint % 86400") - 6)
        yield database
        database.drop()


def test_a_block_ends_with_its_day_by_the_clock_of_the_database(start, midnight):
    gateway = start(where=midnight)
    last = gateway.call("spend", times=10)
    assert last["accepted"] == 10 and last["retry_after"] <= 7
    wait_until(lambda: midnight.value("SELECT max(day) < (clock_timestamp() AT TIME ZONE 'UTC')::date FROM relay.usage"), what="midnight")
    assert spend(gateway, 3) == (3, 0, 0)
    gateway.call("give", amount=5, day=last["day"])
    close(gateway)
    assert [row["used"] for row in midnight.rows("SELECT used FROM relay.usage ORDER BY day")] == [BLOCK, 3]
