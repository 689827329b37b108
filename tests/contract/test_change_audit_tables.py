"""Every table that decides who is accepted: INSERT, UPDATE, DELETE and TRUNCATE by SQL write an event, or are refused."""

import io
import subprocess

import psycopg2
import pytest

from support.agents import key_id
from support.binaries import client_bin
from support.by_hand import EVENTS, change, last_event
from support.tampering import undo

KINDS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}

# What is left out, and why. A table that is in neither list must write its events.
MADE_BY_CALLS = {  # calls of gateways write it: these are uses, not acts of staff
    "holds": {"INSERT"},
    "usage": {"INSERT", "UPDATE", "DELETE"},
    "pairings": {"INSERT", "DELETE"},
    "spent_tokens": {"INSERT", "UPDATE", "DELETE"},
    "gateway_acks": {"INSERT", "UPDATE"},
    "proven_agents": {"INSERT"},  # a row only closes the shared secret to its agent
    "guarded_calls": {"INSERT"},
}
DECIDES_NOTHING = {
    "agent_cards", "agent_leases",  # what an agent says about itself
    "auth_events", "event_floods", "event_seals", "retention_drops", "seal_turn",  # the trail itself
    "key_changes", "key_changes_aside", "feed_horizon", "key_sightings", "legacy_sightings",  # what was done and seen
    "last_seats", "seat_changes", "said_subscriptions",  # from which the tables that decide are filled
    "nonces", "nonces_kept", "nonces_signed_ahead", "rate_leases", "rate_penalties", "pairing_misses",  # some minutes of calls
    "operations", "fleet_rotations", "schema_migrations",  # what the program has run
}  # fmt: skip


def test_no_table_that_decides_is_without_its_triggers(database):
    """From the catalog, so that a new table is asked about, too."""
    covered = {}
    for row in database.rows(
        "SELECT c.relname AS name, COALESCE(bit_or(t.tgtype::int) FILTER (WHERE p.proname ~ '^(audit|note_device_change|refuse_change)'), 0) AS kinds "
        "FROM pg_class AS c LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgenabled = 'O' LEFT JOIN pg_proc AS p ON p.oid = t.tgfoid "
        "WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition GROUP BY c.relname"
    ):
        covered[row["name"]] = {kind for kind, bit in KINDS.items() if row["kinds"] & bit}
    assert set(covered) >= DECIDES_NOTHING | set(MADE_BY_CALLS), "a list names a table that does not exist"
    missing = {
        name: wanted - kinds
        for name, kinds in covered.items()
        if name not in DECIDES_NOTHING and (wanted := set(KINDS) - MADE_BY_CALLS.get(name, set())) - kinds
    }
    assert missing == {}


@pytest.fixture
def by_hand(relay, database, key):
    """Runs SQL in one transaction, as a login in one group or as the superuser; returns the events that it left."""
    relay("role", "create", "staff", "--org", "acme", "--name", "Staff", check=0)
    relay("org", "update", "acme", "--admin-token", "token", check=0)
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)

    def run(group, *statements):
        events = change(database, group, *statements)
        assert all(event["reason"] == "by SQL" for event in events), events
        return [(event["action"], event["agent_id"] or event["key_id"] or event["org_id"]) for event in events]

    return run


REVOCATION = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, ticket, reason, actor) VALUES "
LEGACY = "INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) VALUES ('bot', 'acme', 'x'), ('crm', 'acme', 'x')"
WINDOW = "INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '1 day', 'x')"

