"""Lookups in the audit trail by actor, address and organization: their indexes are in every month, and uses of keys, which
are most of the trail, are in none of them."""

import pytest

from support.agents import first_agent
from support.audit_months import make_old_month, months, write_events
from support.prepared import prepared
from support.processes import wait_until

LOOKUPS = ("auth_events_by_actor", "auth_events_refused_addresses", "auth_events_refused_orgs")

# The scans and the rows of an index of the trail, in all partitions.
SCANS = """
SELECT COALESCE(sum(s.idx_scan), 0)::bigint FROM pg_inherits AS i JOIN pg_stat_user_indexes AS s ON s.indexrelid = i.inhrelid
WHERE i.inhparent = ('relay.' || %s)::regclass"""
ROWS = """
SELECT COALESCE(sum(c.reltuples), 0)::bigint FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = ('relay.' || %s)::regclass"""


@prepared
def filled(relay, database, tmp_path):
    """Uses of keys, and few other events."""
    first_agent(relay, tmp_path / "bot.key")
    database.execute(
        "INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, action, ip_address, trace_id)"
        " SELECT now() - n * interval '1 minute', 'acme', 'agent-' || n % 1000, 'authenticated', '192.0.2.1', 't' || n FROM generate_series(1, 30000) AS n")  # fmt: skip
    relay("org", "create", "globex", "--name", "Globex", check=0)
    database.execute("INSERT INTO relay.auth_events (org_id, action, outcome, ip_address) SELECT CASE n % 100 WHEN 0 THEN 'globex' ELSE 'acme' END, 'auth_failed', 'failed', ('198.51.100.' || n % 200)::inet FROM generate_series(1, 2000) AS n")
    database.execute("INSERT INTO relay.auth_events (org_id, action, actor) SELECT 'acme', 'agent_updated', 'ann' || n % 300 FROM generate_series(1, 1000) AS n")
    database.execute("VACUUM ANALYZE relay.auth_events")


def test_every_month_has_them(relay, database):
    """An old month, a missed one, which is made of the default partition's rows, and one that is made ahead."""
    make_old_month(database, 3, 5)
    write_events(database, 1, 5)
    relay("audit", "maintain", "--ahead", "5", check=0)
    partitions = database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'relay.auth_events'::regclass")
    assert partitions == len(months(database)) + 1
    for name in LOOKUPS:
        found = database.one("SELECT count(*) AS count, bool_and(x.indisvalid) AS valid FROM pg_inherits AS i JOIN pg_index AS x ON x.indexrelid = i.inhrelid"
                             " WHERE i.inhparent = ('relay.' || %s)::regclass", name)  # fmt: skip
        assert (found["count"], found["valid"]) == (partitions, True), name


@pytest.mark.parametrize(
    ("words", "index"),
    [
        (("--actor", "ann7"), "auth_events_by_actor"),
        (("--actor", "no-such-person"), "auth_events_by_actor"),
        (("--address", "198.51.100.7", "--outcome", "failed"), "auth_events_refused_addresses"),
        (("--org", "globex", "--outcome", "failed"), "auth_events_refused_orgs"),
    ],
)
def test_a_lookup_uses_its_index(relay, database, filled, words, index):
    before = database.value(SCANS, index)
    relay("audit", "list", *words, check=0)
    wait_until(lambda: database.value(SCANS, index) > before, what=f"a scan of {index}")


def test_uses_of_keys_are_in_none_of_them(database, filled):
    assert database.value(ROWS, "auth_events_by_time") >= 33000
    assert all(0 < database.value(ROWS, name) < 3100 for name in LOOKUPS)
