"""The cost of a gateway's check: relay_api.authenticate as it is shipped, as a ratio to pgbench's select of one row by
its primary key.

Both are prepared, over one unix socket, among the same 1000 keys; the figures are medians of rounds in which each runs
once. The parts of the check are measured, too. They have no bounds: they show where to look when the first figure
falls."""

import hashlib

import pytest

from pairing import measured
from pgbench import Script, race
from support.cluster import Cluster
from support.database import Database, make_template

ROUNDS = 7
TRANSACTIONS = 20_000  # the first use of each key within a minute is written: a small part of these calls
PART_ROUNDS, PART_TRANSACTIONS = 3, 1000
CHECK_MUST, CHECK_AIM = 0.20, 0.35
LEGACY_MUST = 0.20
SCALE_MUST = 1.2
FLOOD = 4000
MANY = 1_000_000
DIGEST = hashlib.sha256(b"the same for all: the table has no index on it").hexdigest()

# Set up like a production server: fsync is real, and the hot rows of a large fleet are in memory.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "off"}

# Foreign keys are checked row by row, 20 us each: the rows are correct without that.
FLEET = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT 'org-' || n, 'Organization', 'paid', 'bench' FROM generate_series(0, {agents} / 1000) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || n, 'org-' || n / 1000, 'Agent', '["stripe:create_payment", "crm:*"]', 'bench' FROM generate_series(1, {agents}) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)
SELECT lpad(n::text, 12, '0'), 'agent-' || n, 'org-' || n / 1000, sha256('\\x{digest}'), now() + interval '90 days', 'bench'
FROM generate_series(1, {agents}) AS n;
SET session_replication_role = origin;
"""

EMPTY = """
CREATE FUNCTION public.empty_check(key_id text, key_digest bytea, agent_id text, org_id text, ip_address inet)
RETURNS relay_api.auth_decision LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN RETURN NULL; END $$"""

# The hot keys are :step rows from each other, so that they are spread over a large table.
KEY = "lpad((:n * :step::integer)::text, 12, '0')"
BARE = f"SELECT key_hash FROM relay.agent_keys WHERE key_id = {KEY}"
CHECK = f"SELECT * FROM relay_api.authenticate({KEY}, :digest, NULL, NULL, :ip)"
LEGACY = "SELECT * FROM relay_api.authenticate_legacy('agent-' || :n * :step::integer, NULL, :ip)"
PARTS = {
    "a function that does nothing": f"SELECT * FROM public.empty_check({KEY}, :digest, NULL, NULL, :ip)",
    "its query without the function": f"SELECT org_id, agent_id, permissions, expires_at, last_used_at, reason FROM relay.key_standing"
    f" WHERE key_id = {KEY} AND key_hash = sha256(:digest)",
    "a bad key from one address": f"SELECT * FROM relay_api.authenticate({KEY}, '', NULL, NULL, :ip)",
    "a bad key, each time from another": f"SELECT * FROM relay_api.authenticate({KEY}, '', NULL, NULL, :ip::inet + :n)",
    "an insert of one row, on the disk": "INSERT INTO public.floor (n) VALUES (:n)",
}


@pytest.fixture(scope="module")
def server():
    with Cluster(settings=SETTINGS, name="bench") as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


def fleet(server, agents):
    """A database with that many agents, each with a key; the hot keys were used just now from the address of the
    run."""
    made = Database(server, template=make_template(server))
    made.execute(FLEET.format(agents=agents, digest=DIGEST))
    made.execute(EMPTY)
    made.execute("CREATE TABLE public.floor (n integer)")
    made.execute("VACUUM ANALYZE")
    return made


@pytest.fixture(scope="module")
def small(server):
    made = fleet(server, 1000)
    yield made
    made.drop()


LISTED = """
INSERT INTO relay.legacy_migrations (deadline, opened_by) VALUES (now() + interval '30 days', 'bench');
INSERT INTO relay.legacy_agents (agent_id, org_id, imported_by) SELECT agent_id, org_id, 'bench' FROM relay.agents;
UPDATE relay.legacy_agents SET migration_id = 1, wave = 1;
"""


@pytest.fixture(scope="module")
def listed(server):
    """As `small`, and every agent may use the shared secret."""
    made = fleet(server, 1000)
    made.execute(LISTED)
    made.execute("VACUUM ANALYZE")
    yield made
    made.drop()


def variables(step=1):
    return {"digest": f"\\x{DIGEST}", "ip": "192.0.2.1", "step": step}


def test_a_check_costs_a_small_factor_of_a_bare_select(small, folder, capsys):
    def members(scripts, transactions):
        return {name: (Script(folder, name.replace(",", ""), sql), small, transactions) for name, sql in scripts.items()}

    pair = members({"bare": BARE, "check": CHECK}, TRANSACTIONS)
    ratios = measured(
        lambda: race(pair, rounds=ROUNDS, variables=variables()), lambda found: found.of("check", "bare") >= CHECK_MUST
    )
    several = race(pair, rounds=3, clients=4, variables=variables())
    parts = race(members({"bare": BARE, **PARTS}, PART_TRANSACTIONS), rounds=PART_ROUNDS, variables=variables())
    check = ratios.of("check", "bare")
    with capsys.disabled():
        print(f"\nauthenticate against a bare select by primary key ({ratios.tps('bare'):.0f} TPS): {check:.2f} of its TPS with one client"
              f" (must be >= {CHECK_MUST:.2f}, aim {CHECK_AIM:.2f}), {several.of('check', 'bare'):.2f} with four; {ROUNDS} rounds")  # fmt: skip
        for name in PARTS:
            print(f"    {name}: {parts.of(name, 'bare'):.2f}")
    assert check >= CHECK_MUST


def syncs_of(database, script, **options):
    """How often the log was flushed while a script ran."""
    before = database.value("SELECT wal_sync FROM pg_stat_wal")
    script.run(database, **options)
    database.execute("SELECT pg_stat_clear_snapshot()")
    return database.value("SELECT wal_sync FROM pg_stat_wal") - before


def test_the_shared_secret_costs_a_small_factor_too_and_no_fsyncs(listed, folder, capsys):
    bare, legacy = Script(folder, "bare for legacy", BARE), Script(folder, "legacy", LEGACY)
    first = syncs_of(listed, legacy, transactions=2000, variables=variables())  # most of these are first uses, which are written
    pair = {"bare": (bare, listed, TRANSACTIONS), "legacy": (legacy, listed, TRANSACTIONS)}
    ratios = measured(
        lambda: race(pair, rounds=ROUNDS, variables=variables()), lambda found: found.of("legacy", "bare") >= LEGACY_MUST
    )
    ratio = ratios.of("legacy", "bare")
    with capsys.disabled():
        print(f"\nauthenticate_legacy against a bare select by primary key: {ratio:.2f} of its TPS (must be >= {LEGACY_MUST:.2f});"
              f" {first} fsyncs of the log for 1000 first uses")  # fmt: skip
    assert ratio >= LEGACY_MUST
    assert first < 100


def test_a_flood_of_bad_keys_is_not_one_of_fsyncs(small, folder, capsys):
    events = small.value("SELECT sum(times) FROM relay.recorded_events WHERE outcome = 'failed'")
    flood = Script(folder, "flood", PARTS["a bad key from one address"])
    made = syncs_of(small, flood, transactions=FLOOD, clients=4, variables=variables())
    recorded = small.value("SELECT sum(times) FROM relay.recorded_events WHERE outcome = 'failed'") - (events or 0)
    with capsys.disabled():
        print(f"\n{FLOOD} bad keys by four clients: {made} fsyncs of the log, {recorded} counted")
    assert recorded == FLOOD
    assert made < FLOOD / 20


def test_a_check_costs_the_same_among_a_million_agents(server, small, folder, capsys):
    large = fleet(server, MANY)
    try:
        # Both have the same number of hot keys, because the size of the tables and indexes is compared.
        few, many = Script(folder, "few", CHECK), Script(folder, "many", CHECK)
        def series():
            found = []
            for number in range(ROUNDS + 1):
                one = few.run(small, transactions=TRANSACTIONS // 2, variables=variables())
                other = many.run(large, transactions=TRANSACTIONS // 2, variables=variables(MANY // 1000))
                if number:
                    found.append(one / other)
            return sorted(found)[len(found) // 2]

        ratio = measured(series, lambda found: found <= SCALE_MUST)
        with capsys.disabled():
            print(f"\nauthenticate among {MANY} agents takes {ratio:.2f} of its time among 1000 (must be <= {SCALE_MUST:.2f}), {ROUNDS} rounds")
        assert ratio <= SCALE_MUST
    finally:
        large.drop()
