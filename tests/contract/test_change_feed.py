"""The change feed, as a gateway reads it: no change is lost, no urgent change waits, each kind of change has its
row."""

import psycopg2
import pytest
from support.agents import first_agent, key_id, rotate
from support.prepared import prepared


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


class Reader:
    """A gateway's place in the feed."""

    def __init__(self, connection):
        self.connection = connection
        self.cursor = None

    def page(self, limit=1000):
        """One answer, as (change, subject, kicks); the place moves behind it."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT * FROM relay_api.changes_since(%s, %s)", (self.cursor, limit))
            rows = cursor.fetchall()
        if rows:
            self.cursor = rows[-1][0]
        return [(row[4], row[3] or row[2] or row[1], row[5]) for row in rows]

    def all(self, limit=1000):
        """Reads as a gateway does: until its cursor no longer changes."""
        found = []
        while True:
            before = self.cursor
            found += self.page(limit)
            if self.cursor == before:
                return found


@pytest.fixture
def login(database):
    made = database.connect(user=database.gateway_login())
    yield made
    made.close()


@pytest.fixture
def reader(login):
    """Begins: the first answer gives the cursor to start from."""
    made = Reader(login)
    assert made.page() == [("reset", None, True)]
    assert made.all() == []
    return made


def hold(database, *statements):
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return connection


BLOCK = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', '{}', 'block', 'sql')"


# --- each kind of change


def test_every_incident_has_its_row_and_kicks_only_when_it_shuts_out(relay, reader, tmp_path, key):
    relay("block", "bot", check=0)
    relay("unblock", "bot", "--yes", check=0)
    relay("revoke", "bot", check=0)
    relay("restore", "bot", "--yes", "--secret-file", tmp_path / "new.key", check=0)
    fresh = key_id((tmp_path / "new.key").read_text())
    found = reader.all()
    assert found[:3] == [("agent_blocked", "bot", True), ("agent_unblocked", "bot", False), ("agent_revoked", "bot", True)]
    assert set(found[3:]) == {("key_revoked", key_id(key), True), ("agent_restored", "bot", False)}
    acme = ("--org", "acme", "--confirm", "acme")
    relay("block", *acme, check=0)
    relay("unblock", "--org", "acme", "--yes", check=0)
    relay("revoke", "--key", fresh, check=0)
    relay("revoke", *acme, check=0)
    relay("restore", *acme, check=0)
    assert reader.all() == [
        ("org_blocked", "acme", True), ("org_unblocked", "acme", False), ("key_revoked", fresh, True),
        ("org_revoked", "acme", True), ("org_restored", "acme", False),
    ]  # fmt: skip


@pytest.mark.parametrize("grace", ["24h", "0"])
def test_a_rotation_kicks_nobody(relay, reader, tmp_path, key, grace):
    rotate(relay, tmp_path / "new.key", "--grace", grace)
    assert reader.all() == [("key_rotated", key_id(key), False)]


def test_an_orderly_end_kicks_nobody(relay, reader, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "24h")
    relay("rotate-key", "bot", "--revert", check=0)
    again = rotate(relay, tmp_path / "again.key", "--grace", "24h")
    relay("key", "retire", key_id(key), "--yes", check=0)
    old = key_id(key)
    assert reader.all() == [
        ("key_rotated", old, False), ("key_retired", key_id(new), False), ("key_rotation_reverted", old, False),
        ("key_rotated", old, False), ("key_retired", old, False),
    ]  # fmt: skip
    assert again


def test_the_first_use_of_a_new_key_tells_that_the_old_one_is_gone(relay, database, reader, tmp_path, key):
    new = rotate(relay, tmp_path / "new.key", "--grace", "24h", "--retire-on-first-use")
    assert [row[0] for row in reader.all()] == ["key_rotated"]
    digest = "SELECT reason FROM relay_api.authenticate(%s, sha256(convert_to(%s, 'UTF8')))"
    assert database.value(digest, key_id(new), new) == "ok"
    assert reader.all() == [("key_retired", key_id(key), False)]
    assert database.value(digest, key_id(new), new) == "ok"
    assert reader.all() == []


def test_permissions_and_roles(relay, database, reader, key):
    relay("agent", "update", "bot", "--add-permission", "a:b", check=0)
    relay("agent", "update", "bot", "--name", "Another", check=0)
    database.execute("INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES ('acme', 'r', 'R', 't')")
    database.execute("INSERT INTO relay.role_permissions (org_id, role_id, permission) VALUES ('acme', 'r', 'a:c')")
    database.execute("INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by) VALUES ('bot', 'acme', 'r', 't')")
    conditions = "INSERT INTO relay.agent_conditions VALUES ('bot', 'acme', 'a:b', '{\"max\": 1}')"
    database.execute(conditions)
    database.execute("UPDATE relay.agent_conditions SET conditions = '{\"max\": 2}'")
    database.execute("DELETE FROM relay.agent_roles")
    database.execute("DELETE FROM relay.role_permissions")
    mine, role = ("permissions_changed", "bot", False), ("role_changed", "acme", False)
    assert reader.all() == [mine, role, mine, mine, mine, mine, role]


def test_sql_by_hand_is_told_too(database, reader, key):
    database.execute(BLOCK.format("bot"))
    database.execute("UPDATE relay.revocations SET until = now() + interval '1 day'")
    database.execute("DELETE FROM relay.revocations")
    database.execute("UPDATE relay.agent_keys SET expires_at = now()")
    database.execute("UPDATE relay.agent_keys SET key_hash = sha256('x')")
    database.execute("DELETE FROM relay.agent_keys")
    database.execute("TRUNCATE relay.revocations")
    subject = key_id(key)
    assert reader.all() == [
        ("agent_blocked", "bot", True), ("agent_blocked", "bot", True), ("agent_unblocked", "bot", False),
        ("key_updated", subject, False), ("key_updated", subject, True), ("key_revoked", subject, True), ("reset", None, True),
    ]  # fmt: skip


def test_what_is_new_and_what_is_used_has_no_row(relay, database, reader, tmp_path, key):
    relay("agent", "create", "two", "--org", "acme", "--name", "Two", "--secret-file", tmp_path / "two.key", check=0)
    relay("agent", "update", "two", "--name", "Three", check=0)
    for _ in range(3):
        database.execute("SELECT relay_api.authenticate(%s, sha256(convert_to(%s, 'UTF8')))", key_id(key), key)
    assert reader.all() == []


def test_a_change_that_is_rolled_back_has_no_row(relay, database, reader, key):
    relay("block", "bot", "--dry-run", check=0)
    hold(database, BLOCK.format("bot")).rollback()
    assert reader.all() == [] and database.value("SELECT count(*) FROM relay.key_changes") == 0


# --- the order in which transactions commit


def test_a_late_committer_with_a_lower_transaction_and_a_higher_seq_is_not_lost(database, reader, key):
    late = hold(database, "SELECT pg_current_xact_id()")
    database.execute(BLOCK.format("early"))
    assert reader.all() == [("agent_blocked", "early", True)]
    with late.cursor() as cursor:
        cursor.execute(BLOCK.format("late"))
    late.commit()
    order = database.rows("SELECT agent_id FROM relay.key_changes ORDER BY seq")
    assert [row["agent_id"] for row in order] == ["early", "late"]
    assert ("agent_blocked", "late", True) in reader.all()
    assert reader.all() == []
    late.close()


def test_a_late_committer_with_a_lower_seq_is_not_lost(database, reader, key):
    late = hold(database, BLOCK.format("late"))
    database.execute(BLOCK.format("early"))
    assert reader.all() == [("agent_blocked", "early", True)]
    late.commit()
    assert ("agent_blocked", "late", True) in reader.all()
    late.close()


def test_a_long_transaction_holds_up_nothing_and_each_change_comes_early_just_once(database, reader, key):
    long = hold(database, BLOCK.format("long"))
    for number in range(3):
        database.execute(BLOCK.format(f"a{number}"))
        assert reader.all() == [("agent_blocked", f"a{number}", True)]
    middle = hold(database, BLOCK.format("middle"))
    database.execute(BLOCK.format("a3"))
    assert reader.all() == [("agent_blocked", "a3", True)]
    middle.commit()
    assert reader.all() == [("agent_blocked", "middle", True)]
    long.commit()
    at_last = [row[1] for row in reader.all()]
    assert at_last == ["long", "a0", "a1", "a2", "middle", "a3"] or set(at_last) == {"long", "a0", "a1", "a2", "a3", "middle"}
    assert reader.all() == []


def test_more_than_a_page(database, reader, key):
    database.execute("BEGIN; " + ";".join(BLOCK.format(f"b{n}") for n in range(25)) + "; COMMIT")
    long = hold(database, BLOCK.format("long"))
    database.execute(BLOCK.format("urgent"))
    assert [row[1] for row in reader.all(limit=10)] == [f"b{n}" for n in range(25)] + ["urgent"]
    long.rollback()


# --- cursors


@pytest.mark.parametrize("text", ["x", "1", "1f2e3d4c.1.745.12", "1f2e3d4c.1.745.12.9:1:", "1f2e3d4c.1.-7.12.9:9:", "1" * 70000])
def test_a_malformed_cursor_is_a_clear_error(login, text):
    for call in ("SELECT relay_api.changes_since(%s)", "SELECT relay_api.acknowledge('gw', %s)"):
        with login.cursor() as cursor, pytest.raises(psycopg2.errors.InvalidParameterValue, match="malformed cursor"):
            cursor.execute(call, (text,))


def test_who_was_away_too_long_is_told_to_forget_everything(database, reader, key):
    database.execute(BLOCK.format("bot"))
    assert reader.all() != []
    away = reader.cursor
    database.execute(BLOCK.format("two"))
    database.execute(BLOCK.format("three"))
    reader.all()
    database.execute("UPDATE relay.key_changes SET at = at - interval '8 days' WHERE agent_id <> 'three'")
    assert database.value("SELECT relay.prune_changes()") == 2
    assert reader.all() == []
    reader.cursor = away
    assert reader.all() == [("reset", None, True)]
    database.execute("UPDATE relay.key_changes SET at = at - interval '8 days'")
    assert database.value("SELECT relay.prune_changes()") == 1
    assert reader.all() == []
    database.execute(BLOCK.format("four"))
    assert reader.all() == [("agent_blocked", "four", True)]


@pytest.mark.parametrize("part, value", [(0, "00000000"), (1, "0"), (1, "9"), (2, "999999999999")])
def test_a_cursor_of_another_history_is_told_to_forget_everything(reader, key, part, value):
    parts = reader.cursor.split(".")
    parts[part] = value
    reader.cursor = ".".join(parts)
    assert reader.all() == [("reset", None, True)]


def test_acknowledgements_are_pruned_with_the_changes(database, reader, login):
    with login.cursor() as cursor:
        cursor.execute("SELECT relay_api.acknowledge('old', %s)", (reader.cursor,))
        database.execute("UPDATE relay.gateway_acks SET at = at - interval '8 days'")
        database.execute("UPDATE relay.feed_horizon SET pruned_at = pruned_at - interval '2 hours'")
        cursor.execute("SELECT relay_api.acknowledge('new', %s)", (reader.cursor,))
        cursor.execute("SELECT relay_api.acknowledge('new', %s)", (reader.cursor,))
    rows = database.rows("SELECT gateway_id, db_role FROM relay.gateway_acks")
    assert [(row["gateway_id"], row["db_role"]) for row in rows] == [("new", database.gateway_login())]


# --- the wake-up


def notifications(connection):
    connection.poll()
    found, connection.notifies[:] = list(connection.notifies), []
    return [(note.channel, note.payload) for note in found]


def test_one_transaction_is_one_wake_up_and_an_authentication_is_none(relay, database, tmp_path, key):
    listener = database.connect()
    with listener.cursor() as cursor:
        cursor.execute("LISTEN relay_key_changes")
        database.execute("BEGIN; " + ";".join(BLOCK.format(f"b{n}") for n in range(100)) + "; COMMIT")
        cursor.execute("SELECT 1")
        assert notifications(listener) == [("relay_key_changes", "")]
        database.execute("SELECT relay_api.authenticate(%s, sha256(convert_to(%s, 'UTF8')))", key_id(key), key)
        cursor.execute("SELECT 1")
        assert notifications(listener) == []
        rotate(relay, tmp_path / "new.key", "--grace", "24h")
        cursor.execute("SELECT 1")
        assert notifications(listener) == [("relay_key_changes", "")]
    listener.close()
