"""Tests policy set, show, list and history, as an operator and a script run them."""

import json

import psycopg2
import pytest
from support.agents import decide
from support.policies import HOUR, acme, events, in_force, settings  # noqa: F401
from support.relay import finish_terminal

PRESET = {"window": "60s", "require_nonce": "no", "signing": "bearer", "session_ttl": "600s", "messages": "required"}


# ---- set


def test_the_line_of_the_runbook_tightens_an_organization_without_a_question(acme, database):
    document = acme.json("policy", "set", "--org", "acme", "--window", "30s", "--require-nonce", "yes", "--until", "6h", "--ticket", "INC-42")
    assert document["changed"] is True and settings(document) == {**PRESET, "window": "30s", "require_nonce": "yes"}
    assert [(one["setting"], one["value"], one["scope"], one["ticket"]) for one in document["data"]["set"]] == [
        ("window", "30s", "org", "INC-42"), ("require_nonce", "yes", "org", "INC-42")]  # fmt: skip
    assert in_force(database, "bot") == in_force(database, "crm") == (30, True, None)
    left = database.value("SELECT max(until) - now() FROM relay.policy_changes").total_seconds()
    assert 6 * 3600 - 600 < left <= 6 * 3600
    (event,) = events(database)
    assert (event["org_id"], event["agent_id"], event["ticket"]) == ("acme", None, "INC-42")
    assert event["detail"]["window"] == "30s" and event["detail"]["require_nonce"] == "yes" and event["detail"]["window_until"]


def test_the_output_says_how_to_undo_it(acme):
    assert "policy undo --ticket INC-1" in acme("policy", "set", "bot", "--window", "30s", "--ticket", "INC-1", check=0).err
    assert "policy undo 2" in acme("policy", "set", "bot", "--window", "20s", check=0).err
    both = acme("policy", "set", "--org", "acme", "--window", "20s", "--require-nonce", "yes", "--yes", check=0).err
    assert "policy undo 3" in both and "policy undo 4" in both
    assert "policy undo" not in acme("policy", "set", "bot", "--window", "10s", "--dry-run", check=0).err


def test_a_second_incident_keeps_its_setting_when_the_first_is_undone(acme, database):
    words = ("policy", "set", "--org", "acme", "--window", "30s", "--until", "2999-01-01T00:00:00Z", "--ticket")
    assert [acme.json(*words, ticket)["changed"] for ticket in ("INC-1", "INC-2", "INC-2")] == [True, True, False]
    acme("policy", "undo", "--ticket", "INC-1", "--yes", check=0)
    assert in_force(database)[0] == 30
    assert acme.json("policy", "undo", "--ticket", "INC-2", "--yes")["changed"] is True
    assert in_force(database)[0] == 60


def test_a_ticket_that_sql_wrote_is_undone_as_it_is_shown(acme, database):
    acme("policy", "set", "--org", "acme", "--window", "30s", "--ticket", "INC-1", check=0)
    database.execute("SET session_replication_role = replica")
    database.execute("UPDATE relay.policy_changes SET ticket = %s", "INC-\x1b[31m7")
    database.execute("RESET session_replication_role")
    acme.error("policy", "undo", "--ticket", "INC-\\x1b[31m8", "--yes", check=3)
    assert acme.json("policy", "undo", "--ticket", "INC-\\x1b[31m7", "--yes")["changed"] is True
    assert in_force(database)[0] == 60


def test_the_same_again_changes_nothing(acme, database):
    for words in (("bot", "--window", "30s"), ("--org", "acme", "--require-nonce", "yes", "--until", "2999-01-01T00:00:00Z"), ("bot", "--qps", "5"),
                  ("bot", "--allow", "192.0.2.1,2001:db8::/64")):  # fmt: skip
        assert acme.json("policy", "set", *words)["changed"] is True
        again = acme.json("policy", "set", *words)
        assert again["changed"] is False, words
    assert len(events(database)) == 4 and database.value("SELECT count(*) FROM relay.policy_changes") == 2
    shorter = acme("policy", "set", "--org", "acme", "--require-nonce", "yes", "--until", "10m", check=0)
    assert "nothing changed: the policy of org acme is already as requested" in shorter.err


def test_a_dry_run_shows_the_same_and_changes_nothing(acme, database):
    document = acme.json("policy", "set", "bot", "--window", "90s", "--qps", "7", "--dry-run")
    assert document["changed"] is True and settings(document)["window"] == "90s" and document["data"]["qps"] == 7
    assert document["data"]["loosens"] == ["window of agent bot becomes 90s instead of 60s"]
    assert in_force(database) == (60, False, None) and events(database) == []


