"""doctor: each check fails on a server with that fault, and none complains about a sound server."""

import time

import pytest

from support.agents import first_agent
from support.audit_months import forget_month, make_old_month
from support.clock import MovedClock
from support.health import assert_found, complaints, examine, one
from support.proxy import Fault, Proxy
from support.sound import database, durable, login, relay, server  # noqa: F401

READERS = ("relay_auditor", "relay_responder", "relay_provisioner")


# --- a sound one


def test_a_sound_server_gives_no_cause_for_complaint(relay, database, server):
    with durable(server):
        for group in READERS:
            items = examine(relay.with_(dsn=login(database, group)), check=0)
            assert list(complaints(items)) == ["legacy.fallback"], complaints(items)
            assert_found(items["legacy.fallback"], "skipped", "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false", "--env-file")
            assert group in items["db.role"]["message"] and database.name in items["db.connection"]["message"]


def test_people_see_a_line_a_check_and_what_to_do(relay, database):
    text = relay("doctor", check=10).out
    lines = text.splitlines()
    assert lines[0].startswith("ok       db.connection      ") and lines[-1].endswith(" ok, 1 error, 1 skipped")
    assert lines[-2].lstrip().startswith("next: name the file with the settings of the relay: doctor --env-file")
    assert relay("doctor", "-q", check=10).out.splitlines()[-1] == lines[-1]
    database.execute("ALTER TABLE relay.agents ADD COLUMN note text")
    told = relay("doctor", "schema", check=10).out.splitlines()
    assert told[1].startswith("error    schema.drift    1 object differs") and "note" in told[1]
    assert told[2].strip() == "next: relay-admin schema verify" and told[3] == "1 ok, 1 error"


def test_the_help_lists_every_check_and_no_other(relay):
    page = relay("help", "doctor", check=0).out
    listed = [line.split()[0] for line in page.splitlines() if line.startswith("  ") and "." in line.split()[0]]
    made = list(examine(relay, "--env-file", "/dev/null"))
    assert [check for check in made if "." in check] == [check for check in listed if check in made]
    assert set(made) <= set(page.split())


def test_checks_are_asked_for_by_name(relay):
    assert list(examine(relay, "clock", "db")) == ["db.connection", "db.tls", "db.password", "db.role", "clock"]
    error = relay.error("doctor", "db.tsl", check=2)
    assert error["suggestions"][0] == "db.tls"
    assert relay.error("doctor", "leg", check=2)["exit"] == 2
    assert relay("doctor", "db.tls", "clock", "-o", "id", check=0).out == "db.tls\nclock\n"
    rows = relay("doctor", "db.tls", "-o", "csv", check=0).out.splitlines()
    assert rows[0] == "check,status,message,next" and rows[1].startswith("db.tls,ok,")


def test_it_reads_only_and_a_standby_will_do(server, relay, database, home):
    with server.make_standby(name="copy") as standby:
        copy = relay.with_(dsn=standby.dsn(database.name, user="a_relay_auditor"))
        items = examine(copy)
        assert_found(items["server.primary"], "warn", "standby", "host=a,b")
        assert set(complaints(items)) == {"server.primary", "server.durability", "legacy.fallback"}, complaints(items)
        copy("key", "due", check=0)
        copy("key", "due", "--exec-condition", check=1)
        copy("metrics", "--by", "org", check=0)
    server.standbys.clear()


# --- the server

BY_ROLE = [
    ("server.primary", "default_transaction_read_only = on", "warn", "read-only"),
    ("server.durability", "synchronous_commit = off", "ok", "overrules"),
    ("server.passwords", "password_encryption = md5", "warn", "scram-sha-256"),
    ("server.logging", "log_statement = 'all'", "warn", "log_parameter_max_length = 0"),
    ("server.logging", "log_min_duration_statement = 0", "warn", "log_parameter_max_length = 0"),
    ("server.logging", "log_min_duration_statement = 1000", "warn", "log_min_duration_statement = 1000 ms"),
    ("server.logging", "log_min_duration_sample = 5", "warn", "log_min_duration_sample = 5 ms"),
    ("server.logging", "log_transaction_sample_rate = 0.5", "warn", "log_transaction_sample_rate = 0.5"),
    ("server.logging", "log_parameter_max_length_on_error = -1", "warn", "fail or time out"),
    ("server.logging", "log_parameter_max_length_on_error = 80", "warn", "log_parameter_max_length_on_error = 0"),
    ("server.logging", "log_statement = 'mod'", "ok", "no setting logs statements that succeed"),
]


