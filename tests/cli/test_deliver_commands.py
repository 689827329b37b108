"""The commands of --deliver and --read-back: what they print never disables a deadline or a signal, and what they are given."""

import os
import signal

import pytest

from support.own_key import make_key
from support.processes import wait_until
from support.rotation import old  # noqa: F401
from support.store import PUT, READ_BACK, Store, states

WORDS = ("rotate-key", "bot", "--deliver-timeout", "2s", "--deliver")


@pytest.fixture
def store(database, old, tmp_path):  # noqa: F811
    """A store that holds the key of the agent `bot`."""
    made = Store(tmp_path, database)
    made.put(old)
    return made


@pytest.mark.parametrize(
    "look, why",
    [
        ("yes >&2", "it took longer than 2 s and was ended"),
        ("yes", "it printed more than 64 KiB"),
        ("yes; exit 3", "it printed more than 64 KiB"),
        ("exec >&- 2>&-; sleep 300", "it took longer than 2 s and was ended"),
    ],
)
def test_a_look_that_prints_without_end_is_ended(relay, database, store, look, why):
    result = relay(*WORDS, PUT, "--read-back", look, check=12)
    assert result.err.count("the command of --read-back did not show what the store holds: " + why) == 2
    assert states(database) == ["active", "staged"] and store.use() == "ok"


def test_a_look_of_64_kib_is_read(relay, database, store):
    look = READ_BACK + "; head -c %d /dev/zero | tr '\\0' ' '" % (64 * 1024 - len(store.held()))
    relay(*WORDS, PUT, "--read-back", look, check=0)
    assert states(database) == ["retiring", "active"]
    assert "more than 64 KiB" in relay(*WORDS, PUT, "--force", "--read-back", look + "; echo", check=12).err


def test_a_delivery_that_prints_without_end_is_ended(relay, database, store):
    error = relay.error(*WORDS, "cat > /dev/null; yes", check=12)
    assert "it took longer than 2 s and was ended" in error["why"]


@pytest.mark.parametrize("flag", ["--deliver", "--read-back"])
def test_a_signal_ends_a_command_that_prints_without_end(relay, database, store, flag):
    endless = "touch started; cat > /dev/null; yes >&2"
    words = ("rotate-key", "bot", "--deliver-timeout", "10m")
    more = ("--deliver", endless) if flag == "--deliver" else ("--deliver", PUT, "--read-back", endless)
    process = relay.start(*words, *more)
    wait_until((store.folder / "started").exists, what="the command")
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == (12 if flag == "--deliver" else -signal.SIGINT)


def test_both_looks_have_the_same_environment(relay, database, store):
    relay(*WORDS, PUT, "--read-back", "env | grep ^RELAY_ | sort > env.$(ls env.* | wc -l); " + READ_BACK, check=0)
    first, second = ((store.folder / f"env.{number}").read_text() for number in (0, 1))
    assert first == second and "RELAY_AGENT_ID=bot\n" in first


def test_a_dry_run_looks_into_the_store(relay, database, store):
    store.put(make_key())
    document = relay.json(*WORDS, "touch ran", "--read-back", READ_BACK, "--if-older-than", "80d", "--dry-run")
    assert document["changed"] is True and not (store.folder / "ran").exists() and states(database) == ["active"]