@pytest.mark.parametrize(
    "before, loosening, words",
    [
        ((), ("--window", "61s"), "window of agent bot becomes 61s instead of 60s"),
        (("--require-nonce", "yes"), ("--require-nonce", "no"), "require-nonce of agent bot becomes no instead of yes"),
        (("--window", "30s"), ("--window", "inherit"), "window of agent bot becomes 60s instead of 30s"),
        ((), ("--session-ttl", "11m"), "session-ttl of agent bot becomes 660s instead of 600s"),
        ((), ("--messages", "optional"), "messages of agent bot becomes optional instead of required"),
        (("--signing", "either"), ("--signing", "bearer"), "signing of agent bot becomes bearer instead of either"),
        (("--signing", "required"), ("--require-nonce", "no"), "require-nonce of agent bot becomes no instead of yes"),
        (("--signing", "required", *HOUR), ("--signing", "inherit"), "signing required of agent bot ends now"),
        (("--window", "30s", *HOUR), ("--window", "inherit"), "window 30s of agent bot ends now"),
        (("--qps", "5"), ("--qps", "6"), "agent bot has 6 calls per second instead of 5 calls per second"),
        (("--qps", "5"), ("--qps", "plan"), "agent bot has no limit of calls instead of 5 calls per second"),
        (("--allow", "192.0.2.0/24"), ("--allow", "any"), "agent bot may call from any address instead of 192.0.2.0/24"),
        (("--allow", "192.0.2.0/24"), ("--allow", "192.0.2.1,198.51.100.1"), "agent bot may call from 192.0.2.1/32, 198.51.100.1/32 instead of 192.0.2.0/24"),
    ],
)
def test_loosening_asks(acme, database, before, loosening, words):
    if before:
        acme("policy", "set", "bot", *before, check=0)
    rows = database.value("SELECT count(*) FROM relay.auth_events")
    error = acme.error("policy", "set", "bot", *loosening, check=2)
    assert "--yes" in json.dumps(error) and error["changed"] == "no"
    session = acme.terminal("policy", "set", "bot", *loosening, columns=300)
    session.expect_exact(f"This loosens the policy: {words}. Continue? [y/N]")
    session.sendline("n")
    assert finish_terminal(session)[0] == 13
    assert database.value("SELECT count(*) FROM relay.auth_events") == rows
    document = acme.json("policy", "set", "bot", *loosening, "--yes")
    assert document["changed"] is True and document["data"]["loosens"] == [words]
    assert acme.json("policy", "set", "bot", *loosening, "--yes")["changed"] is False


def test_tightening_never_asks(acme, database):
    for words in (("--window", "59s"), ("--window", "30s", *HOUR), ("--require-nonce", "yes"), ("--qps", "9"), ("--qps", "8"),
                  ("--allow", "192.0.2.0/24"), ("--allow", "192.0.2.0/25"), ("--allow", "192.0.2.7"), ("--window", "90s", *HOUR)):  # fmt: skip
        document = acme.json("policy", "set", "bot", *words)
        assert document["changed"] is True and document["data"]["loosens"] == [], words
    assert in_force(database) == (30, True, 8)
    for words in (("--signing", "either"), ("--signing", "required"), ("--session-ttl", "5m"), ("--messages", "required")):
        assert acme.json("policy", "set", "bot", *words)["data"]["loosens"] == [], words


def test_what_signing_implies_is_shown_and_is_loosened_with_it(acme, database):
    nonce = [one for one in acme.json("policy", "set", "--org", "acme", "--signing", "required", "--ticket", "T-9")["data"]["settings"]
             if one["setting"] == "require_nonce"]  # fmt: skip
    assert [(one["value"], one["source"], one["lasting_value"]) for one in nonce] == [("yes", "org", "yes")]
    document = acme.json("policy", "undo", "--ticket", "T-9", "--yes")
    assert document["data"]["loosens"] == ["require-nonce of org acme becomes no instead of yes", "signing of org acme becomes bearer instead of required"]
    assert in_force(database) == (60, False, None)


def test_the_line_of_the_runbook_against_abuse_tightens_and_is_undone_by_its_ticket(acme, database, tmp_path):
    key = (tmp_path / "bot.key").read_text()
    said = acme("policy", "set", "--org", "acme", "--signing", "required", "--require-nonce", "yes", "--window", "30s", "--until", "6h",
                "--ticket", "INC-42", check=0).err  # fmt: skip
    assert "devices cannot sign, and keep their tokens: relay-admin device list --org acme\n" in said
    assert acme.json("device", "list", "--org", "acme")["items"] == []
    assert decide(database, key) == "signature_required" and in_force(database) == (30, True, None)
    assert acme.json("key", "verify", stdin=key, check=10)["data"]["reason"] == "signature_required"
    acme("policy", "undo", "--ticket", "INC-42", "--yes", check=0)
    assert decide(database, key) == "ok" and in_force(database) == (60, False, None)


