"""How the database is found: nothing configured, precedence, TLS, a pooler, one connection."""

from pathlib import Path

import psycopg2
import pytest
from support.agents import decide, first_agent
from support.certificates import by_name, encrypted, make_certificates  # noqa: F401
from support.database import Database, make_template
from support.main_commands import whole_day
from support.pooler import PgBouncer
from support.proxy import Proxy

DEFAULT_SOCKET = Path("/var/run/postgresql/.s.PGSQL.5432")


@pytest.fixture
def bare(relay_without_database):
    return relay_without_database


def place(database):
    """The PG* variables that lead to a database."""
    return {
        "PGHOST": database.cluster.host,
        "PGPORT": str(database.cluster.port),
        "PGDATABASE": database.name,
        "PGUSER": "postgres",
    }


# --- nothing configured


def test_with_nothing_configured_and_no_server_the_sandbox_is_named(bare):
    result = bare("org", "list", "-o", "json")
    if DEFAULT_SOCKET.exists():  # someone else's server: listed, but not changed
        assert result.code in (0, 4, 8, 11)
        return
    error = result.error()
    assert result.code == 8 and error["next"] == "relay-admin --sandbox init" and error["changed"] == "no"
    assert bare("org", "list", check=8).err.endswith("  next: relay-admin --sandbox init\n")


@pytest.mark.parametrize(
    "flags, env",
    [
        (["--dsn", "host=/nowhere"], {}),
        ([], {"RELAY_ADMIN_DSN": "host=/nowhere"}),
        ([], {"PGHOST": "/nowhere"}),
        ([], {"PGPORT": "1"}),
    ],
)
def test_who_has_configured_something_is_not_sent_to_the_sandbox(bare, flags, env):
    assert "sandbox" not in bare("org", "list", *flags, env=env, check=8).err


# --- precedence


@pytest.fixture
def databases(cluster):
    """Three databases, each with one organization of the same name as the database: flag, variable, libpq."""
    made = {}
    for name in ("flag", "variable", "libpq"):
        made[name] = Database(cluster, template=make_template(cluster))
        made[name].execute("INSERT INTO relay.organizations (org_id, name, created_by) VALUES (%s, 'x', 'test')", name)
    yield made
    for database in made.values():
        database.drop()


def test_a_flag_beats_our_variable_and_that_beats_libpqs_own(bare, databases, tmp_path, home):
    flag, variable, libpq = (databases[name] for name in ("flag", "variable", "libpq"))

    def asked(*flags, **env):
        return bare("org", "list", "-o", "id", *flags, env=env, check=0).out.strip()

    (tmp_path / "dsn").write_text(flag.dsn() + "\n")
    (tmp_path / "services").write_text(
        f"[mine]\nhost={flag.cluster.host}\nport={flag.cluster.port}\ndbname={flag.name}\nuser=postgres\n"
    )
    (home / ".pg_service.conf").write_text(
        f"[own]\nhost={flag.cluster.host}\nport={flag.cluster.port}\ndbname={libpq.name}\nuser=postgres\n"
    )
    ours, theirs, services = {"RELAY_ADMIN_DSN": variable.dsn()}, place(libpq), {"PGSERVICEFILE": tmp_path / "services"}
    assert asked(**theirs) == "libpq" and asked(**theirs, **ours) == "variable" and asked(**ours) == "variable"
    for flags in (["--dsn", flag.dsn()], [f"-d{flag.dsn()}"], ["--dsn-file", "dsn"], ["--service", "mine"]):
        assert asked(*flags, **theirs, **ours, **services) == "flag", flags
    assert asked(**services, PGSERVICE="mine") == "flag" and asked(PGSERVICE="own") == "libpq"
    assert asked(**ours, **services, PGSERVICE="mine") == "variable"
    # libpq's settings complete a connection string; an empty variable counts as not set.
    assert asked("--dsn", f"dbname={flag.name}", **theirs) == "flag"
    assert asked(**{**theirs, "RELAY_ADMIN_DSN": ""}) == "libpq"
    assert asked("--dsn", f"postgresql:///{flag.name}", **theirs) == "flag"


