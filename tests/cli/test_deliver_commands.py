"""The commands of --deliver and --read-back: what they print never disables a deadline or a signal, what they are given, and how they end
with their run."""

import json
import os
import signal

import pytest

from support.delivery import NOT_CONFIRMED, deliver, old, store  # noqa: F401
from support.own_key import make_key
from support.processes import is_alive, wait_until
from support.store import PUT, PUT_AND_HANG, READ_BACK, states

WORDS = ("rotate-key", "bot", "--deliver-timeout", "2s", "--deliver")


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


# --- the end of a run


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_dies_ends_its_command_and_locks_no_one_out(relay, database, store, old, how):
    process = relay.start("rotate-key", "bot", "--deliver", "echo $$ > pid; " + PUT_AND_HANG, "-o", "json")
    wait_until((store.folder / "stored").exists, what="the command")
    with store.watched():
        os.kill(process.pid, how)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == (-how if how == signal.SIGKILL else 12)
        if how != signal.SIGKILL:
            error = json.loads(errors.splitlines()[-1])["error"]
            assert NOT_CONFIRMED in error["message"] and error["why"] == "a signal ended the delivery"
        pid = int((store.folder / "pid").read_text())
        wait_until(lambda: not is_alive(pid), what="the end of the command")
        assert states(database) == ["active", "staged"] and store.use() == "ok"
        deliver(relay, PUT)
    assert states(database) == ["retiring", "staged", "active"]


def test_a_run_that_is_held_up_does_not_hold_up_the_end_of_its_command(relay, database, store):
    """Its command could otherwise deliver when no one keeps its key any longer."""
    command = "echo $$ > pid; " + PUT_AND_HANG
    process = relay.start("rotate-key", "bot", "--deliver", command, "--deliver-timeout", "4s")
    wait_until((store.folder / "stored").exists, what="the command")
    os.kill(process.pid, signal.SIGSTOP)
    pid = int((store.folder / "pid").read_text())
    wait_until(lambda: not is_alive(pid), what="the end of the command")
    os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 12 and states(database) == ["active", "staged"] and store.use() == "ok"
