"""The database writes the events of changes that are made by SQL: with the time and the role of the session; the program's own are not doubled."""

import functools

import psycopg2
import psycopg2.errors
import pytest

from support.agents import decide, key_id, rotate
from support.by_hand import EVENTS, change, last_event


@pytest.fixture
def by_hand(database, key):
    """Runs SQL as a login in one group; returns the events that it left."""
    return functools.partial(change, database)


LIFT = "UPDATE relay.revocations SET lifted_at = '1999-01-01', lifted_by = 'nobody' WHERE lifted_at IS NULL"


@pytest.mark.parametrize("subject, words", [("agent", ("bot",)), ("org", ("--org", "acme", "--confirm", "acme"))])
@pytest.mark.parametrize("verb, action", [("block", "unblocked"), ("revoke", "restored")])
def test_a_lift_by_sql_leaves_its_event_with_its_true_time(relay, database, by_hand, subject, words, verb, action):
    relay(verb, *words, check=0)
    (event,) = by_hand("responder", LIFT)
    assert event["action"] == f"{subject}_{action}" and event["org_id"] == "acme"
    assert event["agent_id"] == ("bot" if subject == "agent" else None)
    assert (event["reason"], event["actor"]) == ("by SQL", "nobody")
    assert database.value("SELECT lifted_at > now() - interval '1 minute' FROM relay.revocations") is True


def test_a_lift_of_an_id_that_nobody_knows_leaves_an_event_as_well(relay, by_hand):
    relay("block", "ghost", "--force", check=0)
    (event,) = by_hand("responder", LIFT)
    assert (event["action"], event["agent_id"], event["org_id"]) == ("agent_unblocked", "ghost", None)


def test_a_lift_that_is_rolled_back_leaves_none(relay, database, by_hand, key):
    relay("block", "bot", check=0)
    assert by_hand("responder", LIFT, "ROLLBACK", "BEGIN") == []
    assert decide(database, key) == "blocked"


def test_a_key_that_is_made_by_sql_leaves_its_event(database, by_hand):
    statement = (
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by) "
        "SELECT '0000000000' || lpad(g::text, 2, '0'), 'bot', 'acme', sha256(g::text::bytea), now(), 'somebody' FROM generate_series(1, 1) AS g"
    )
    retired, issued = by_hand("provisioner", "UPDATE relay.agent_keys SET state = 'retired', retired_at = now()", statement)[::-1]
    assert (issued["action"], issued["key_id"], issued["actor"], issued["reason"]) == ("key_issued", "000000000001", "somebody", "by SQL")
    assert retired["action"] == "key_retired" and retired["detail"] == {"from": "active", "to": "retired"}


@pytest.mark.parametrize(
    "change, action",
    [
        ("state = 'retired', retired_at = now()", "key_retired"),
        ("state = 'revoked', revoked_at = now()", "key_revoked"),
        ("state = 'retiring', expires_at = now() + interval '9 days', replaced_by = '000000000001'", "key_state_changed"),
    ],
)
def test_a_key_whose_state_is_changed_by_sql_leaves_its_event(by_hand, key, change, action):
    (event,) = by_hand("provisioner", f"UPDATE relay.agent_keys SET {change}")
    assert (event["action"], event["key_id"], event["agent_id"], event["reason"]) == (action, key_id(key), "bot", "by SQL")
    assert event["detail"]["from"] == "active"


def test_a_token_that_is_ended_or_brought_back_by_sql_leaves_its_event(relay, by_hand, key, tmp_path):
    relay("org", "create", "globex", "--name", "Globex", "--admin-token", tmp_path / "token", check=0)
    token = key_id((tmp_path / "token").read_text().strip())
    for group, statement, action in (
        ("responder", f"SELECT relay.end_token('{token}')", "token_revoked"),
        ("provisioner", "UPDATE relay.org_tokens SET revoked_at = NULL", "token_state_changed"),
        ("provisioner", "UPDATE relay.org_tokens SET revoked_at = now()", "token_revoked"),
    ):
        (event,) = by_hand(group, statement)
        assert (event["action"], event["org_id"], event["key_id"], event["reason"]) == (action, "globex", token, "by SQL")


def test_a_key_whose_expiry_is_changed_by_sql_leaves_its_event(by_hand, key):
    (event,) = by_hand("provisioner", "UPDATE relay.agent_keys SET expires_at = '2031-01-01T00:00:00Z'")
    assert (event["action"], event["key_id"], event["agent_id"], event["reason"]) == ("key_expiry_changed", key_id(key), "bot", "by SQL")
    assert event["detail"]["from"] is None and event["detail"]["to"].startswith("2031-01-01")


