"""schema apply, status, verify, print: on a database in every possible state."""

import concurrent.futures
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from support.agents import first_agent
from support.binaries import client_bin
from support.processes import wait_until
from support.relay import Runner

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
VERSIONS = len(list((SOURCE / "schema").glob("[0-9][0-9][0-9][0-9]_*.sql")))


@pytest.fixture
def bare(empty_database, home, tmp_path):
    """Runs relay-admin against a database without our schema."""
    return Runner(dsn=empty_database.dsn(), home=home, cwd=tmp_path)


def catalog(database):
    return [row["line"] for row in database.rows(CATALOG)]


CATALOG = """
SELECT line FROM (
    SELECT 'table ' || c.oid::regclass || ' ' || c.relkind::text AS line FROM pg_class c
    WHERE c.relnamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace)
    UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'relay'::regnamespace)
    UNION ALL SELECT 'function ' || oid::regprocedure || ' ' || md5(prosrc) || COALESCE(proacl::text, '') FROM pg_proc
    WHERE pronamespace IN ('relay'::regnamespace, 'relay_api'::regnamespace)
    UNION ALL SELECT 'migration ' || version || ' ' || name || ' ' || checksum FROM relay.schema_migrations
    UNION ALL SELECT 'grants ' || oid::regclass || ' ' || COALESCE(relacl::text, '') FROM pg_class WHERE relnamespace = 'relay'::regnamespace
) AS lines ORDER BY line COLLATE "C"
"""


# --- apply


def test_apply_installs_everything_and_says_each_migration(bare, empty_database):
    result = bare("schema", "apply", "-o", "json", check=0)
    document = result.json()
    assert document["kind"] == "SchemaApply" and document["changed"] is True
    assert document["data"]["version"] == VERSIONS and document["data"]["previous_version"] == 0
    assert [each["version"] for each in document["data"]["applied"]] == list(range(1, VERSIONS + 1))
    for path in (SOURCE / "schema").glob("[0-9]*.sql"):
        assert f"applied {int(path.name[:4])} {path.stem[5:]}" in result.err
    assert empty_database.value("SELECT count(*) FROM relay.schema_migrations") == VERSIONS
    assert bare.json("schema", "verify")["data"]["ok"] is True


def test_apply_again_does_nothing(bare):
    bare("schema", "apply", check=0)
    result = bare("schema", "apply", "-o", "json", check=0)
    assert result.json()["changed"] is False and result.json()["data"]["applied"] == []
    assert "nothing to do" in result.err


def test_a_dry_run_leaves_no_trace(bare, empty_database):
    document = bare.json("schema", "apply", "--dry-run")
    assert document["dry_run"] is True and len(document["data"]["applied"]) == VERSIONS
    assert empty_database.value("SELECT to_regnamespace('relay') IS NULL") is True


MIGRATION_LOCK = "(7263542, 0)"


def test_several_at_once_are_safe(bare, empty_database):
    """All of them have seen an empty database before the first one begins."""
    holder = empty_database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{MIGRATION_LOCK}")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(bare, "schema", "apply", "-o", "json") for _ in range(4)]
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: empty_database.value(waiting) == 4, what="all four to wait")
        holder.rollback()
        holder.close()
        results = [run.result() for run in runs]
    assert [result.code for result in results] == [0, 0, 0, 0], [result.err for result in results]
    applied = [each["version"] for result in results for each in result.json()["data"]["applied"]]
    assert sorted(applied) == list(range(1, VERSIONS + 1))
    assert bare.json("schema", "verify")["data"]["ok"] is True


def test_it_waits_for_another_migration_longer_than_for_a_table(bare, empty_database):
    holder = empty_database.connect(autocommit=False)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with holder.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock{MIGRATION_LOCK}")
        run = pool.submit(bare, "schema", "apply")
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: empty_database.value(waiting) == 1, what="it to wait")
        time.sleep(1)  # five times as long as it waits for a table
        still_waits = empty_database.value(waiting)
        holder.close()
        result = run.result()
    assert (result.code, still_waits) == (0, 1), result