def test_our_other_variables_stand_behind_their_flags(bare, databases):
    at = {"RELAY_ADMIN_DSN": databases["flag"].dsn()}
    assert bare("org", "list", env={**at, "RELAY_ADMIN_OUTPUT": "id"}, check=0).out == "flag\n"
    assert bare("org", "list", "-o", "csv", env={**at, "RELAY_ADMIN_OUTPUT": "id"}, check=0).out.startswith("org_id,")
    assert "RELAY_ADMIN_OUTPUT" in bare("org", "list", env={**at, "RELAY_ADMIN_OUTPUT": "xml"}, check=2).err
    assert "RELAY_ADMIN_TIMEOUT" in bare("org", "list", env={**at, "RELAY_ADMIN_TIMEOUT": "5"}, check=2).err
    bare("org", "list", "--timeout", "5s", env={**at, "RELAY_ADMIN_TIMEOUT": ""}, check=0)


# --- TLS


def test_a_server_elsewhere_has_to_prove_who_it_is(encrypted, bare, home):
    ca = encrypted.cluster.folder / "ca.crt"
    for env in ({}, {"PGSSLMODE": ""}):
        error = bare.error("org", "list", "--dsn", by_name(encrypted), env=env, check=2)
        assert error["retryable"] is False and "verify-full" in error["why"] and "root.crt" in error["next"] and error["changed"] == "no"
    bare("org", "list", "--dsn", f"{by_name(encrypted)} sslrootcert={ca}", check=0)
    bare("org", "list", "--dsn", by_name(encrypted), env={"PGSSLROOTCERT": ca}, check=0)
    who = bare.json("whoami", "--dsn", f"{by_name(encrypted)} sslrootcert={ca}")["data"]
    assert who["tls"] is True and who["tls_version"] == "TLSv1.3" and who["tls_cipher"].startswith("TLS_")
    assert who["sslmode"] == "verify-full" and who["host"] == "db.example"
    wrong_name = bare.error("org", "list", "--dsn", f"{by_name(encrypted, 'evil.example')} sslrootcert={ca}", check=2)
    assert "evil.example" in wrong_name["message"] and "for another name" in wrong_name["why"]
    (home / ".postgresql").mkdir()
    (home / ".postgresql" / "root.crt").write_bytes(ca.read_bytes())
    bare("org", "list", "--dsn", by_name(encrypted), check=0)


@pytest.mark.parametrize(
    "more, message, why, next_",
    [
        ("sslmode=verify-ca", "root certificate file", "the connection asks for sslmode=verify-ca", "sslrootcert="),
        ("sslrootcert={other}", "certificate verify failed", "no CA that this machine trusts", "sslrootcert="),
        ("sslrootcert={ca} sslmode=verify-full hostaddr=127.0.0.1 host=x.example", "x.example", "for another name", "name"),
        ("sslmode=require sslcert={ca} sslkey=/nowhere/key", "private key", "client certificate", "sslkey="),
    ],
)  # fmt: skip
def test_the_reason_of_tls_is_what_was_asked_for(encrypted, bare, tmp_path, more, message, why, next_):
    make_certificates(tmp_path)
    given = more.format(ca=encrypted.cluster.folder / "ca.crt", other=tmp_path / "ca.crt")
    host = by_name(encrypted).split(" ", 2)[2] if "host=" in more else by_name(encrypted)
    error = bare.error("org", "list", "--dsn", f"{host} {given}", check=2)
    assert message in error["message"] and why in (error["why"] or "") and next_ in (error["next"] or ""), error
    assert error["retryable"] is False and error["changed"] == "no"


