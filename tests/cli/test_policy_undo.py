"""Tests policy undo, as an operator and a responder run it, the question before a loosening, and what doctor says of policies."""

import json

import pytest
from support.guides import listings
from support.policies import HOUR, acme, events, in_force  # noqa: F401
from support.relay import finish_terminal


def test_undo_restores_exactly_what_was_in_force(acme, database):
    acme("policy", "set", "bot", "--window", "50s", "--require-nonce", "yes", check=0)
    before = in_force(database)
    acme("policy", "set", "--org", "acme", "--window", "30s", *HOUR, "--ticket", "INC-7", check=0)
    acme("policy", "set", "bot", "--window", "10s", "--ticket", "INC-7", check=0)
    acme.error("policy", "undo", "--ticket", "INC-7", check=2)  # it loosens
    document = acme.json("policy", "undo", "--ticket", "INC-7", "--yes")
    assert document["changed"] is True and document["data"]["change_ids"] == [3, 4]
    assert document["data"]["loosens"] == ["window 30s of org acme ends now", "window of agent bot becomes 50s instead of 10s"]
    assert in_force(database) == before
    assert [(event["agent_id"], event["detail"]["change_id"]) for event in events(database, "policy_undone")] == [(None, 3), ("bot", 4)]
    again = acme("policy", "undo", "--ticket", "INC-7", "--yes", check=0)
    assert "nothing changed" in again.err


def test_undoing_what_had_loosened_never_asks(acme, database):
    acme("policy", "set", "bot", "--window", "90s", "--yes", check=0)
    assert acme.json("policy", "undo", "1", "--ticket", "T-9")["changed"] is True
    assert in_force(database)[0] == 60 and events(database, "policy_undone")[0]["ticket"] == "T-9"


@pytest.mark.parametrize("words, code", [((), 2), (("x",), 2), (("0",), 2), (("99999999999999999999",), 2), (("7",), 3), (("--ticket", "T-0"), 3)])
def test_undo_needs_a_change_that_there_is(acme, words, code):
    assert "policy history" in json.dumps(acme.error("policy", "undo", *words, check=code))


def test_a_responder_tightens_for_a_while_and_takes_it_back(acme, database):
    acme("policy", "set", "bot", "--window", "50s", check=0)
    responder = acme.with_(dsn=database.dsn(user=database.cluster.login("only_responder", member_of="relay_responder")))
    responder("policy", "set", "--org", "acme", "--window", "30s", "--require-nonce", "yes", "--until", "6h", "--ticket", "INC-1", check=0)
    assert in_force(database)[:2] == (30, True)
    responder("policy", "undo", "--ticket", "INC-1", "--yes", check=0)
    for words in (("set", "bot", "--window", "20s"), ("set", "bot", "--window", "inherit", "--yes"), ("set", "bot", "--qps", "5"),
                  ("set", "bot", "--allow", "192.0.2.1"), ("undo", "1", "--yes")):  # fmt: skip
        error = responder.error("policy", *words, check=4)
        assert error["changed"] == "no" and "hide rows" not in error["message"]
        assert ("--until" in json.dumps(error)) is (words == ("set", "bot", "--window", "20s"))
    assert in_force(database) == (50, False, None)


def test_a_responder_learns_which_settings_of_a_ticket_it_may_undo(acme, database):
    acme("policy", "set", "bot", "--window", "50s", "--ticket", "INC-1", check=0)
    acme("policy", "set", "bot", "--window", "30s", *HOUR, "--ticket", "INC-1", check=0)
    responder = acme.with_(dsn=database.dsn(user=database.cluster.login("only_responder", member_of="relay_responder")))
    error = responder.error("policy", "undo", "--ticket", "INC-1", "--yes", check=4)
    assert "have no end" in json.dumps(error) and "ids: 2" in json.dumps(error) and in_force(database)[0] == 30
    responder("policy", "undo", "2", "--yes", check=0)
    assert in_force(database)[0] == 50


@pytest.mark.parametrize("undo", [False, True])
def test_a_yes_to_one_loosening_is_not_used_for_another(acme, database, undo):
    acme("policy", "set", "bot", "--window", "50s", "--ticket", "T-1", check=0)
    acme("policy", "set", "bot", "--window", "40s", "--ticket", "T-1", check=0)
    session = acme.terminal("policy", *(("undo", "--ticket", "T-1") if undo else ("set", "bot", "--window", "60s")), columns=300)
    session.expect(r"instead of 40s.*Continue\? \[y/N\]")
    acme("policy", "set", "bot", "--window", "30s", *(("--ticket", "T-1") if undo else ()), check=0)  # a colleague, meanwhile
    session.sendline("y")
    session.expect(r"instead of 30s.*Continue\? \[y/N\]")
    session.sendline("n")
    assert finish_terminal(session)[0] == 13 and in_force(database)[0] == 30


def test_doctor_warns_of_a_window_that_is_very_short_or_very_long(acme):
    acme("policy", "set", "--platform", "--require-nonce", "no", check=0)
    acme("policy", "set", "--platform", "--require-nonce", "yes", *HOUR, check=0)

    def check():
        (found,) = acme.json("doctor", "policy.window", check=None)["items"]
        return found["status"], found["message"]

    acme("policy", "set", "--org", "acme", "--window", "30s", *HOUR, check=0)
    acme("policy", "set", "bot", "--window", "120s", "--yes", check=0)
    assert check()[0] == "ok"
    acme("policy", "set", "bot", "--window", "121s", "--yes", check=0)
    acme("policy", "set", "--platform", "--window", "29s", *HOUR, check=0)
    status, message = check()
    assert status == "warn" and "2 windows" in message and "agent bot (121s)" in message and "the platform (29s)" in message
    acme("policy", "set", "bot", "--window", "60s", check=0)
    acme("policy", "undo", "6", "--yes", check=0)
    assert check()[0] == "ok"


def test_doctor_says_that_signed_calls_are_refused_because_a_clock_was_ahead_until_it_is_repaired(acme, database):
    def check():
        (found,) = acme.json("doctor", "policy.nonces", check=None)["items"]
        return found["status"], found["message"], found["next"]

    database.execute("SELECT relay.keep_nonces(); UPDATE relay.nonces_signed_ahead SET up_to = now() + interval '4 minutes'")
    assert check()[0] == "ok"
    database.execute("UPDATE relay.nonces_signed_ahead SET up_to = '2100-01-01T00:00:00Z'")
    status, message, repair = check()
    assert status == "warn" and "after a crash" in message and "2100-01-01T00:00:00Z" in message and "relay-admin-gateway(7)" in repair
    database.execute("UPDATE relay.nonces_kept SET since = '2100-01-01T00:00:00Z'")
    status, message, repair = check()
    assert status == "error" and "too_old until 2100-01-01T00:00:00Z" in message and "relay-admin-gateway(7)" in repair
    (statements,) = [each.text for each in listings("gateway", "sql") if "nonces_kept" in each.text]
    database.execute(statements)
    assert check()[0] == "ok"