def test_a_setting_with_an_end_that_tightens_nothing_says_so(acme, database):
    said = acme("policy", "set", "bot", "--window", "90s", *HOUR, "-o", "json")
    document = json.loads(said.out)
    assert "device" not in said.err
    assert "an end only tightens" in document["warnings"][0] and in_force(database)[0] == 60


def test_inherit_undoes_all_settings_of_its_kind_in_the_scope_and_no_other(acme, database):
    for words in (("--platform", "--window", "40s"), ("--org", "acme", "--window", "30s"), ("bot", "--window", "20s"), ("bot", "--window", "10s", *HOUR),
                  ("bot", "--require-nonce", "yes")):  # fmt: skip
        acme("policy", "set", *words, check=0)
    document = acme.json("policy", "set", "bot", "--window", "inherit", "--yes")
    assert [one["value"] for one in document["data"]["undone"]] == ["20s", "10s"] and settings(document)["window"] == "30s"
    assert in_force(database) == (30, True, None)
    again = acme.json("policy", "set", "--org", "acme", "--window", "inherit", "--yes")["data"]["settings"]
    assert [one["source"] for one in again if one["setting"] == "window"] == ["platform"]


def test_the_list_of_addresses_counts_for_gateways(acme, database, tmp_path):
    key = (tmp_path / "bot.key").read_text()
    acme("policy", "set", "bot", "--allow", "198.51.100.0/24", check=0)
    assert acme.json("key", "verify", stdin=key)["data"]["reason"] == "ok"  # not asked about an address
    assert acme.json("key", "verify", "--address", "192.0.2.7", stdin=key, check=10)["data"]["reason"] == "address_not_allowed"
    assert acme.json("key", "verify", "--address", "::ffff:198.51.100.9", stdin=key)["data"]["ok"] is True
    assert decide(database, key) == "ok"
    shown = acme.json("policy", "show", "bot")["data"]
    assert (shown["addresses"], shown["addresses_source"]) == (["198.51.100.0/24"], "agent")


BAD = {
    ("--window", "10m"): "1s to 5m",
    ("--window", "0"): "1s to 5m",
    ("--window", "60"): "--window",
    ("--window", "soon"): "--window",
    ("--require-nonce", "maybe"): "not one of no, yes",
    ("--signing", "yes"): "not one of bearer, either, required",
    ("--session-ttl", "59s"): "1m to 1d",
    ("--session-ttl", "2d"): "1m to 1d",
    ("--messages", "no"): "not one of optional, required",
    ("--require-nonce", "Yes"): "not one of no, yes",
    ("--qps=-1",): "whole number",
    ("--qps", "1.5"): "whole number",
    ("--qps", "1e3"): "whole number",
    ("--qps", "10000000000000000"): "whole number",
    ("--qps", "inherit"): "whole number",
    ("--allow", "10.0.0.1/8"): "bits beyond the length",
    ("--allow", "2001:db8::1/64"): "bits beyond the length",
    ("--allow", "0.0.0.0/0"): "--allow any",
    ("--allow", "::/0"): "--allow any",
    ("--allow", "::ffff:192.0.2.0/120"): "inside IPv6",
    ("--allow", "::/8"): "contains the IPv4 addresses inside IPv6",
    ("--allow", "192.0.2.1,any"): "cannot be combined",
    ("--allow", "example.org"): "not an IP address",
    ("--allow", "192.0.2.1/33"): "not an IP address",
    ("--allow", ",".join(f"192.0.2.{number}" for number in range(65))): "at most 64",
    ("--qps", "5", "--until", "6h"): "what --qps sets has no end",
    ("--allow", "192.0.2.1", "--until", "6h"): "what --allow sets has no end",
    ("--window", "inherit", "--until", "6h"): "--until has no effect",
    ("--until", "6h"): "--until has no effect",
    ("--window", "30s", "--until", "0"): "would end the setting immediately",
    ("--window", "30s", "--until", "6"): "--until",
    ("--window", "30s", "--until", "-6h"): "--until",
    (): "nothing to set was given",
}  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input_is_refused_before_the_database_is_asked(relay, words):
    error = relay.with_(dsn="host=/nowhere-at-all dbname=none").error("policy", "set", "bot", *words, check=2)
    assert BAD[words] in json.dumps(error) and error["changed"] == "no"


@pytest.mark.parametrize(
    "words",
    [("--window", "30s"), ("bot", "--org", "acme", "--window", "30s"), ("--platform", "--org", "acme", "--window", "30s"),
     ("--platform", "--qps", "5"), ("--platform", "--allow", "192.0.2.1")],
    ids=" ".join,
)  # fmt: skip
def test_a_policy_has_one_scope(relay, words):
    relay.error("policy", "set", *words, check=2)


