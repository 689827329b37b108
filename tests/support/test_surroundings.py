"""The person who starts the tests may have a sandbox, databases, services and passwords: no test finds them, whatever
it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import binaries
from support.newcomer import Newcomer
from support.processes import is_alive, wait_until

TESTS = Path(__file__).parents[1]

# Runs in a separate test process that a newcomer has started, and tries every way in which tests start programs.
PROBE = '''
import json
import os
import subprocess

import psycopg2
import pytest
from support import binaries, relay, shells, surroundings

ADMIN = str(binaries.relay_admin())
OURS = ("XDG_STATE_HOME", "COLUMNS")  # set on purpose: a folder of the test, a width for the shells


def state(environment):
    run = subprocess.run([ADMIN, "sandbox", "status", "-o", "json"], env=environment, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["data"]


def ways(home):
    return {
        "a child without a word about its environment": None,
        "the runner's": relay.clean_environment(home),
        "a runner's with its own home": relay.Runner(home=home).environment(),
        "the shells'": shells.environment(home),
    }


def test_no_sandbox(relay_without_database, home):
    for way, environment in ways(home).items():
        found = state(environment)
        assert found["state"] == "absent" and found["folder"].startswith(str(surroundings.state_home())), (way, found)
    listed = relay_without_database.json("config", "show", "--sandbox")
    assert "not running" in {item["name"]: item for item in listed["items"]}["host"]["origin"]
    assert relay_without_database("__complete", "--sandbox", "org", "show", "", check=0).out == ""


def test_no_database(home):
    with pytest.raises(psycopg2.Error):
        psycopg2.connect("service=newcomer")
    for environment in ways(home).values():
        words = ["psql", "-X", "-w", "-Atc", "SHOW cluster_name"]
        run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert "sandbox" not in run.stdout, run
        assert not [name for name in (environment or os.environ) if surroundings.is_foreign(name) and name not in OURS]


def test_no_password(relay_without_database):
    listed = relay_without_database.json("config", "show")
    assert {item["name"]: item for item in listed["items"]}["password"]["origin"] == "nowhere"


def test_a_cluster_as_every_test_has_one(cluster):
    assert cluster.query("SHOW cluster_name") == [("",)]
'''


@pytest.fixture(scope="module")
def newcomer():
    made = Newcomer()
    try:
        made.run("sandbox", "start")
        made.settle()
        made.watch()
        yield made
    finally:
        made.remove()


def environment_of(newcomer):
    """The environment that ctest gives to a test that this person has started."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("RELAY_")}
    return {**ours, **newcomer.env, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(TESTS)}


def run_as(newcomer, command, **more):
    environment = environment_of(newcomer) | more
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_test_in_python_finds_a_newcomers_sandbox(newcomer, tmp_path):
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE)
    # Here tests/conftest.py does for a test elsewhere what it does for the tests below it.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-c", TESTS / "pytest.ini", "--rootdir", tmp_path, probe]
    assert "4 passed" in run_as(newcomer, command)
    assert newcomer.traces() == []


@pytest.mark.parametrize("start", ["alone", "beside a cluster"])
def test_no_test_in_cpp_finds_it(newcomer, start):
    case = "--test-case=the tests see nothing of whoever started them"
    command = [binaries.built("unit_tests"), case]
    if start == "beside a cluster":
        command = [sys.executable, TESTS / "support/with_cluster.py", *command]
    assert "1 passed" in run_as(newcomer, command)
    assert newcomer.traces() == []


def test_the_newcomers_own_program_does_find_it(newcomer):
    """The traps above are real: each of these settings leads to the sandbox."""
    assert newcomer.run("sandbox", "status")["data"]["state"] == "running"
    assert newcomer.run("whoami")["data"]["session_user"] == "relay"
    words = ["psql", "-X", "-w", "-Atc", "SHOW cluster_name"]
    for variables in ("PGSERVICE PGSERVICEFILE", "PGHOST PGPORT PGDATABASE PGUSER"):
        environment = {name: newcomer.env[name] for name in ("PATH", *variables.split())}
        assert run_as(newcomer, ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *words]) == "relay-admin sandbox\n"
    assert newcomer.traces() != []


def test_what_is_left_in_our_own_state_home_is_removed_also_when_we_are_killed(tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "from support import binaries, surroundings\n"
        "surroundings.isolate()\n"
        "subprocess.run([binaries.relay_admin(), 'sandbox', 'start', '-q', '-o', 'id'], check=True, stdout=subprocess.DEVNULL)\n"
        "folder = surroundings.state_home()\n"
        "print((folder / 'relay-admin/sandbox/data/postmaster.pid').read_text().split()[0], folder, flush=True)\n"
        "time.sleep(100)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    victim = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    pid, folder = victim.stdout.readline().split()
    victim.kill()
    victim.wait()
    victim.stdout.close()
    wait_until(lambda: not is_alive(int(pid)), timeout=60, what="the server to be stopped")
    wait_until(lambda: not Path(folder).parent.exists(), timeout=60, what="the folder to be removed")
