"""key due: which keys are due, and exit codes for scripts and for systemd."""

import json

import pytest
from support.due_keys import HOSTILE, acme, create, due, fleet, make_older  # noqa: F401
from support.sound import login

def play(scene):
    scene.read("key", "due", code=10)  # the agent of an earlier scene has no key left
    scene.read("key", "due", "--within", "91d", code=10)
    scene.read("key", "due", "--within", "91d", "--by", "owner", code=10)
    scene.read("key", "due", "--within", "91d", "--no-owner", "--fields", "agent_id,reason", code=10)
    scene.fail(3, "key", "due", "--org", "nobody")


# --- which keys


def test_no_key_is_due_and_the_code_says_so(acme):
    create(acme, "bot")
    assert due(acme, check=0) == []
    assert due(acme, "--within", "91d") == ["bot"]
    assert acme("key", "due", check=0).err == "no due keys\n"


def test_the_most_urgent_come_first_with_whose_they_are(fleet):
    assert due(fleet) == ["nobodys", "later", "late"]
    assert due(fleet, "--within", "14d") == ["nobodys", "later", "late", "soon"]
    document = fleet.json("key", "due", "--within", "14d", "--owner", HOSTILE, check=10)
    late = document["items"][1]
    assert late["owner"] == HOSTILE and late["labels"] == {"team": "pay"} and late["agent_name"] == "The late"
    assert late["overdue"] is True and late["reason"] == "age" and late["expired"] is late["blocked"] is False
    assert due(fleet, "--label", "team=pay") == ["late"] and due(fleet, "--match", "late*") == ["later", "late"]
    assert due(fleet, "--no-owner") == ["nobodys"] and due(fleet, "--owner", "ben", check=0) == []
    assert due(fleet, "--org", "acme", "--limit", "1") == ["nobodys"]
    fleet("key", "due", "--org", "nobody", check=3)


def test_a_limit_is_not_the_end(fleet):
    document = fleet.json("key", "due", "--limit", "2", check=10)
    assert document["next"] is None and "there are more" in document["warnings"][0]
    assert fleet.json("key", "due", "--limit", "3", check=10)["warnings"] == []


def test_a_key_that_expires_is_due_although_it_is_young(acme, database):
    create(acme, "bot", "--expires", "2999-01-01T00:00:00Z")
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '5 days'")
    assert due(acme, check=0) == []
    item = acme.json("key", "due", "--within", "7d", check=10)["items"][0]
    assert item["reason"] == "expiry" and item["due_at"] == item["expires_at"] and item["overdue"] is False
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 minute'")
    item = acme.json("key", "due", check=10)["items"][0]
    assert item["overdue"] is item["expired"] is True


def test_keys_that_have_ended_and_keys_of_revoked_agents_are_not_due(acme, database):
    for agent in ("gone", "rotated", "blocked"):
        create(acme, agent)
        make_older(database, agent, 100)
    acme("revoke", "gone", check=0)
    acme("rotate-key", "rotated", "--secret-file", "new.key", check=0)
    acme("block", "blocked", check=0)
    assert due(acme) == ["blocked"]
    assert acme.json("key", "due", check=10)["items"][0]["blocked"] is True


def reason_of(relay, *words):
    return {item["agent_id"]: (item["reason"], item["overdue"]) for item in relay.json("key", "due", *words, check=10)["items"]}


def assert_due_everywhere(relay, agents):
    """The lists, the condition, doctor and the metrics agree."""
    code = 10 if agents else 0
    assert sorted(due(relay, check=code)) == agents
    relay("key", "due", "--exec-condition", check=0 if agents else 1)
    assert relay("agent", "list", "--key-due", "0", "-o", "id", check=0).out.split() == agents
    item = next(item for item in relay.json("doctor", check=None)["items"] if item["check"] == "keys.due")
    assert item["status"] == ("warn" if agents else "ok"), item
    assert f"\nrelay_keys_overdue {len(agents)}\n" in relay("metrics", check=0).out


def test_an_agent_without_a_key_is_due_until_it_has_one(acme, database):
    create(acme, "young")
    acme("revoke", "--key", create(acme, "out"), check=0)
    leaked = acme.json("agent", "show", "young")["data"]["keys"][0]["key_id"]
    assert_due_everywhere(acme, ["out"])
    assert reason_of(acme) == {"out": ("missing", True)}
    new = acme.json("rotate-key", "young", "--grace", "24h", "--secret-file", "2.key")["data"]["key_id"]
    assert_due_everywhere(acme, ["out"])
    acme("revoke", "--key", new, check=0)
    assert reason_of(acme) == {"out": ("missing", True), "young": ("missing", False)}
    item = acme.json("key", "due", "--match", "young", check=10)["items"][0]
    assert item["key_id"] == leaked and item["due_at"] == item["expires_at"]
    assert_due_everywhere(acme, ["out", "young"])
    for agent in ("out", "young"):
        acme("rotate-key", agent, "--force", "--secret-file", f"{agent}.3.key", check=0)
    assert_due_everywhere(acme, [])