def test_settings_of_a_role_or_database_count(relay, database, server):
    with durable(server):
        for check, setting, status, words in BY_ROLE:
            assert one(relay, check)["status"] == "ok"
            server.query(f"ALTER DATABASE {database.name} SET {setting}")
            assert_found(one(relay, check), status, words)
            server.query(f"ALTER DATABASE {database.name} RESET ALL")


def test_settings_of_the_server_count(relay, server):
    assert_found(one(relay, "server.durability"), "error", "crash", "fsync = on")
    with durable(server):
        assert one(relay, "server.durability")["status"] == "ok"
        server.query("ALTER SYSTEM SET full_page_writes = off")
        server.reload()
        assert_found(one(relay, "server.durability"), "warn", "ZFS")
        server.query("ALTER SYSTEM SET full_page_writes = on")


def test_parameters_that_are_not_logged_are_no_matter(relay, database, server):
    server.query(f"ALTER DATABASE {database.name} SET log_statement = 'all'")
    server.query(f"ALTER DATABASE {database.name} SET log_parameter_max_length = 0")
    assert_found(one(relay, "server.logging"), "ok", "without their parameters")


def test_a_gateway_whose_sessions_are_logged_otherwise_is_named(relay, database, server):
    gateway = database.gateway_login()
    server.query(f"ALTER ROLE {gateway} SET log_statement = 'all'")
    assert_found(one(relay, "server.logging"), "warn", f"{gateway} (log_statement=all)")
    server.query(f"ALTER ROLE {gateway} IN DATABASE {database.name} SET log_parameter_max_length_on_error = -1")
    server.query(f"ALTER ROLE {gateway} SET auto_explain.log_min_duration = 0")
    found = one(relay, "server.logging")
    assert_found(found, "warn", gateway, "log_parameter_max_length_on_error=-1", "auto_explain.log_min_duration=0")
    assert found["next"].count("ALTER ROLE") == 3
    follow(server, found)
    assert_found(one(relay, "server.logging"), "ok", "this session and the logins of gateways")


def follow(server, found):
    """Runs the statements that a check advises."""
    for statement in found["next"].split("; "):
        if statement.startswith("ALTER ROLE") or statement.startswith("ALTER DATABASE"):
            server.query(statement)


@pytest.mark.parametrize(
    "check, setting",
    [
        ("server.logging", "log_parameter_max_length_on_error = -1"),
        ("server.passwords", "password_encryption = md5"),
    ],
)
def test_what_a_database_overrules_is_undone_where_it_was_set(relay, database, server, check, setting):
    server.query(f"ALTER DATABASE {database.name} SET {setting}")
    found = one(relay, check)
    assert_found(found, "warn", f"ALTER DATABASE {database.name} RESET {setting.split()[0]}")
    follow(server, found)
    assert one(relay, check)["status"] == "ok"


def test_a_module_that_logs_statements_is_named(relay, database, server):
    for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0"):
        server.query(f"ALTER DATABASE {database.name} SET {setting}")
    if int(database.value("SHOW server_version_num")) >= 160000:  # before, the module logs no parameters
        assert_found(one(relay, "server.logging"), "warn", "auto_explain.log_min_duration = 0 ms")
        server.query(f"ALTER DATABASE {database.name} SET auto_explain.log_parameter_max_length = 0")
    assert_found(one(relay, "server.logging"), "ok", "without their parameters (auto_explain.log_min_duration = 0 ms)")
    server.query(f"ALTER DATABASE {database.name} RESET ALL")


