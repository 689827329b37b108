"""`schema apply` converts a database that the last program before release 0.1.0 made: every row comes along, gateways
get the answers of before, and nothing is dropped that the program does not know."""

import pytest

from support.relay import Runner
from support.upgrades import columns_of, load_before_release, rows_of, tuples

NOT_MOVED = {"schema_migrations", "key_changes", "feed_horizon", "gateway_acks"}

DECISIONS = """
SELECT k.key_id, d.ok, d.reason, d.org_id, d.agent_id, d.permissions, d.expires_at
FROM relay.agent_keys AS k, relay.verify_key(k.key_id, sha256(k.key_id::bytea)) AS d ORDER BY 1"""

STANDING = """
SELECT 'agent', agent_id, status FROM relay.agent_status UNION ALL SELECT 'org', org_id, status FROM relay.organization_status
UNION ALL SELECT 'key', key_id, status FROM relay.key_status ORDER BY 1, 2"""


@pytest.fixture
def old(empty_database):
    load_before_release(empty_database)
    return empty_database


@pytest.fixture
def relay(old, home, tmp_path):
    return Runner(dsn=old.dsn(), home=home, cwd=tmp_path)


def state_of(database):
    """All rows, and all names of objects, in lines that say where they differ."""
    rows = rows_of(database, columns_of(database))
    return [f"{table}: {row}" for table in sorted(rows) for row in rows[table]] + tuples(database, "SELECT oid, relname FROM pg_class ORDER BY 1")


def test_every_row_comes_along_and_every_answer_stays(relay, old):
    columns = columns_of(old)
    before = rows_of(old, columns)
    assert all(before[table] for table in set(columns) - NOT_MOVED), "a table without a row proves nothing"
    decisions, standing = tuples(old, DECISIONS), tuples(old, STANDING)
    legacy = {agent: old.one("SELECT * FROM relay_api.authenticate_legacy(%s)", agent) for (agent,) in tuples(old, "SELECT agent_id FROM relay.agents ORDER BY 1")}
    cursor = old.value("SELECT next_cursor FROM relay_api.changes_since(NULL)")
    before = rows_of(old, columns)  # the questions to authenticate_legacy have left their traces

    assert relay.json("schema", "status", check=11)["data"]["state"] == "convertible"
    converted = relay("schema", "apply", "-o", "json", check=0)
    assert converted.json()["data"]["converted"] is True and converted.json()["data"]["previous_version"] == 16
    assert "all rows were moved" in converted.err

    now = columns_of(old)
    shared = {
        table: ", ".join(name for name in names.split(", ") if name in now[table].split(", "))
        for table, names in columns.items() if table not in NOT_MOVED | {"key_sightings"}
    }  # fmt: skip
    gone = {f"{table}.{name}" for table, names in columns.items() for name in names.split(", ") if name not in now[table].split(", ")}
    assert gone == {"agents.last_used_at", "agent_keys.last_used_at", "agent_keys.last_used_from", "key_sightings.logged_at", "organizations.max_agents"}
    after = rows_of(old, shared)
    for table, names in shared.items():
        assert len(after[table]) == len(before[table]), table
        if names == columns[table]:
            assert after[table] == before[table], table
    assert tuples(old, DECISIONS) == decisions and tuples(old, STANDING) == standing
    reasons = {key: reason for key, _, reason, *_ in decisions}
    assert set(reasons.values()) >= {"ok", "retired", "revoked", "blocked"}
    for agent, answer in legacy.items():
        assert old.one("SELECT * FROM relay_api.authenticate_legacy(%s)", agent).items() >= answer.items(), agent
    assert {answer["reason"] for answer in legacy.values()} == {"ok", "blocked", "not_listed", "own_key", "revoked"}
    assert old.value("SELECT change FROM relay_api.changes_since(%s)", cursor) == "reset"

    assert old.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'relay%%before'") == 0
    assert old.value("SELECT count(*) FROM relay.auth_events_2026_01") == 60
    assert relay.json("schema", "verify", check=0)["data"]["differences"] == []
    assert relay.json("schema", "apply", check=0)["changed"] is False