def test_keys_that_ended_in_other_ways_are_missing_and_revoked_agents_are_not(acme):
    acme("key", "retire", create(acme, "retired"), "--force", "--yes", check=0)
    create(acme, "of-org")
    create(acme, "gone")
    acme("revoke", "gone", check=0)
    assert reason_of(acme) == {"retired": ("missing", True)}
    acme("revoke", "--org", "acme", "--confirm", "acme", check=0)
    assert_due_everywhere(acme, [])
    acme("restore", "--org", "acme", "--yes", "--confirm", "acme", check=0)
    assert reason_of(acme) == {"retired": ("missing", True), "of-org": ("missing", True)}


def rows_read(plan, table):
    """The rows that the nodes of a plan read from a table and its indexes."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"] if plan.get("Relation Name") == table else 0
    return own + sum(rows_read(part, table) for part in plan.get("Plans", ()))


def test_what_is_due_is_found_without_reading_the_fleet(fleet, database):
    fleet("revoke", "--key", database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'young'"), check=0)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'many-' || n, 'acme', 'A', 't' FROM generate_series(1, 20000) AS n")
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by, due_at)"
        " SELECT lpad(n::text, 12, '0'), 'many-' || n, 'acme', sha256(n::text::bytea), 't', now() + interval '80 days'"
        " FROM generate_series(1, 20000) AS n"
    )
    database.execute("ANALYZE relay.agent_keys, relay.agents, relay.revocations")
    found = database.value("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM relay.due_keys WHERE listed_from <= now() + interval '1 day'")
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    assert plan["Actual Rows"] == 4 and rows_read(plan, "agent_keys") < 100, json.dumps(plan)


@pytest.mark.parametrize("role", ["relay_auditor", "relay_responder"])
def test_who_reads_may_ask(fleet, database, role):
    reader = fleet.with_(dsn=login(database, role))
    assert due(reader) == ["nobodys", "later", "late"]
    reader("key", "due", "--exec-condition", check=0)
    reader("key", "due", "--by", "owner", "--notify", "cat > /dev/null", check=10)
    reader("agent", "list", "--key-due", "0", check=0)
    reader("metrics", check=0)
    key = database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'late'")
    reader("key", "wait", key, "--for", "used", "--timeout", "0", check=10)


def test_the_policy_of_the_organization_decides(acme, database):
    acme.json("org", "update", "acme", "--key-max-age", "10d")
    create(acme, "young")
    create(acme, "own", "--key-max-age", "5d")
    assert due(acme, "--within", "6d") == ["own"] and due(acme, "--within", "11d") == ["own", "young"]
    updated = acme.json("org", "update", "acme", "--key-max-age", "none")["data"]
    assert updated["key_max_age_seconds"] is None and updated["changed_fields"] == ["key_max_age"]
    assert acme.json("org", "update", "acme", "--key-max-age", "none")["changed"] is False
    assert "Key max age:        none" in acme("org", "show", "acme", check=0).out
    create(acme, "timeless")
    shown = acme.json("agent", "show", "timeless")["data"]
    assert shown["effective_key_max_age_seconds"] is None and shown["keys"][0]["due_at"] is None
    assert "timeless" not in due(acme, "--within", "3650d")
    kept = acme.json("rotate-key", "timeless", "--due-within", "3650d", "--secret-file", "t.key")
    assert kept["changed"] is False
    assert acme.json("org", "update", "acme", "--key-max-age", "90d")["data"]["key_max_age_seconds"] == 90 * 86400
    acme("org", "update", "acme", "--key-max-age", "0", check=2)
    acme("org", "update", "acme", "--key-max-age", "never", check=2)
    assert acme.json("org", "create", "free", "--name", "Free", "--key-max-age", "none")["data"]["key_max_age_seconds"] is None


# --- systemd


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--owner", "ben"), 1), (("--owner", "ben", "--within", "14d"), 0)])
def test_systemd_reads_due_and_not_due(fleet, words, code):
    result = fleet("key", "due", "--exec-condition", *words, check=code)
    assert result.out == ""


@pytest.mark.parametrize(
    "words", [("--org", "nobody"), ("--within", "14"), ("--bogus",), ("--notify", "true"), ("--html", "."), ("--owner", "")]
)
def test_systemd_reads_every_error_as_one(fleet, words):
    fleet("key", "due", "--exec-condition", *words, check=255)


def test_other_commands_keep_their_exit_codes(relay):
    relay("block", "bot", "--exec-condition", check=2)
    relay("key", "list", "--exec-condition", check=2)
    relay("key", "due", "--", "--exec-condition", check=2)


def test_systemd_reads_a_dead_database_as_an_error(relay):
    relay.with_(dsn="host=/nowhere-at-all dbname=none")("key", "due", "--exec-condition", check=255)
