"""doctor and the connection: no server, passwords, TLS, files with passwords, and the rights of the login."""

from support.certificates import by_name, encrypted  # noqa: F401
from support.cluster import Cluster
from support.health import assert_found, examine, one
from support.relay import Runner
from support.sound import database, login, relay, server  # noqa: F401

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
