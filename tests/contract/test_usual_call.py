"""authenticate first asks whether the call is a usual one, and then answers with no further check: this must not miss
anything that refuses a key."""

import threading
from contextlib import closing

import psycopg2
import pytest

from support.agents import digest, key_id, read_key
from support.processes import wait_until
from support.signing import message, proof

SEEN_FROM = "192.0.2.1"

# Events after an agent was accepted -> the answer to the next call from the same place.
CHANGES = {
    "nothing": ((), "ok"),
    "block": (("block", "bot"), "blocked"),
    "block of the organization": (("block", "--org", "acme", "--confirm", "acme"), "blocked"),
    "revoke": (("revoke", "bot"), "revoked"),
    "revoke of the organization": (("revoke", "--org", "acme", "--confirm", "acme"), "revoked"),
    "revoke of the key": (("revoke", "--key", "KEY"), "revoked"),
    "rotation without grace": (("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key"), "retired"),
    "rotation": (("rotate-key", "bot", "--grace", "1h", "--secret-file", "new.key"), "ok"),
}
EDITS = {
    "expired": ("UPDATE relay.agent_keys SET expires_at = now() - interval '1 second'", "expired"),
    "expires later": ("UPDATE relay.agent_keys SET expires_at = now() + interval '1 hour'", "ok"),
    "revoked by hand": ("UPDATE relay.agent_keys SET state = 'revoked', revoked_at = now()", "revoked"),
    "another hash": ("UPDATE relay.agent_keys SET key_hash = sha256('other')", "unknown_key"),
    "a block that ran out": (
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, until, actor)"
        " VALUES ('agent', 'bot', 'block', clock_timestamp() - interval '1 second', 'ana')",
        "ok",
    ),
    "a revocation that was lifted before the key was made": (
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, lifted_at, lifted_by, cut_off, actor)"
        " SELECT 'agent', 'bot', 'revoke', now(), 'ana', made_order - 1, 'ana' FROM relay.agent_keys",
        "ok",
    ),
    "a block that was lifted": (
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, lifted_at, lifted_by, actor)"
        " VALUES ('agent', 'bot', 'block', now(), 'ana', 'ana')",
        "ok",
    ),
    "a revocation that was lifted": (
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, lifted_at, lifted_by, actor)"
        " VALUES ('agent', 'bot', 'revoke', now(), 'ana', 'ana')",
        "revoked",
    ),
}


@pytest.fixture
def ask(database):
    connection = database.connect(user=database.gateway_login())
    connection.autocommit = True

    def decision(key, *, agent=None, org=None, address=SEEN_FROM):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ok, reason, org_id, agent_id, permissions, conditions FROM relay_api.authenticate(%s, %s, %s, %s, %s)",
                (key_id(key), digest(key), agent, org, address),
            )
            return cursor.fetchone()

    yield decision
    connection.close()


@pytest.fixture
def usual(ask, database, key):
    """The key, after a call that makes the next one a usual one, which writes nothing."""
    assert ask(key)[:2] == (True, "ok")
    before = database.value("SELECT pg_current_wal_insert_lsn()::text")
    assert ask(key) == (True, "ok", "acme", "bot", [], None)
    assert database.value("SELECT pg_current_wal_insert_lsn()::text") == before
    return key


def agrees(ask, database, key, reason):
    found = ask(key)
    assert found[:2] == (reason == "ok", reason)
    assert reason in database.value("SELECT (relay.verify_key(%s, %s)).reason", key_id(key), digest(key))


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_command_does_counts_at_the_next_call(ask, database, relay, usual, name):
    words, reason = CHANGES[name]
    if words:
        relay(*[key_id(usual) if word == "KEY" else word for word in words], check=0)
    agrees(ask, database, usual, reason)


@pytest.mark.parametrize("name", EDITS)
def test_what_the_rows_say_counts_at_the_next_call(ask, database, usual, name):
    statement, reason = EDITS[name]
    database.execute(statement)
    agrees(ask, database, usual, reason)


def test_claims_are_held_against_the_owner_in_the_usual_call_too(ask, usual):
    assert ask(usual, agent="bot", org="acme")[1] == "ok"
    assert ask(usual, agent="other")[1] == "agent_mismatch"
    assert ask(usual, org="other")[1] == "org_mismatch"
    assert ask(usual, agent="")[1] == "agent_mismatch"


def test_another_address_is_not_usual(ask, database, usual):
    assert ask(usual, address="192.0.2.2")[1] == "ok" and ask(usual, address=None)[1] == "ok"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") == 3


@pytest.mark.parametrize("way", ["a role", "a condition", "both, and taken away again"])
def test_roles_and_conditions_are_never_missed(ask, database, relay, usual, way):
    relay("role", "create", "desk", "--org", "acme", "--name", "Desk", "--permissions", "crm:read", check=0)
    if way != "a condition":
        relay("agent", "assign-role", "bot", "desk", check=0)
    if way != "a role":
        relay("agent", "grant", "bot", "stripe:refund", "--conditions", '{"max_amount": 5}', check=0)
    if way == "both, and taken away again":
        relay("agent", "unassign-role", "bot", "desk", check=0)
        relay("agent", "revoke-permission", "bot", "stripe:refund", check=0)
    expected = {
        "a role": (["crm:read"], None),
        "a condition": (["stripe:refund"], {"stripe:refund": [{"max_amount": 5}]}),
        "both, and taken away again": ([], None),
    }
    for _ in range(2):
        assert ask(usual)[4:] == expected[way]


def test_new_permissions_of_its_own_are_in_the_next_usual_call(ask, relay, usual):
    relay("agent", "update", "bot", "--add-permission", "crm:read", check=0)
    assert ask(usual)[4:] == (["crm:read"], None)


