"""What comes after a delivery that was not confirmed: other rotations, reverts, and repeats."""

import shlex

from support.agents import decide, key_id
from support.delivery import deliver, old, store  # noqa: F401
from support.own_key import make_key
from support.processes import wait_until
from support.store import LATE, PUT, PUT_AND_FAIL, READ_BACK, REFUSE, pass_time, states, use

OWN = ("rotate-key", "bot", "--key-from", "-", "--deliver")


# --- revert


def test_revert_returns_to_the_key_that_was_active_and_not_to_a_staged_one(relay, database, store, old):
    deliver(relay, REFUSE, check=12)  # no one holds its key
    pass_time(database, minutes=12)
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    assert states(database) == ["retiring", "retiring", "active"]
    assert relay.json("rotate-key", "bot", "--revert")["data"]["key_id"] == key_id(old)
    assert states(database) == ["active", "retiring", "retired"]
    pass_time(database, hours=25)
    assert use(database, old) == "ok"


def test_revert_returns_to_a_key_that_may_still_arrive(relay, database, store):
    deliver(relay, PUT)
    relay("rotate-key", "bot", "--force", "--secret-file", "new.key", check=0)
    assert states(database) == ["retiring", "staged", "active"]
    assert relay.json("rotate-key", "bot", "--revert")["data"]["key_id"] == key_id(store.held())
    assert states(database) == ["retiring", "active", "retired"] and store.use() == "ok"


def test_revert_refuses_if_only_a_staged_key_is_in_grace(relay, database, store, old):
    deliver(relay, REFUSE, check=12)
    pass_time(database, minutes=12)
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    relay("key", "retire", key_id(old), "--yes", check=0)
    error = relay.error("rotate-key", "bot", "--revert", check=5)
    assert "has no rotation in grace to revert" in error["message"]
    assert states(database) == ["retired", "retiring", "active"]


def test_revert_refuses_if_a_rotation_ran_during_the_look(relay, database, store, old):
    deliver(relay, PUT)
    store.put(old)
    look = "touch looking; while ! [ -e go ]; do sleep 0.02; done; " + READ_BACK
    process = relay.start("rotate-key", "bot", "--revert", "--read-back", look)
    wait_until((store.folder / "looking").exists, what="the look")
    new = deliver(relay, PUT, "--force")["key_id"]
    (store.folder / "go").touch()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 5 and b"another key while the store was asked; nothing was changed" in errors
    assert states(database)[-1] == "active" and key_id(store.held()) == new and store.use() == "ok"


# --- the end of the old key


def test_a_key_in_grace_does_not_end_by_mistake_before_the_store_has_settled(relay, database, store, old):
    deliver(relay, LATE)
    error = relay.error("key", "retire", key_id(old), "--yes", check=5)
    assert "has not settled; nothing was changed" in error["message"] and "--force" in error["next"]
    error = relay.error("rotate-key", "bot", "--secret-file", "new.key", check=5)
    assert "has a rotation in grace" in error["message"] and "retire" not in error["next"]
    assert store.use() == "ok"
    pass_time(database, minutes=12)
    assert "key retire " + key_id(old) in relay.error("rotate-key", "bot", "--secret-file", "new.key", check=5)["next"]
    relay("key", "retire", key_id(old), "--yes", check=0)


def test_a_key_in_grace_can_be_ended_by_force(relay, database, store, old):
    deliver(relay, PUT)
    relay("key", "retire", key_id(old), "--force", "--yes", check=0)
    assert decide(database, old) == "retired" and store.use() == "ok"


# --- repeats


def test_the_callers_key_that_was_used_since_is_confirmed_by_the_repeat(relay, database, store, old):
    key = make_key()
    relay(*OWN, PUT_AND_FAIL, stdin=key, check=12)
    pass_time(database, minutes=2)
    assert use(database, key) == "ok"
    document = relay.json(*OWN, "exit 3", stdin=key)
    assert document["changed"] is True and document["data"]["key_id"] == key_id(key)
    assert states(database) == ["retiring", "active"]
    assert relay.json(*OWN, "exit 3", stdin=key)["changed"] is False


def test_the_callers_key_that_the_store_shows_is_confirmed_by_the_repeat(relay, database, store):
    key = make_key()
    relay(*OWN, PUT_AND_FAIL, stdin=key, check=12)
    relay(*OWN, "exit 3", "--read-back", READ_BACK, stdin=key, check=0)
    assert states(database) == ["retiring", "active"] and store.use() == "ok"