def test_a_service_file_and_variables_lead_elsewhere_too(encrypted, bare, tmp_path):
    (tmp_path / "services").write_text(
        "[far]\n"
        + by_name(encrypted).replace(" ", "\n")
        + "\n\n[less]\n"
        + by_name(encrypted).replace(" ", "\n")
        + "\nsslmode=require\n"
    )
    at = {"PGSERVICEFILE": tmp_path / "services"}
    assert "verify-full" in bare("org", "list", "--service", "far", env=at, check=2).err
    bare("org", "list", "--service", "less", env=at, check=0)
    env = {
        "PGHOST": "db.example",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(encrypted.cluster.port),
        "PGDATABASE": encrypted.name,
        "PGUSER": "postgres",
    }
    assert "verify-full" in bare("org", "list", env=env, check=2).err
    # One far host among near ones is enough.
    mixed = f"host=127.0.0.1,db.example hostaddr=127.0.0.1,127.0.0.1 port={encrypted.cluster.port} dbname={encrypted.name} user=postgres"
    bare("org", "list", "--dsn", mixed, check=2)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_who_asks_for_less_by_name_gets_it(encrypted, bare, mode):
    bare("org", "list", "--dsn", f"{by_name(encrypted)} sslmode={mode}", check=0)
    bare("org", "list", "--dsn", by_name(encrypted), env={"PGSSLMODE": mode}, check=0)


def test_this_machine_needs_no_proof(encrypted, bare):
    port = encrypted.cluster.port
    for host in (
        "host=127.0.0.1",
        "hostaddr=127.0.0.1",
        "host=localhost hostaddr=127.0.0.1",
        f"host={encrypted.cluster.host}",
    ):
        bare("org", "list", "--dsn", f"{host} port={port} dbname={encrypted.name} user=postgres", check=0)


def test_a_server_elsewhere_without_tls_is_refused(database, bare):
    error = bare.error("org", "list", "--dsn", by_name(database), check=2)
    assert "verify-full" in error["why"] and error["retryable"] is False
    bare("org", "list", "--dsn", f"{by_name(database)} sslmode=disable", check=0)


# --- a pooler


def test_the_main_commands_work_through_a_pooler_in_transaction_mode(database, relay, tmp_path):
    with PgBouncer(database) as pooler:
        pooled = relay.with_(dsn=database.dsn(host=pooler.host, port=pooler.port))
        assert decide(database, whole_day(pooled, tmp_path)) == "ok"
        # And several at the same time over the one server connection.
        started = [
            pooled.start("agent", "create", f"p{n}", "--org", "acme", "--name", "P", "--secret-file", f"p{n}")
            for n in range(6)
        ]
        assert [process.wait(60) for process in started] == [0] * 6
        assert database.value("SELECT count(*) FROM relay.agents WHERE agent_id LIKE 'p_'") == 6
        # None of our settings are left in the session that the next client gets.
        names = ("search_path", "statement_timeout", "lock_timeout", "synchronous_commit", "DateStyle")
        after = settings_of(database.dsn(host=pooler.host, port=pooler.port), names)
        assert after == settings_of(database.dsn(), names)


def settings_of(dsn, names):
    """Returns the settings that a new client of `dsn` finds."""
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT array_agg(current_setting(name)) FROM unnest(%s) AS name", (list(names),))
            return cursor.fetchone()[0]
    finally:
        connection.close()


# --- one connection


def test_a_command_makes_one_connection(database, relay, cluster, tmp_path):
    with Proxy(cluster.socket_path, unix=True) as proxy:
        through = relay.with_(dsn=proxy.dsn(database))
        first_agent(through, tmp_path / "k")
        for number, words in enumerate(
            (["org", "list"], ["rotate-key", "bot", "--secret-file", "k2"], ["block", "bot"], ["schema", "status"])
        ):
            before = proxy.accepted
            through(*words, check=0)
            assert proxy.accepted == before + 1, words
