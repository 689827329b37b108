"""The audit trail with five million events: the last fifty of an agent against a primary-key select, a whole export against COPY, and
what sealing costs a writer.

The program is the release build; the output is thrown away. Rounds are interleaved; the figures are medians of the pairs."""

import os
import statistics
import subprocess

import pytest
from support.database import Database, make_template
from support.processes import peak_memory
from support.relay import Runner

from pairing import compare, cpu, measured
from test_one_shot import program, report

EVENTS = 5_000_000
EXPORTED = 1_000_000
LIST_MUST = 20.0
EXPORT_MUST = {"jsonl": 1.6, "csv": 1.6}
EXPORT_MEMORY = 16  # MiB
SEALED_MUST = 1.03

FILL = """
SET session_replication_role = replica;
INSERT INTO relay.organizations (org_id, name, plan, created_by) SELECT 'org-' || n, 'Org', 'paid', 'bench' FROM generate_series(1, 10) AS n;
INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
SELECT 'agent-' || n, 'org-' || n % 10 + 1, 'Agent', '[]', 'bench' FROM generate_series(1, 1000) AS n;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by)
SELECT translate(lpad(to_hex(n), 12, '0'), 'ilou', '1110'), 'agent-' || n, 'org-' || n % 10 + 1, sha256(n::text::bytea), 'bench' FROM generate_series(1, 1000) AS n;
RESET session_replication_role;
INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id)
SELECT now() - make_interval(secs => ({events} - n) * 0.01), 'org-' || n % 1000 % 10 + 1, 'agent-' || n % 1000 + 1,
       translate(lpad(to_hex(n % 1000 + 1), 12, '0'), 'ilou', '1110'), CASE WHEN n % 50 = 0 THEN 'auth_failed' ELSE 'authenticated' END,
       CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'ok' END, CASE WHEN n % 50 = 0 THEN 'expired' END,
       ('10.0.' || n / 256 % 256 || '.' || n % 256)::inet, md5(n::text)
FROM generate_series(1, {events}) AS n;
"""


def filled(cluster, events):
    made = Database(cluster, template=make_template(cluster))
    made.execute(FILL.format(events=events))
    made.execute("VACUUM ANALYZE")
    return made


@pytest.fixture(scope="module")
def trail(cluster):
    made = filled(cluster, EVENTS)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def month(cluster):
    made = filled(cluster, EXPORTED)
    yield made
    made.drop()


def test_the_last_fifty_of_an_agent(trail, home, capsys):
    """As the server sees it: the statement that the program sends, against a select of the agent by its primary key."""
    env = Runner(dsn=trail.dsn(), home=home, cwd=home).environment()
    ours = [os.environ["RELAY_ADMIN"], "audit", "list", "--agent", "agent-777", "--limit", "50"]
    peer = [program("psql"), "-X", "-q", "-d", trail.dsn(), "-c", "SELECT * FROM relay.agents WHERE agent_id = 'agent-777'"]
    comparison = measured(lambda: compare(lambda _: (ours, env), lambda _: (peer, env), rounds=40), lambda found: found.ratio <= LIST_MUST)
    report(capsys, comparison, f"audit list --agent, the last 50 of {EVENTS:,} events, against a primary-key select", LIST_MUST)


@pytest.mark.parametrize("form", EXPORT_MUST)
def test_an_export_costs_what_copy_does(month, home, capsys, form):
    env = Runner(dsn=month.dsn(), home=home, cwd=home).environment()
    ours = [os.environ["RELAY_ADMIN"], "audit", "export", "-o", form]
    peer = [program("psql"), "-X", "-q", "-d", month.dsn(), "-c", "COPY (SELECT * FROM relay.recorded_events ORDER BY occurred_at) TO STDOUT"]
    must = EXPORT_MUST[form]
    comparison = measured(
        lambda: compare(lambda _: (ours, env), lambda _: (peer, env), rounds=5, warmup=1), lambda found: found.ratio <= must, series=2
    )
    report(capsys, comparison, f"audit export -o {form}, {EXPORTED:,} events, against psql COPY", must)


def test_an_export_needs_little_memory(month, home):
    with open(os.devnull, "wb") as nowhere:
        process = Runner(dsn=month.dsn(), home=home, cwd=home).start("audit", "export", stdout=nowhere, stderr=nowhere)
    assert peak_memory(process) <= EXPORT_MEMORY and process.returncode == 0


# As calls write them, an event in a statement; and as no one does but a load of old data.
EVENT = """DO $$ BEGIN FOR n IN 1..3000 LOOP
    INSERT INTO relay.auth_events (action, agent_id) VALUES ('authenticated', 'agent-' || n % 1000); END LOOP; END $$"""
LOAD = "INSERT INTO relay.auth_events (action, agent_id) SELECT 'authenticated', 'agent-' || n % 1000 FROM generate_series(1, 20000) AS n"


def test_a_trail_that_can_be_sealed_costs_a_writer_nothing(cluster, home, capsys):
    """Sealing needs the index over the numbers: the same rows into a trail with it, in which a seal is being made, and without it.

    What is compared is the CPU time of the two writers' backends: two walls differ by more than three in a hundred anyway."""
    env = Runner(home=home, cwd=home).environment()
    sealed, bare = filled(cluster, 100_000), filled(cluster, 100_000)
    bare.execute("DROP INDEX relay.auth_events_by_number")
    subprocess.run([os.environ["RELAY_ADMIN"], "audit", "seal", "-q"], env={**env, "RELAY_ADMIN_DSN": sealed.dsn()}, check=True, stdout=subprocess.DEVNULL)
    writers = {where: where.value("SELECT pg_backend_pid()") for where in (sealed, bare)}

    def ratios(insert):
        found = []
        for number in range(40):
            spent = {}
            for where in (sealed, bare) if number % 2 else (bare, sealed):
                before = cpu(writers[where])
                where.execute(insert)
                spent[where] = cpu(writers[where]) - before
            found.append(spent[sealed] / spent[bare])
        return found

    with sealed.connect(autocommit=False) as held:
        held.cursor().execute("SELECT relay.begin_seals()")
        events = measured(lambda: ratios(EVENT), lambda found: statistics.median(found) <= SEALED_MUST)
        load = ratios(LOAD)
        held.rollback()
    with capsys.disabled():
        print("\nCPU of a writer into a trail that is being sealed, against one that cannot be, 40 rounds:")
        print(f"    an event in a statement: {quartiles(events)} (must be <= {SEALED_MUST:.2f})")
        print(f"    20,000 events in a statement: {quartiles(load)}")
    assert statistics.median(events) <= SEALED_MUST
    for made in (sealed, bare):
        made.drop()


def quartiles(ratios):
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"