def test_a_grace_is_not_made_longer_by_sql(relay, database, by_hand, key, tmp_path):
    rotate(relay, tmp_path / "new.key")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="never moved to a later time"):
        by_hand("provisioner", "UPDATE relay.agent_keys SET expires_at = '2099-01-01' WHERE state = 'retiring'")
    (event,) = by_hand("provisioner", "UPDATE relay.agent_keys SET expires_at = now() + interval '1 minute' WHERE state = 'retiring'")
    assert (event["action"], event["key_id"]) == ("key_expiry_changed", key_id(key))


def test_a_token_that_is_made_by_sql_leaves_its_event(by_hand, key):
    (event,) = by_hand("provisioner", "INSERT INTO relay.org_tokens (token_id, org_id, token_hash, created_by) "
                                      "VALUES ('000000000001', 'acme', sha256('x'), 'somebody')")  # fmt: skip
    assert (event["action"], event["org_id"], event["key_id"], event["reason"]) == ("token_issued", "acme", "000000000001", "by SQL")


@pytest.mark.parametrize(
    "statement, action, agent, table, after",
    [
        ("UPDATE relay.agents SET permissions = '[\"z:z\"]'", "permissions_changed", "bot", "agents", {"permissions": ["z:z"]}),
        ("INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by) VALUES ('bot', 'acme', 'staff', 'x')",
         "permissions_changed", "bot", "agent_roles", {"role_id": "staff"}),
        ("INSERT INTO relay.role_permissions (org_id, role_id, permission) VALUES ('acme', 'staff', 'z:z')",
         "permissions_changed", None, "role_permissions", {"permission": "z:z"}),
        ("DELETE FROM relay.role_permissions", "permissions_changed", None, "role_permissions", None),
        ("UPDATE relay.organizations SET plan = 'free'", "org_updated", None, "organizations", {"plan": "free"}),
        ("UPDATE relay.organizations SET auth_mode = 'optional'", "org_updated", None, "organizations", {"auth_mode": "optional"}),
    ],
)  # fmt: skip
def test_what_agents_and_organizations_may_do_is_not_changed_by_sql_unseen(relay, by_hand, statement, action, agent, table, after):
    relay("role", "create", "staff", "--org", "acme", "--name", "Staff", "--permissions", "s:s", check=0)
    (event,) = by_hand("provisioner", statement)
    assert (event["action"], event["org_id"], event["agent_id"], event["reason"]) == (action, "acme", agent, "by SQL")
    assert event["detail"]["table"] == table and (after or {}).items() <= (event["detail"]["to"] or {}).items(), event


NEW_LIMIT = "INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES "


@pytest.mark.parametrize(
    "statement, action, org, agent, after",
    [
        (NEW_LIMIT + "('org', 'acme', 'messages', 'acme', 0)", "limits_changed", "acme", None, {"meter": "messages", "amount": 0}),
        (NEW_LIMIT + "('agent', 'bot', 'agent_qps', 'acme', 9)", "limits_changed", "acme", "bot", {"meter": "agent_qps", "amount": 9}),
        ("UPDATE relay.limits SET amount = 0 WHERE owner_id = 'free'", "limits_changed", None, None, {"amount": 0}),
        ("DELETE FROM relay.limits WHERE owner_id = 'free'", "limits_changed", None, None, {}),
        ("INSERT INTO relay.plans (plan_id, name, created_by) VALUES ('gold', 'Gold', 'x')", "plan_created", None, None, {"plan_id": "gold"}),
        ("UPDATE relay.plans SET name = 'Gratis' WHERE plan_id = 'free'", "plan_updated", None, None, {"name": "Gratis"}),
    ],
)  # fmt: skip
def test_plans_and_limits_are_not_changed_by_sql_unseen(by_hand, statement, action, org, agent, after):
    (event,) = by_hand("provisioner", statement)
    assert (event["action"], event["org_id"], event["agent_id"], event["reason"]) == (action, org, agent, "by SQL")
    assert after.items() <= (event["detail"]["to"] or {}).items() and event["detail"]["table"] in ("limits", "plans")