def run_psql(database, script):
    psql = [client_bin() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn()]
    subprocess.run(psql, input=script.encode(), check=True, capture_output=True, timeout=120)


def test_a_database_of_an_older_program_is_brought_up_to_date(bare, empty_database):
    for number in range(1, VERSIONS):
        run_psql(empty_database, bare("schema", "print", "--only", str(number), check=0).out)
    empty_database.execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('kept', 'Kept', 'test')")
    data = bare.json("schema", "status", check=11)["data"]
    assert (data["state"], data["version"], data["missing"]) == ("behind", VERSIONS - 1, [VERSIONS])
    for command in (("org", "list"), ("schema", "verify")):
        assert bare.error(*command, check=11)["next"] == "relay-admin schema apply"
    document = bare.json("schema", "apply")
    assert [each["version"] for each in document["data"]["applied"]] == [VERSIONS]
    assert bare.json("schema", "verify")["data"]["ok"] is True
    assert empty_database.value("SELECT name FROM relay.organizations") == "Kept"


def test_a_role_without_rights_is_told_so(bare, empty_database):
    login = empty_database.cluster.login("plain_login")
    error = bare.with_(dsn=empty_database.dsn(user=login)).error("schema", "apply", check=4)
    assert error["sqlstate"] == "42501" and error["changed"] == "no"


def test_a_database_in_latin1_is_refused(bare, cluster):
    cluster.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        error = bare.with_(dsn=cluster.dsn("latin")).error("schema", "apply", check=11)
        assert "UTF8" in error["message"]
    finally:
        cluster.drop_database("latin")


# --- the states


def expect_state(runner, state, *, applies, next="relay-admin schema "):
    report = runner("schema", "status", "-o", "json", check=11)
    assert report.json()["data"]["state"] == state and "next: " in report.err
    error = runner.error("org", "list", check=11)
    assert error["next"].startswith(next) or state == "ahead" and error["next"] == "use that newer version"
    assert runner("schema", "apply").code == (0 if applies else 11)


def test_absent(bare):
    expect_state(bare, "absent", applies=True, next="relay-admin init")
    assert bare.json("schema", "status")["data"]["state"] == "current"


def test_every_command_names_the_one_to_run(bare):
    for words in (("org", "list"), ("rotate-key", "bot", "--secret-file", "x"), ("block", "bot"), ("revoke", "bot"), ("unblock", "bot", "--yes")):
        assert bare.error(*words, check=11)["next"] == "relay-admin init"


def test_ahead(relay, database):
    database.execute("INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (%s, 'future', repeat('0', 64))", VERSIONS + 1)
    expect_state(relay, "ahead", applies=False)
    relay.error("schema", "verify", check=11)


def test_edited(relay, database):
    database.execute("UPDATE relay.schema_migrations SET checksum = repeat('0', 64) WHERE version = 2")
    report = relay.json("schema", "status", check=11)["data"]
    assert report["state"] == "edited" and report["edited"] == [2]
    assert "2" in relay.error("schema", "apply", check=11)["message"]
    verified = relay.json("schema", "verify", check=11)["data"]
    assert verified["ok"] is False and verified["differences"] == [] and verified["edited"] == [2]


def test_a_database_of_an_unreleased_program(relay, database, tmp_path):
    """Like the database with the sixteen migrations from before 0.1.0: other names, and more of them than this program
    has."""
    first_agent(relay, tmp_path / "bot.key")
    database.execute("UPDATE relay.schema_migrations SET name = 'old_' || name, checksum = repeat('0', 64) WHERE version > 1")
    for number in range(VERSIONS + 1, VERSIONS + 3):
        database.execute("INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (%s, 'audit_months', repeat('0', 64))", number)
    before = catalog(database)
    commands = (
        ("schema", "apply"), ("schema", "apply", "--dry-run"), ("org", "list"), ("block", "bot"),
        ("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot", "--secret-file", "k"),
    )  # fmt: skip
    for command in commands:
        error = relay.error(*command, check=11)
        assert error["changed"] == "no" and error["retryable"] is False
        assert "an unreleased version of this program made this database: its migration 2 is old_tenants" in error["message"]
        assert ("nothing was changed" in error["message"]) == (command[1] != "list") and "to keep the data, use the version that made it" in error["why"]
        assert "DROP SCHEMA relay, relay_api CASCADE" in error["next"]
    report = relay("schema", "status", "-o", "json", check=11)
    assert report.json()["data"]["state"] == "edited" and report.json()["data"]["edited"] == list(range(2, VERSIONS + 1))
    assert "unreleased" in report.err and report.err.endswith("next: relay-admin schema apply  # afterwards\n")
    assert relay.json("schema", "verify", check=11)["data"]["ok"] is False
    assert catalog(database) == before and database.value("SELECT count(*) FROM relay.revocations") == 0


