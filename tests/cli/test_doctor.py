"""doctor: each check fails on a server with that fault, and none complains about a sound server."""

import time

import pytest
from support.agents import first_agent
from support.audit_months import forget_month
from support.certificates import make_certificates
from support.cluster import Cluster
from support.database import Database, make_template
from support.health import assert_found, complaints, examine, one
from support.proxy import Fault, Proxy
from support.relay import Runner
from support.sound import durable, login, sound_cluster, sound_database
from support.wrong_clock import wrong_clock

READERS = ("relay_auditor", "relay_responder", "relay_provisioner")


@pytest.fixture(scope="module")
def server():
    with sound_cluster() as running:
        yield running


@pytest.fixture
def database(server):
    made = sound_database(server)
    yield made
    made.drop()


@pytest.fixture
def relay(database, home, tmp_path):
    """As an auditor, the role that doctor asks for."""
    return Runner(dsn=login(database, "relay_auditor"), home=home, cwd=tmp_path)


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
    server.standbys.clear()


# --- the way to it


NO_ANSWER = (
    ("host=/nowhere-at-all", "No such file"),
    ("host=127.0.0.1 port=1 sslmode=disable", "refused"),
    ("{sound} dbname=nothing_here", "does not exist"),
    ("{sound} user=nobody_here", "refused the login"),
)


def test_a_database_that_does_not_answer_is_an_error_of_its_own(relay, server):
    for dsn, words in NO_ANSWER:
        lost = relay.with_(dsn=dsn.format(sound=f"host={server.host} port={server.port}"))
        items = examine(lost, check=10)
        assert_found(items["db.connection"], "error", words)
        assert "nothing was changed" not in items["db.connection"]["message"]
        rest = {
            check: item
            for check, item in items.items()
            if check not in ("db.connection", "db.password", "legacy.fallback")
        }
        assert {item["status"] for item in rest.values()} == {"skipped"} and len(rest) > 15
        assert all("db.connection" in item["message"] for item in rest.values())
        # Checks that others depend on are always reported.
        assert list(examine(lost, "legacy.window", check=10)) == ["db.connection", "legacy.window"]


def test_a_password_that_is_wrong_is_in_no_message(server, relay):
    with Cluster(tcp=True, name="asking", hba=("host all all 127.0.0.1/32 scram-sha-256",)) as own:
        own.login("asked", password="geheim-und-lang")
        runner = relay.with_(dsn=own.dsn(user="asked", tcp=True), env={"PGPASSWORD": "falsch-und-lang"})
        result = runner("doctor", "db", "-v", check=10)
        assert "password authentication failed" in result.out and "und-lang" not in result.out + result.err
        assert "PGPASSWORD" in result.out


def test_settings_that_are_none_are_a_usage_error(relay):
    relay.error("doctor", "--dsn", "host=h password=x", check=2)
    relay.error("doctor", check=2, env={"PGSSLMODE": "bogus"})


@pytest.fixture(scope="module")
def encrypted():
    own = Cluster(tcp=True, name="encrypted")
    make_certificates(own.folder)
    own.settings.update(ssl="on", ssl_cert_file=f"{own.folder}/server.crt", ssl_key_file=f"{own.folder}/server.key")
    with own:
        yield Database(own, template=make_template(own))


def by_name(database):
    """A name that no DNS knows, at an address of this machine: what a server elsewhere is to the program."""
    return f"host=db.example hostaddr=127.0.0.1 port={database.cluster.port} dbname={database.name} user=postgres"


def test_tls_is_judged_by_the_connection_that_there_is(relay, encrypted):
    for mode, status, words in (
        ("verify-full", "ok", "TLSv1.3, sslmode=verify-full"),
        ("verify-ca", "warn", "any server with a certificate of that CA"),
        ("require", "warn", "has not proven who it is"),
        ("prefer", "warn", "has not proven who it is"),
        ("disable", "error", "not encrypted to db.example"),
    ):
        dsn = f"{by_name(encrypted)} sslmode={mode} sslrootcert={encrypted.cluster.folder}/ca.crt"
        assert_found(
            one(relay.with_(dsn=dsn), "db.tls"), status, words, "" if status == "ok" else "sslmode=verify-full"
        )


def test_a_server_that_cannot_prove_itself_is_told_with_the_cure(relay, encrypted):
    items = examine(relay.with_(dsn=by_name(encrypted)), "db.tls", check=10)
    assert_found(items["db.connection"], "error", "verify-full", "root.crt")


def test_this_machine_needs_no_tls(relay, encrypted):
    assert "unix socket" in one(relay, "db.tls")["message"]
    near = relay.with_(dsn=encrypted.dsn(tcp=True, sslmode="disable"))
    assert_found(one(near, "db.tls"), "ok", "on this machine")


