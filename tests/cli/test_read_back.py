"""A command says "done" only of what it read back: with a rule, a trigger, a view or a function in between it is exit 11, and nothing changes."""

import contextlib

import pytest

from support.agents import decide, first_agent, read_key
from support.cards import card
from support.devices import Contract
from support.prepared import prepared
from support.registry import Registry
from support.tampering import alter, replaced, rule, swallow, undo


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


EVERYTHING = ("organizations", "agents", "agent_keys", "revocations", "agent_conditions", "agent_roles", "roles", "role_permissions",
              "org_tokens", "legacy_agents", "legacy_migrations", "legacy_stops", "operations", "key_changes",
              "plans", "limits", "subscriptions", "said_subscriptions", "policy_changes", "call_policies", "holds", "agent_leases")  # fmt: skip


def all_rows(database):
    return {table: database.rows(f"SELECT * FROM relay.{table} ORDER BY 1, 2") for table in EVERYTHING}


def refused(relay, database, *words, doubts=(), code=11):
    """The command ends with exit 11, for people and in JSON mode, and has changed nothing."""
    before = all_rows(database)
    result = relay(*words, check=code)
    assert "nothing was changed" in result.err and result.out == "", result
    last = [line for line in result.err.splitlines() if line.startswith("NOT CONFIRMED: ")]
    assert last == [f"NOT CONFIRMED: {doubt}" for doubt in doubts], result
    if doubts:
        assert result.err.splitlines()[-1] == last[-1]
    error = relay.error(*words, check=code)
    assert (error["changed"], error["retryable"]) == ("no", False)
    assert all_rows(database) == before
    return result


# --- block and revoke


def blinded_view(database):
    return replaced(database, "key_standing", "standing.reason\n", "'ok'::text AS reason\n")


def blinded_list(database):
    return replaced(database, "standing_revocations", "WHERE ", "WHERE false AND ")


SHUT_OUT = {
    "a rule": lambda database: rule("revocations", "INSERT"),
    "a trigger that drops the row": lambda database: swallow("revocations", "INSERT"),
    "a trigger that lifts it at once": lambda database: alter(
        "revocations", "INSERT", "NEW.lifted_at := clock_timestamp(); NEW.lifted_by := 'evil'"
    ),
    "a trigger that writes another id": lambda database: alter("revocations", "INSERT", "NEW.subject_id := NEW.subject_id || 'x'"),
    "a trigger that deletes it again": lambda database: undo(
        "revocations", "INSERT", "DELETE FROM relay.revocations WHERE revocation_id = NEW.revocation_id"
    ),
    "a view of what is in force": blinded_list,
    "a view that decides on keys": blinded_view,
    "a function that decides on keys": lambda database: (
        "CREATE OR REPLACE FUNCTION relay.verdict(standing text, right_agent boolean, right_org boolean) RETURNS text "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'ok'::text $$"
    ),
}


@pytest.mark.parametrize("cause", SHUT_OUT)
@pytest.mark.parametrize("words", [("block", "bot"), ("revoke", "bot"), ("block", "--org", "acme", "--confirm", "acme"),
                                   ("revoke", "--org", "acme", "--confirm", "acme"), ("revoke", "--key")])  # fmt: skip
def test_what_is_not_blocked_is_not_called_blocked(relay, database, key, words, cause):
    words = [*words, key[9:21]] if words[-1] == "--key" else words
    database.execute(SHUT_OUT[cause](database))
    if words[1] == "--key" and cause == "a trigger that lifts it at once":
        relay(*words, check=5)  # the table takes no such row
        return
    subject = {"--org": "org acme", "--key": f"key {key[9:21]}"}.get(words[1], "agent bot")
    refused(relay, database, *words, doubts=[f"{subject} may still be live"])


def test_a_block_that_ends_too_early_is_no_block(relay, database, key):
    database.execute(alter("revocations", "INSERT", "NEW.until := clock_timestamp() + interval '1 minute'"))
    refused(relay, database, "block", "bot", "--until", "2h", doubts=["agent bot may still be live"])
    refused(relay, database, "block", "bot", doubts=["agent bot may still be live"])


