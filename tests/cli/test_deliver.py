"""rotate-key --deliver: what the store holds works at every instant, whatever the store does.

The rules are those of lib/relay/identity/confirm_key.hpp; tests/support/test_staged_model.py searches for a hole in them."""

import pytest

from support.agents import decide, key_id
from support.delivery import NOT_CONFIRMED, deliver, newest, old, store  # noqa: F401
from support.own_key import make_key
from support.processes import is_alive, wait_until
from support.store import LATE, LATE_AND_FAIL, PUT, PUT_AND_FAIL, REFUSE, pass_time, states, use


# --- a store that works


def test_a_delivered_key_is_active_and_the_old_one_in_grace(relay, database, store, old):
    with store.watched():
        document = relay.json("rotate-key", "bot", "--deliver", PUT, "--reason", "schedule")
    data = document["data"]
    assert key_id(store.held()) == data["key_id"] != key_id(old) and data["delivered_to"] == "command"
    assert data["previous"]["key_id"] == key_id(old) and data["previous"]["status"] == "retiring"
    assert states(database) == ["retiring", "active"]
    events = database.rows("SELECT action, key_id, reason FROM relay.auth_events WHERE action LIKE 'key_%%' ORDER BY event_id")
    assert [(e["action"], e["key_id"], e["reason"]) for e in events[-2:]] == [
        ("key_staged", data["key_id"], "schedule"), ("key_rotated", data["key_id"], "schedule"),
    ]  # fmt: skip


def test_the_command_gets_the_key_on_stdin_and_nowhere_else(relay, database, store):
    command = PUT + "; env > env; tr '\\0' ' ' < /proc/self/cmdline > line; cat /proc/$PPID/environ > parent || true"
    deliver(relay, command)
    key = store.held()
    env = dict(line.split("=", 1) for line in (store.folder / "env").read_text().splitlines() if "=" in line)
    assert env["RELAY_AGENT_ID"] == "bot" and env["RELAY_ORG_ID"] == "acme" and env["RELAY_KEY_ID"] == key_id(key)
    for name in ("env", "line", "parent"):
        assert key not in (store.folder / name).read_text()


def test_no_transaction_is_open_while_the_command_runs(relay, database, store):
    command = PUT + "; touch started; while ! [ -e go ]; do sleep 0.02; done"
    process = relay.start("rotate-key", "bot", "--deliver", command)
    wait_until((store.folder / "started").exists, what="the command")
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'relay-admin' AND state LIKE '%%transaction%%'"
    assert database.value(open_ones) == 0
    assert states(database) == ["active", "staged"] and store.use() == "ok"
    (store.folder / "go").touch()
    assert process.wait(60) == 0
    process.communicate()


def test_a_dry_run_shows_the_same_and_runs_no_command(relay, database, store, old):
    data = relay.json("rotate-key", "bot", "--deliver", "touch ran", "--dry-run")
    assert data["dry_run"] is True and data["data"]["previous"]["status"] == "retiring"
    assert states(database) == ["active"] and not (store.folder / "ran").exists()


def test_after_runs_once_without_the_secret(relay, database, store):
    data = deliver(relay, PUT, "--after", "cat > stdin; env > env; echo x >> times")
    assert (store.folder / "times").read_text() == "x\n" and (store.folder / "stdin").read_text() == ""
    env = (store.folder / "env").read_text()
    assert f"RELAY_KEY_ID={data['key_id']}\n" in env and store.held() not in env
    pass_time(database, days=2)
    deliver(relay, REFUSE, "--after", "echo x >> times", check=12)
    assert (store.folder / "times").read_text() == "x\n"


def test_a_failure_after_the_confirmation_is_told_and_changes_nothing(relay, database, store):
    result = relay("rotate-key", "bot", "--deliver", PUT, "--after", "exit 4", check=7)
    assert "the key is confirmed, but the command of --after failed: it ended with exit code 4" in result.err
    assert states(database) == ["retiring", "active"] and store.use() == "ok"


