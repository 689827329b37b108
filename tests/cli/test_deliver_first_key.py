"""--deliver where an agent gets its first key, or a fresh one: agent create, init, restore."""

import pytest

from support.agents import decide, first_agent, key_id
from support.store import PUT, PUT_AND_FAIL, REFUSE, Store, pass_time, states

NOT_CONFIRMED = "not confirmed; all keys that may have arrived work; run it again"
CREATE = ("agent", "create", "bot", "--org", "acme", "--name", "Bot", "--permissions", "a:b")
INIT = ("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot")
RESTORE = ("restore", "bot", "--yes")


@pytest.fixture(params=["create", "init", "restore"])
def words(request, relay, database, tmp_path):
    """A command that gives the agent `bot` a key."""
    if request.param == "create":
        relay("org", "create", "acme", "--name", "Acme", check=0)
        return CREATE
    if request.param == "init":
        return INIT
    first_agent(relay, tmp_path / "old.key")
    relay("revoke", "bot", "--yes", check=0)
    return RESTORE


@pytest.fixture
def store(database, tmp_path):
    """An empty store."""
    return Store(tmp_path, database)


def test_the_key_is_staged_delivered_and_confirmed(relay, database, store, words):
    data = relay.json(*words, "--deliver", PUT, "--after", "touch told")
    text = str(data)
    assert key_id(store.held()) in text and "'command'" in text and (store.folder / "told").exists()
    assert states(database)[-1] == "active" and store.use() == "ok"
    actions = [row["action"] for row in database.rows("SELECT action FROM relay.auth_events WHERE key_id = %s ORDER BY event_id", key_id(store.held()))]
    assert actions == ["key_staged", "key_issued", "authenticated"]
    again = relay.json(*words, "--deliver", "touch ran")
    assert again["changed"] is False and not (store.folder / "ran").exists()


@pytest.mark.parametrize("command", [PUT_AND_FAIL, REFUSE])
def test_if_the_delivery_fails_the_agent_has_a_staged_key(relay, database, store, words, command):
    error = relay.error(*words, "--deliver", command, check=12)
    assert NOT_CONFIRMED in error["message"] and error["changed"] == "partly"
    assert error["next"].startswith("relay-admin rotate-key bot --deliver ")
    assert states(database)[-1] == "staged"
    if command == PUT_AND_FAIL:
        assert store.use() == "ok"
    relay("rotate-key", "bot", "--deliver", PUT, check=0)
    assert states(database)[-2:] == ["staged", "active"] and store.use() == "ok"
    pass_time(database, minutes=12)
    relay("rotate-key", "bot", "--deliver", PUT, "--if-older-than", "80d", check=0)
    assert states(database)[-3:] == ["retiring", "retiring", "active"] and store.use() == "ok"


def test_a_dry_run_runs_no_command_and_leaves_nothing(relay, database, store, words):
    before = states(database)
    assert relay.json(*words, "--deliver", "touch ran", "--dry-run")["dry_run"] is True
    assert not (store.folder / "ran").exists() and states(database) == before


def test_the_store_shows_the_key_although_the_command_failed(relay, database, store, words):
    relay(*words, "--deliver", PUT_AND_FAIL, "--read-back", "cat store", check=0)
    assert states(database)[-1] == "active" and decide(database, store.held()) == "ok"


def test_doctor_names_agents_whose_staged_keys_have_settled(relay, database, store, words):
    relay.error(*words, "--deliver", REFUSE, check=12)
    (item,) = relay.json("doctor", "keys.staged")["items"]
    assert item["status"] == "ok" and "may still take the staged keys of 1 agent" in item["message"]
    pass_time(database, minutes=12)
    (item,) = relay.json("doctor", "keys.staged")["items"]
    assert item["status"] == "warn" and "1 agent has staged keys" in item["message"] and "bot (1 since 20" in item["message"]
    listed = relay.json("key", "list", "--agent", "bot", "--state", "staged")["items"]
    assert [item["status"] for item in listed] == ["staged"] and listed[0]["settle_until"]
    assert "staged" in relay("key", "show", listed[0]["key_id"], check=0).out