def test_the_way_on_from_an_unreleased_program_leads_to_a_database_that_works(relay, database, tmp_path):
    database.execute("UPDATE relay.schema_migrations SET name = 'old_' || name, checksum = repeat('0', 64)")
    (statement,) = re.findall("DROP SCHEMA [a-z_, ]+ CASCADE", relay.error("schema", "apply", check=11)["next"])
    database.execute(statement)
    assert relay.json("schema", "apply")["data"]["version"] == VERSIONS
    assert relay.json("schema", "verify")["data"]["ok"] is True
    first_agent(relay, tmp_path / "bot.key")


def test_half_applied(relay, database):
    database.execute("DELETE FROM relay.schema_migrations WHERE version = 3")
    expect_state(relay, "incomplete", applies=False)


def test_somebody_elses_schema_of_that_name(bare, empty_database):
    empty_database.execute("CREATE SCHEMA relay")
    expect_state(bare, "incomplete", applies=False, next="relay-admin init")
    assert empty_database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'relay'::regnamespace") == 0


def test_status_shows_each_migration(relay):
    document = relay.json("schema", "status")
    data = document["data"]
    assert data["state"] == "current" and data["version"] == data["known_version"] == VERSIONS
    assert [each["state"] for each in data["migrations"]] == ["applied"] * VERSIONS
    assert document["meta"]["at"] and document["meta"]["db_role"] == "postgres"
    table = relay("schema", "status", check=0).out
    assert "State:" in table and "foundation" in table


def test_an_auditor_may_look(relay, database):
    login = database.cluster.login("auditor_login", member_of="relay_auditor")
    auditor = relay.with_(dsn=database.dsn(user=login))
    assert auditor.json("schema", "status")["data"]["state"] == "current"
    assert auditor.json("schema", "verify")["data"]["ok"] is True


# --- verify


# The partition of the present month; its name changes each month.
MONTH = """DO $$ BEGIN EXECUTE format('{}', 'relay.auth_events_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')); END $$"""

