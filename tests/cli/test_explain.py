"""explain: every reason and every exit code, and what to do."""

import re

import pytest

from support import command_table
from support.exit_codes import NAMES

GATEWAY_ANSWERS = """
    SELECT obj_description(p.oid, 'pg_proc') FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'relay_api' AND obj_description(p.oid, 'pg_proc') LIKE '%reasons:%'
      AND has_function_privilege('relay_gateway', p.oid, 'EXECUTE')
"""


def play(scene):
    scene.read("explain")
    scene.read("explain", "blocked")
    scene.fail(2, "explain", "blokced")


@pytest.fixture
def anywhere(relay_without_database):
    """A runner whose database does not exist."""
    return relay_without_database.with_(dsn="host=/nowhere-at-all dbname=none")


def explained(relay):
    items = relay.json("explain")["items"]
    return {kind: {item["name"]: item for item in items if item["topic"] == kind} for kind in ("reason", "exit_code")}


def test_every_reason_of_the_contract_is_explained(relay, database):
    relay("schema", "apply", check=0)
    comments = [row["obj_description"] for row in database.rows(GATEWAY_ANSWERS)]
    assert len(comments) >= 4
    listed = [re.sub(r"\(.*?\)", "", comment.split("reasons:")[1]).split(";")[0] for comment in comments]
    reasons = {word for reasons in listed for word in re.findall(r"[a-z_]{2,}", reasons)}
    reasons.add("rate_exceeded")  # which gateways report, and lease_rate records
    assert {"ok", "unknown_key", "legacy_closed", "permission_missing", "key_required"} <= reasons
    definition = database.value("SELECT pg_get_viewdef('relay.due_keys'::regclass)")
    due = {word for word in ("age", "expiry", "delivery", "missing") if f"'{word}'::text" in definition}
    verdicts = {"malformed", "admin_token", "device_token"}
    assert set(explained(relay)["reason"]) == reasons | due | verdicts and len(due) == 4


def test_every_reason_that_the_schema_writes_is_one_of_the_comments(relay, database):
    """The comments could lag behind the code: each text that a function or view compares a reason with, or sets it to."""
    relay("schema", "apply", check=0)
    known = set(explained(relay)["reason"])
    sources = database.rows("SELECT prosrc FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('relay', 'relay_api')")
    written = {word for row in sources for word in re.findall(r"reason\s*(?::=|=|<>)\s*'([a-z_]+)'", row["prosrc"])}
    assert {"legacy_closed", "ok"} <= written and written <= known, written - known


def test_every_exit_code_is_explained_by_number_and_by_name(anywhere):
    codes = explained(anywhere)["exit_code"]
    assert {item["code"]: name for name, item in codes.items()} == {0: "ok", **NAMES, 130: "SIGINT", 143: "SIGTERM"}
    for name, item in codes.items():
        by_number = anywhere.json("explain", str(item["code"]))["items"]
        assert by_number == [item] and item in anywhere.json("explain", name)["items"]
        assert item["meaning"] and item["next"]


def test_a_page_for_people_has_80_columns_and_what_to_do(anywhere):
    for words in ((), ("blocked",), ("ok",), ("11",)):
        text = anywhere("explain", *words, check=0).out
        assert all(len(line) <= 80 for line in text.splitlines()) and text
    text = anywhere("explain", "revoked", check=0).out
    assert text.startswith("reason revoked\n") and "relay-admin restore AGENT" in " ".join(text.split())
    assert "reason ok" in anywhere("explain", "ok", check=0).out and "exit code 0 (ok)" in anywhere("explain", "ok", check=0).out


def test_the_commands_of_the_advice_exist(anywhere):
    commands = {" ".join(path) for page in command_table.commands() for path in page.paths}
    found = 0
    for item in anywhere.json("explain")["items"]:
        for advised in re.findall(r"relay-admin ((?:[a-z-]+ ?)+)", item["next"]):
            words = advised.split()
            assert any(" ".join(words[:n]) in commands for n in range(1, len(words) + 1)), advised
            found += 1
    assert found > 20


def test_an_unknown_word(anywhere):
    error = anywhere.error("explain", "blokced", check=2)
    assert error["suggestions"] == ["blocked"] and error["next"].endswith("explain")
    anywhere.error("explain", "99", check=2)