def test_the_program_leaves_the_event_of_a_limit_once(relay, database, key):
    changes = [
        ("plan_created", "plan", "create", "gold", "--name", "Gold", "--limit", "agents=5"),
        ("plan_updated", "plan", "update", "gold", "--name", "Golden", "--limit", "messages=5", "--limit", "agents=none", "--yes"),
        ("org_created", "org", "create", "own", "--name", "Own", "--plan", "gold", "--max-agents", "3"),
        ("org_updated", "org", "update", "own", "--limit", "agents=plan", "--limit", "vms=2"),
        (None, "org", "update", "own", "--limit", "vms=2"),
        ("policy_changed", "policy", "set", "bot", "--qps", "5"),
        ("plan_changed", "subscription", "set", "own", "--state", "active", "--plan", "paid"),
    ]
    for action, *words in changes:
        last = last_event(database)
        relay(*words, check=0)
        assert [event["action"] for event in database.rows(EVENTS, last)] == ([action] if action else []), words


def test_a_window_of_the_shared_secret_is_not_opened_by_sql_unseen(by_hand):
    opening = "INSERT INTO relay.legacy_migrations (opened_by, deadline) VALUES ('somebody', now() + interval '9 days')"
    for statement, action, actor in (
        (opening, "migration_started", "somebody"),
        ("UPDATE relay.legacy_migrations SET deadline = deadline + interval '9 days'", "migration_extended", None),
        ("UPDATE relay.legacy_migrations SET state = 'aborted', closed_by = 'x'", "migration_aborted", "x"),
    ):
        (event,) = by_hand("provisioner", statement)
        assert (event["action"], event["reason"], event["actor"]) == (action, "by SQL", actor)


def test_what_has_ended_is_not_revived(relay, database, by_hand, key, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--grace", "0")
    relay("revoke", "bot", check=0)
    relay("restore", "bot", "--yes", "--secret-file", tmp_path / "fresh.key", check=0)
    by_hand("provisioner", "UPDATE relay.agent_keys SET state = 'retired', retired_at = now() WHERE state = 'active'")
    for ended in (key, new):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="it has ended permanently"):
            by_hand("provisioner", "UPDATE relay.agent_keys SET state = 'active', retired_at = NULL, revoked_at = NULL "
                                   f"WHERE key_id = '{key_id(ended)}'")  # fmt: skip


def test_the_program_leaves_each_event_once(relay, database, key, tmp_path):
    """Whatever it changes of keys, blocks and revocations."""

    def actions(*words):
        last = last_event(database)
        relay(*words, check=0)
        events = database.rows(EVENTS, last)
        assert not [event for event in events if event["reason"] == "by SQL"], events
        return sorted(event["action"] for event in events)

    def to(name):
        return ("--secret-file", tmp_path / name)

    assert actions("agent", "create", "crm", "--org", "acme", "--name", "CRM", *to("crm")) == ["agent_created", "key_issued"]
    assert actions("rotate-key", "bot", *to("1")) == ["key_rotated"]
    assert actions("rotate-key", "bot", "--revert") == ["key_retired", "key_rotation_reverted"]
    assert actions("rotate-key", "bot", "--grace", "0", *to("2")) == ["key_retired", "key_rotated"]
    assert actions("rotate-key", "bot", *to("3")) == ["key_rotated"]
    assert actions("rotate-key", "bot", "--force", *to("4")) == ["key_retired", "key_rotated"]
    assert actions("rotate-key", "bot", "--force", "--deliver", "cat > /dev/null") == ["key_retiring", "key_rotated", "key_staged"]
    assert actions("org", "update", "acme", "--admin-token", tmp_path / "token") == ["token_issued"]
    assert actions("revoke", "--scan", tmp_path / "token", "--yes") == ["token_revoked"]
    assert actions("org", "update", "acme", "--admin-token", tmp_path / "token2") == ["token_issued"]
    assert actions("org", "update", "acme", "--admin-token", tmp_path / "token3") == ["token_issued", "token_revoked"]
    assert actions("block", "bot") == ["agent_blocked"]
    assert actions("unblock", "bot", "--yes") == ["agent_unblocked"]
    assert actions("block", "--org", "acme", "--confirm", "acme") == ["org_blocked"]
    assert actions("unblock", "--org", "acme", "--yes") == ["org_unblocked"]
    assert actions("revoke", "bot") == ["agent_revoked"]
    assert actions("restore", "bot", "--yes", *to("5")) == ["agent_restored", "key_issued"]
    assert actions("org", "update", "acme", "--plan", "paid", "--auth-mode", "optional") == ["org_updated"]
    assert actions("agent", "update", "bot", "--add-permission", "a:b") == ["agent_updated", "permission_granted"]
    assert actions("agent", "grant", "bot", "c:d", "--conditions", '{"max": 5}') == ["permission_granted"]
    assert actions("agent", "revoke-permission", "bot", "c:d") == ["permission_revoked"]
    assert actions("role", "create", "r", "--org", "acme", "--name", "R", "--permissions", "a:b") == ["permission_granted", "role_created"]
    assert actions("role", "grant", "r", "c:d", "--org", "acme") == ["permission_granted"]
    assert actions("agent", "assign-role", "bot", "r") == ["role_assigned"]
    assert actions("role", "delete", "r", "--org", "acme", "--force", "--yes") == ["role_deleted", "role_unassigned"]
    assert actions("migrate-legacy", "start", "--deadline", "9d", "--yes") == ["migration_started"]
    assert actions("migrate-legacy", "extend", "--deadline", "20d", "--reason", "x") == ["migration_extended"]
    assert actions("migrate-legacy", "abort", "--yes") == ["migration_aborted"]
    assert actions("migrate-legacy", "start", "--deadline", "9d", "--yes") == ["migration_started"]
    assert actions("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off") == ["migration_denied_all"]
    assert actions("revoke", "--org", "acme", "--confirm", "acme") == ["org_revoked"]
    assert actions("restore", "--org", "acme", "--confirm", "acme", "--yes") == ["org_restored"]


