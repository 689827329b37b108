"""From a pasted log to keys that are dead, and shown to be: three commands, and how much machine time they take, among 10,000 agents.

Machine time is the CPU time of the program and of the server together, so other load on the machine does not change it. Two responders
with the same log do the same at the same time."""

import base64
import os
import random
import subprocess
from pathlib import Path

import pytest

from key_fleet_writes import FLEET
from pairing import run_once
from support.agents import decide, key_hash, key_id, read_key
from support.cluster import Cluster
from support.database import Database, make_template
from support.own_key import make_key
from support.relay import Runner
from test_scan import plain_line

AGENTS, LEAKED = 10_000, 20
SIZE = 16 << 20  # bytes of log
MUST = 10.0  # seconds


@pytest.fixture
def fleet():
    with Cluster(name="bench") as server:
        made = Database(server, template=make_template(server))
        made.execute(FLEET.format(agents=AGENTS, batch=1000))
        made.execute("VACUUM ANALYZE")
        yield made


@pytest.fixture
def paste(fleet, tmp_path):
    """A log with the key of each of some agents, every second one in an encoding; returns (path, {agent: key})."""
    keys = {f"agent-{number:07}": make_key() for number in range(1, AGENTS, AGENTS // LEAKED)}
    made = random.Random(1)
    block = [plain_line(made) for _ in range(2000)]
    with (tmp_path / "paste").open("w") as log:
        for number, (agent, key) in enumerate(keys.items()):
            fleet.execute("UPDATE relay.agent_keys SET key_id = %s, key_hash = %s WHERE agent_id = %s", key_id(key), key_hash(key), agent)
            log.write("\n".join(block * (SIZE // LEAKED // sum(map(len, block)))))
            log.write(f"\nX-Api-Key: {key}\n" if number % 2 else f"\nAuthorization: Basic {base64.b64encode(f'user:{key}'.encode()).decode()}\n")
    return tmp_path / "paste", keys


def server_seconds(cluster):
    """The CPU time of all processes of the server that have ended."""
    fields = Path(f"/proc/{cluster.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def test_from_a_log_to_proven_dead_in_three_commands(fleet, paste, home, capsys):
    path, keys = paste
    env = Runner(dsn=fleet.dsn(), home=home, cwd=home).environment()
    fresh = path.parent / "fresh"
    before, program = server_seconds(fleet.cluster), 0.0
    commands = (["whois", str(path)], ["revoke", "--scan", str(path), "--clean", str(fresh), "--ticket", "INC-1"], ["whois", str(path)])
    for command in commands:
        timing = run_once([os.environ["RELAY_ADMIN"], *command], env)
        assert timing.code == 0, command
        program += timing.cpu
    server = server_seconds(fleet.cluster) - before
    shown = subprocess.run([os.environ["RELAY_ADMIN"], *commands[-1], "-o", "json"], env=env, capture_output=True, text=True, check=True).stdout
    assert all(key_id(key) in shown for key in keys.values()) and '"active"' not in shown
    assert {decide(fleet, key) for key in keys.values()} == {"revoked"}
    assert {decide(fleet, read_key(fresh / f"{agent}.key")) for agent in keys} == {"ok"}
    with capsys.disabled():
        print(f"\nfrom a log of {SIZE >> 20} MiB with {len(keys)} keys to proven dead: {len(commands)} commands, {program + server:.2f} s of machine time"
              f" (program {program:.2f}, server {server:.2f}; must be <= {MUST:.0f})")  # fmt: skip
    assert program + server <= MUST


def test_two_responders_with_the_same_log_leave_one_live_key_for_each_agent(fleet, paste, home, capsys):
    path, keys = paste
    before = server_seconds(fleet.cluster)
    folders = [path.parent / name for name in ("ana", "ben")]
    runs = [Runner(dsn=fleet.dsn(), home=home, cwd=home).start("revoke", "--scan", path, "--clean", folder, "--actor", folder.name) for folder in folders]
    for run in runs:
        run.communicate()
    assert [run.returncode for run in runs] == [0, 0]
    server = server_seconds(fleet.cluster) - before
    assert {decide(fleet, key) for key in keys.values()} == {"revoked"}
    for agent in keys:
        files = [folder / f"{agent}.key" for folder in folders if (folder / f"{agent}.key").exists()]
        assert [decide(fleet, read_key(file)) for file in files] == ["ok"], agent
    assert fleet.value("SELECT count(*) FROM relay.key_status WHERE status = 'active'") == AGENTS
    with capsys.disabled():
        print(f"\ntwo responders with the same log: {server:.2f} s of the server, {len(keys)} fresh keys, one for each agent")
