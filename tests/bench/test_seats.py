"""The cost of seats: relay_api.authenticate as it is shipped, against the one of release 0.1.0, which knows no plans.

Both run in the same database, over the same keys, in rounds in which each runs once. The organizations have a limit of
agents. The call that is seen within a minute asks nothing about seats; the first call of a minute does, and has no bound
here: it is measured at the first and at the last place of a large organization."""

import os
import re
from pathlib import Path

import pytest
from pairing import measured
from pgbench import race
from support.cluster import Cluster
from test_authenticate import CHECK, KEY, REPORTING, SETTINGS, fleet, members, variables

SCHEMA = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "schema"
ROUNDS, TRANSACTIONS = 7, 20_000
MUST, AIM = 0.95, 1.0
LARGE_MUST = 0.4  # a refused agent under a limit of 9,000, against one under a limit of 9
# In the same order as the limits of the database: each organization has 1000 agents, and just as many seats.
LIMITS = """
INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) SELECT 'org', org_id, 'agents', org_id, 1000 FROM relay.organizations;
INSERT INTO relay.subscriptions (org_id, state, said_at) SELECT org_id, 'active', now() FROM relay.organizations;
UPDATE relay.agents SET seat = now() + make_interval(secs => substr(agent_id, 7)::integer);
"""


def of_release():
    """authenticate of 0010, as a function with another name, and what it calls that later migrations dropped."""
    text = (SCHEMA / "0010_authentication.sql").read_text()
    functions = [re.search(rf"^CREATE FUNCTION {name}\(.*?^\$\$;$", text, re.MULTILINE | re.DOTALL)[0]
                 for name in (r"relay\.note_sighting", r"relay\.note_success", r"relay_api\.authenticate")]  # fmt: skip
    return "\n".join(functions).replace("relay_api.authenticate(", "relay_api.without_seats(").replace("authenticate.", "without_seats.")


@pytest.fixture(scope="module")
def limited():
    with Cluster(settings=SETTINGS, name="bench") as server:
        made = fleet(server, 1000)
        made.execute(LIMITS)
        made.execute("BEGIN; SET LOCAL ROLE relay_owner; " + of_release() + " COMMIT")
        made.execute("VACUUM ANALYZE")
        yield made
        made.drop()


@pytest.mark.parametrize("clients", [1, 8])
def test_seats_cost_a_usual_call_nothing(limited, tmp_path, capsys, clients):
    scripts = {"with": CHECK, "without": CHECK.replace("relay_api.authenticate", "relay_api.without_seats")}
    ratios = measured(
        lambda: race(members(tmp_path, limited, scripts, TRANSACTIONS), rounds=ROUNDS, clients=clients, variables=variables()),
        lambda found: found.of("with", "without") >= MUST,
    )
    with capsys.disabled():
        print(f"\nauthenticate with seats against without ({ratios.tps('without'):.0f} TPS), {clients} clients, {ROUNDS} rounds: "
              f"{ratios.text('with', 'without')} (must be >= {MUST:.2f}, aim {AIM:.2f})")  # fmt: skip
    assert ratios.of("with", "without") >= MUST


def test_what_the_question_about_seats_costs(limited, tmp_path, capsys):
    """No bound: a call that reports its use asks it each time, and a gateway makes such a call once a minute for each key."""
    scripts = {
        "reporting": REPORTING,
        "without": REPORTING.replace("relay_api.authenticate", "relay_api.without_seats"),
        "limit": "SELECT relay.limit_of('org-0', 'agents') FROM (SELECT :n) AS n",
        "first": "SELECT relay.has_seat('org-0', 'agent-1') FROM (SELECT :n) AS n",
        "last": "SELECT relay.has_seat('org-0', 'agent-999') FROM (SELECT :n) AS n",
    }
    ratios = race(members(tmp_path, limited, scripts, 1000), rounds=3, clients=1, variables=variables())
    assert KEY
    with capsys.disabled():
        print(f"\nagainst a call of release 0.1.0 that reports its use ({ratios.tps('without'):.0f} TPS):")
        for name, title in (("reporting", "the same with seats, among 1000"), ("limit", "limit_of"), ("first", "has_seat at place 1"),
                            ("last", "has_seat at place 999")):  # fmt: skip
            print(f"    {title}: {ratios.text(name, 'without')} of its TPS")


def test_a_refused_agent_costs_about_the_same_under_any_limit(limited, tmp_path, capsys):
    for org, limit in (("large", 9000), ("small", 9)):
        limited.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, 'Org', 'paid', 'bench')", org)
        limited.execute("INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by, seat) SELECT %s || '-' || n, %s, 'Bot', '[]', 'bench',"
                        " now() + make_interval(secs => n) FROM generate_series(1, %s) AS n", org, org, limit + 1000)  # fmt: skip
        limited.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', %s, 'agents', %s, %s)", org, org, limit)
    limited.execute("VACUUM ANALYZE relay.agents")
    # Each call is of another agent without a seat.
    scripts = {org: f"SELECT relay.find_seat('{org}', '{org}-' || {limit} + :n)" for org, limit in (("large", 9000), ("small", 9))}
    ratios = measured(lambda: race(members(tmp_path, limited, scripts, 4000), rounds=5, clients=1, variables=variables()),
                      lambda found: found.of("large", "small") >= LARGE_MUST)  # fmt: skip
    with capsys.disabled():
        print(f"\na refused agent under a limit of 9,000 against one under a limit of 9 ({ratios.tps('small'):.0f} TPS): "
              f"{ratios.text('large', 'small')} (must be >= {LARGE_MUST:.2f})")  # fmt: skip
    assert ratios.of("large", "small") >= LARGE_MUST
