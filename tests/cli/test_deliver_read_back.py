"""--read-back and --revert: what the store shows is confirmed, and nothing else ends or returns."""

import pytest

from support.agents import key_id
from support.delivery import NOT_CONFIRMED, deliver, newest, old, store  # noqa: F401
from support.own_key import make_key
from support.store import LATE, PUT, PUT_AND_FAIL, READ_BACK, REFUSE, pass_time, states, use


def test_what_the_store_shows_is_confirmed_and_nothing_else(relay, database, store, old):
    with store.watched():
        error = deliver(relay, LATE, "--read-back", READ_BACK, check=12)
        assert NOT_CONFIRMED in error["message"] and error["why"] == "the store does not show the key"
        assert states(database) == ["active", "staged"]  # a late write may follow
        early = newest(database)
        store.arrive(early)
        data = deliver(relay, REFUSE, "--read-back", READ_BACK, "--if-older-than", "80d")
        assert data["key_id"] == early and states(database) == ["retiring", "active"]
        # It answers with an error, but the store shows the key.
        pass_time(database, days=2)
        assert deliver(relay, PUT_AND_FAIL, "--read-back", READ_BACK)["key_id"] == key_id(store.held())


@pytest.mark.parametrize("content", ["", "no key", "relay_sk_damaged", None])
def test_a_store_without_a_live_key_makes_the_agent_due(relay, database, store, content):
    store.put(make_key() if content is None else content)
    words = ("--read-back", READ_BACK, "--if-older-than", "80d")
    assert deliver(relay, PUT, *words)["key_id"] == key_id(store.held())
    assert relay.json("rotate-key", "bot", "--deliver", PUT, *words)["changed"] is False


@pytest.mark.parametrize("shown_as", [
    "base64 -w 0", "base64 -w 76", "xxd -p", "jq -Rs '{data: {key: @base64}}'", "sed 's/.\\{40\\}/&\\\\\\n/'", "iconv -t UTF-16LE",
])  # fmt: skip
def test_a_store_may_show_its_key_in_any_encoding_that_a_scan_reads(relay, store, shown_as):
    words = ("--read-back", f"{READ_BACK} | {shown_as}", "--if-older-than", "80d")
    store.put(make_key())
    assert deliver(relay, PUT, *words)["key_id"] == key_id(store.held())
    assert relay.json("rotate-key", "bot", "--deliver", PUT, *words)["changed"] is False


def test_a_store_whose_answer_cannot_be_looked_into_proves_nothing(relay, database, store):
    words = ("rotate-key", "bot", "--deliver", PUT, "--read-back", f"{READ_BACK} | gzip", "--if-older-than", "80d")
    result = relay(*words, check=0)
    assert "did not show what the store holds: it printed gzip, in which a key cannot be seen" in result.err
    assert states(database) == ["active"]


def test_a_store_that_still_holds_a_key_in_grace_gets_a_new_one_before_that_key_ends(relay, database, store, old):
    """A write that came after the settle time, or was lost, left the old key there."""
    words = ("--read-back", READ_BACK, "--if-older-than", "80d", "--grace", "72h")
    new = key_id(make_new(relay, store, database, *words))
    store.put(old)
    assert relay.json("rotate-key", "bot", "--deliver", PUT, *words)["changed"] is False  # the new key may still arrive
    pass_time(database, minutes=30)
    data = deliver(relay, PUT, *words)
    assert data["key_id"] == key_id(store.held()) not in (new, key_id(old))
    assert store.use() == "ok" and use(database, old) == "ok"
    assert relay.json("rotate-key", "bot", "--deliver", PUT, *words)["changed"] is False


def make_new(relay, store, database, *words):
    pass_time(database, days=85)
    deliver(relay, PUT, *words)
    return store.held()


def test_a_look_that_fails_proves_nothing(relay, database, store):
    words = ("rotate-key", "bot", "--deliver", PUT, "--read-back", "exit 3", "--if-older-than", "80d")
    result = relay(*words, check=0)
    assert "did not show what the store holds: it ended with exit code 3" in result.err
    assert states(database) == ["active"]


def test_revert_needs_the_old_key_in_the_store(relay, database, store, old):
    deliver(relay, PUT)
    new = store.held()
    for flags in ((), ("--read-back", READ_BACK), ("--read-back", "exit 1"), ("--read-back", "echo nothing")):
        relay.error("rotate-key", "bot", "--revert", *flags, check=5)
    assert states(database) == ["retiring", "active"]
    store.put(old)
    with store.watched():
        relay("rotate-key", "bot", "--revert", "--read-back", READ_BACK, check=0)
        assert states(database) == ["active", "staged"]  # the store may still take the new one
        store.put(new)
        assert store.use() == "ok"
        store.put(old)
        pass_time(database, minutes=12)
        # Uses of the new key prove nothing: clients may have kept it.
        assert use(database, new) == "ok"
        deliver(relay, PUT, "--if-older-than", "80d")
    assert states(database)[-1] == "active" and states(database)[:2] == ["retiring", "retiring"]


def test_revert_of_a_settled_rotation_retires_the_new_key_with_the_grace(relay, database, store, old):
    deliver(relay, PUT)
    pass_time(database, minutes=12)
    store.put(old)
    data = relay.json("rotate-key", "bot", "--revert", "--read-back", READ_BACK, "--grace", "2h")["data"]
    assert data["key_id"] == key_id(old) and data["previous"]["status"] == "retiring"
    assert states(database) == ["active", "retiring"]
