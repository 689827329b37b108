"""The two commands of the README, in their order: the whole of cli/quickstart, and then tests that concern a sandbox,
while its sandbox is there.

The script runs in this tree, whose release build is finished, as a newcomer with a throw-away home folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from support.newcomer import Newcomer

PROGRAM = "release"  # the release build itself is the subject

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
SCRIPT = SOURCE / "cli/quickstart"
KEY = re.compile(r"relay_sk_\w{62}")

# One test of each kind: one that looks for a sandbox and must find none, and one that makes, starts and removes one.
BESIDE = {
    "test_complete.py": "test_no_sandbox_is_started",
    "test_whoami.py": "sandbox",
    "test_sandbox.py": "status_changes_nothing or (dry_run and changes) or (many_starters and ordinary)",
    "test_sandbox_place.py": "(uses_the_systems_folder and closed) or relative",
}


@pytest.fixture(scope="module")
def newcomer():
    made = Newcomer()
    yield made
    made.remove()


def quickstart(newcomer, expect=0, **env):
    """Runs it without a terminal, in a folder of the newcomer's."""
    options = {"cwd": newcomer.home, "env": newcomer.env | env, "stdin": subprocess.DEVNULL}
    done = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=600, check=False, **options)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def agents(newcomer):
    return [agent["agent_id"] for agent in newcomer.run("--sandbox", "agent", "list")["items"]]


def test_on_a_terminal_the_key_is_shown(newcomer):
    shell = pexpect.spawn(str(SCRIPT), env=newcomer.env, cwd=newcomer.home, encoding="utf-8", timeout=600, dimensions=(50, 120))
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0, shell.before
    assert len(set(KEY.findall(shell.before))) == 1 and "quickstart: build/release/relay-admin is ready" in shell.before
    assert newcomer.run("sandbox", "status")["data"]["folder"] == str(newcomer.folder)
    assert agents(newcomer) == ["payment-processor"]


def test_a_second_run_changes_nothing(newcomer):
    keys = newcomer.run("--sandbox", "key", "list")["items"]
    done = quickstart(newcomer)
    assert not KEY.search(done.stdout + done.stderr)
    assert newcomer.run("--sandbox", "key", "list")["items"] == keys and len(keys) == 1
    assert not newcomer.key_file.exists()


def test_a_sandbox_of_another_version_is_left_and_the_way_on_is_said(newcomer):
    newcomer.execute("UPDATE relay.schema_migrations SET checksum = repeat('0', 64) WHERE version = 30")
    done = quickstart(newcomer, expect=11)
    assert re.search(r"next: .*\n.*build/release/relay-admin sandbox destroy\n", done.stderr), done.stderr
    assert newcomer.run("sandbox", "status")["data"]["state"] == "running"


def test_without_a_terminal_the_key_is_in_a_file_that_is_named(newcomer):
    newcomer.run("sandbox", "destroy", "--yes")
    newcomer.key_file.parent.mkdir(parents=True, exist_ok=True)
    newcomer.key_file.write_text("a dead key, of a sandbox that was destroyed\n")
    done = quickstart(newcomer)
    assert f"the key is written to {newcomer.key_file}\n" in done.stderr and not KEY.search(done.stdout + done.stderr)
    assert newcomer.key_file.stat().st_mode & 0o777 == 0o600
    key = newcomer.key_file.read_text()
    assert KEY.fullmatch(key.strip()) and newcomer.run("--sandbox", "key", "verify", stdin=key)["data"]["ok"] is True


def test_a_relative_place_is_refused_before_anything_is_built(newcomer):
    for variables in ({"XDG_STATE_HOME": "state"}, {"HOME": "home"}):
        done = quickstart(newcomer, expect=2, **variables)
        assert "relative path" in done.stderr and "next: " in done.stderr and "building" not in done.stderr and done.stdout == ""
    assert not [folder for folder in (newcomer.home, SOURCE) for name in ("state", "home") if (folder / name).exists()]


def test_the_tests_of_a_sandbox_are_green_beside_it_and_leave_no_trace_in_it(newcomer):
    newcomer.settle()
    newcomer.watch()
    ours = {name: value for name, value in os.environ.items() if name.startswith("RELAY_")}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", SOURCE / "tests/cli" / name, "-k", wanted],
            env={**ours, **newcomer.env, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=SOURCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, wanted in BESIDE.items()
    ]
    for test in started:
        said, _ = test.communicate(timeout=600)
        assert test.returncode == 0, said
    assert newcomer.traces() == [] and agents(newcomer) == ["payment-processor"]