# --- a store that does not


@pytest.mark.parametrize("command", [PUT_AND_FAIL, REFUSE, LATE_AND_FAIL, "exec true", "kill -9 $$"])
def test_in_doubt_everything_works(relay, database, store, old, command):
    with store.watched():
        error = deliver(relay, command, check=12)
        assert NOT_CONFIRMED in error["message"] and error["changed"] == "partly"
        assert error["next"].startswith("relay-admin rotate-key bot --deliver ")
        assert states(database) == ["active", "staged"]
        assert decide(database, old) == "ok" and store.use() == "ok"
        if command == LATE_AND_FAIL:
            store.arrive(newest(database))
        second = deliver(relay, PUT)
    assert key_id(store.held()) == second["key_id"]
    # The first key may still arrive, so it works.
    assert states(database) == ["retiring", "staged", "active"]


def test_what_was_staged_earlier_and_has_settled_retires_with_the_grace(relay, database, store):
    deliver(relay, PUT_AND_FAIL, check=12)
    pass_time(database, minutes=11)
    with store.watched():
        deliver(relay, PUT)
    assert states(database) == ["retiring", "retiring", "active"]


def test_a_hanging_command_is_ended_at_its_deadline_with_its_children(relay, database, store):
    command = "trap '' TERM; cat > /dev/null; (trap '' TERM; sleep 300 & echo $! > pid; wait)"
    error = deliver(relay, command, "--deliver-timeout", "3s", check=12)
    assert "took longer than 3 s and was ended" in error["why"]
    assert not is_alive(int((store.folder / "pid").read_text()))
    assert database.value("SELECT clock_timestamp() < deliver_until + interval '20 s' FROM relay.agent_keys WHERE state = 'staged'")


def test_what_a_command_leaves_in_the_background_ends_with_it(relay, database, store):
    deliver(relay, PUT + "; (sleep 300 & echo $! > pid) > /dev/null 2>&1")
    wait_until(lambda: not is_alive(int((store.folder / "pid").read_text())), what="the end of the background process")


def test_the_old_key_does_not_end_before_the_store_has_settled_with_no_grace_too(relay, database, store, old):
    with store.watched():
        data = deliver(relay, LATE, "--grace", "0", "--yes")
        assert states(database) == ["retiring", "active"] and data["ended"] == []
        until = database.one(
            "SELECT old.expires_at, new.settle_until FROM relay.agent_keys AS old JOIN relay.agent_keys AS new"
            " ON new.key_id = old.replaced_by"
        )
        assert until["expires_at"] == until["settle_until"]
        assert store.use() == "ok" and key_id(store.held()) == key_id(old)
        store.arrive(data["key_id"])
    pass_time(database, minutes=12)
    assert use(database, old) == "expired" and store.use() == "ok"


def test_with_settle_0_the_old_key_ends_when_the_deadline_has_passed(relay, database, store, old):
    deliver(relay, PUT, "--grace", "0", "--settle", "0", "--deliver-timeout", "5s", "--yes")
    wait_until(lambda: decide(database, old) == "expired", what="the end of the old key")


def test_first_use_does_not_end_the_old_key_before_the_store_has_settled(relay, database, store, old):
    deliver(relay, PUT, "--retire-on-first-use")
    assert store.use() == "ok" and decide(database, old) == "ok"
    pass_time(database, minutes=12)
    assert store.use() == "ok" and decide(database, old) == "retired"


# --- uses


def test_a_use_confirms_a_staged_key_at_the_next_run_before_the_age_is_looked_at(relay, database, store, old):
    deliver(relay, PUT_AND_FAIL, check=12)
    staged = newest(database)
    pass_time(database, minutes=2)
    assert store.use() == "ok" and states(database) == ["active", "staged"]  # a use changes no state
    data = deliver(relay, REFUSE, "--if-older-than", "80d")  # it has nothing to deliver
    assert (data["key_id"], data["delivered_to"]) == (staged, None)
    assert states(database) == ["retiring", "active"] and store.use() == "ok"
    assert relay.json("rotate-key", "bot", "--deliver", REFUSE, "--if-older-than", "80d")["changed"] is False


