"""rotate-key --key-from: a key that its owner made."""

import signal

import pytest

from support.agents import decide, key_id
from support.own_key import make_key
from support.relay import finish_terminal
from support.rotation import keys, old  # noqa: F401

PROGRAM = "dev"  # a short test of the whole way
QUICK = True


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_key_of_ones_own_needs_no_sink(relay, database, old, tmp_path, way, end):
    key = make_key()
    (tmp_path / "mine").write_text(key + end)
    given = {"stdin": key + end} if way == "stdin" else {}
    words = ("rotate-key", "bot", "--key-from", "-" if way == "stdin" else "mine")
    document = relay.json(*words, **given)
    assert document["data"]["key_id"] == key_id(key) and document["data"]["delivered_to"] is None
    assert decide(database, key) == "ok" and decide(database, old) == "ok"
    again = relay.json(*words, **given)
    assert again["changed"] is False and again["data"]["key_id"] == key_id(key) and len(keys(database)) == 2


def test_a_key_of_ones_own_may_go_to_a_sink_too(relay, old, tmp_path):
    key = make_key()
    relay("rotate-key", "bot", "--key-from", "-", "--secret-file", "s.env", "--secret-format", "env", stdin=key, check=0)
    assert f"RELAY_API_KEY={key}" in (tmp_path / "s.env").read_text()


BAD_KEYS = {
    "empty": lambda key: "",
    "cut": lambda key: key[:-1],
    "typo": lambda key: key[:30] + ("0" if key[30] != "0" else "1") + key[31:],
    "two newlines": lambda key: key + "\n\n",
    "longer": lambda key: key + "0",
    "megabyte": lambda key: key * 15000,
    "blank": lambda key: " " + key,
    "nul": lambda key: key[:40] + "\0" + key[41:],
}


@pytest.mark.parametrize("fault", BAD_KEYS)
def test_a_bad_key_is_refused_and_never_shown(relay, database, old, fault):
    key = make_key()
    result = relay("rotate-key", "bot", "--key-from", "-", stdin=BAD_KEYS[fault](key), check=2)
    assert "--key-from: " in result.err and key[22:60] not in result.err + result.out and len(keys(database)) == 1


def test_other_things_are_no_key_either(relay, old, tmp_path):
    assert "admin token" in relay("rotate-key", "bot", "--key-from", "-", stdin=make_key("relay_at_"), check=2).err
    assert "No such file" in relay("rotate-key", "bot", "--key-from", "gone", check=2).err
    assert "Is a directory" in relay("rotate-key", "bot", "--key-from", str(tmp_path), check=2).err
    assert "stdin" in relay(
        "rotate-key", "bot", "--key-from", "-", "--secret-file", "s", "--secret-format", "sealed", "--seal-key", "-", check=2
    ).err  # fmt: skip


def test_a_key_of_somebody_else_is_refused(relay, database, old):
    relay("agent", "create", "other", "--org", "acme", "--name", "Other", "--secret-file", "other.key", check=0)
    relay("rotate-key", "bot", "--key-from", "other.key", check=5)
    relay("rotate-key", "bot", "--key-from", "-", stdin=make_key(), check=0)
    assert relay.error("rotate-key", "bot", "--key-from", "old.key", check=5)["changed"] == "no"


def test_a_key_typed_at_a_terminal_is_not_echoed(relay, database, old):
    key = make_key()
    session = relay.terminal("rotate-key", "bot", "--key-from", "-")
    session.expect_exact("API key (not shown): ")
    session.sendline(key)
    code, text = finish_terminal(session)
    assert code == 0 and key not in text and decide(database, key) == "ok"


def test_leaving_the_no_echo_prompt(relay, database, old):
    session = relay.terminal("rotate-key", "bot", "--key-from", "-")
    session.expect_exact("API key (not shown): ")
    session.sendeof()
    assert finish_terminal(session)[0] == 13
    session = relay.terminal("rotate-key", "bot", "--key-from", "-")
    session.expect_exact("API key (not shown): ")
    session.send("\x03")
    assert finish_terminal(session)[0] == -signal.SIGINT
    assert len(keys(database)) == 1
