"""relay-key-over-ssh keeps a key on another machine whole: what arrives, or does not, while the connection hangs or is cut."""

import subprocess

import pytest
from support.example_files import EXAMPLES
from support.own_key import make_key
from support.recipe import STAND_INS
from support.relay import clean_environment

ALWAYS = 60
"""Seconds after which a test gives up."""


class Machine:
    """Another machine, and the script on this one. `bin`: its programs come before those of the system."""

    def __init__(self, folder):
        self.home, self.bin = folder / "machines/bot@host", folder / "bin"
        self.home.mkdir(parents=True)
        self.bin.mkdir()
        (self.bin / "ssh").symlink_to(STAND_INS / "ssh")
        self.environment = clean_environment(folder, {"PATH": f"{self.bin}:/usr/bin:/bin", "MACHINES": str(self.home.parent)})

    def program(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def start(self, what, agent="bot"):
        script = EXAMPLES / "cron/relay-key-over-ssh"
        return subprocess.Popen([script, what, "bot@host"], env={**self.environment, "RELAY_AGENT_ID": agent}, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip

    def put(self, key, agent="bot"):
        """Writes a key, and does not end the input. Returns (the exit code, what it printed)."""
        with self.start("put", agent) as running:
            running.stdin.write(key.encode())
            running.stdin.flush()
            code = running.wait(timeout=ALWAYS)
            return code, running.stdout.read().decode()

    def get(self, agent="bot"):
        said, _ = (running := self.start("get", agent)).communicate(timeout=ALWAYS)
        assert running.returncode == 0, said
        return said.decode()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def soon(machine):
    """The limit of the other machine is a second in place of a minute."""
    machine.program("timeout", '[ "$1" -le 60 ] || exit 64; shift; exec /usr/bin/timeout 1 "$@"')


def test_it_waits_for_no_end_of_the_input(machine):
    """An end may come after hours, and with it an old key."""
    key = make_key()
    assert machine.put(key) == (0, "") and machine.get() == key
    assert [path.name for path in machine.home.iterdir()] == ["bot.key"]
    assert (machine.home / "bot.key").stat().st_mode & 0o777 == 0o600


def test_half_a_key_ends_with_the_limit(machine, request):
    old, new = make_key(), make_key()
    assert machine.put(old)[0] == 0
    request.getfixturevalue("soon")  # only now: on a busy machine, a whole key may need more than a second
    assert machine.put(new[:30])[0] == 124 and machine.get() == old
    (machine.bin / "timeout").unlink()
    assert machine.put(new)[0] == 0 and machine.get() == new
    assert [path.name for path in machine.home.iterdir()] == ["bot.key"], "what the cut left is removed"


@pytest.mark.usefixtures("soon")
def test_no_file_is_replaced_after_the_limit(machine):
    """The disk hangs until then."""
    old = make_key()
    (machine.home / "bot.key").write_text(old)
    machine.program("sync", "exec sleep 600")
    assert machine.put(make_key())[0] == 124 and machine.get() == old


def test_agents_of_one_user_have_a_file_each(machine):
    keys = {agent: make_key() for agent in ("bot", "bot-2", "Old.Bot")}
    for agent, key in keys.items():
        assert machine.get(agent) == "", "there is none yet"
        assert machine.put(key, agent) == (0, "")
    assert {agent: machine.get(agent) for agent in keys} == keys


def test_without_an_agent_it_does_nothing(machine):
    code, said = machine.put("", agent="")
    assert code == 2 and "RELAY_AGENT_ID" in said and not list(machine.home.iterdir())
