"""Messages that receivers refused: the alert in the audit export, what doctor says of them, and what explain says of the reasons."""

import csv
import io
import json

import pytest

from support.agents import first_agent

REASONS = ("envelope_invalid", "tenant_mismatch", "agent_mismatch", "stale")


@pytest.fixture
def refuse(relay, database, tmp_path):
    """refuse(reason, agent, claimed organization), as a receiver does."""
    first_agent(relay, tmp_path / "bot.key")

    def call(reason, agent="bot", claimed=None):
        database.execute("SELECT relay_api.refuse_message('acme', %s, %s, %s)", agent, reason, claimed)

    return call


def exported(relay, form):
    out = relay("audit", "export", "--action", "message_refused,auth_failed,agent_created", "-o", form, check=0).out
    if form == "csv":
        return list(csv.DictReader(io.StringIO(out)))
    lines = [json.loads(line) for line in out.splitlines()]
    return lines[0]["items"] if form == "json" else lines[:-1]


@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
def test_a_claim_of_another_organization_is_the_only_error_of_the_export(relay, database, refuse, form):
    for reason in REASONS:
        refuse(reason, claimed="globex")
    refuse("tenant_mismatch", agent=None)  # the export writes an event without details in another way
    refuse("stale", agent=None)
    database.execute("SELECT relay_api.authenticate('000000000000', 'x', NULL, NULL, NULL)")
    found = [(event["action"], event["reason"] or None, event["severity"]) for event in exported(relay, form)]
    assert found == [
        ("agent_created", None, "INFO"), ("message_refused", "envelope_invalid", "WARN"), ("message_refused", "tenant_mismatch", "ERROR"),
        ("message_refused", "agent_mismatch", "WARN"), ("message_refused", "stale", "WARN"), ("message_refused", "tenant_mismatch", "ERROR"),
        ("message_refused", "stale", "WARN"), ("auth_failed", "unknown_key", "WARN"),
    ]  # fmt: skip


def test_a_folded_flood_is_an_error_with_its_number(relay, database, refuse):
    for number in range(30):
        refuse("tenant_mismatch", claimed=f"globex-{number}")
    database.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
    events = [event for event in exported(relay, "jsonl") if event["action"] == "message_refused"]
    assert {event["severity"] for event in events} == {"ERROR"} and sum(event["times"] for event in events) == 30
    assert "globex-29" in json.dumps(events[-1]["detail"])


def test_doctor_says_who_poses_as_another_organization_and_that_signatures_are_not_checked(relay, database, refuse):
    def check():
        (found,) = relay.json("doctor", "messages.refused", check=None)["items"]
        assert "signatures of messages are passed on and not checked" in found["message"]
        return found

    assert check()["status"] == "ok" and "no receiver refused a message" in check()["message"]
    refuse("stale")
    assert check()["status"] == "ok" and "refused 1 message, none" in check()["message"]
    refuse("tenant_mismatch", claimed="globex")
    refuse("tenant_mismatch", agent=None)
    found = check()
    assert found["status"] == "warn" and "2 senders" in found["message"] and "agent bot, org acme" in found["message"]
    assert found["next"].endswith("audit list")
    database.execute("SET session_replication_role = replica; UPDATE relay.auth_events SET occurred_at = now() - interval '25 hours'")
    database.execute("TRUNCATE relay.event_floods")
    assert check()["status"] == "ok"


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_explained(relay, reason):
    assert "message" in relay("explain", reason, check=0).out