def test_a_login_whose_password_is_kept_as_md5_is_named_to_whoever_may_see_it(relay, database, server):
    superuser = relay.with_(dsn=database.dsn())
    assert_found(one(superuser, "server.passwords"), "ok", "no login has a password")
    server.query("CREATE ROLE modern LOGIN PASSWORD 'one'")
    assert_found(one(superuser, "server.passwords"), "ok", "the passwords of 1 login are kept as SCRAM")
    server.query("SET password_encryption = md5; CREATE ROLE antique LOGIN PASSWORD 'two'")
    assert_found(one(superuser, "server.passwords"), "warn", "1 of 2 logins", "antique", "\\password")
    assert_found(one(relay, "server.passwords"), "ok", "new passwords", "may not see")
    server.query("DROP ROLE modern, antique")


def test_advice_is_for_whoever_may_follow_it(relay, database, server):
    superuser = relay.with_(dsn=database.dsn())
    assert one(superuser, "server.durability")["next"].startswith("ALTER SYSTEM SET fsync = on")
    assert one(relay, "server.durability")["next"].startswith("as a superuser: ALTER SYSTEM SET fsync = on")
    server.query("CREATE ROLE rds_superuser")
    for asked in (relay, superuser):
        said = one(asked, "server.durability")["next"]
        assert "ALTER SYSTEM" not in said and "fsync = on" in said and "provider" in said
    server.query("DROP ROLE rds_superuser")