CHANGES = [
    ("provisioner", "INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('evil', 'E', 'paid', 'x')", [("org_created", "evil")]),
    ("provisioner", "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a1', 'acme', 'A', 'x'), ('a2', 'acme', 'A', 'x')",
     [("agent_created", "a1"), ("agent_created", "a2")]),
    ("provisioner", "UPDATE relay.agents SET owner = 'eve' WHERE agent_id = 'bot'", [("agent_updated", "bot")]),
    ("provisioner", "UPDATE relay.agents SET key_max_age = interval '3650 days' WHERE agent_id = 'bot'", [("agent_updated", "bot")]),
    ("provisioner", "UPDATE relay.agent_keys SET retire_on_first_use = true WHERE agent_id = 'bot'", [("key_changed", "bot")]),
    ("provisioner", "UPDATE relay.agent_keys SET deliver_until = now(), settle_until = now() WHERE agent_id = 'bot'", [("key_changed", "bot")]),
    ("owner", "UPDATE relay.agent_keys SET key_hash = sha256('mine') WHERE agent_id = 'bot'", [("key_changed", "bot")]),
    ("owner", "DELETE FROM relay.agent_keys WHERE agent_id = 'bot'", [("key_deleted", "bot")]),
    ("provisioner", "UPDATE relay.roles SET name = 'Other'", [("role_changed", "acme")]),
    ("provisioner", "DELETE FROM relay.roles", [("role_changed", "acme")]),
    ("responder", REVOCATION + "('agent', 'bot', 'block', 'T-1', 'why', 'eve')", [("agent_blocked", "bot")]),
    ("responder", REVOCATION + "('agent', 'ghost', 'revoke', 'T-1', 'why', 'eve')", [("agent_revoked", "ghost")]),
    ("responder", REVOCATION + "('org', 'acme', 'block', NULL, NULL, 'eve'), ('agent', 'crm', 'revoke', NULL, NULL, 'eve')",
     [("org_blocked", "acme"), ("agent_revoked", "crm")]),
    ("provisioner", LEGACY, [("migration_imported", "bot"), ("migration_imported", "crm")]),
    ("responder", "INSERT INTO relay.legacy_stops (stopped_by) VALUES ('eve')", [("migration_denied_all", None)]),
    ("owner", "UPDATE relay.org_tokens SET token_hash = sha256('mine')", [("token_state_changed", None)]),
    ("owner", "DELETE FROM relay.org_tokens", [("token_deleted", None)]),
    ("owner", "INSERT INTO relay.subscriptions (org_id, state, said_at) VALUES ('acme', 'active', now())", [("plan_changed", "acme")]),
    ("owner", "DELETE FROM relay.policy_settings WHERE setting = 'messages'", [("policy_settings_changed", None)]),
    ("owner", "UPDATE relay.meters SET meter = meter WHERE meter = 'vms'", [("meters_changed", None)]),
    ("owner", "TRUNCATE relay.revocations", [("table_truncated", None)]),
    ("owner", "TRUNCATE relay.spent_tokens", [("table_truncated", None)]),
]  # fmt: skip


@pytest.mark.parametrize("group, statement, events", CHANGES, ids=[statement for _, statement, _ in CHANGES])
def test_a_change_by_sql_leaves_its_event(by_hand, group, statement, events):
    found = by_hand(group, statement)
    assert [action for action, _ in found] == [action for action, _ in events]
    assert all(about in (None, there) for (_, there), (_, about) in zip(found, events, strict=True)), found


def test_agents_are_not_put_on_the_list_of_the_shared_secret_unseen(by_hand):
    by_hand("provisioner", LEGACY, WINDOW)
    joined = "UPDATE relay.legacy_agents SET wave = 1, migration_id = (SELECT max(migration_id) FROM relay.legacy_migrations)"
    assert by_hand("provisioner", joined) == [("migration_listed", "bot"), ("migration_listed", "crm")]
    assert by_hand("provisioner", "UPDATE relay.legacy_agents SET owner = 'eve' WHERE agent_id = 'bot'") == [("migration_owner_changed", "bot")]


def test_a_block_is_not_shortened_or_removed_unseen(relay, by_hand):
    relay("block", "bot", check=0)
    assert by_hand("owner", "UPDATE relay.revocations SET until = now()") == [("revocation_changed", "bot")]
    assert by_hand("owner", "DELETE FROM relay.revocations") == [("revocation_deleted", "bot")]


def test_the_second_change_in_a_transaction_is_not_hidden_by_the_first(by_hand):
    changes = [f"UPDATE relay.agents SET permissions = '[\"{name}\"]' WHERE agent_id = 'bot'" for name in ("a:harmless", "stripe:payout")]
    assert by_hand("provisioner", *changes) == [("permissions_changed", "bot")] * 2


def test_an_event_has_no_hash(database, by_hand):
    by_hand("owner", "DELETE FROM relay.agent_keys", "DELETE FROM relay.org_tokens", "DELETE FROM relay.agents WHERE agent_id = 'crm'")
    details = database.value("SELECT string_agg(detail::text, ' ') FROM relay.auth_events")
    assert "key_id" in details and "_hash\\" not in details and '_hash"' not in details