def test_files_with_passwords_are_for_their_owner_alone(relay, home):
    passfile = home / ".pgpass"
    passfile.write_text("*:*:*:*:geheim\n")
    passfile.chmod(0o600)
    assert_found(one(relay, "db.password"), "ok", ".pgpass")
    passfile.chmod(0o640)
    item = one(relay, "db.password")
    assert_found(item, "error", ".pgpass has mode 0640", f"chmod 600 {passfile}")
    passfile.chmod(0o600)
    other = home / "elsewhere"
    other.write_text("x")
    other.chmod(0o644)
    assert_found(one(relay, "db.password", env={"PGPASSFILE": other}), "error", f"chmod 600 {other}")
    # It needs no database.
    assert_found(examine(relay.with_(dsn="host=/nowhere"), env={"PGPASSFILE": other})["db.password"], "error", "0644")


def test_a_service_file_with_a_password_is_for_its_owner_alone(relay, home, server):
    services = home / ".pg_service.conf"
    services.write_text(
        f"[relay]\nhost={server.host}\nport={server.port}\nuser=postgres\ndbname=postgres\npassword=geheim\n"
    )
    bare = Runner(home=home)
    services.chmod(0o600)
    assert_found(one(bare, "db.password", env={"PGSERVICE": "relay"}), "ok", "service file")
    services.chmod(0o644)
    assert_found(one(bare, "db.password", env={"PGSERVICE": "relay"}), "warn", f"chmod 600 {services}")
    services.write_text(services.read_text().replace("password=geheim\n", ""))
    assert one(bare, "db.password", env={"PGSERVICE": "relay"})["status"] == "ok"


# --- the login


def test_a_login_that_may_not_look_is_told_so_and_no_crash(relay, database):
    for group in (None, "relay_gateway", "relay_tenant"):
        items = examine(relay.with_(dsn=login(database, group, f"Doc-{group}")), check=10)
        assert_found(items["db.role"], "error", "most checks cannot be made", f'GRANT relay_auditor TO "Doc-{group}"')
        assert items["db.connection"]["status"] == items["server.version"]["status"] == items["clock"]["status"] == "ok"
        for check in (
            "schema.version",
            "schema.drift",
            "grants.gateways",
            "keys.due",
            "legacy.window",
            "server.standbys",
        ):
            assert_found(items[check], "skipped", "db.role")
        database.cluster.query(f'DROP ROLE "Doc-{group}"')


def test_a_login_that_may_too_much_is_told_so(relay, database, server):
    assert_found(one(relay.with_(dsn=database.dsn()), "db.role"), "warn", "postgres is a superuser")
    owner = login(database, "relay_owner", "an_owner")
    assert_found(one(relay.with_(dsn=owner), "db.role"), "warn", "relay_owner")
    assert_found(one(relay, "schema.drift"), "error", "unexpected: membership of an_owner in relay_owner")
    server.query("REVOKE relay_owner FROM an_owner")
    beyond = login(database, "relay_auditor", "beyond")
    server.query("ALTER ROLE beyond BYPASSRLS")
    assert_found(one(relay.with_(dsn=beyond), "db.role"), "warn", "BYPASSRLS", "ALTER ROLE beyond NOBYPASSRLS")


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
    server.query(f"ALTER ROLE {gateway} RESET ALL")
    assert_found(one(relay, "server.logging"), "ok", "this session and the logins of gateways")


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
    for seconds, status, words in (
        (10, "warn", "behind this machine's"), (-10, "warn", "ahead of this machine's"), (-300, "error", "5 minutes ahead of"),
    ):  # fmt: skip
        assert_found(one(relay, "clock", env=wrong_clock(seconds, tmp_path)), status, words, "timedatectl")


# --- schema and rights


def test_a_schema_that_is_not_this_programs(relay, database):
    record = "UPDATE relay.schema_migrations SET"
    last = "WHERE version = (SELECT max(version) FROM relay.schema_migrations)"
    for sql, words, undo in (
        (f"{record} version = version + 1 {last}", "newer version", f"{record} version = version - 1 {last}"),
        (
            f"{record} checksum = 'x' || checksum {last}",
            "checksum differs",
            f"{record} checksum = substr(checksum, 2) {last}",
        ),
        (f"DELETE FROM relay.schema_migrations {last}", "schema apply", None),
    ):
        database.execute(sql)
        items = examine(relay, check=10)
        assert_found(items["schema.version"], "error", words)
        assert_found(items["legacy.window"], "skipped", "schema.version")
        assert items["db.role"]["status"] == items["clock"]["status"] == "ok"
        if undo:
            database.execute(undo)


def test_without_a_schema_the_first_step_is_told(relay, server):
    bare = Database(server)
    runner = relay.with_(dsn=bare.dsn(user="a_relay_auditor"))
    items = examine(runner, check=10)
    assert_found(items["schema.version"], "error", "no relay schema", "relay-admin init")
    assert items["db.role"]["status"] == "ok" and items["keys.due"]["status"] == "skipped"
    bare.drop()


