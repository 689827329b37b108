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
CHECK_MUST, CHECK_AIM = {1: 0.45, 4: 0.25}, {1: 0.60, 4: 0.40}  # by the number of clients
PERMIT_MUST, PERMIT_AIM = {1: 0.36, 4: 0.25}, {1: 0.60, 4: 0.40}
LIFTED_MUST, LIFTED_AIM = 0.95, 1.0
FIRST_MUST, FIRST_AIM = 0.12, 0.3
REPORTED_MUST, REPORTED_AIM = 0.5, 1.5
REPORT = 1000  # uses in one report
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
REPORTING = f"SELECT * FROM relay_api.authenticate({KEY}, :digest, NULL, NULL, :ip, reports_uses => true)"
PERMIT = "SELECT * FROM relay_api.authorize('agent-' || :n::integer, 'crm' || chr(58) || 'read', :ip)"
LEGACY = "SELECT * FROM relay_api.authenticate_legacy('agent-' || :n * :step::integer, NULL, :ip)"
PARTS = {
    "a function that does nothing": f"SELECT * FROM public.empty_check({KEY}, :digest, NULL, NULL, :ip)",
    "its query without the function": f"SELECT org_id, agent_id, permissions, expires_at, awaits_use, reason FROM relay.key_standing"
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


def members(folder, database, scripts, transactions, **options):
    return {name: (Script(folder, name.replace(",", ""), sql, **options), database, transactions) for name, sql in scripts.items()}


@pytest.mark.parametrize("clients", [1, 4])
def test_a_check_costs_a_small_factor_of_a_bare_select(small, folder, capsys, clients):
    calls = {"check": (CHECK_MUST, CHECK_AIM), "reporting": (CHECK_MUST, CHECK_AIM), "permit": (PERMIT_MUST, PERMIT_AIM)}
    race_of = members(folder, small, {"bare": BARE, "check": CHECK, "reporting": REPORTING, "permit": PERMIT}, TRANSACTIONS)
    ratios = measured(
        lambda: race(race_of, rounds=ROUNDS, clients=clients, variables=variables()),
        lambda found: all(found.of(name, "bare") >= must[clients] for name, (must, _) in calls.items()),
    )
    titles = {"check": "authenticate", "reporting": "authenticate by a gateway that reports uses", "permit": "authorize"}
    with capsys.disabled():
        print(f"\nagainst a bare select by primary key ({ratios.tps('bare'):.0f} TPS), {clients} clients, {ROUNDS} rounds:")
        for name, (must, aim) in calls.items():
            print(f"    {titles[name]}: {ratios.text(name, 'bare')} of its TPS (must be >= {must[clients]:.2f}, aim {aim[clients]:.2f})")
    for name, (must, _) in calls.items():
        assert ratios.of(name, "bare") >= must[clients], name


def test_the_parts_of_a_check(small, folder, capsys):
    parts = race(members(folder, small, {"bare": BARE, **PARTS}, PART_TRANSACTIONS), rounds=PART_ROUNDS, variables=variables())
    with capsys.disabled():
        print("\nagainst a bare select:")
        for name in PARTS:
            print(f"    {name}: {parts.of(name, 'bare'):.2f}")


def test_a_block_that_was_lifted_slows_no_check(server, small, folder, capsys):
    lifted = fleet(server, 1000)
    try:
        lifted.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, lifted_at, lifted_by)"
                       " SELECT 'org', org_id, 'block', 'bench', now(), 'bench' FROM relay.organizations, generate_series(1, 5)")  # fmt: skip
        lifted.execute("VACUUM ANALYZE")
        script = Script(folder, "check of an organization", CHECK)
        pair = {"never": (script, small, TRANSACTIONS // 2), "lifted": (script, lifted, TRANSACTIONS // 2)}
        ratios = measured(
            lambda: race(pair, rounds=ROUNDS, variables=variables()), lambda found: found.of("lifted", "never") >= LIFTED_MUST
        )
    finally:
        lifted.drop()
    with capsys.disabled():
        print(f"\nauthenticate for an organization that had five blocks lifted: {ratios.text('lifted', 'never')} of the TPS without"
              f" (must be >= {LIFTED_MUST:.2f}, aim {LIFTED_AIM:.2f}), {ROUNDS} rounds")  # fmt: skip
    assert ratios.of("lifted", "never") >= LIFTED_MUST


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


@pytest.fixture(scope="module")
def large(server):
    """A database with a million agents, whose keys were used two minutes ago from the address of the run."""
    made = fleet(server, MANY)
    made.execute("SET synchronous_commit = off; UPDATE relay.agent_keys SET awaits_use = false;"
                 "INSERT INTO relay.proven_agents (agent_id, org_id, key_id) SELECT agent_id, org_id, key_id FROM relay.agent_keys;"
                 "INSERT INTO relay.key_sightings SELECT key_id, '192.0.2.1', now() - interval '2 minutes' FROM relay.agent_keys")  # fmt: skip
    made.execute("VACUUM ANALYZE")
    made.execute("CHECKPOINT")
    yield made
    made.drop()


def test_the_first_use_of_a_key_in_its_minute(large, folder, capsys):
    """Random keys of a million, so that nearly every call records a use; and the same uses in reports."""
    reported = (f"SELECT * FROM relay_api.report_uses(ARRAY(SELECT lpad((1 + floor(random() * {MANY}))::integer::text, 12, '0')"
                f" FROM generate_series(1, {REPORT})), array_fill('192.0.2.1'::inet, ARRAY[{REPORT}]),"
                f" array_fill(now(), ARRAY[{REPORT}]))")  # fmt: skip
    race_of = members(folder, large, {"bare random": BARE, "first": CHECK}, TRANSACTIONS // 2, most=MANY)
    race_of["reported"] = (Script(folder, "reported", reported), large, 20)
    ratios = measured(
        lambda: race(race_of, rounds=ROUNDS, clients=4, variables=variables()),
        lambda found: found.of("first", "bare random") >= FIRST_MUST and found.of("reported", "bare random") * REPORT >= REPORTED_MUST,
    )
    first, batched = ratios.of("first", "bare random"), ratios.of("reported", "bare random") * REPORT
    with capsys.disabled():
        print(f"\nfirst use of a key in its minute, random keys of {MANY}, four clients, against a bare select"
              f" ({ratios.tps('bare random'):.0f} TPS): {first:.2f} by authenticate (must be >= {FIRST_MUST:.2f}, aim {FIRST_AIM:.2f}),"
              f" {batched:.2f} in reports of {REPORT} (must be >= {REPORTED_MUST:.2f}, aim {REPORTED_AIM:.2f}), {ROUNDS} rounds")  # fmt: skip
    assert first >= FIRST_MUST and batched >= REPORTED_MUST


def test_a_check_costs_the_same_among_a_million_agents(small, large, folder, capsys):
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