def test_the_new_key_retires_the_old_at_its_first_use_also_when_the_old_was_usual(ask, relay, usual, tmp_path):
    relay("rotate-key", "bot", "--grace", "1h", "--retire-on-first-use", "--secret-file", tmp_path / "new.key", check=0)
    assert ask(usual)[1] == "ok"
    assert ask(read_key(tmp_path / "new.key"))[1] == "ok"
    assert ask(usual)[1] == "retired"


def test_a_key_of_one_organization_never_answers_for_another(ask, relay, usual, tmp_path):
    relay("org", "create", "other", "--name", "Other", check=0)
    relay("agent", "create", "other-bot", "--org", "other", "--name", "O", "--secret-file", tmp_path / "other.key", check=0)
    other = read_key(tmp_path / "other.key")
    for _ in range(2):
        assert ask(other)[2:4] == ("other", "other-bot") and ask(usual)[2:4] == ("acme", "bot")


# ---- what is set for the platform

REQUIRED = ("INSERT INTO relay.policy_changes (scope_kind, setting, value, actor) VALUES ('platform', 'signing', 'required', 'ana')"
            " RETURNING change_id")  # fmt: skip
NEW_ORG = "INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('late', 'Late', 'ana')"
GUARDED = "SELECT string_agg(scope, ' ' ORDER BY scope) FROM relay.guarded_calls"


def test_what_is_set_for_the_platform_counts_for_every_organization_also_for_later_ones(ask, database, relay, usual, tmp_path):
    relay("org", "create", "other", "--name", "Other", check=0)
    required = database.value(REQUIRED)
    assert ask(usual)[1] == "signature_required"
    relay("org", "create", "late", "--name", "Late", check=0)
    assert database.value(GUARDED) == " acme late other"
    database.execute("UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = 'ana' WHERE change_id = %s", required)
    relay("agent", "create", "late-bot", "--org", "late", "--name", "L", "--secret-file", tmp_path / "late.key", check=0)
    late = read_key(tmp_path / "late.key")
    for key in (usual, late):
        assert [ask(key)[1] for _ in range(2)] == ["ok", "ok"]
    database.value(REQUIRED)
    assert [ask(key)[1] for key in (usual, late)] == ["signature_required"] * 2


@pytest.mark.parametrize("first, second", [(REQUIRED, NEW_ORG), (NEW_ORG, REQUIRED)], ids=["the policy first", "the organization first"])
def test_an_organization_that_is_made_with_the_first_policy_of_the_platform_is_not_missed(database, usual, first, second):
    """Neither transaction sees the row of the other, so the second waits for the first."""
    with closing(database.connect(autocommit=False)) as one, closing(database.connect(autocommit=False)) as two:
        one.cursor().execute(first)
        later = threading.Thread(target=lambda: two.cursor().execute(second))
        later.start()
        wait_until(lambda: database.value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'relay.guarded_calls'::regclass)"))
        one.commit()
        later.join()
        two.commit()
    assert database.value(GUARDED) == " acme late"


def test_an_organization_that_is_made_under_an_older_snapshot_is_not_missed(database, usual):
    with closing(database.connect(autocommit=False)) as old:
        old.set_session(isolation_level="REPEATABLE READ")
        cursor = old.cursor()
        cursor.execute("SELECT count(*) FROM relay.organizations")
        database.value(REQUIRED)
        cursor.execute(NEW_ORG)
        old.commit()
    assert database.value(GUARDED) == " acme late"


def test_the_first_policy_of_the_platform_is_not_set_under_an_older_snapshot(database, usual):
    with closing(database.connect(autocommit=False)) as old:
        old.set_session(isolation_level="REPEATABLE READ")
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="READ COMMITTED"):
            old.cursor().execute(REQUIRED)


# ---- what it costs


def buffers(database, call):
    """The pages that a call touches once its plan is made for all calls, after five."""
    with database.connect() as session, session.cursor() as cursor:
        for _ in range(10):
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) {call}")
            plan = cursor.fetchone()[0][0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_the_probe_for_what_is_set_about_calls_costs_the_usual_call_no_page_more(database, usual):
    """It takes the place of the probe for a list of addresses, from before calls could be signed."""
    call = f"SELECT * FROM relay_api.authenticate('{key_id(usual)}', '\\x{digest(usual).hex()}', ip_address => '{SEEN_FROM}')"
    without = buffers(database, call)
    definition = database.value("SELECT pg_get_functiondef('relay_api.authenticate(text, bytea, text, text, inet, text, boolean)'::regprocedure)")
    probe = "EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = k.org_id)"
    assert definition.count(probe) == 1
    database.execute(definition.replace(probe, "EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = k.org_id)"))
    assert without <= buffers(database, call)


def test_the_usual_signed_call_touches_few_pages_more(ask, database, usual):
    over = message()
    signed = (f"SELECT * FROM relay_api.authenticate_signed('{key_id(usual)}', '\\x{over.hex()}', '\\x{proof(usual, over).hex()}', now(),"
              f" ip_address => '{SEEN_FROM}')")  # fmt: skip
    assert database.value(signed.replace("*", "reason")) == "ok"
    bearer = f"SELECT * FROM relay_api.authenticate('{key_id(usual)}', '\\x{digest(usual).hex()}', ip_address => '{SEEN_FROM}')"
    assert buffers(database, signed) - buffers(database, bearer) <= 4  # its sighting, by signature


def test_the_preset_window_is_that_of_the_settings(database):
    assert database.value("SELECT preset::interval = relay.preset_window() FROM relay.policy_settings WHERE setting = 'window'") is True
