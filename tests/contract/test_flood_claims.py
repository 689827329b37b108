"""What a flood must not hide, and what it must not cost: the attempt that matters, and time."""

import pytest

from support.agents import digest, key_id, read_key

ASK = "SELECT (relay_api.authenticate(%s, %s, %s, NULL, %s, NULL)).reason"
AUTHORIZE = "SELECT (relay_api.authorize(%s, %s, %s, NULL)).reason"
WHOLE = 10  # the first of a window get a row each
KEPT = 20  # distinct claims that a flood keeps of each kind


@pytest.fixture
def gateway(database):
    """run(sql, *values) as a gateway, always on the same connection."""
    connection = database.connect(user=database.gateway_login())

    def run(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()[0]

    yield run
    connection.close()


def claims(database):
    """The claims of the only flood: the same while it lasts and after it was written down."""
    ask = "SELECT detail -> 'claims' AS claims FROM relay.recorded_events WHERE times > 1 OR event_id IS NULL"
    open_ones = database.value(ask)
    database.execute("SELECT relay.settle_floods(now() + interval '1 hour')")
    assert database.value(ask) == open_ones
    return open_ones


def test_a_permission_that_was_asked_for_once_among_others_survives(database, gateway, key):
    for number in range(WHOLE):
        gateway(AUTHORIZE, "bot", f"a:b{number}", "192.0.2.1")
    gateway(AUTHORIZE, "bot", "stripe:payout", "192.0.2.1")
    gateway(AUTHORIZE, "bot", "z:z", "192.0.2.1")
    assert set(claims(database)["permission"]) == {"stripe:payout", "z:z"}
    assert database.value("SELECT sum(times)::int FROM relay.recorded_events WHERE outcome = 'failed'") == WHOLE + 2


def test_an_agent_that_was_claimed_once_with_a_stolen_key_survives(database, gateway, key):
    for claimed in [f"dummy-{number}" for number in range(WHOLE)] + ["finance-agent", "dummy-1"]:
        gateway(ASK, key_id(key), digest(key), claimed, "192.0.2.1")
    assert claims(database)["claimed_agent_id"] == ["finance-agent", "dummy-1"]


def test_an_agent_that_exists_survives_any_number_of_invented_ones(database, gateway, relay, key, tmp_path):
    relay("agent", "create", "finance-agent", "--org", "acme", "--name", "Finance", "--secret-file", tmp_path / "second.key", check=0)
    for claimed in [f"dummy-{number}" for number in range(200)] + ["finance-agent", "dummy-1"]:
        gateway(ASK, key_id(key), digest(key), claimed, "192.0.2.1")
    found = claims(database)
    assert found["existing_agent_id"] == ["finance-agent"]
    assert len(found["claimed_agent_id"]) == KEPT and found["more"] == 200 - WHOLE - KEPT + 1


def test_ids_of_keys_survive_and_are_bounded(database, gateway, foreign_key):
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    for number in range(100):
        gateway(ASK, f"00000000000{letters[number % 32]}"[:12], digest(foreign_key), None, "192.0.2.1")
    found = claims(database)
    assert len(found["key_id"]) == KEPT and set(found) == {"key_id", "more"}


def test_a_tenant_does_not_learn_which_agents_of_others_exist(database, gateway, relay, key):
    relay("org", "create", "--id", "other", "--name", "Other", "--plan", "paid", check=0)
    for claimed in ("no-such-agent",) * 30:
        gateway(ASK, key_id(key), digest(key), claimed, "192.0.2.1")
    assert claims(database) is not None
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE relay_tenant; SET relay.org_id = 'acme'; SELECT count(*), count(detail -> 'claims') FROM relay.own_refusals")
        rows, with_claims = cursor.fetchone()
    connection.close()
    assert rows > WHOLE and with_claims == 0


READ = """
SELECT seq_scan AS whole, COALESCE(idx_tup_fetch, 0) + seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE relid = 'relay.event_floods'::regclass"""


def rows_read(connection, calls, foreign_key, first):
    """How often event_floods was read as a whole, and how many of its rows were, by calls from a new address each."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        whole, rows = cursor.fetchone()
        for number in range(calls):
            cursor.execute(ASK, (key_id(foreign_key), digest(foreign_key), None, f"2001:db8:{first + number:x}::1"))
        cursor.execute(READ)
        after = cursor.fetchone()
    return after[0] - whole, after[1] - rows


def test_a_failed_check_reads_as_much_with_10_open_floods_as_with_10_000(database, foreign_key):
    connection = database.connect()
    connection.autocommit = False
    try:
        few = rows_read(connection, 20, foreign_key, 1)  # the plans are made and kept while the table is small
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded, action, outcome, reason)"
                " SELECT pg_backend_pid(), 's' || n, now() + interval '1 hour', now(), now(), 1, 0, 'auth_failed', 'failed', 'unknown_key'"
                " FROM generate_series(1, 10000) AS n")
        many = rows_read(connection, 20, foreign_key, 1000)
    finally:
        connection.close()
    assert few[0] == many[0] == 0, "no plan reads the whole table"
    assert many[1] <= few[1] + 20, (few, many)


def test_a_wrong_secret_for_a_key_is_seen_where_people_look(relay, gateway, database, key, foreign_key):
    for _ in range(3):
        assert gateway(ASK, key_id(key), digest(foreign_key), None, "198.51.100.9") == "unknown_key"
    gateway(ASK, key_id(key), digest(key), None, "192.0.2.1")
    for words in (("key", "show", key_id(key)), ("agent", "show", "bot")):
        events = relay.json(*words)["data"]["events"]
        tried = [event for event in events if event["reason"] == "unknown_key"]
        assert len(tried) == 3 and {event["ip_address"] for event in tried} == {"198.51.100.9"}, words
        assert {event["agent_id"] for event in tried} == {None} and {event["key_id"] for event in tried} == {key_id(key)}
        assert "authenticated" in {event["action"] for event in events}
        text = relay(*words, check=0).out
        assert "Last events" in text and "198.51.100.9" in text
    assert len(relay.json("key", "show", key_id(key), "--events", "1")["data"]["events"]) == 1
    assert relay.json("key", "show", key_id(key), "--events", "0")["data"]["events"] == []


def test_a_flood_of_unknown_keys_does_not_hide_a_wrong_secret_for_a_known_one(relay, gateway, database, key, foreign_key):
    for _ in range(50):
        gateway(ASK, key_id(foreign_key), digest(foreign_key), None, "198.51.100.9")
    for _ in range(WHOLE + 5):
        gateway(ASK, key_id(key), digest(foreign_key), None, "198.51.100.9")
    tried = [event for event in relay.json("key", "show", key_id(key), "--events", "50")["data"]["events"] if event["agent_id"] is None]
    assert sum(event["times"] for event in tried) == WHOLE + 5


def test_other_keys_do_not_show_it(relay, gateway, database, key, foreign_key, tmp_path):
    relay("agent", "create", "second", "--org", "acme", "--name", "Second", "--secret-file", tmp_path / "second.key", check=0)
    gateway(ASK, key_id(key), digest(foreign_key), None, "198.51.100.9")
    second = key_id(read_key(tmp_path / "second.key"))
    for words in (("key", "show", second), ("agent", "show", "second")):
        assert "unknown_key" not in {event["reason"] for event in relay.json(*words)["data"]["events"]}
