"""Someone holds a lock on the change feed (relay.key_changes), as CREATE INDEX does: no change waits for that or fails, and
gateways hear of each."""

import contextlib

import pytest

from support import processes
from support.agents import decide, digest, first_agent, key_id, read_key, rotate
from support.prepared import prepared

MODES = ("SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE")
READ = "SELECT next_cursor, change FROM relay_api.changes_since(%s, %s)"


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


class Gateway:
    """Reads the feed, a page at a time."""

    def __init__(self, database, page=1000):
        self.connection, self.page = database.connect(user=database.gateway_login()), page
        self.cursor = None
        assert self.read() == ["reset"]

    def read(self):
        found = []
        while True:
            with self.connection.cursor() as cursor:
                cursor.execute(READ, (self.cursor, self.page))
                rows = cursor.fetchall()
            if not rows or rows[-1][0] == self.cursor:
                return found
            self.cursor = rows[-1][0]
            found += [row[1] for row in rows]

    def acknowledge(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT relay_api.acknowledge('one', %s)", (self.cursor,))


@pytest.fixture
def gateway(database, key):
    made = Gateway(database)
    yield made
    made.connection.close()


@contextlib.contextmanager
def held(database, mode, *tables):
    holder = database.connect(autocommit=False)
    try:
        with holder.cursor() as cursor:
            for table in tables or ("relay.key_changes",):
                cursor.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield
    finally:
        holder.close()


@pytest.mark.parametrize("mode", MODES)
def test_every_change_goes_through_and_is_in_the_feed(relay, database, key, gateway, tmp_path, mode):
    new, fresh = tmp_path / "new.key", tmp_path / "fresh.key"
    with held(database, mode):
        for words in (
            ("rotate-key", "bot", "--grace", "1h", "--secret-file", new),
            ("key", "retire", key[9:21], "--yes"),
            ("block", "bot"),
            ("unblock", "bot", "--yes"),
            ("agent", "grant", "bot", "a:b"),
            ("org", "update", "acme", "--auth-mode", "optional", "--yes"),
            ("revoke", "bot"),
            ("restore", "bot", "--yes", "--secret-file", fresh),
            ("block", "--org", "acme", "--confirm", "acme"),
        ):
            with processes.at_once():
                result = relay(*words, check=0)
            assert "warning" not in result.err, result
        assert decide(database, read_key(fresh)) == "blocked"
        if mode != "ACCESS EXCLUSIVE":  # that excludes readers, and a gateway that cannot read does not use its cache
            assert gateway.read()[2:4] == ["agent_blocked", "agent_unblocked"]
    rest = gateway.read()
    assert rest[-1:] == (["org_blocked"] if mode == "ACCESS EXCLUSIVE" else [])
    assert database.value("SELECT count(*) FROM relay.key_changes_aside") == database.value("SELECT count(*) FROM relay.change_feed") > 8


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_rows_of_both_tables_come_in_their_order_and_page_by_page(relay, database, key, page):
    gateway = Gateway(database, page)
    for number in range(3):
        relay("block", "bot", check=0)
        with held(database, "SHARE"):
            relay("unblock", "bot", "--yes", check=0)
    assert gateway.read() == ["agent_blocked", "agent_unblocked"] * 3
    assert database.value("SELECT count(*) FROM relay.key_changes_aside") == 3
    # A transaction that is open holds the place back; what is committed meanwhile is returned anyway, from both tables.
    early = database.connect(autocommit=False)
    with early.cursor() as cursor:
        cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'x', 'block', 't')")
    with held(database, "SHARE ROW EXCLUSIVE", "relay.key_changes_aside"):
        relay("block", "bot", check=0)
    assert "agent_blocked" in gateway.read()
    early.commit()
    assert "agent_blocked" in gateway.read()
    early.close()
    gateway.connection.close()


def test_a_gateway_can_acknowledge_it_and_is_waited_for(relay, database, key, gateway):
    gateway.acknowledge()
    with held(database, "EXCLUSIVE"):
        process = relay.start("block", "bot", "--wait-ack", "20s", "-o", "json")
        found = []

        def has_read():
            found.extend(gateway.read())
            return found

        processes.wait_until(has_read, what="the block in the feed")
        gateway.acknowledge()
        out, err = process.communicate(timeout=60)
    assert found == ["agent_blocked"] and process.returncode == 0, (out, err)
    status = database.one("SELECT changes_behind FROM relay.gateway_status")
    assert status["changes_behind"] == 0


def test_it_is_pruned_with_the_rest(database, relay, key, gateway):
    relay("block", "bot", check=0)
    with held(database, "SHARE"):
        relay("unblock", "bot", "--yes", check=0)
        relay("block", "bot", check=0)
    for table in ("key_changes", "key_changes_aside"):
        database.execute(f"UPDATE relay.{table} SET at = at - interval '8 days' WHERE change <> 'none'")
    assert database.value("SELECT relay.prune_changes()") == 3
    assert database.value("SELECT count(*) FROM relay.change_feed") == 0
    assert gateway.read() == ["reset"], "it has missed rows"


def test_if_neither_table_can_take_it_the_block_is_in_force_and_says_so(relay, database, key):
    both = ("relay.key_changes", "relay.key_changes_aside")
    with held(database, "SHARE", *both):
        for words in (("block", "bot"), ("revoke", "bot")):
            result = relay(*words, "-o", "json", check=0)
            assert result.json()["changed"] is True and "the change feed (relay.key_changes) took no row" in result.err
        assert decide(database, key) == "revoked"


def test_neither_does_sql_by_hand_wait(database, key, gateway):
    with held(database, "SHARE"):
        connection = database.connect()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
            cursor.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 't')")
        connection.close()
    assert gateway.read() == ["agent_blocked"]


def test_a_first_use_that_ends_the_old_key_is_in_the_feed(relay, database, key, gateway, tmp_path):
    new = rotate(relay, tmp_path / "new.key", "--grace", "1h", "--retire-on-first-use")
    with held(database, "SHARE"):
        use = "SELECT (relay_api.authenticate(%s, %s)).reason"
        assert database.value(use, key_id(new), digest(new)) == "ok" and decide(database, key) == "retired"
        assert gateway.read() == ["key_rotated", "key_retired"]