def test_a_block_by_sql_says_all_that_its_row_says_and_is_found_by_its_ticket(relay, database, by_hand):
    by_hand("responder", REVOCATION + "('agent', 'bot', 'block', 'T-1', 'why', 'eve')")
    event = database.one("SELECT * FROM relay.auth_events WHERE action = 'agent_blocked'")
    assert (event["ticket"], event["actor"], event["detail"]["note"], event["org_id"]) == ("T-1", "eve", "why", "acme")
    (shown,) = [item for item in relay.json("incident", "show", "T-1")["items"] if item["ticket"] == "T-1"]
    assert shown["action"] == "agent_blocked"


@pytest.mark.parametrize("statement", ["SET relay.wake = 'later'", "SET session_replication_role = origin"])
def test_no_setting_of_a_session_hides_a_block(by_hand, database, statement):
    """Other than those of a superuser. With the one of the program, the event has the words of the row."""
    login = database.cluster.login("by_hand_responder", member_of="relay_responder")
    with database.connect(user=login) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            connection.rollback()
        cursor.execute(REVOCATION + "('agent', 'bot', 'block', 'T-1', 'why', 'eve')")
    assert database.value("SELECT db_role FROM relay.auth_events WHERE action = 'agent_blocked'") == login


def test_a_block_by_sql_waits_for_no_one_who_has_locked_the_trail(database, by_hand, key):
    """The row itself says who did it, and when."""
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE relay.auth_events IN ACCESS EXCLUSIVE MODE")
        login = database.cluster.login("by_hand_responder", member_of="relay_responder")
        with database.connect(user=login) as connection, connection.cursor() as other:
            other.execute("SET statement_timeout = '5s'")
            other.execute(REVOCATION + "('agent', 'bot', 'block', 'T-1', 'why', 'eve')")
            other.execute("INSERT INTO relay.legacy_stops (stopped_by) VALUES ('eve')")
        holder.rollback()
    assert database.value("SELECT db_role FROM relay.revocations") == login == database.value("SELECT db_role FROM relay.legacy_stops")
    assert key_id(key)


def test_the_import_of_a_fleet_leaves_each_event_once(relay, database, key, tmp_path):
    (tmp_path / "old.jsonl").write_text("".join(f'{{"agent_id": "old-{n}", "org_id": "legacy-co", "name": "Old"}}\n' for n in range(3)))
    last = last_event(database)
    relay("migrate-legacy", "import", tmp_path / "old.jsonl", "--create-orgs", "--reason", "move", "--ticket", "T-9", check=0)
    events = database.rows("SELECT action, reason, ticket, trace_id, detail FROM relay.auth_events WHERE event_id > %s ORDER BY event_id", last)
    assert [event["action"] for event in events] == ["org_created"] + ["agent_created"] * 3 + ["migration_imported"] * 3
    assert {(event["reason"], event["ticket"], event["trace_id"] is None, "source" in event["detail"]) for event in events} == {("move", "T-9", False, True)}
    last = last_event(database)
    relay("migrate-legacy", "start", "--deadline", "9d", "--yes", check=0)
    actions = [event["action"] for event in database.rows(EVENTS, last)]
    assert actions == ["migration_started", "migration_wave_opened"]


def actions(database, last):
    return [event["action"] for event in database.rows(EVENTS, last)]


def test_rows_that_are_copied_leave_an_event_each(database, by_hand):
    last = last_event(database)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY relay.agents (agent_id, org_id, name, created_by) FROM STDIN", io.StringIO("c1\tacme\tC\tx\nc2\tacme\tC\tx\n"))
        cursor.copy_expert("COPY relay.revocations (subject_kind, subject_id, kind, actor) FROM STDIN", io.StringIO("agent\tc1\tblock\tx\n"))
    assert [(event["action"], event["agent_id"]) for event in database.rows(EVENTS, last)] == [
        ("agent_created", "c1"), ("agent_created", "c2"), ("agent_blocked", "c1")]  # fmt: skip


def test_what_a_subscription_applies_leaves_no_event_since_the_events_are_applied_too(database, by_hand):
    last = last_event(database)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a1', 'acme', 'A', 'x')")
        cursor.execute("UPDATE relay.agents SET owner = 'eve'")
        cursor.execute(REVOCATION + "('agent', 'bot', 'block', NULL, NULL, 'eve')")
        cursor.execute("DELETE FROM relay.revocations")
        cursor.execute("TRUNCATE relay.spent_tokens")
    assert actions(database, last) == []


