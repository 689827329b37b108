"""Among a million agents: a list against psql's COPY of the same view, and a mistyped id against one among a thousand.

The program is the release build; the output is thrown away. Rounds are interleaved; the figures are medians of the pairs."""

import os

import pytest
from support.database import Database, make_template
from support.relay import Runner

from pairing import compare, measured
from test_one_shot import program, report

LIST_ROUNDS = 5
LIST_MUST = {"table": 1.5, "csv": 1.5, "jsonl": 2.0, "json": 2.0}
SLIP_ROUNDS = 40
SLIP_MUST = 1.2

FILL = """
SET session_replication_role = replica;  -- no triggers
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'org-' || n, 'Org ' || n, 'paid', 'bench' FROM generate_series(1, 100) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || n, 'org-' || n % 100 + 1, 'Agent number ' || n, '["stripe:create_payment"]', 'bench'
FROM generate_series(1, {agents}) AS n;
RESET session_replication_role;
"""


@pytest.fixture(scope="module")
def fleets(cluster):
    """Databases with a thousand and a million agents."""
    made = {}
    for agents in (1_000, 1_000_000):
        made[agents] = Database(cluster, template=make_template(cluster))
        made[agents].execute(FILL.format(agents=agents))
        made[agents].execute("VACUUM ANALYZE relay.agents, relay.organizations")
    yield made
    for fleet in made.values():
        fleet.drop()


def runner(fleet, home):
    return Runner(dsn=fleet.dsn(), home=home, cwd=home)


@pytest.mark.parametrize("form", LIST_MUST)
def test_a_list_costs_what_copy_does(fleets, home, capsys, form):
    fleet = fleets[1_000_000]
    env = runner(fleet, home).environment()
    ours = [os.environ["RELAY_ADMIN"], "agent", "list", "--all", "-o", form]
    peer = [program("psql"), "-X", "-q", "-d", fleet.dsn(), "-c", "COPY (SELECT * FROM relay.agent_status) TO STDOUT"]
    must = LIST_MUST[form]
    comparison = measured(
        lambda: compare(lambda _: (ours, env), lambda _: (peer, env), rounds=LIST_ROUNDS, warmup=1),
        lambda found: found.ratio <= must,
        series=2,
    )
    report(capsys, comparison, f"agent list --all -o {form}, 1,000,000 rows, against psql COPY of the view", must)


@pytest.mark.parametrize("words", [["agent", "show"], ["block"], ["rotate-key"]], ids="-".join)
@pytest.mark.parametrize("typed", ["agnet-777", "agent-7x7"])
def test_a_mistyped_id_costs_the_same_among_a_million(fleets, home, tmp_path, capsys, words, typed):
    sink = ["--secret-file", str(tmp_path / "k")] if words == ["rotate-key"] else []
    argv = [os.environ["RELAY_ADMIN"], *words, typed, *sink]
    few, many = (runner(fleets[agents], home) for agents in (1_000, 1_000_000))
    for relay in (few, many):
        assert "did you mean: agent-7" in relay(*argv[1:], check=3).err
    comparison = measured(
        lambda: compare(lambda _: (argv, many.environment()), lambda _: (argv, few.environment()), rounds=SLIP_ROUNDS, code=3),
        lambda found: found.ratio <= SLIP_MUST,
    )  # fmt: skip
    report(capsys, comparison, f"{' '.join(words)} {typed} among a million, against among a thousand", SLIP_MUST)