def test_the_callers_key_that_a_later_one_has_replaced_is_refused(relay, database, store):
    key = make_key()
    relay(*OWN, REFUSE, stdin=key, check=12)
    pass_time(database, minutes=12)
    deliver(relay, PUT_AND_FAIL, check=12)
    pass_time(database, minutes=2)
    assert store.use() == "ok"
    error = relay.error(*OWN, PUT, stdin=key, check=5)
    assert "was used before; nothing was changed" in error["message"]
    assert states(database) == ["active", "staged", "staged"]


def test_a_key_in_grace_does_not_prevent_the_repeat_once_the_store_has_settled(relay, database, store):
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    deliver(relay, REFUSE, "--force", check=12)
    pass_time(database, minutes=12)
    deliver(relay, PUT)
    assert states(database)[-1] == "active" and store.use() == "ok"


def test_a_key_in_grace_does_not_prevent_a_delivery_to_a_store_without_a_live_key(relay, database, store):
    relay("rotate-key", "bot", "--secret-file", "new.key", check=0)
    store.put(make_key())
    deliver(relay, PUT, "--read-back", READ_BACK)
    assert store.use() == "ok"


def test_a_key_that_is_delivered_again_awaits_its_use_again(relay, database, store, old):
    key = make_key()
    relay(*OWN, PUT, stdin=key, check=0)
    pass_time(database, minutes=2)
    assert store.use() == "ok"
    database.execute("UPDATE relay.agent_keys SET awaits_use = false")
    store.put(old)
    relay("rotate-key", "bot", "--revert", "--read-back", READ_BACK, check=0)
    relay(*OWN, PUT_AND_FAIL, stdin=key, check=12)
    database.execute("UPDATE relay.agent_keys SET deliver_until = deliver_until - interval '2 minutes', awaits_use = awaits_use")
    assert store.use() == "ok"
    relay(*OWN, REFUSE, stdin=key, check=0)  # its use has confirmed it
    assert states(database) == ["retiring", "active"]


def test_the_command_that_is_advised_is_the_whole_one(relay, database, store, tmp_path):
    (tmp_path / "own key").write_text(make_key())
    flags = ("--grace", "2h", "--key-from", "own key", "--force", "--deliver", REFUSE, "--deliver-timeout", "9s", "--settle", "0",
             "--read-back", READ_BACK, "--secret-format", "env", "--env-prefix", "BOT_")  # fmt: skip
    error = relay.error("rotate-key", "bot", *flags, check=12)
    advised = shlex.split(error["next"])
    assert advised[0] == "relay-admin" and tuple(advised[-len(flags) :]) == flags and advised[-len(flags) - 2 :][:2] == ["rotate-key", "bot"]
    assert relay.error(*advised[1:], check=12)["next"] == error["next"]


def test_an_advised_command_keeps_the_format_of_a_first_key(relay, database, tmp_path):
    first = ("--deliver", REFUSE, "--secret-format", "k8s", "--k8s-name", "bot-key", "--k8s-namespace", "prod")
    relay("org", "create", "acme", "--name", "Acme", check=0)
    error = relay.error("agent", "create", "bot", "--org", "acme", "--name", "Bot", *first, check=12)
    assert tuple(shlex.split(error["next"])[-len(first) :]) == first


# --- an expiry, and the limit


def test_revoked_staged_keys_do_not_count_toward_the_limit(relay, database, store):
    for _ in range(5):
        deliver(relay, REFUSE, check=12)
    staged = [row["key_id"] for row in database.rows("SELECT key_id FROM relay.agent_keys WHERE state = 'staged'")]
    deliver(relay, PUT, check=5)
    relay("revoke", *(word for key in staged for word in ("--key", key)), "--yes", check=0)
    deliver(relay, PUT)
    assert store.use() == "ok"


def test_an_expiry_that_has_passed_is_not_inherited(relay, database, store, old):
    deliver(relay, PUT_AND_FAIL, check=12)
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 hour'")
    relay("key", "retire", key_id(old), "--force", "--yes", check=0)
    error = deliver(relay, PUT, check=5)
    assert "expired at" in error["message"] and "--force" in error["next"]
    deliver(relay, PUT, "--force")
    assert store.use() == "ok"


def test_the_keys_that_ended_are_reported_by_both_confirmations(relay, database, store, old):
    deliver(relay, PUT_AND_FAIL, "--settle", "0", check=12)
    first = key_id(store.held())
    pass_time(database, minutes=2)
    assert store.use() == "ok"
    data = deliver(relay, PUT, "--grace", "0", "--yes", "--settle", "0")
    assert key_id(old) in data["ended"] and decide(database, old) != "ok"
    assert database.value("SELECT status FROM relay.key_status WHERE key_id = %s", first) in ("retiring", "retired")