def test_already_blocked_is_read_back_as_well(relay, database, key):
    """A view that shows a block where there is none."""
    relay("block", "bot", check=0)
    relay("unblock", "bot", "--yes", check=0)
    database.execute(replaced(database, "standing_revocations", "lifted_at IS NULL", "lifted_at IS NULL OR true"))
    assert decide(database, key) == "ok"
    result = relay("block", "bot", check=11)
    assert result.err.splitlines()[-1] == "NOT CONFIRMED: agent bot may still be live"


def test_all_ids_of_a_block_are_in_doubt_since_all_are_rolled_back(relay, database, key):
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    database.execute(alter("revocations", "INSERT", "IF NEW.subject_id = 'crm' THEN RETURN NULL; END IF"))
    refused(relay, database, "block", "bot", "crm", doubts=["agent bot may still be live", "agent crm may still be live"])


def test_a_token_that_stays_is_not_called_revoked(relay, database, key):
    relay("org", "update", "acme", "--admin-token", "token", check=0)
    token = (relay.cwd / "token").read_text()
    database.execute(swallow("org_tokens"))
    result = relay("revoke", "--scan", "-", stdin=token, check=11)
    assert result.err.splitlines()[-1] == f"NOT CONFIRMED: token {token[9:21]} may still be live"


def test_a_block_is_not_undone_by_an_audit_log_that_takes_no_event(relay, database, key):
    database.execute(rule("auth_events", "INSERT"))
    document = relay.json("block", "bot")
    assert document["changed"] is True and "the audit trail took 0 of 1 event" in document["warnings"][0]
    assert decide(database, key) == "blocked"


# --- their undoing


