"""The cost of one command, as a ratio to psql in the same run: `--version`, and `agent create` against one SQL
statement of the same writes.

The program is the release build. Every pair runs back to back over one unix socket; the figures are medians of the pairs."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from pairing import compare, measured

ROUNDS = 60
START_MUST = 1.4
CREATE_MUST = 1.2

# The writes of `agent create` without the checks of program and server: agent, key, two events and the fence.
SAME_WRITES = """
WITH org AS (
    SELECT org_id, key_max_age FROM relay.organizations WHERE org_id = 'acme'
), agent AS (
    INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
    SELECT '{agent}', org_id, 'Bench', '[]', 'bench' FROM org RETURNING agent_id, org_id
), key AS (
    INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
    SELECT '{key}', agent.agent_id, agent.org_id, sha256('{key}'), now() + org.key_max_age, 'bench' FROM agent, org
    RETURNING key_id, agent_id, org_id
), events AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, actor)
    SELECT action, org_id, agent_id, key_id, 'bench' FROM key, unnest(ARRAY['agent_created', 'key_issued']) AS action
)
INSERT INTO relay.operations (op_id, state) VALUES ('op_{key}', 'done')
"""


def program(name):
    found = shutil.which(name)
    assert found, f"{name} is not installed"
    # Debian's psql is a wrapper in Perl that picks a version: the peer is the program behind it.
    real = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(real[-1]) if real else found


@pytest.fixture
def memory_folder():
    """A folder for secret files, in memory if possible: the disk is not part of the comparison."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder)


def report(capsys, comparison, name, must):
    with capsys.disabled():
        print(f"\n{comparison.line(name, must)}")
    assert comparison.ratio <= must


def test_the_program_starts_as_fast_as_psql(capsys):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    relay_admin = os.environ["RELAY_ADMIN"]
    comparison = measured(
        lambda: compare(lambda _: ([relay_admin, "--version"], env), lambda _: ([program("psql"), "--version"], env), rounds=ROUNDS),
        lambda found: found.ratio <= START_MUST,
    )
    report(capsys, comparison, "relay-admin --version against psql --version", START_MUST)


def test_agent_create_costs_what_psql_does(database, relay, memory_folder, capsys):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    env = relay.environment()
    psql = program("psql")

    def ours(number):
        sink = str(memory_folder / f"{number}.key")
        return [os.environ["RELAY_ADMIN"], "agent", "create", f"ours-{number}", "--org", "acme", "--name", "Bench", "--secret-file", sink], env

    def peer(number):
        statement = SAME_WRITES.format(agent=f"peer-{number}", key=f"{number:012d}")
        return [psql, "-X", "-q", "-d", database.dsn(), "-c", statement], env

    def series():
        made = database.value("SELECT count(*) FROM relay.agents")
        found = compare(lambda number: ours(made + number), lambda number: peer(made + number), rounds=ROUNDS)
        assert database.value("SELECT count(*) FROM relay.agents") == made + 2 * (ROUNDS + 3)
        return found

    comparison = measured(series, lambda found: found.ratio <= CREATE_MUST)
    report(capsys, comparison, "relay-admin agent create against psql -c of the same writes", CREATE_MUST)
