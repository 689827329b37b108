"""key wait: until a key is used, or has ended."""

import time

import pytest
from support.agents import digest, first_agent, key_id
from support.delivery import deliver, old, store  # noqa: F401
from support.prepared import prepared
from support.store import PUT_AND_FAIL, pass_time

SECONDS = 70
WAITS = True


def play(scene):
    words = ("agent", "create", "waited", "--org", "acme", "--name", "Waited", "--secret-file", "waited.key")
    key = scene.write(*words)["data"]["key_id"]
    scene.read("key", "wait", key, "--for", "retired", "--timeout", "0", code=10)
    scene.fail(3, "key", "wait", "0" * 12, "--for", "used")


@prepared
def bot(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def use(database, key):
    assert database.value("SELECT (relay_api.authenticate(%s, %s)).ok", key_id(key), digest(key)) is True


def test_the_time_ends_with_code_10(relay, bot):
    document = relay.json("key", "wait", key_id(bot), "--for", "used", "--timeout", "1s", check=10)
    assert document["kind"] == "KeyWait"
    data = document["data"]
    assert data["reached"] is False and data["goal"] == "used" and data["waited_seconds"] >= 1
    assert "is not used after" in relay("key", "wait", key_id(bot), "--for", "used", "--timeout", "0", check=10).err


def test_a_use_ends_the_wait(relay, bot, database):
    waiting = relay.start("key", "wait", key_id(bot), "--for", "used", "-o", "json", "--timeout", "5m")
    time.sleep(0.5)
    assert waiting.poll() is None
    use(database, bot)
    out, _ = waiting.communicate(timeout=120)
    assert waiting.returncode == 0 and b'"reached":true' in out and b'"last_used_at":"' in out
    relay("key", "wait", "--key-id", key_id(bot), "--for", "used", "--timeout", "0", check=0)


@pytest.mark.parametrize("how", ["retired", "revoked", "expired"])
def test_the_end_of_a_key_ends_the_wait(relay, bot, database, how):
    relay("key", "wait", key_id(bot), "--for", "retired", "--timeout", "0", check=10)
    if how == "revoked":
        relay("revoke", "bot", check=0)
    elif how == "retired":
        relay("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key", check=0)
    else:
        relay("rotate-key", "bot", "--grace", "1h", "--secret-file", "new.key", check=0)
        relay("key", "wait", key_id(bot), "--for", "retired", "--timeout", "0", check=10)
        database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 s' WHERE state = 'retiring'")
    assert relay.json("key", "wait", key_id(bot), "--for", "retired", "--timeout", "0")["data"]["status"] == how
    error = relay.error("key", "wait", key_id(bot), "--for", "used", check=5)
    assert f"is {how} and was never used" in error["message"]


def test_a_key_that_was_used_before_its_end_was_used(relay, bot, database):
    use(database, bot)
    relay("rotate-key", "bot", "--grace", "0", "--secret-file", "new.key", check=0)
    relay("key", "wait", key_id(bot), "--for", "used", "--timeout", "0", check=0)


def test_no_transaction_is_open_while_it_waits(relay, bot, database):
    waiting = relay.start("key", "wait", key_id(bot), "--for", "used")
    states = set()
    for _ in range(20):
        states |= {row["state"] for row in database.rows(
            "SELECT state FROM pg_stat_activity WHERE application_name = 'relay-admin' AND xact_start < now() - interval '1 s'")}
        time.sleep(0.1)
    waiting.terminate()
    waiting.communicate(timeout=60)
    assert states == set() and waiting.returncode == -15


def test_what_cannot_be_waited_for(relay, bot):
    relay("key", "wait", "0" * 12, "--for", "used", check=3)
    relay("key", "wait", key_id(bot), check=2)
    relay("key", "wait", key_id(bot), "--for", "lunch", check=2)
    relay.with_(dsn="host=/nowhere-at-all dbname=none")("key", "wait", key_id(bot), "--for", "used", check=8)


def test_a_use_while_the_key_is_delivered_proves_nothing(relay, database, store):
    """The command that delivers it may try it, and then fail to store it."""
    deliver(relay, PUT_AND_FAIL, check=12)
    staged = store.held()
    words = ("key", "wait", key_id(staged), "--for", "used", "--timeout", "0")
    use(database, staged)
    relay(*words, check=10)
    pass_time(database, minutes=12)
    use(database, staged)
    relay(*words, check=0)