def test_the_data_of_a_dump_has_its_events_once(relay, database, empty_database, by_hand, home, tmp_path):
    relay("block", "bot", "--ticket", "T-1", check=0)
    relay.with_(dsn=empty_database.dsn())("schema", "apply", check=0)
    # What the migrations have written is in the dump, too.
    empty_database.execute("SET session_replication_role = replica; " + "; ".join(
        f"DELETE FROM {row['name']}" for row in empty_database.rows(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'relay'::regnamespace AND relkind = 'r'")))  # fmt: skip
    dump = subprocess.run([client_bin() / "pg_dump", "-Fc", "-a", "-n", "relay", "-d", database.dsn()], check=True, capture_output=True, timeout=120)
    subprocess.run([client_bin() / "pg_restore", "-a", "--disable-triggers", "-d", empty_database.dsn()], input=dump.stdout, check=True,
                   capture_output=True, timeout=120)  # fmt: skip
    every = "SELECT event_id, action, agent_id, reason FROM relay.auth_events ORDER BY event_id"
    assert empty_database.rows(every) == database.rows(every)


def test_the_second_block_in_a_transaction_is_not_hidden_by_the_first(by_hand):
    block = REVOCATION + "('agent', 'bot', 'block', NULL, NULL, 'eve')"
    assert by_hand("responder", block, block) == [("agent_blocked", "bot")] * 2


def test_an_agent_that_is_deleted_and_made_again_has_three_events(by_hand):
    made = "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a1', 'acme', 'A', 'x')"
    assert sorted(by_hand("owner", made, "DELETE FROM relay.agents WHERE agent_id = 'a1'", made)) == [
        ("agent_created", "a1"), ("agent_created", "a1"), ("agent_deleted", "a1")]  # fmt: skip


def test_the_words_by_sql_of_a_person_double_no_event(relay, database, by_hand):
    last = last_event(database)
    for words in (("agent", "update", "bot", "--owner", "team"), ("block", "bot"), ("unblock", "bot", "--yes"),
                  ("agent", "create", "new", "--org", "acme", "--name", "N", "--secret-file", "new.key")):  # fmt: skip
        relay(*words, "--reason", "by SQL", check=0)
    assert actions(database, last) == ["agent_updated", "agent_blocked", "agent_unblocked", "agent_created", "key_issued"]


BROKEN = undo("auth_events", "INSERT", "RAISE EXCEPTION 'broken'")


def test_a_trail_that_raises_an_error_stops_neither_a_block_nor_a_stop(relay, database, by_hand):
    """Both that of the program, and one by SQL."""
    last = last_event(database)
    database.execute(BROKEN)
    assert by_hand("responder", REVOCATION + "('agent', 'bot', 'block', NULL, NULL, 'eve')", "INSERT INTO relay.legacy_stops (stopped_by) VALUES ('eve')") == []
    (warning,) = relay.json("block", "crm", check=0)["warnings"]
    assert warning.startswith("cannot write the auth_events row")
    relay("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off", check=0)
    assert database.value("SELECT count(*) FROM relay.revocations") == 2 and database.value("SELECT count(*) FROM relay.legacy_stops") == 2
    assert actions(database, last) == []


def test_a_change_whose_event_follows_has_one_event_with_the_words_of_the_program(relay, database, by_hand):
    """The wake-up of the gateways fails, so the program tries again without it, and leaves its events to a second transaction."""
    last = last_event(database)
    database.execute(undo("key_changes", "INSERT", "IF current_setting('relay.wake', true) IS DISTINCT FROM 'later' THEN RAISE EXCEPTION 'no'; END IF"))
    relay("block", "bot", "--reason", "why", "--ticket", "T-1", check=0)
    relay("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off", "--reason", "why", "--ticket", "T-1", check=0)
    events = database.rows("SELECT action, reason, ticket, actor IS NULL AS nameless FROM relay.auth_events WHERE event_id > %s ORDER BY event_id", last)
    assert events == [{"action": name, "reason": "why", "ticket": "T-1", "nameless": False} for name in ("agent_blocked", "migration_denied_all")]
