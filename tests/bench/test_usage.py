"""The cost of counting what organizations use: relay_api.take, as a ratio to a gateway's bare select of a key in the same run.

All are prepared, by 8 clients over one unix socket; the figures are medians of rounds in which each runs once. Each organization has
limits by its plan, so that a take has to find the plan that decides."""

import pytest

from pairing import measured
from pgbench import Script, race
from support.cluster import Cluster
from support.database import Database, make_template
from test_authenticate import BARE, DIGEST, FLEET, SETTINGS

ROUNDS, CLIENTS = 3, 8
SELECTS, TAKES = 40_000, 8_000
BLOCK = 100
MUST = {"one hot row": 0.18, "1,000 organizations": 0.18, "blocks of 100": 15}

FILL = """
INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'paid', 'messages', 1000000000000);
SET session_replication_role = replica;
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'tenant-' || n, 'Tenant', 'paid', 'bench' FROM generate_series(1, 1000) AS n;
SET session_replication_role = origin;
SELECT relay_api.take(org_id, 'messages', 1) FROM relay.organizations;
VACUUM ANALYZE;
"""
TAKE = "SELECT * FROM relay_api.take('tenant-' || :org, 'messages', {amount}, 1)"
SCRIPTS = {
    "bare": BARE,
    "one hot row": TAKE.format(amount=1).replace(":org", "1"),
    "1,000 organizations": TAKE.format(amount=1).replace(":org", ":n"),
    "blocks of 100": TAKE.format(amount=BLOCK).replace(":org", "1"),
}


@pytest.fixture(scope="module")
def filled():
    with Cluster(settings=SETTINGS, name="bench") as server:
        made = Database(server, template=make_template(server))
        made.execute(FLEET.format(agents=1000, digest=DIGEST))
        for statement in FILL.strip().split(";\n"):
            made.execute(statement)
        yield made
        made.drop()


def test_takes_against_bare_selects(filled, tmp_path, capsys):
    members = {name: (Script(tmp_path, name, sql), filled, SELECTS if name == "bare" else TAKES) for name, sql in SCRIPTS.items()}
    units = {name: BLOCK if name.startswith("blocks") else 1 for name in SCRIPTS}
    ratios = measured(
        lambda: race(members, rounds=ROUNDS, clients=CLIENTS, variables={"step": 1}),
        lambda found: all(found.of(name, "bare") * units[name] >= must for name, must in MUST.items()),
    )
    with capsys.disabled():
        print(f"\nunits taken against bare selects by primary key ({ratios.tps('bare'):.0f} TPS), {CLIENTS} clients, {ROUNDS} rounds:")
        for name, must in MUST.items():
            print(f"    {name}: {ratios.of(name, 'bare') * units[name]:.2f} (must be >= {must})")
    for name, must in MUST.items():
        assert ratios.of(name, "bare") * units[name] >= must, name