def test_a_command_that_tries_the_key_and_fails_to_store_it_proves_nothing(relay, database, store, old):
    tries = "cat > key; touch tried; while ! [ -e go ]; do sleep 0.02; done; exit 3"
    process = relay.start("rotate-key", "bot", "--deliver", tries)
    wait_until((store.folder / "tried").exists, what="the command")
    assert use(database, (store.folder / "key").read_text()) == "ok"
    (store.folder / "go").touch()
    assert process.wait(60) == 12
    process.communicate()
    assert relay.json("rotate-key", "bot", "--deliver", REFUSE, "--if-older-than", "80d")["changed"] is False
    assert states(database) == ["active", "staged"] and store.use() == "ok"


def test_a_use_in_the_delivery_does_not_take_an_agent_off_the_shared_secret(relay, database, store, tmp_path):
    (tmp_path / "agents.csv").write_text("agent_id,org_id,name\nbot,acme,Bot\n")
    relay("migrate-legacy", "import", "agents.csv", check=0)
    relay("migrate-legacy", "start", "--deadline", "14d", "--yes", check=0)
    deliver(relay, PUT_AND_FAIL, check=12)
    proven = "SELECT count(*) FROM relay.proven_agents WHERE agent_id = 'bot'"
    assert store.use() == "ok" and database.value(proven) == 0
    pass_time(database, minutes=2)
    assert store.use() == "ok" and database.value(proven) == 1


# --- order


def test_a_staged_key_that_has_settled_makes_the_agent_due(relay, database, store):
    deliver(relay, REFUSE, check=12)
    assert relay.json("rotate-key", "bot", "--deliver", PUT, "--if-older-than", "80d")["changed"] is False
    pass_time(database, minutes=12)
    assert "bot" in relay("agent", "list", "--key-due", "0", "-o", "id", check=0).out
    with store.watched():
        assert deliver(relay, PUT, "--if-older-than", "80d")["key_id"] == newest(database)
    assert states(database) == ["retiring", "retiring", "active"]
    # A key in grace does not prevent the tidying of the next one.
    deliver(relay, REFUSE, "--force", check=12)
    pass_time(database, minutes=12)
    deliver(relay, PUT, "--if-older-than", "80d")


def test_two_runs_at_once_and_the_earlier_write_lands_last(relay, database, store):
    waits = 'cat > ".in-$RELAY_KEY_ID"; touch started; while ! [ -e go ]; do sleep 0.02; done; cp ".in-$RELAY_KEY_ID" .new; mv .new store'
    first = relay.start("rotate-key", "bot", "--deliver", waits)
    wait_until((store.folder / "started").exists, what="the first command")
    early = newest(database)
    with store.watched():
        late = deliver(relay, PUT)["key_id"]
        (store.folder / "go").touch()
        assert first.wait(60) == 0
        first.communicate()
        assert key_id(store.held()) == early and states(database) == ["retiring", "staged", "active"]
        store.arrive(late)
        store.arrive(early)
        pass_time(database, minutes=12)
        assert store.use() == "ok"
        third = deliver(relay, PUT, "--if-older-than", "80d")["key_id"]
    assert key_id(store.held()) == third and states(database)[1:] == ["retiring", "retiring", "active"]


def test_a_rotation_into_a_file_leaves_what_may_still_arrive(relay, database, store, old):
    deliver(relay, LATE_AND_FAIL, check=12)
    early = newest(database)
    with store.watched():
        relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
        assert states(database) == ["retiring", "staged", "active"]
        store.arrive(early)
    pass_time(database, minutes=12, hours=24)
    relay("rotate-key", "bot", "--secret-file", "newer.key", check=0)
    assert states(database)[1:] == ["retiring", "retiring", "active"]