LIFT = {
    "a rule": lambda database: rule("revocations", "UPDATE"),
    "a trigger that drops the change": lambda database: swallow("revocations", "UPDATE"),
    "a trigger that blocks again": lambda database: undo(
        "revocations", "UPDATE",
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES (NEW.subject_kind, NEW.subject_id, NEW.kind, 'evil')",
    ),
    "a view that decides on keys": lambda database: replaced(
        database, "key_standing", "standing.reason\n", "'blocked'::text AS reason\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("cause", LIFT)
@pytest.mark.parametrize("words", [("bot",), ("--org", "acme"), ("--ticket", "INC-1")])
def test_what_is_still_blocked_is_not_called_unblocked(relay, database, key, words, cause):
    org = "--org" in words
    relay("block", *(("--org", "acme", "--confirm", "acme") if org else ("bot",)), "--ticket", "INC-1", check=0)
    database.execute(LIFT[cause](database))
    result = relay("unblock", *words, "--yes", check=11)
    subject = "org acme" if org else "agent bot"
    assert result.err.splitlines()[-1] == f"NOT CONFIRMED: {subject} may still be blocked", result
    assert database.value("SELECT count(*) FROM relay.revocations WHERE lifted_at IS NULL") == 1


@pytest.mark.parametrize("cause", ["a rule", "a trigger that drops the change", "a trigger that blocks again"])
def test_what_is_still_revoked_is_not_called_restored(relay, database, key, cause, tmp_path):
    relay("revoke", "bot", check=0)
    database.execute(LIFT[cause](database))
    result = relay("restore", "bot", "--yes", "--secret-file", "new.key", check=11)
    assert result.err.splitlines()[-1] == "NOT CONFIRMED: agent bot may still be revoked", result
    assert not (tmp_path / "new.key").exists()
    assert database.value("SELECT count(*) FROM relay.revocations WHERE lifted_at IS NULL") == 1


def test_an_organization_that_is_still_revoked_is_not_called_restored(relay, database, key):
    relay("revoke", "--org", "acme", "--confirm", "acme", check=0)
    database.execute(swallow("revocations", "UPDATE"))
    result = relay("restore", "--org", "acme", "--confirm", "acme", "--yes", check=11)
    assert result.err.splitlines()[-1] == "NOT CONFIRMED: org acme may still be revoked"


# --- keys

NEW_KEY = {
    "a rule": lambda database: rule("agent_keys", "INSERT"),
    "a trigger that drops the key": lambda database: swallow("agent_keys", "INSERT"),
    "a trigger that writes another hash": lambda database: alter("agent_keys", "INSERT", "NEW.key_hash := sha256(NEW.key_hash)"),
    "a trigger that retires it": lambda database: alter(
        "agent_keys", "INSERT", "NEW.state := 'retired'; NEW.retired_at := clock_timestamp()"
    ),
    "a trigger that deletes it": lambda database: undo("agent_keys", "INSERT", "DELETE FROM relay.agent_keys WHERE key_id = NEW.key_id"),
}


@pytest.mark.parametrize("cause", NEW_KEY)
@pytest.mark.parametrize("words", [("rotate-key", "bot"), ("rotate-key", "bot", "--grace", "0"),
                                   ("agent", "create", "crm", "--org", "acme", "--name", "CRM"), ("restore", "crm", "--yes")])  # fmt: skip
def test_a_key_that_is_not_there_as_it_was_made_reaches_nobody(relay, database, key, words, cause, tmp_path):
    if words[0] == "restore":
        relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
        relay("revoke", "crm", check=0)
    database.execute(NEW_KEY[cause](database))
    before = all_rows(database)
    relay(*words, "--secret-file", "new.key", check=11)
    assert not (tmp_path / "new.key").exists() and all_rows(database) == before
    assert decide(database, key) == "ok"


def test_an_old_key_that_stays_is_not_called_ended(relay, database, key, tmp_path):
    old = f"key {key[9:21]} may still be live"
    database.execute(swallow("agent_keys", "UPDATE"))
    for words in (("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key"), ("key", "retire", key[9:21], "--yes", "--force")):
        refused(relay, database, *words, doubts=[old])
    assert not (tmp_path / "new.key").exists()


def test_a_grace_that_is_too_long_is_no_grace(relay, database, key, tmp_path):
    database.execute(alter("agent_keys", "UPDATE", "NEW.expires_at := NEW.expires_at + interval '1 day'"))
    refused(relay, database, "rotate-key", "bot", "--grace", "1h", "--secret-file", "new.key")
    assert not (tmp_path / "new.key").exists()


def test_a_rotation_that_is_not_taken_back_is_not_called_reverted(relay, database, key, tmp_path):
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    database.execute(swallow("agent_keys", "UPDATE"))
    new = read_key(tmp_path / "new.key")
    refused(relay, database, "rotate-key", "bot", "--revert", doubts=[f"key {new[9:21]} may still be live"])


def test_an_event_that_the_audit_trail_does_not_take_stops_other_writes(relay, database, key):
    database.execute(rule("auth_events", "INSERT"))
    refused(relay, database, "rotate-key", "bot", "--secret-file", "new.key")
    refused(relay, database, "org", "update", "acme", "--name", "Other")


# --- all other writes

CHANGES = {
    "org create": (["organizations"], ("org", "create", "beta", "--name", "Beta")),
    "org update": (["organizations"], ("org", "update", "acme", "--name", "Other", "--max-agents", "9")),
    "agent create": (["agents"], ("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key")),
    "agent update": (["agents"], ("agent", "update", "bot", "--name", "Other")),
    "agent update, permissions": (["agents"], ("agent", "update", "bot", "--add-permission", "a:b")),
    "agent grant": (["agents"], ("agent", "grant", "bot", "a:b")),
    "agent grant, conditions": (["agent_conditions"], ("agent", "grant", "bot", "a:b", "--conditions", '{"max": 5}')),
    "agent revoke-permission": (["agents"], ("agent", "revoke-permission", "bot", "x:y")),
    "agent assign-role": (["agent_roles"], ("agent", "assign-role", "bot", "other")),
    "agent unassign-role": (["agent_roles"], ("agent", "unassign-role", "bot", "staff")),
    "role create": (["roles", "role_permissions"], ("role", "create", "new", "--org", "acme", "--name", "New", "--permissions", "a:b")),
    "role grant": (["role_permissions"], ("role", "grant", "staff", "a:b", "--org", "acme")),
    "role revoke-permission": (["role_permissions"], ("role", "revoke-permission", "staff", "s:s", "--org", "acme")),
    "role delete": (["roles"], ("role", "delete", "other", "--org", "acme", "--yes")),
    "migrate-legacy import": (["agents", "legacy_agents"], ("migrate-legacy", "import", "more.csv", "--org", "acme")),
    "migrate-legacy start": (["legacy_agents"], ("migrate-legacy", "start")),
    "migrate-legacy issue": (["agent_keys", "legacy_agents"], ("migrate-legacy", "issue", "--next", "1", "--secrets-dir", "out")),
    "migrate-legacy extend": (["legacy_migrations"], ("migrate-legacy", "extend", "--deadline", "20d", "--reason", "x")),
    "migrate-legacy abort": (["legacy_migrations"], ("migrate-legacy", "abort", "--yes")),
    "migrate-legacy abort --deny-all": (["legacy_stops"], ("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off")),
}  # fmt: skip


@prepared
def fleet(relay, key, tmp_path):
    """Something to change of every kind."""
    for role in ("staff", "other"):
        relay("role", "create", role, "--org", "acme", "--name", role, "--permissions", "s:s", check=0)
    relay("agent", "assign-role", "bot", "staff", check=0)
    relay("agent", "grant", "bot", "x:y", check=0)
    (tmp_path / "fleet.csv").write_text("agent_id\nold-1\nold-2\n")
    (tmp_path / "more.csv").write_text("agent_id\nold-8\nold-9\n")
    (tmp_path / "late.csv").write_text("agent_id\nold-5\n")
    (tmp_path / "out").mkdir(mode=0o700)
    relay("migrate-legacy", "import", "fleet.csv", "--org", "acme", check=0)
    relay("migrate-legacy", "start", "--deadline", "9d", "--yes", check=0)
    relay("migrate-legacy", "import", "late.csv", "--org", "acme", check=0)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_a_trigger_swallows_is_not_called_done(relay, database, fleet, name, tmp_path):
    tables, words = CHANGES[name]
    for table in tables:
        database.execute(swallow(table))
        refused(relay, database, *words, doubts=doubts_of(name))
        database.execute("DROP FUNCTION public.swallow CASCADE")
    assert not (tmp_path / "crm.key").exists() and list((tmp_path / "out").iterdir()) == []
    relay(*words, check=0)  # it was for nothing else that it was refused


def doubts_of(name):
    if name.endswith("--deny-all"):
        return ["the shared secret may still be accepted"]
    if name in ("migrate-legacy start", "migrate-legacy extend", "migrate-legacy abort"):
        return ["the window of the shared secret may still be as it was"]
    return []


@pytest.mark.parametrize(
    "table, change, words",
    [
        ("organizations", "NEW.name := 'Altered'", ("org", "update", "acme", "--name", "Other")),
        ("limits", "NEW.amount := 1", ("org", "create", "beta", "--name", "Beta", "--plan", "paid", "--max-agents", "5")),
        ("agents", "NEW.permissions := '[\"*:*\"]'", ("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key")),
        ("agent_conditions", "NEW.conditions := '{\"max\": 500}'", ("agent", "grant", "bot", "a:b", "--conditions", '{"max": 5}')),
        ("legacy_migrations", "NEW.deadline := NEW.deadline + interval '9 days'", ("migrate-legacy", "extend", "--deadline", "20d", "--reason", "x")),
    ],
)  # fmt: skip
def test_a_change_that_a_trigger_alters_is_not_called_done(relay, database, fleet, table, change, words):
    database.execute(alter(table, "INSERT OR UPDATE", change))
    refused(relay, database, *words, doubts=doubts_of(" ".join(words[:2])))


def test_a_dry_run_says_the_same(relay, database, key):
    database.execute(rule("revocations", "INSERT"))
    refused(relay, database, "block", "bot", "--dry-run", doubts=["agent bot may still be live"])


def test_a_name_of_the_database_is_not_set_without_its_event(relay, database, key):
    database.execute(swallow("auth_events"))
    refused(relay, database, "config", "name", "eu-west")
    assert relay.json("config", "name")["data"]["database_name"] is None

# --- plans, policies, devices, the registry

SET_ACTIVE = ("subscription", "set", "acme", "--state", "active", "--plan", "free", "--yes")
LATER_CHANGES = {
    "plan create": (["plans", "limits"], ("plan", "create", "team", "--name", "Team", "--limit", "vms=3")),
    "plan update": (["plans"], ("plan", "update", "paid", "--name", "Other")),
    "plan update, limit": (["limits"], ("plan", "update", "paid", "--limit", "vms=3")),
    "org update, limit": (["limits"], ("org", "update", "acme", "--limit", "vms=3")),
    "org update, limit of the plan": (["limits"], ("org", "update", "acme", "--limit", "messages=plan")),
    "org update, providers": (["organizations"], ("org", "update", "acme", "--providers", "aws")),
    "org update, admin token": (["org_tokens"], ("org", "update", "acme", "--admin-token", "token")),
    "subscription set": (["subscriptions", "said_subscriptions", "organizations"], SET_ACTIVE),
    "agent keep": (["agents"], ("agent", "keep", "crm")),
    "agent create, public key": (["agent_keys"], ("agent", "create", "new", "--org", "acme", "--name", "New", "--public-key", "one.pub")),
    "agent update, owner": (["agents"], ("agent", "update", "bot", "--owner-user", "u-1")),
    "rotate-key, public key": (["agent_keys"], ("rotate-key", "bot", "--public-key", "one.pub")),
    "policy set": (["policy_changes"], ("policy", "set", "bot", "--window", "30s")),
    "policy set, signing": (["policy_changes", "guarded_calls"], ("policy", "set", "--platform", "--signing", "required", "--yes")),
    "policy set, addresses": (["call_policies"], ("policy", "set", "bot", "--allow", "10.0.0.0/8")),
    "policy set, no addresses": (["call_policies"], ("policy", "set", "crm", "--allow", "any", "--yes")),
    "policy set, rate": (["limits"], ("policy", "set", "bot", "--qps", "5")),
    "policy set, inherit": (["policy_changes"], ("policy", "set", "crm", "--window", "inherit", "--yes")),
    "policy undo": (["policy_changes"], ("policy", "undo", "1", "--yes")),
    "usage release": (["holds"], ("usage", "release", "acme", "vms", "vm-1")),
    "registry unregister": (["agent_leases"], ("registry", "unregister", "bot")),
    "block --device": (["revocations"], ("block", "--device", "DEVICE")),
    "revoke --device": (["revocations"], ("revoke", "--device", "DEVICE")),
}  # fmt: skip

LATER_DOUBTS = {
    "usage release": "hold vm-1 may still count",
    "registry unregister": "agent bot may still be found",
    "block --device": "device DEVICE may still be live",
    "revoke --device": "device DEVICE may still be live",
}


@prepared
def later(relay, database, key, tmp_path):
    """Something to change of every kind that came later."""
    database.execute("SELECT relay_api.hold('acme', 'vms', 'vm-1', 2, 'aws')")
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    relay("org", "update", "acme", "--limit", "messages=10", check=0)
    (tmp_path / "one.pub").write_text(relay("agent", "keygen", "one.pem", "-o", "id", check=0).out)
    relay("policy", "set", "crm", "--window", "30s", check=0)
    relay("policy", "set", "crm", "--allow", "10.0.0.0/8", check=0)
    with contextlib.closing(database.connect(user=database.gateway_login())) as connection:
        Registry(connection).register("bot", card())
        device, _ = Contract(connection).pair()
    return device


@pytest.mark.parametrize("name", LATER_CHANGES)
def test_a_later_change_that_a_trigger_swallows_is_not_called_done(relay, database, later, name):
    tables, words = LATER_CHANGES[name]
    words = [later if word == "DEVICE" else word for word in words]
    for table in tables:
        database.execute(swallow(table))
        refused(relay, database, *words, doubts=LATER_DOUBTS.get(name.split(",")[0], "").replace("DEVICE", later).splitlines())
        database.execute("DROP FUNCTION public.swallow CASCADE")
    relay(*words, check=0)  # it was for nothing else that it was refused
