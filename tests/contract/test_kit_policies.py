"""The kit obeys policies: addresses for kept decisions too, rates by shares, nonces; in each language, and over real HTTP."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.gateways import Gateway, HttpGateway
from support.processes import wait_until

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"


@pytest.fixture
def following(language, database, key):
    """A gateway that hears of changes, so that it keeps decisions."""
    with Gateway(language, database, gateway_id=f"gateway-{language}") as running:
        running.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="the gateway to listen")
        yield running


def limit(database, amount):
    database.execute(
        "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('agent', 'bot', 'agent_qps', 'acme', %s)"
        " ON CONFLICT (owner_kind, owner_id, meter) DO UPDATE SET amount = excluded.amount",
        amount,
    )


def allow(database, *addresses):
    database.execute("DELETE FROM relay.call_policies")
    if addresses:
        database.execute("INSERT INTO relay.call_policies (org_id, agent_id, addresses) VALUES ('acme', 'bot', %s::cidr[])", list(addresses))


def reason(gateway, key, ip):
    return gateway.call("check", key=key, ip=ip)["reason"]


# ---- addresses


def test_a_kept_decision_is_for_the_addresses_of_the_policy_only(database, following, key):
    allow(database, "192.0.2.0/29", "2001:db8::/64")
    wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="the gateway to read")
    assert reason(following, key, HERE) == "ok"
    following.call("report")
    for ip in (HERE, f"::ffff:{HERE}", "2001:db8::9"):
        assert reason(following, key, ip) == "ok"
    assert following.call("report")["queries"] == 0, "a kept decision answers these"
    for ip in (ELSEWHERE, f"::ffff:{ELSEWHERE}", "2001:db9::9", "192.0.2.8", None):
        assert reason(following, key, ip) == "address_not_allowed"
    assert following.call("report")["queries"] == 5, "the database refuses, and records it"
    assert database.value("SELECT sum(times) FROM relay.recorded_events WHERE reason = 'address_not_allowed'") == 5


def test_a_new_list_counts_as_soon_as_the_gateway_hears_of_it(database, following, key):
    assert reason(following, key, HERE) == "ok"
    allow(database, ELSEWHERE)
    wait_until(lambda: reason(following, key, HERE) == "address_not_allowed", what="the new list to count")
    allow(database)
    wait_until(lambda: reason(following, key, HERE) == "ok", what="the end of the list to count")


def test_a_setting_that_ends_ends_for_kept_decisions_too(database, following, key):
    database.execute("INSERT INTO relay.policy_changes (scope_kind, setting, value, until, actor)"
                     " VALUES ('platform', 'require_nonce', 'yes', clock_timestamp() + interval '2 s', 't')")  # fmt: skip
    ask = lambda: following.call("nonce", key=key, nonce=None, signed_at=database.value("SELECT clock_timestamp()::text"))["reason"]  # noqa: E731
    wait_until(lambda: ask() == "malformed", what="the gateway to require nonces")
    wait_until(lambda: ask() == "ok", what="that to end by the clock")


# ---- nonces


def test_a_nonce_is_accepted_once_whichever_gateway_sees_it(database, following, key):
    at = database.value("SELECT clock_timestamp()::text")
    use = lambda nonce, signed_at=at: following.call("nonce", key=key, nonce=nonce, signed_at=signed_at)["reason"]  # noqa: E731
    assert [use("8 bytes."), use("8 bytes."), use("7 bytes")] == ["ok", "replayed", "malformed"]
    assert use("other one", database.value("SELECT (clock_timestamp() - interval '61 s')::text")) == "too_old"
    assert use("other one", database.value("SELECT (clock_timestamp() + interval '70 s')::text")) == "too_early"
    with Gateway("python", database, gateway_id="second") as second:
        assert second.call("nonce", key=key, nonce="8 bytes.", signed_at=at)["reason"] == "replayed"


# ---- rates


def test_a_quiet_agent_needs_no_lease_and_a_busy_one_gets_its_share(database, following, key):
    limit(database, 800)
    wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="the gateway to read")
    assert following.call("rate", key=key, calls=90)["refused"] == 0
    assert database.value("SELECT count(*) FROM relay.rate_leases") == 0
    assert following.call("rate", key=key, calls=400)["refused"] == 0
    assert database.value("SELECT rate FROM relay.rate_leases") == 800


def test_calls_beyond_the_limit_are_refused_with_the_wait(database, following, key):
    limit(database, 40)
    wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="the gateway to read")
    begun = time.monotonic()
    said = following.call("rate", key=key, calls=400)
    most = 40 * (2 + time.monotonic() - begun)  # the burst of the quiet rate, that of the lease, and the rate meanwhile
    assert 400 - most <= said["refused"] < 400 and said["retry_after"] == 1


def test_an_agent_without_a_limit_is_never_asked_about(database, following, key):
    assert following.call("rate", key=key, calls=2000) == {"refused": 0, "retry_after": None}
    limit(database, 0)
    wait_until(lambda: following.call("rate", key=key, calls=1)["refused"] == 1, what="the limit of zero to count")


def test_without_the_database_an_eighth_remains(database, following, key):
    limit(database, 400)
    wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="the gateway to read")
    following.call("check", key=key)
    database.execute("REVOKE EXECUTE ON FUNCTION relay_api.lease_rate(text, text, text, double precision, bigint) FROM relay_gateway")
    try:
        begun = time.monotonic()
        said = following.call("rate", key=key, calls=300)
        assert 300 - 50 * (1 + time.monotonic() - begun) - 1 <= said["refused"] <= 250
    finally:
        database.execute("GRANT EXECUTE ON FUNCTION relay_api.lease_rate(text, text, text, double precision, bigint) TO relay_gateway")


# ---- over HTTP


def post(port, key, body="{}"):
    """Returns (status, Retry-After) of a call; it has no permission, so an accepted one is 403."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/crm/read", body, {"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Retry-After")


def test_over_http_a_flood_gets_429_with_retry_after_and_a_wrong_address_403(database, relay, key):
    relay("agent", "grant", "bot", "crm:read", check=0)
    limit(database, 20)
    with HttpGateway(database) as gateway:
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(lambda _: post(gateway.port, key), range(200)))
        statuses = {status for status, _ in answers}
        assert statuses == {200, 429} and {wait for status, wait in answers if status == 429} == {"1"}
        assert {wait for status, wait in answers if status == 200} == {None}
        limit(database, 1_000_000)
        wait_until(lambda: post(gateway.port, key) == (200, None), what="the new limit to count")
        allow(database, ELSEWHERE)
        wait_until(lambda: post(gateway.port, key) == (403, None), what="the list to count")