TAMPERING = {
    "dropped constraint": ("ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form", "missing", "agents_name_form"),
    "dropped index": ("DROP INDEX relay.agent_keys_one_active", "missing", "agent_keys_one_active"),
    "dropped column": ("ALTER TABLE relay.auth_events DROP COLUMN trace_id CASCADE", "missing", "relay.auth_events.trace_id"),
    "extra column": ("ALTER TABLE relay.agents ADD COLUMN secret text", "unexpected", "relay.agents.secret"),
    "extra table": ("CREATE TABLE relay.mine (x int)", "unexpected", "relay.mine"),
    "changed function": (
        "CREATE OR REPLACE FUNCTION relay.staged_limit() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1'",
        "missing", "relay.staged_limit",
    ),
    "dropped trigger": ("DROP TRIGGER append_only ON relay.auth_events", "missing", "append_only"),
    "disabled trigger": ("ALTER TABLE relay.auth_events DISABLE TRIGGER append_only", "missing", "append_only"),
    "lost grant": ("REVOKE SELECT ON relay.agents FROM relay_auditor", "missing", "relay_auditor"),
    "extra grant": ("GRANT SELECT ON relay.agent_keys TO relay_gateway", "unexpected", "relay_gateway"),
    "extra column grant": ("GRANT SELECT (key_hash) ON relay.agent_keys TO relay_auditor", "unexpected", "key_hash"),
    "public may execute": ("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA relay_api TO PUBLIC", "unexpected", "relay_api."),
    "other owner": ("ALTER TABLE relay.agents OWNER TO postgres", "unexpected", "row level security with fillfactor=90 owner postgres"),
    "row level security off": ("ALTER TABLE relay.agents DISABLE ROW LEVEL SECURITY", "missing", "table relay.agents row level"),
    "row level security forced": ("ALTER TABLE relay.agents FORCE ROW LEVEL SECURITY", "unexpected", "row level security forced"),
    "wider policy": ("ALTER POLICY tenant ON relay.agents USING (true)", "unexpected", "policy relay.agents tenant"),
    "another policy": ("CREATE POLICY mine ON relay.agents TO public USING (true)", "unexpected", "to public using true"),
    "lost policy": ("DROP POLICY staff ON relay.agents", "missing", "policy relay.agents staff"),
    "leaky view": ("ALTER VIEW relay.own_refusals RESET (security_barrier)", "missing", "own_refusals with security_barrier=true"),
    "open month": (MONTH.format("ALTER TABLE %s DISABLE ROW LEVEL SECURITY"), "missing", " for its month row level security"),
    "granted month": (MONTH.format("GRANT SELECT ON %s TO relay_tenant"), "unexpected", "grant select on relation relay.auth_events_2"),
    "month that can be emptied": (MONTH.format("DROP TRIGGER append_only_truncate ON %s"), "missing", "append_only_truncate"),
    "month that its owner can change": (MONTH.format("GRANT DELETE ON %s TO relay_owner"), "unexpected", "owner's rights on relation relay.auth_events_2"),
    "month that is lost in a crash": (MONTH.format("ALTER TABLE %s SET UNLOGGED"), "unexpected", "relpersistence=u"),
    "text of a view": (
        "CREATE OR REPLACE VIEW relay.agent_permissions AS SELECT agent_id, org_id, permission, conditions FROM relay.agent_grants",
        "missing", "view text relay.agent_permissions",
    ),
    "rule": ("CREATE RULE r AS ON INSERT TO relay.revocations DO INSTEAD NOTHING", "unexpected", "rule relay.revocations r"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERING)
def test_verify_sees(relay, database, what):
    statement, kind, name = TAMPERING[what]
    database.execute(statement)
    data = relay.json("schema", "verify", check=10)["data"]
    found = [each for each in data["differences"] if each["difference"] == kind and name in each["object"]]
    assert data["ok"] is False and found, data["differences"]
    table = relay("schema", "verify", check=10)
    assert "Differences:" in table.out and name in table.out


def test_verify_is_content_with_a_database_in_use(relay, database, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    database.execute("SELECT relay.ensure_event_partitions(6)")
    data = relay.json("schema", "verify")["data"]
    assert data["ok"] is True and data["differences"] == []
    relay("block", "bot", check=0)
    assert relay("schema", "verify", check=0).out


# --- print


def test_print_for_psql_makes_the_same_database(bare, empty_database, database, relay, tmp_path):
    run_psql(empty_database, bare.with_(dsn=None)("schema", "print", check=0).out)
    assert bare.json("schema", "status")["data"]["state"] == "current"
    assert bare.json("schema", "verify")["data"]["ok"] is True
    assert catalog(empty_database) == catalog(database)
    assert bare.json("schema", "apply")["changed"] is False
    first_agent(bare, tmp_path / "bot.key")


def test_print_needs_no_database_and_takes_single_numbers(relay_without_database):
    run = relay_without_database
    parts = "".join(run("schema", "print", "--only", str(number), check=0).out for number in range(1, VERSIONS + 1))
    assert parts == run("schema", "print", check=0).out
    run.error("schema", "print", "--only", str(VERSIONS + 1), check=3)
    run.error("schema", "print", "--only", "0", check=2)
    run.error("schema", "print", "--only", "one", check=2)


def test_print_into_a_full_disk_is_told(relay_without_database):
    relay_without_database("schema", "print", stdout="/dev/full", check=8)