def test_a_standby_that_commits_wait_for_has_to_be_there(relay, server):
    server.query("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
    server.reload()
    try:
        assert_found(
            one(relay, "server.standbys"), "error", "gone", "only block and revoke", "synchronous_standby_names"
        )
    finally:
        server.query("ALTER SYSTEM RESET synchronous_standby_names")
        server.reload()
    assert_found(one(relay, "server.standbys"), "ok", "no commit waits")


def test_a_clock_that_is_wrong_is_seen(relay, tmp_path):
    assert one(relay, "clock")["status"] == "ok"
    clock = MovedClock(tmp_path)
    for seconds, status, words in (
        (10, "warn", "behind this machine's"), (-10, "warn", "ahead of this machine's"), (-330, "error", "5 minutes ahead of"),
    ):  # fmt: skip
        clock.move(seconds)
        assert_found(one(relay, "clock", env=clock.environment), status, words, "timedatectl")


# --- what is in the database


def test_months_that_nobody_made(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    forget_month(database, -1)
    assert_found(one(relay, "audit.months"), "warn", "next month", "relay-admin audit maintain")
    provisioner("audit", "maintain", check=0)
    assert one(relay, "audit.months")["status"] == "ok"
    first_agent(provisioner, tmp_path / "bot.key")
    forget_month(database)
    assert_found(one(relay, "audit.months"), "warn", "current month")
    provisioner("audit", "maintain", check=0)
    assert one(relay, "audit.months")["status"] == "ok"
    database.execute("UPDATE relay.operations SET at = now() - interval '41 days'")
    assert_found(one(relay, "audit.months"), "warn", "40 days")
    provisioner("audit", "maintain", check=0)
    assert one(relay, "audit.months")["status"] == "ok"


def test_events_that_wait_for_a_seal(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    first_agent(provisioner, tmp_path / "bot.key")
    assert_found(one(relay, "audit.seals"), "ok", "no event is older than a day")
    make_old_month(database, 2, 3)
    assert_found(one(relay, "audit.seals"), "warn", "has no seal", "relay-admin audit seal")
    relay("doctor", "audit.seals", "--fail-on", "warn", check=10)
    provisioner("audit", "seal", check=0)
    assert_found(one(relay, "audit.seals"), "ok", "the last seal was made")
    relay("doctor", "audit.seals", "--fail-on", "warn", check=0)
    database.execute("SET session_replication_role = replica; UPDATE relay.event_seals SET sealed_at = sealed_at - interval '3 days'; RESET session_replication_role")
    assert_found(one(relay, "audit.seals"), "ok", "made 3 days ago, and no event has waited")
    database.execute("INSERT INTO relay.auth_events (action, occurred_at) VALUES ('x', now() - interval '27 hours')")
    assert_found(one(relay, "audit.seals"), "warn", "made 3 days ago, and events have waited", "relay-admin audit seal")
    provisioner("audit", "seal", check=0)
    assert_found(one(relay, "audit.seals"), "ok", "the last seal was made")


def test_keys_that_are_due(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    first_agent(provisioner, tmp_path / "bot.key")
    assert one(relay, "keys.due")["status"] == "ok"
    database.execute("UPDATE relay.agent_keys SET due_at = now() - interval '1 day'")
    item = one(relay, "keys.due")
    assert_found(item, "warn", "1 agent past the due date", "bot")
    assert relay(*item["next"].split()[1:], "-o", "id", check=0).out == "bot\n"
    database.execute("UPDATE relay.agent_keys SET due_at = now() + interval '1 day'")
    assert one(relay, "keys.due")["status"] == "ok"
    provisioner("revoke", "--key", database.value("SELECT key_id FROM relay.agent_keys"), check=0)
    assert_found(one(relay, "keys.due"), "warn", "without a key", "bot")
    provisioner("revoke", "bot", check=0)
    assert one(relay, "keys.due")["status"] == "ok"


def test_a_new_key_that_nobody_uses_while_the_old_one_ends(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    first_agent(provisioner, tmp_path / "bot.key")
    provisioner("rotate-key", "bot", "--grace", "3d", "--secret-file", tmp_path / "new.key", check=0)
    assert one(relay, "keys.unused")["status"] == "ok"
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '20 hours' WHERE state = 'retiring'")
    assert_found(one(relay, "keys.unused"), "warn", "1 agent never used its new key", "bot (20", "--revert")
    database.execute("INSERT INTO relay.key_sightings SELECT key_id, '::', now() FROM relay.agent_keys WHERE state = 'active'")
    assert one(relay, "keys.unused")["status"] == "ok"
    database.execute("DELETE FROM relay.key_sightings")
    provisioner("revoke", "bot", check=0)
    assert one(relay, "keys.unused")["status"] == "ok"


def test_gateways_that_stay_behind(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    assert_found(one(relay, "gateways"), "ok", "no gateway follows")
    begin = "SELECT relay_api.acknowledge(%s, next_cursor) FROM relay_api.changes_since(NULL)"
    for gateway in ("gw-1", "gw-2"):
        database.execute(begin, gateway)
    assert_found(one(relay, "gateways"), "ok", "2 live")
    first_agent(provisioner, tmp_path / "bot.key")
    provisioner("block", "bot", check=0)
    database.execute("UPDATE relay.key_changes SET at = now() - interval '1 minute'")
    assert_found(one(relay, "gateways"), "warn", "not acting on changes: gw-1, gw-2", "relay-admin gateway list")
    database.execute(begin, "gw-1")
    database.execute("UPDATE relay.gateway_acks SET at = now() - interval '2 minutes' WHERE gateway_id = 'gw-2'")
    assert_found(one(relay, "gateways"), "warn", "silent for more than 60 s: gw-2")


# --- what gets in the way


def test_a_table_that_somebody_holds_is_told_and_the_rest_goes_on(relay, database):
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE relay.agent_keys")
        began = time.monotonic()
        items = examine(relay, check=10)
        assert time.monotonic() - began < 19  # all of it may take 20
    holder.close()
    assert_found(items["keys.due"], "error", "another session holds a lock", "pg_locks")
    assert items["legacy.window"]["status"] == items["gateways"]["status"] == items["audit.months"]["status"] == "ok"


@pytest.mark.parametrize("do", ["fin", "deaf"])
def test_a_connection_that_breaks_or_goes_silent_ends_it_in_time(relay, server, database, do):
    """In the midst of the checks; a new connection meets the same."""
    with Proxy(server.socket_path, Fault(do, direction="B", number=130, connection=None)) as proxy:
        dsn = proxy.dsn(database, user="a_relay_auditor", sslmode="disable")
        began = time.monotonic()
        items = examine(relay.with_(dsn=dsn), "--timeout", "2s", timeout=45)
        assert time.monotonic() - began < 40
    assert items["db.connection"]["status"] == "ok"
    assert any("broke" in item["message"] or "no answer" in item["message"] for item in items.values()), items
