"""whoami and config show: which database, role, TLS and settings are in force, and where each came from."""

import getpass
import os

import pytest
from support.agents import first_agent
from support.database import Database, cluster_with_template, make_template

SECRET = "pa55-w0rd-geheim"
WHO_KEYS = {
    "database", "database_name", "production", "host", "port", "server_version", "standby", "session_user", "current_user", "superuser", "groups",
    "tls", "tls_version", "tls_cipher", "sslmode", "password_used", "actor", "actor_origin", "schema_state",
    "schema_version", "known_schema_version",
}  # fmt: skip


def who(relay, *words, **options):
    document = relay.json("whoami", *words, **options)
    assert document["kind"] == "WhoAmI" and document["changed"] is False and set(document["data"]) == WHO_KEYS
    return document["data"]


def config(relay, *words, **options):
    """{name: item}"""
    document = relay.json("config", "show", *words, **options)
    assert document["kind"] == "SettingList" and document["next"] is None
    assert all(set(item) == {"name", "value", "origin", "set"} for item in document["items"])
    return {item["name"]: item for item in document["items"]}


# --- whoami


def test_it_tells_database_server_role_and_schema(relay, database):
    found = who(relay)
    version = database.value("SHOW server_version")
    assert (found["database"], found["server_version"], found["standby"]) == (database.name, version, False)
    assert found["host"] == os.path.dirname(database.cluster.socket_path)
    assert database.cluster.socket_path.endswith(f".{found['port']}")
    assert found["session_user"] == found["current_user"] == "postgres" and found["superuser"] is True
    assert found["schema_state"] == "current" and found["schema_version"] == found["known_schema_version"] > 0
    assert (found["tls"], found["tls_version"], found["tls_cipher"], found["password_used"]) == (False, None, None, False)
    text = relay("whoami", check=0).out
    assert f"PostgreSQL {version}, primary" in text and "superuser" in text and "none: a local socket" in text


@pytest.mark.parametrize("group", [None, "relay_provisioner", "relay_responder", "relay_auditor", "relay_gateway"])
def test_it_tells_what_a_role_may_do_also_to_one_that_may_nothing(relay, database, group):
    login = database.cluster.login(f"who_{group or 'nobody'}", member_of=[group] if group else ())
    as_login = relay.with_(dsn=database.dsn(user=login))
    found = who(as_login)
    assert found["session_user"] == login and found["superuser"] is False
    assert (group in found["groups"]) if group else found["groups"] == []
    text = as_login("whoami", check=0).out
    assert f"({group})" in text if group else "nothing here" in text


def test_it_works_without_our_schema_and_with_a_newer_one(relay, database, empty_database):
    found = who(relay.with_(dsn=empty_database.dsn()))
    assert found["schema_state"] == "absent" and found["schema_version"] == 0
    database.execute("UPDATE relay.schema_migrations SET version = version + 1 WHERE version = (SELECT max(version) FROM relay.schema_migrations)")
    assert who(relay)["schema_state"] == "ahead"


def test_it_tells_who_stands_in_the_audit_trail_and_who_says_so(relay):
    for env, words, actor, origin in (
        ({}, ("--actor", "ana"), "ana", "--actor"),
        ({"GITHUB_ACTOR": "bo", "GITHUB_REPOSITORY": "a/b"}, (), "github:a/b@bo", "GITHUB_ACTOR"),
        ({"GITLAB_USER_LOGIN": "cy"}, (), "gitlab:cy", "GITLAB_USER_LOGIN"),
        ({"SUDO_USER": "di"}, (), "di", "SUDO_USER"),
        ({}, (), getpass.getuser(), "login name"),
    ):
        found = who(relay, *words, env=env)
        assert (found["actor"], found["actor_origin"]) == (actor, origin)
        item = config(relay, *words, env=env)["actor"]
        assert (item["value"], item["origin"]) == (actor, origin)


def test_a_role_that_is_set_at_login_is_told_beside_the_login(database, relay):
    login = database.cluster.login("who_set", member_of=("relay_auditor",))
    database.cluster.query(f"ALTER ROLE {login} SET role = 'relay_auditor'")
    found = who(relay.with_(dsn=database.dsn(user=login)))
    assert (found["session_user"], found["current_user"]) == (login, "relay_auditor")
    assert f"relay_auditor (logged in as {login})" in relay.with_(dsn=database.dsn(user=login))("whoami", check=0).out


def test_a_password_is_told_as_used_and_never_shown(relay, tmp_path):
    with cluster_with_template(tcp=True, name="asking", hba=("host all asked 127.0.0.1/32 scram-sha-256",)) as own:
        made = Database(own, template=make_template(own))
        own.login("asked", member_of=("relay_auditor",), password=SECRET)
        runner = relay.with_(dsn=made.dsn(user="asked", tcp=True), env={"PGPASSWORD": SECRET})
        for form in ("table", "json", "jsonl", "csv", "id", "env"):
            for words in (["whoami"], ["config", "show"]):
                result = runner(*words, "-v", "-o", form) if form == "table" else runner(*words, "-o", form)
                assert result.code == 0 and SECRET not in result.out + result.err
        assert who(runner)["password_used"] is True
        assert runner("whoami", "-o", "id", check=0).out == "asked\n"
        wrong = runner.with_(env={"PGPASSWORD": SECRET + "x"})
        assert SECRET not in wrong("whoami", "-v", check=4).err


# --- config show

DOWN = {"PGHOST": "127.0.0.1", "PGPORT": "1"}