def test_after_five_that_no_one_confirmed_a_person_must_look(relay, database, store, old):
    for _ in range(5):
        deliver(relay, REFUSE, check=12)
    error = deliver(relay, PUT, check=5)
    assert "has 5 staged keys that no delivery has confirmed; nothing was changed" in error["message"]
    first = database.value("SELECT key_id FROM relay.agent_keys WHERE state = 'staged' ORDER BY made_order LIMIT 1")
    relay.error("key", "retire", first, "--yes", check=5)
    relay("key", "retire", first, "--force", "--yes", check=0)
    deliver(relay, PUT)
    assert store.use() == "ok"


def test_the_database_itself_bounds_staged_keys(relay, database, store):
    for _ in range(5):
        deliver(relay, REFUSE, check=12)
    with pytest.raises(Exception, match="has 5 staged keys"):
        database.execute(
            "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, state, created_by, due_at, deliver_until, settle_until)"
            " VALUES ('000000000000', 'bot', 'acme', sha256('x'), 'staged', 'x', now(), now(), now())"
        )


# --- the caller's own key, an expiry, a revocation


def test_a_key_of_the_caller_is_delivered_again(relay, database, store):
    key = make_key()
    for command, code in ((REFUSE, 12), (PUT_AND_FAIL, 12), (PUT, 0), (PUT, 0)):
        relay("rotate-key", "bot", "--key-from", "-", "--deliver", command, stdin=key, check=code)
    assert states(database) == ["retiring", "active"] and store.held() == key and store.use() == "ok"


def test_a_staged_key_inherits_the_expiry(relay, database, store):
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '1 hour'")
    deliver(relay, PUT_AND_FAIL, check=12)
    deliver(relay, PUT)
    assert database.value("SELECT count(DISTINCT expires_at) FROM relay.agent_keys") == 1
    pass_time(database, hours=2)
    assert store.use() == "expired"


def test_a_key_that_is_revoked_while_it_is_delivered_is_not_confirmed(relay, database, store, old):
    command = PUT + "; touch started; while ! [ -e go ]; do sleep 0.02; done"
    process = relay.start("rotate-key", "bot", "--deliver", command, "-o", "json")
    wait_until((store.folder / "started").exists, what="the command")
    relay("revoke", "--key", newest(database), "--yes", check=0)
    (store.folder / "go").touch()
    assert process.wait(60) == 5
    process.communicate()
    assert decide(database, old) == "ok"


# --- flags


@pytest.mark.parametrize(
    "words",
    [
        ("--deliver", "cat", "--secret-file", "k"),
        ("--deliver", "cat", "--secret-stdout"),
        ("--deliver", ""),
        ("--deliver", "cat", "--deliver-timeout", "0"),
        ("--deliver", "cat", "--deliver-timeout", "11m"),
        ("--deliver", "cat", "--settle", "25h"),
        ("--deliver", "cat", "--request-id", "6f1c2d34-5a6b-4c7d-8e9f-0a1b2c3d4e5f"),
        ("--secret-file", "k", "--settle", "1m"),
        ("--secret-file", "k", "--deliver-timeout", "1m"),
        ("--secret-file", "k", "--read-back", "cat"),
        ("--secret-file", "k", "--after", "true"),
        ("--key-from", "k", "--after", "true"),
        ("--key-from", "k", "--read-back", "cat"),
        ("--key-from", "k", "--settle", "1m"),
        ("--key-from", "k", "--secret-format", "env"),
        ("--revert", "--deliver", "cat"),
        ("--revert", "--after", "true"),
        ("--revert", "--settle", "1m"),
        ("--revert", "--replace"),
        ("--revert", "--secret-format", "env"),
        ("--revert", "--deliver-timeout", "9s"),
        ("--revert", "--read-back", "cat", "--grace", "91d"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_told_before_the_database_is_asked(relay_without_database, words):
    relay_without_database.error("rotate-key", "bot", *words, check=2)
