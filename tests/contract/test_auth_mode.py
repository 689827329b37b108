"""Calls without a key: accepted and recorded if the organization still allows them, otherwise refused."""

import psycopg2.extras
import pytest

from support.agents import key_id
from support.prepared import prepared


@pytest.fixture
def anonymous(database):
    """Asks as a gateway does for a call without a key."""
    connection = database.connect(user=database.gateway_login())
    connection.autocommit = True

    def ask(agent_id, org_id=None, address="192.0.2.1"):
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT * FROM relay_api.authenticate_anonymous(%s, %s, %s, 'trace-1')", (agent_id, org_id, address))
            return cursor.fetchone()

    yield ask
    connection.close()


@prepared
def phased(relay, key):
    """The organization acme with its agent bot, while calls without a key are accepted."""
    relay("org", "update", "acme", "--auth-mode", "optional", check=0)


def verdict(decision):
    return decision["ok"], decision["reason"], decision["org_id"], decision["agent_id"]


def test_a_new_organization_asks_for_a_key(anonymous, database, key):
    assert verdict(anonymous("bot")) == (False, "key_required", None, None)
    (event,) = database.rows("SELECT * FROM relay.auth_events WHERE action = 'auth_failed'")
    assert (event["reason"], event["org_id"], event["agent_id"], event["trace_id"]) == ("key_required", "acme", "bot", "trace-1")


def test_while_it_is_optional_an_agent_is_taken_at_its_word_and_recorded(anonymous, database, phased):
    decision = anonymous("bot", "acme")
    assert verdict(decision) == (True, "unauthenticated", "acme", "bot")
    assert decision["permissions"] == [] and decision["expires_at"] is None and decision["conditions"] is None
    (event,) = database.rows("SELECT * FROM relay.auth_events WHERE action = 'unauthenticated'")
    assert (event["outcome"], event["org_id"], event["agent_id"]) == ("ok", "acme", "bot")
    assert database.value("SELECT last_used_at FROM relay.agent_status") is None, "that is for who has proven it"


def test_its_permissions_are_those_that_it_has(anonymous, relay, phased):
    relay("agent", "grant", "bot", "stripe:refund", "--conditions", '{"max_amount": 5}', check=0)
    decision = anonymous("bot")
    assert decision["permissions"] == ["stripe:refund"] and decision["conditions"] == {"stripe:refund": [{"max_amount": 5}]}


def test_an_agent_that_nobody_knows_may_do_nothing(anonymous, phased):
    decision = anonymous("stranger", "acme")
    assert verdict(decision) == (True, "unauthenticated", "acme", None) and decision["permissions"] == []


REFUSED = {
    "unknown_agent": ("stranger", None),
    "unknown_org": ("stranger", "nowhere"),
    "org_mismatch": ("bot", "other"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_true_is_refused(anonymous, database, relay, phased, reason):
    relay("org", "create", "other", "--name", "Other", "--auth-mode", "optional", check=0)
    assert verdict(anonymous(*REFUSED[reason])) == (False, reason, None, None)
    (event,) = database.rows("SELECT * FROM relay.auth_events WHERE outcome = 'failed'")
    assert event["reason"] == reason and event["detail"]["claimed_agent_id"] == REFUSED[reason][0]


@pytest.mark.parametrize("words, reason", [
    (("block", "bot"), "blocked"),
    (("revoke", "bot"), "revoked"),
    (("block", "--org", "acme", "--confirm", "acme"), "blocked"),
    (("revoke", "--org", "acme", "--confirm", "acme"), "revoked"),
], ids=" ".join)  # fmt: skip
def test_who_is_shut_out_gets_in_without_a_key_no_more_than_with_one(anonymous, relay, phased, words, reason):
    relay(*words, check=0)
    assert verdict(anonymous("bot", "acme")) == (False, reason, None, None)


def test_an_unknown_id_can_be_shut_out_too(anonymous, relay, phased):
    relay("block", "stranger", "--force", check=0)
    assert anonymous("stranger", "acme")["reason"] == "blocked"


def test_with_a_key_nothing_is_different(relay, gateway, key, phased):
    assert gateway.reason(key) == "ok"


def test_every_call_is_counted_and_no_more_than_one_an_hour_has_a_row(anonymous, database, relay, phased):
    for _ in range(50):
        anonymous("bot")
    for number in range(30):
        anonymous(f"stranger-{number}", "acme")
    rows = database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'unauthenticated'")
    assert rows == 1 + 20, "one for the agent, and at most twenty names of strangers"
    assert database.value("SELECT sum(times) FROM relay.recorded_events WHERE action = 'unauthenticated'") == 80


def test_who_still_calls_without_a_key_is_counted_and_named(anonymous, database, relay, phased):
    assert relay.json("org", "show", "acme")["data"]["keyless_callers"] == 0
    assert "Still without key" not in relay("org", "show", "acme", check=0).out
    for _ in range(3):
        anonymous("bot")
    anonymous("stranger", "acme")
    data = relay.json("org", "show", "acme")["data"]
    assert (data["auth_mode"], data["keyless_callers"], data["keyless_calls"]) == ("optional", 2, 4)
    assert [(each["agent_id"], each["known"], each["calls"]) for each in data["keyless_latest"]] in (
        [("stranger", False, 1), ("bot", True, 3)], [("bot", True, 3), ("stranger", False, 1)]
    )  # fmt: skip
    shown = relay("org", "show", "acme", check=0).out
    assert "2 agents in 4 calls" in shown and "stranger (unknown)" in shown
    database.execute("UPDATE relay.event_floods SET last_at = last_at - interval '8 days'")
    assert relay.json("org", "show", "acme")["data"]["keyless_calls"] == 2, "what is older than a week is not counted"


def test_who_is_shut_out_by_the_change_is_said_when_it_is_made(anonymous, relay, phased):
    anonymous("bot")
    dry = relay.json("org", "update", "acme", "--auth-mode", "required", "--dry-run")
    done = relay.json("org", "update", "acme", "--auth-mode", "required")
    for document in (dry, done):
        (warning,) = document["warnings"]
        assert "1 agent called without a key" in warning and "bot" in warning and "--auth-mode optional" in warning
        assert document["data"]["changed_fields"] == ["auth_mode"] and document["data"]["auth_mode"] == "required"
    assert verdict(anonymous("bot")) == (False, "key_required", None, None)
    again = relay.json("org", "update", "acme", "--auth-mode", "required")
    assert again["changed"] is False and again["warnings"] == []


def test_gateways_are_told_of_the_change_and_end_no_connection(database, relay, key):
    relay("org", "update", "acme", "--auth-mode", "optional", check=0)
    (change,) = database.rows("SELECT * FROM relay.key_changes WHERE change = 'auth_mode_changed'")
    assert (change["org_id"], change["agent_id"], change["key_id"], change["kicks"]) == ("acme", None, None, False)


def test_a_relay_that_has_no_keys_yet_begins_so(relay, anonymous):
    relay("org", "create", "old", "--name", "Old", "--auth-mode", "optional", check=0)
    assert relay.error("org", "create", "old", "--name", "Old", "--auth-mode", "required", check=5)["message"].count("auth_mode")
    assert verdict(anonymous("any.One", "old")) == (True, "unauthenticated", "old", None)


def test_no_key_id_is_made_up(anonymous, database, phased, key):
    anonymous("bot")
    assert database.value("SELECT last_used_at FROM relay.key_status WHERE key_id = %s", key_id(key)) is None
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'unauthenticated' AND key_id IS NOT NULL") == 0
