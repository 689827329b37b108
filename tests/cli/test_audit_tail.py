"""audit tail: on real servers, with transactions that commit late, and without NOTIFY."""


from support import processes
from support.agents import digest, first_agent, key_id
from support.prepared import prepared
from support.tail import Tail

INSERT = "INSERT INTO relay.auth_events (action, agent_id) VALUES (%s, 'bot') RETURNING event_id"


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def test_an_event_without_a_notification_is_found(relay, database, key):
    with Tail(relay) as tail:
        database.execute("SELECT relay_api.authenticate(%s, %s)", key_id(key), digest(key))
        assert tail.actions(1) == ["authenticated"]
        relay("block", "bot", check=0)
        assert tail.actions(1) == ["agent_blocked"]


def test_a_late_commit_with_an_earlier_number_is_not_left_out(relay, database, key):
    """Three transactions hold their events back while later ones appear: one since before the start, one that commits after
    many polls, one that never does."""
    before, late, never = (database.connect() for _ in range(3))
    for connection in (before, late, never):
        connection.autocommit = False
    with before.cursor() as cursor:
        cursor.execute(INSERT, ("before",))
    database.execute(INSERT, "old")
    with Tail(relay) as tail:
        for connection, name in ((late, "late"), (never, "never")):
            with connection.cursor() as cursor:
                cursor.execute(INSERT, (name,))
        for number in range(3):
            database.execute(INSERT, f"n{chr(97 + number)}")
            assert tail.actions(1) == [f"n{chr(97 + number)}"]
        late.commit()
        assert tail.actions(1) == ["late"]
        before.commit()
        assert tail.actions(1) == ["before"]
        never.rollback()
        database.execute(INSERT, "last")
        assert tail.actions(1) == ["last"]
    for connection in (before, late, never):
        connection.close()


def test_more_events_than_a_page_come_once_each_while_a_writer_is_open(relay, database, key):
    late = database.connect()
    late.autocommit = False
    with Tail(relay, "--action", "many,late") as tail:
        with late.cursor() as cursor:
            cursor.execute(INSERT, ("late",))
        for _ in range(2):
            database.execute("INSERT INTO relay.auth_events (action) SELECT CASE WHEN n % 2 = 0 THEN 'many' ELSE 'other' END"
                             " FROM generate_series(1, 5000) AS n")  # fmt: skip
            assert tail.actions(2500) == ["many"] * 2500
        late.commit()
        assert tail.actions(1) == ["late"]
    late.close()


def test_the_last_events_come_first_and_once(relay, database, key):
    lines = relay("audit", "tail", "--lines", "2", "--until-idle", "-o", "jsonl", check=0).jsonl()
    newest = relay.json("audit", "list", "--limit", "2")["items"]
    assert [line["event_id"] for line in lines] == [item["event_id"] for item in reversed(newest)]
    shown = relay("audit", "tail", "--agent", "bot", "--until-idle", check=0).out
    assert "key_issued  bot  key" in shown and shown.count("\n") == 2
    assert relay("audit", "tail", "--count", "1", check=0).out.count("\n") == 1


def test_a_server_that_comes_back_costs_no_event(relay, database, key):
    with Tail(relay) as tail:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay-admin' AND datname = current_database()"
        processes.wait_until(lambda: database.rows(sql), what="a session of audit tail")
        database.execute(INSERT, "meanwhile")
        assert tail.actions(1) == ["meanwhile"]


def test_other_formats_are_refused(relay):
    for form in ("csv", "id", "env"):
        relay("audit", "tail", "-o", form, check=2)
    relay("audit", "tail", "--lines", "1001", check=2)