def test_a_first_use_that_retires_the_old_key_leaves_one_event(relay, database, key, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--retire-on-first-use")
    login = database.connect(user=database.gateway_login())
    with login.cursor() as cursor:
        cursor.execute("SELECT (relay_api.authenticate(%s, sha256(convert_to(%s, 'UTF8')))).reason", (key_id(new), new))
        assert cursor.fetchone()[0] == "ok"
    login.close()
    rows = database.rows("SELECT reason FROM relay.auth_events WHERE action = 'key_retired' AND key_id = %s", key_id(key))
    assert [row["reason"] for row in rows] == [f"its replacement {key_id(new)} was used"]


MANY = """
INSERT INTO relay.organizations (org_id, name, plan, created_by) SELECT 'o-' || n, 'O', 'paid', 't' FROM generate_series(1, 300) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, created_by) SELECT 'a-' || n, 'o-' || n, 'A', 't' FROM generate_series(1, 300) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by)
SELECT lpad(n::text, 12, '0'), 'a-' || n, 'o-' || n, sha256(n::text::bytea), 't' FROM generate_series(1, 300) AS n"""

ONE_BY_ONE = f"""
DO $each$ BEGIN FOR number IN 1..300 LOOP {MANY.replace("generate_series(1, 300)", "generate_series(number, number)")}; END LOOP; END $each$"""


@pytest.mark.whole
@pytest.mark.parametrize("change, action", [
    ("UPDATE relay.organizations SET name = 'Other'", "org_updated"),
    ("UPDATE relay.agents SET name = 'Other'", "agent_updated"),
    ("UPDATE relay.agent_keys SET expires_at = now() + interval '9 days'", "key_expiry_changed"),
    (MANY, "agent_created"), (MANY, "key_issued"), (ONE_BY_ONE, "agent_created"), (ONE_BY_ONE, "key_issued"),
], ids=["organizations", "agents", "keys", "new agents", "new keys", "agents one by one", "keys one by one"])  # fmt: skip
def test_a_change_by_sql_of_many_rows_does_not_read_all_events_since_begin_for_each(database, change, action):
    """Also by statistics of a time when the trail was empty, which make every index look good."""
    rows = f"SET session_replication_role = replica; {MANY}; RESET session_replication_role;" if change not in (MANY, ONE_BY_ONE) else ""
    database.execute(f"{rows} ANALYZE")
    reads = ("SELECT COALESCE(sum(COALESCE(idx_tup_fetch, 0) + COALESCE(seq_tup_read, 0)), 0)::int FROM pg_stat_xact_user_tables"
             " WHERE relname LIKE 'auth_events%'")  # fmt: skip
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(change + "; SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(reads)
        read = cursor.fetchone()[0]
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = %s AND reason = 'by SQL'", action) == 300
    statements = change.count("INSERT") or 1
    assert read <= 2 * 300 * statements, "each row finds its own events, or all rows together read those since BEGIN"
