"""What policies cost: the probe for addresses in each check, a nonce, and a lease; ratios to a select of one row by its primary key."""

import os
import re
from pathlib import Path

import pytest

from pairing import measured
from pgbench import Script, race
from support.cluster import Cluster
from test_authenticate import BARE, CHECK, SETTINGS, TRANSACTIONS, fleet, variables

SCHEMA = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2])) / "schema"
ROUNDS = 5
CLIENTS = 8
PROBE_MUST = 0.95
NONCE_MUST, NONCE_AIM = 0.22, 0.27
LEASE_MUST, LEASE_AIM = 0.10, 0.11
PROBE = "EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = k.org_id)"
NONCE = "SELECT * FROM relay_api.use_nonce('agent-' || :n, decode(md5(random()::text), 'hex'), clock_timestamp(), '60 s')"
LEASE = "SELECT * FROM relay_api.lease_rate('agent-' || :n, 'org-' || :n / 1000, 'gateway-' || (:n % 4), 100)"


@pytest.fixture(scope="module")
def database():
    with Cluster(settings=SETTINGS, name="bench") as server:
        made = fleet(server, 1000)
        text = (SCHEMA / "0027_call_checks.sql").read_text()
        (function,) = re.findall(r"CREATE OR REPLACE FUNCTION relay_api\.authenticate\(.*?\n\$\$;\n", text, re.DOTALL)
        assert function.count(PROBE) == 1
        made.execute(function.replace(PROBE, "false").replace("relay_api.authenticate(", "relay_api.without_probe(", 1).replace("authenticate.", "without_probe."))
        made.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount)"
                     " SELECT 'org', org_id, 'agent_qps', org_id, 1000 FROM relay.organizations")  # fmt: skip
        made.execute("INSERT INTO relay.call_policies (org_id, addresses) SELECT 'org-1', '{192.0.2.0/24}'")
        made.execute("INSERT INTO relay.nonces_kept (since) VALUES (now() - interval '1 day')")
        made.execute("VACUUM ANALYZE")
        yield made


def test_the_probe_for_addresses_costs_a_check_next_to_nothing(database, tmp_path, capsys):
    scripts = {"with": CHECK, "without": CHECK.replace("relay_api.authenticate(", "relay_api.without_probe(")}
    members = {name: (Script(tmp_path, name, sql), database, TRANSACTIONS) for name, sql in scripts.items()}
    ratios = measured(
        lambda: race(members, rounds=ROUNDS, clients=CLIENTS, variables=variables()), lambda found: found.of("with", "without") >= PROBE_MUST
    )
    with capsys.disabled():
        print(f"\nauthenticate with the probe for addresses: {ratios.text('with', 'without')} of the TPS without it"
              f" (must be >= {PROBE_MUST:.2f}), {CLIENTS} clients, {ROUNDS} rounds")  # fmt: skip
    assert ratios.of("with", "without") >= PROBE_MUST


def test_a_nonce_and_a_lease_cost_a_small_factor_of_a_bare_select(database, tmp_path, capsys):
    scripts = {"bare": BARE, "nonce": NONCE, "lease": LEASE}
    members = {name: (Script(tmp_path, name, sql), database, TRANSACTIONS) for name, sql in scripts.items()}
    must = {"nonce": (NONCE_MUST, NONCE_AIM), "lease": (LEASE_MUST, LEASE_AIM)}
    ratios = measured(
        lambda: race(members, rounds=ROUNDS, clients=CLIENTS, variables=variables()),
        lambda found: all(found.of(name, "bare") >= least for name, (least, _) in must.items()),
    )
    with capsys.disabled():
        print(f"\nagainst a bare select by primary key ({ratios.tps('bare'):.0f} TPS), {CLIENTS} clients, {ROUNDS} rounds:")
        for name, (least, aim) in must.items():
            print(f"    {name}: {ratios.text(name, 'bare')} of its TPS (must be >= {least:.2f}, aim {aim:.2f})")
    for name, (least, _) in must.items():
        assert ratios.of(name, "bare") >= least, name
