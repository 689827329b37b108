"""Concurrent calls with one key ask the database once, and no call is answered by what was asked before a change, or
after the key has ended."""

import threading

import pytest
from support.agents import rotate
from support.gateways import LANGUAGES, Gateway
from support.own_key import make_key
from support.processes import wait_until
from support.proxy import Fault, Proxy

CALLERS = 40
TRAVEL = 0.02  # seconds to the database
REFUSALS = "SELECT COALESCE(sum(times), 0)::int FROM relay.recorded_events WHERE outcome = 'failed'"


def asks(message):
    """The gateway sends a question. For Fault(match=...)."""
    return message.direction == "F" and b"authenticate" in message.raw


def answers(message):
    """The database answers one."""
    return message.direction == "B" and message.name == "DataRow"


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def proxy(cluster):
    with Proxy((cluster.tcp_host, cluster.port)) as running:
        yield running


@pytest.fixture
def gateway(language, database, cluster, proxy):
    """A gateway that follows the feed directly, and asks its questions through the proxy."""
    database.gateway_login()
    where = {"host": proxy.host, "port": proxy.port, "feed": (cluster.tcp_host, cluster.port)}
    with Gateway(language, database, gateway_id="one", **where) as running:
        running.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="it to follow")
        yield running


def crowd(gateway, key, **claims):
    """Returns (the reasons of all callers, how many questions they cost)."""
    gateway.call("report")
    gateway.call("begin", key=key, callers=CALLERS, **claims)
    reasons = gateway.call("finish")["reasons"]
    return reasons, gateway.call("report")["queries"]


def test_the_first_calls_with_a_key_ask_one_question(gateway, proxy, key):
    proxy.faults.append(Fault(TRAVEL, match=asks, connection=None))
    assert crowd(gateway, key) == (["ok"] * CALLERS, 1)
    assert crowd(gateway, key) == (["ok"] * CALLERS, 0)
    assert proxy.fired == 1


def test_each_call_that_is_refused_asks_and_is_recorded(gateway, database, proxy, key):
    proxy.faults.append(Fault(TRAVEL, match=asks, connection=None))
    assert crowd(gateway, make_key()) == (["unknown_key"] * CALLERS, CALLERS)
    assert database.value(REFUSALS) == CALLERS


def test_another_claim_is_another_question(gateway, relay, proxy, key):
    proxy.faults.append(Fault(TRAVEL, match=asks, connection=None))
    gateway.call("begin", key=key, callers=CALLERS)
    gateway.call("begin", key=key, callers=CALLERS, agent_id="other")
    assert gateway.call("finish")["reasons"] == ["agent_mismatch"] * CALLERS + ["ok"] * CALLERS


@pytest.mark.parametrize("subject", ["agent", "org", "key", "everything"])
def test_a_call_after_a_change_is_not_answered_by_a_question_from_before(gateway, database, relay, proxy, tmp_path, key, subject):
    relay("agent", "create", "payer", "--org", "acme", "--name", "P", "--secret-file", tmp_path / "payer", check=0)
    answered, go_on = threading.Event(), threading.Event()
    proxy.faults.append(Fault(lambda _: (answered.set(), go_on.wait(20)), match=answers, connection=None))
    gateway.call("report")
    gateway.call("begin", key=key, callers=1)
    assert answered.wait(10)
    change = {
        "agent": ["block", "bot"],
        "org": ["block", "--org", "acme", "--confirm", "acme"],
        "key": ["revoke", "--key", key.split("_")[2][:12]],
        "everything": None,
    }[subject]
    if change:
        relay(*change, "--wait-ack", "10s", check=0)
    else:
        database.execute("UPDATE relay.revocations SET lifted_at = now()")
        database.execute("TRUNCATE relay.agent_roles")
        wait_until(lambda: database.value("SELECT every(changes_behind = 0) FROM relay.gateway_status"), what="the reset")
    gateway.call("begin", key=key, callers=CALLERS)
    go_on.set()
    reasons = gateway.call("finish")["reasons"]
    refused = {"agent": "blocked", "org": "blocked", "key": "revoked", "everything": "ok"}[subject]
    assert sorted([refused] * CALLERS + ["ok"]) == reasons
    assert gateway.call("report")["queries"] > 1, "the answer from before the change is not used again"


def test_an_answer_that_comes_after_the_end_of_the_key_is_for_its_own_call(gateway, relay, proxy, tmp_path, key):
    rotate(relay, tmp_path / "next", "--grace", "3s")
    late = Fault(3.5, match=answers, connection=None)
    proxy.faults.append(late)
    assert gateway.call("check", key=key)["ok"]
    proxy.faults.remove(late)
    assert gateway.call("check", key=key)["reason"] == "expired"