def test_a_time_that_is_over_and_ids_that_are_unknown_are_refused(acme, database):
    error = acme.error("policy", "set", "bot", "--window", "30s", "--until", "2026-01-01T00:00:00Z", check=2)
    assert "which is over" in error["message"]
    assert acme.error("policy", "set", "boot", "--window", "30s", check=3)["suggestions"] == ["bot"]
    acme.error("policy", "set", "--org", "acne", "--window", "30s", check=3)
    assert database.value("SELECT count(*) FROM relay.policy_changes") == 0


# ---- show, list, history


def test_show_says_where_each_part_comes_from_and_what_is_next(acme):
    acme("policy", "set", "--platform", "--window", "45s", check=0)
    acme("policy", "set", "--org", "acme", "--qps", "50", "--allow", "192.0.2.0/24", check=0)
    acme("policy", "set", "bot", "--window", "10s", *HOUR, check=0)
    data = acme.json("policy", "show", "bot")["data"]
    _, window, _, nonce, _ = data["settings"]
    assert (window["value"], window["source"], window["lasting_value"], window["change_id"]) == ("10s", "agent", "45s", 2)
    assert window["until"] and (nonce["value"], nonce["source"], nonce["change_id"]) == ("no", "preset", None)
    assert (data["qps"], data["qps_source"], data["addresses"], data["addresses_source"]) == (50, "org", ["192.0.2.0/24"], "org")
    text = acme("policy", "show", "bot", check=0).out
    assert "50 per second (org)" in text and "192.0.2.0/24 (org)" in text and "45s" in text


def test_list_has_what_concerns_an_organization(acme):
    acme("org", "create", "zeta", "--name", "Zeta", check=0)
    for words in (("--platform", "--window", "50s"), ("--org", "acme", "--window", "40s"), ("bot", "--require-nonce", "yes", *HOUR),
                  ("--org", "acme", "--qps", "9"), ("bot", "--allow", "192.0.2.1"), ("--org", "zeta", "--window", "20s")):  # fmt: skip
        acme("policy", "set", *words, "--ticket", "T-1", check=0)
    items = acme.json("policy", "list", "--org", "acme")["items"]
    assert [(one["scope"], one["agent_id"], one["name"], one["value"]) for one in items] == [
        ("platform", None, "window", "50s"), ("org", None, "qps", "9"), ("org", None, "window", "40s"),
        ("agent", "bot", "allow", "192.0.2.1/32"), ("agent", "bot", "require_nonce", "yes")]  # fmt: skip
    assert [one["ticket"] for one in items] == ["T-1", None, "T-1", None, "T-1"]
    assert len(acme.json("policy", "list", "--org", "acme", "--limit", "2")["items"]) == 2
    acme.error("policy", "list", check=2)
    acme.error("policy", "list", "--org", "nowhere", check=3)


def test_history_keeps_everything_latest_first(acme, database):
    acme("policy", "set", "bot", "--window", "30s", "--reason", "habit", "--ticket", "T-1", check=0)
    acme("policy", "set", "--org", "acme", "--window", "20s", *HOUR, check=0)
    acme("policy", "set", "--platform", "--window", "10s", check=0)
    acme("policy", "undo", "1", "--yes", check=0)
    items = acme.json("policy", "history")["items"]
    assert [(one["change_id"], one["scope"], one["state"]) for one in items] == [(3, "platform", "set"), (2, "org", "set"), (1, "agent", "undone")]
    assert (items[2]["reason"], items[2]["ticket"]) == ("habit", "T-1") and items[2]["lifted_at"] and items[2]["lifted_by"]
    assert [one["lifted_role"] for one in items] == [None, None, "postgres"]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), database.connect(user=database.cluster.login("lifter", member_of="relay_provisioner")) as other:
        other.cursor().execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'x', lifted_role = 'another'")
    assert [one["change_id"] for one in acme.json("policy", "history", "bot")["items"]] == [1]
    assert [one["change_id"] for one in acme.json("policy", "history", "--org", "acme")["items"]] == [2, 1]
    acme.error("policy", "history", "bot", "--org", "acme", check=2)
    acme.error("policy", "history", "boot", check=3)


def play(scene):
    scene.write("policy", "set", "bot", "--window", "30s", "--require-nonce", "yes", "--until", "6h", "--ticket", "INC-9")
    scene.write("policy", "set", "--org", "acme", "--qps", "50", "--allow", "192.0.2.0/24")
    scene.read("policy", "show", "bot")
    scene.read("policy", "list", "--org", "acme")
    scene.read("policy", "history")
    scene.write("policy", "undo", "--ticket", "INC-9", "--yes")
    scene.write("policy", "set", "--org", "acme", "--qps", "plan", "--allow", "any", "--yes")
    scene.fail(3, "policy", "show", "nobody-there")