def test_it_works_with_the_database_down(relay_without_database):
    for form in ("table", "json", "jsonl", "csv", "id", "env"):
        relay_without_database("config", "show", "-o", form, env=DOWN, check=0)
    relay_without_database("whoami", env=DOWN, check=8)


def test_every_source_is_named_and_the_stronger_wins(relay_without_database, home):
    relay = relay_without_database
    (home / ".pg_service.conf").write_text("[relay]\nhost=from-service\nuser=eve\nport=5432\nconnect_timeout=9\n")

    def source(name, *words, **env):
        item = config(relay, *words, env=env)[name]
        return item["value"], item["origin"]

    assert source("host") == (None, "default, the local socket")
    assert source("host", PGHOST="from-env") == ("from-env", "PGHOST")
    assert source("host", PGHOST="from-env", PGSERVICE="relay") == ("from-service", "service file")
    assert source("host", "--service", "relay", PGHOST="from-env") == ("from-service", "service file")
    assert source("port", "--service", "relay", PGPORT="99") == ("5432", "service file")
    assert source("service", "--service", "relay") == ("relay", "--service")
    assert source("service", PGSERVICE="relay") == ("relay", "PGSERVICE")
    dsn = {"RELAY_ADMIN_DSN": "host=from-ours user=ana", "PGHOST": "from-env"}
    assert source("host", **dsn) == ("from-ours", "RELAY_ADMIN_DSN") and source("user", **dsn) == ("ana", "RELAY_ADMIN_DSN")
    assert source("host", "--dsn", "host=from-flag", **dsn) == ("from-flag", "--dsn")
    assert source("user") == (getpass.getuser(), "login name") and source("dbname", PGUSER="bo") == ("bo", "the user's name")
    assert source("sslmode", PGHOST="db.example") == ("verify-full", "relay-admin")
    assert source("sslmode", PGHOST="db.example", PGSSLMODE="require") == ("require", "PGSSLMODE")
    assert source("sslmode", "--dsn", "host=db.example sslmode=disable") == ("disable", "--dsn")
    assert source("target_session_attrs", PGHOST="a.example,b.example") == ("read-write", "relay-admin")
    assert source("timeout") == ("10s", "default") and source("timeout", "--timeout", "500ms") == ("500ms", "--timeout")
    assert source("timeout", RELAY_ADMIN_TIMEOUT="3s") == ("3s", "RELAY_ADMIN_TIMEOUT")
    assert source("output") == ("json", "--output") and source("color", NO_COLOR="1") == ("never", "NO_COLOR")
    assert "options" not in config(relay, env={"PGOPTIONS": "-c search_path=evil"})


def test_a_secret_is_told_as_set_and_by_whom(relay_without_database, home, tmp_path):
    relay = relay_without_database
    hidden = home / "dsn"
    hidden.write_text(f"host=h password={SECRET}")
    hidden.chmod(0o600)
    (home / ".pg_service.conf").write_text(f"[relay]\nhost=h\npassword={SECRET}\n")
    for words, env, origin in (
        (("--dsn-file", hidden), {}, "--dsn-file"),
        ((), {"RELAY_ADMIN_DSN": f"postgresql://u:{SECRET}@h/x"}, "RELAY_ADMIN_DSN"),
        ((), {"PGPASSWORD": SECRET}, "PGPASSWORD"),
        (("--service", "relay"), {}, "service file"),
    ):
        item = config(relay, *words, env=env)["password"]
        assert item == {"name": "password", "value": None, "origin": origin, "set": True}
        for form in ("table", "json", "jsonl", "csv", "env"):
            result = relay("config", "show", *words, "-o", form, env=env, check=0)
            assert SECRET not in result.out + result.err
    assert config(relay)["password"] == {"name": "password", "value": None, "origin": "nowhere", "set": False}
    (home / ".pgpass").write_text("*:*:*:*:x\n")
    (home / ".pgpass").chmod(0o644)
    assert config(relay)["password"]["origin"] == "nowhere", "libpq ignores a file that others may read"
    (home / ".pgpass").chmod(0o600)
    assert str(home / ".pgpass") in config(relay)["password"]["origin"]
    relay("config", "show", "--dsn", f"password={SECRET}", check=2)


def test_the_sandbox_is_not_started_by_a_look(relay_without_database, open_folder):
    relay = relay_without_database.with_(env={"XDG_STATE_HOME": open_folder / "state"})
    assert "not running" in config(relay, "--sandbox")["host"]["origin"]
    assert relay.json("sandbox", "status")["data"]["folder"] == f"{open_folder}/state/relay-admin/sandbox"
    assert relay.json("sandbox", "status")["data"]["state"] == "absent"
    assert list(open_folder.iterdir()) == []


def test_a_place_for_the_sandbox_that_cannot_be_is_an_error_of_a_look_too(relay_without_database):
    error = relay_without_database.error("config", "show", "--sandbox", env={"XDG_STATE_HOME": "state"}, check=2)
    assert "XDG_STATE_HOME" in error["message"]


def test_neither_takes_a_word(relay):
    first_words = (["whoami"], ["config", "show"])
    for words in first_words:
        relay.error(*words, "x", check=2)
    assert "config needs a command: name, show\n" in relay("config", check=2).err


def test_whoami_agrees_with_what_a_write_tells(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    meta = relay.json("org", "update", "acme", "--name", "New", "--actor", "ana")["meta"]
    found = who(relay, "--actor", "ana")
    assert (meta["actor"], meta["db_role"]) == (found["actor"], found["session_user"])
