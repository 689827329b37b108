"""doctor and the schema: another version, drift, and the rights of gateways and tenants."""

from support.database import Database
from support.health import assert_found, examine, one
from support.sound import database, login, relay, server  # noqa: F401


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


def test_a_server_that_runs_no_trigger_differs(relay, server):
    server.query("ALTER SYSTEM SET session_replication_role = replica")
    server.reload()
    try:
        assert_found(one(relay, "schema.drift"), "error", "setting session_replication_role=replica of the server")
    finally:
        server.query("ALTER SYSTEM RESET session_replication_role")
        server.reload()
    assert one(relay, "schema.drift")["status"] == "ok"


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