def test_drift_is_told_apart_from_rights(relay, database, server):
    database.execute("ALTER TABLE relay.agents DISABLE TRIGGER USER")
    assert_found(one(relay, "schema.drift"), "error", "missing: trigger relay.agents", "relay-admin schema verify")
    assert one(relay, "grants.foreign")["status"] == "ok"
    database.execute("ALTER TABLE relay.agents ENABLE TRIGGER USER")
    login(database, None, "a_stranger")
    database.execute("GRANT SELECT ON relay.agents TO a_stranger")
    items = examine(relay, "schema.drift", "grants.foreign", check=0)
    assert items["schema.drift"]["status"] == "ok"
    assert_found(items["grants.foreign"], "warn", "select on relation relay.agents to a_stranger", "REVOKE")
    database.execute("GRANT EXECUTE ON FUNCTION relay_api.authorize TO PUBLIC")
    assert_found(one(relay, "grants.foreign"), "error", "relay_api.authorize", "to public")
    database.execute("GRANT SELECT ON relay.revocations TO relay_gateway WITH GRANT OPTION")
    assert_found(one(relay, "schema.drift"), "error", "to relay_gateway with grant option")


def test_the_right_that_the_schema_advises_is_no_foreign_one(relay, database):
    login(database, None, "the_timer")
    database.execute("GRANT EXECUTE ON FUNCTION relay.drop_event_months TO the_timer")
    assert one(relay, "grants.foreign")["status"] == "ok"


def test_gateways_need_logins_of_their_own(relay, database, server):
    gateway = database.gateway_login()
    assert_found(one(relay, "grants.gateways"), "ok", gateway)
    server.query(f"GRANT relay_auditor TO {gateway}")
    assert_found(one(relay, "grants.gateways"), "warn", "more than check keys", gateway)
    server.query(f"REVOKE relay_auditor, relay_gateway FROM {gateway}")
    assert_found(one(relay, "grants.gateways"), "warn", "no gateway can check a key", "GRANT relay_gateway")
    server.query(f"GRANT relay_gateway TO {gateway}")


def test_tenants_see_one_organization(relay, database, server):
    login(database, "relay_tenant", "a_tenant")
    assert_found(one(relay, "grants.tenants"), "ok", "1 login is in relay_tenant", "BYPASSRLS")
    for change, undo in (
        ("ALTER ROLE a_tenant BYPASSRLS", "ALTER ROLE a_tenant NOBYPASSRLS"),
        ("GRANT relay_auditor TO a_tenant", "REVOKE relay_auditor FROM a_tenant"),
    ):
        server.query(change)
        assert_found(one(relay, "grants.tenants"), "error", "a_tenant")
        server.query(undo)
    server.query("DROP ROLE a_tenant")


def test_hostile_names_are_escaped(relay, database, server):
    server.query('CREATE ROLE "e\x1b[2Jvil" LOGIN IN ROLE relay_tenant, relay_auditor')
    text = relay("doctor", "grants", check=10).out
    assert "\x1b" not in text and "e\\x1b[2Jvil" in text
    server.query('DROP ROLE "e\x1b[2Jvil"')


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


def test_keys_that_are_due(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    first_agent(provisioner, tmp_path / "bot.key")
    assert one(relay, "keys.due")["status"] == "ok"
    database.execute("UPDATE relay.agent_keys SET due_at = now() - interval '1 day'")
    item = one(relay, "keys.due")
    assert_found(item, "warn", "1 agent past the due date", "bot")
    assert relay(*item["next"].split()[1:], "-o", "id", check=0).out == "bot\n"
    provisioner("revoke", "bot", check=0)
    assert one(relay, "keys.due")["status"] == "ok"


def test_a_new_key_that_nobody_uses_while_the_old_one_ends(relay, database, tmp_path):
    provisioner = relay.with_(dsn=login(database, "relay_provisioner"))
    first_agent(provisioner, tmp_path / "bot.key")
    provisioner("rotate-key", "bot", "--grace", "3d", "--secret-file", tmp_path / "new.key", check=0)
    assert one(relay, "keys.unused")["status"] == "ok"
    database.execute("UPDATE relay.agent_keys SET expires_at = now() + interval '20 hours' WHERE state = 'retiring'")
    assert_found(one(relay, "keys.unused"), "warn", "1 agent never used its new key", "bot (20", "--revert")
    database.execute("UPDATE relay.agent_keys SET last_used_at = now() WHERE state = 'active'")
    assert one(relay, "keys.unused")["status"] == "ok"
    database.execute("UPDATE relay.agent_keys SET last_used_at = NULL")
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