def test_last_uses_are_kept_where_they_are_looked_for(relay, old):
    expected = tuples(old, "SELECT key_id, last_used_at, last_used_from FROM relay.agent_keys WHERE last_used_at IS NOT NULL ORDER BY 1")
    seen_first = tuples(old, "SELECT key_id, ip_address FROM relay.key_sightings ORDER BY 1, 2")
    relay("schema", "apply", check=0)
    latest = tuples(old, "SELECT DISTINCT ON (key_id) key_id, last_used_at, NULLIF(ip_address, '::') FROM relay.key_sightings ORDER BY key_id, last_used_at DESC")
    assert latest == expected
    assert set(seen_first) <= set(tuples(old, "SELECT key_id, ip_address FROM relay.key_sightings"))


def test_what_comes_after_is_newer_than_everything_before(relay, old):
    """A revocation of today ends every key of before, and a key of tomorrow survives its lifting."""
    relay("schema", "apply", check=0)
    relay("revoke", "a-plain", "--yes", check=0)
    relay("restore", "a-plain", "--yes", "--secret-file", "fresh.key", check=0)
    states = dict(tuples(old, "SELECT key_id, status FROM relay.key_status WHERE agent_id = 'a-plain'"))
    assert sorted(states.values()) == ["active", "revoked", "revoked"]
    assert relay.json("audit", "maintain", check=0)


def test_a_dry_run_changes_nothing(relay, old):
    before = state_of(old)
    assert relay.json("schema", "apply", "--dry-run", check=0)["data"]["converted"] is True
    assert state_of(old) == before


def test_other_commands_say_what_to_do(relay, old):
    error = relay.error("org", "list", check=11)
    assert "not converted yet" in error["message"] and error["next"] == "relay-admin schema apply"
    assert relay.error("block", "a-plain", check=11)["next"] == "relay-admin schema apply"


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE relay.agents ADD COLUMN color text", "unexpected: column relay.agents.color text"),
        ("ALTER TABLE relay.org_tokens DROP COLUMN revoked_at CASCADE", "missing: column relay.org_tokens.revoked_at"),
        ("ALTER TABLE relay.agents ALTER COLUMN name DROP NOT NULL", "missing: column relay.agents.name text not null"),
        ("CREATE TABLE relay.notes (text text)", "unexpected: table relay.notes"),
        ("CREATE INDEX by_name ON relay.agents (name)", "unexpected: index relay.by_name"),
        ("CREATE VIEW public.mine AS SELECT agent_id FROM relay.agents", "unexpected: dependent rule _RETURN on view public.mine"),
        ("CREATE TABLE public.mine (agent_id text REFERENCES relay.agents (agent_id))", "unexpected: dependent constraint"),
        ("CREATE FUNCTION relay.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "unexpected: function relay.mine()"),
        ("CREATE PUBLICATION mine FOR TABLE relay.agents", "unexpected: dependent publication of table"),
        ("CREATE STATISTICS public.mine ON name, org_id FROM relay.agents", "unexpected: dependent statistics object"),
        ("GRANT SELECT ON relay.agents TO pg_monitor", "unexpected: right of pg_monitor on relay.agents"),
        ("GRANT SELECT (name) ON relay.agents TO pg_monitor", "unexpected: right of pg_monitor on relay.agents"),
        ("CREATE RULE mine AS ON DELETE TO relay.agents DO ALSO NOTHING", "unexpected: rule mine on relay.agents"),
        ("DROP TRIGGER append_only ON relay.proven_agents", "missing: trigger append_only on relay.proven_agents"),
        ("CREATE POLICY mine ON relay.agents USING (true)", "unexpected: policy mine on relay.agents"),
    ],
)
def test_what_it_does_not_know_is_named_and_stays(relay, old, statement, named):
    old.execute(statement)
    before = state_of(old)
    error = relay.error("schema", "apply", check=11)
    assert named in error["why"] and error["changed"] == "no" and error["retryable"] is False
    assert state_of(old) == before


def test_a_row_that_does_not_fit_is_named_and_stays(relay, old):
    old.execute("UPDATE relay.agents SET name = E'bil\\u200bling' WHERE agent_id = 'a-plain'")
    before = state_of(old)
    error = relay.error("schema", "apply", check=11)
    assert "agents" in error["message"] + error["why"] and error["changed"] == "no"
    assert state_of(old) == before
