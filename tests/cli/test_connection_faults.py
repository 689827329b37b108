"""Why a database cannot be used: each fault has its code, its cause, the words of who refused, and says whether to retry."""

import shlex
import shutil
import subprocess

import pytest
from support.account import short_folder
from support.agents import first_agent
from support.binaries import client_bin
from support.certificates import make_certificates
from support.cluster import Cluster, free_port
from support.database import Database, make_template
from support.hostile_server import HostileServer, ask, message, refusal
from support.pooler import PgBouncer

PASSWORD = "right-horse"
HBA = (
    "local all guarded scram-sha-256",
    "host all guarded 127.0.0.1/32 scram-sha-256",
    "host all shut_out 127.0.0.1/32 reject",
    "hostnossl all only_tls 127.0.0.1/32 reject",
)


@pytest.fixture
def bare(relay_without_database):
    return relay_without_database


@pytest.fixture(scope="module")
def server():
    """A server without TLS: it asks `guarded` for a password, and refuses some logins."""
    with Cluster(tcp=True, name="faults", hba=HBA) as own:
        make_template(own)
        own.login("guarded", member_of="relay_provisioner", password=PASSWORD)
        for name in ("shut_out", "only_tls", "no_connect"):
            own.login(name, member_of="relay_provisioner")
        database = Database(own, template=make_template(own))
        database.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
        for name in ("guarded", "shut_out", "only_tls"):
            database.execute(f'GRANT CONNECT ON DATABASE "{database.name}" TO {name}')
        yield database


def place(database, **more):
    """A connection string over TCP; `more` replaces its parts."""
    parts = {"host": "127.0.0.1", "port": database.cluster.port, "dbname": database.name, "user": "postgres", **more}
    return " ".join(f"{name}='{value}'" for name, value in parts.items())


def hosts(database, *ports, **more):
    return place(database, host=",".join(["127.0.0.1"] * len(ports)), port=",".join(map(str, ports)), **more)


# what, the string's parts, exit code, SQLSTATE, parts of the message, of why, of next
FAULTS = [
    ("a wrong password", {"user": "guarded"}, 4, "28P01", ["refused the login", "guarded"], "", "password"),
    ("no such role", {"user": "nobody_here"}, 4, "28000", ["refused the login", "nobody_here"], "", "user name"),
    ("refused by pg_hba.conf", {"user": "shut_out"}, 4, "28000", ["refused the login"], "pg_hba.conf", "pg_hba.conf"),
    ("pg_hba.conf asks for TLS", {"user": "only_tls"}, 4, "28000", ["refused the login"], "TLS", "sslmode=require"),
    ("no CONNECT", {"user": "no_connect"}, 4, "42501", ["permission denied for database"], "CONNECT", "GRANT CONNECT ON DATABASE"),
    ("no such database", {"dbname": "nope"}, 2, "3D000", ["nope", "does not exist"], "", "createdb -h 127.0.0.1"),
    ("a database that takes no connection", {"dbname": "template0"}, 2, "55000", ["template0"], "no connections", "another database"),
    ("an unknown setting", {"options": "-c nope=1"}, 2, "42704", ["nope"], "options=", "options="),
    ("a bad value", {"options": "-c work_mem=lots"}, 2, "22023", ["work_mem"], "options=", "options="),
    ("a bad switch", {"options": "--nope"}, 2, "42601", ["nope"], "options=", "options="),
    ("a setting of the server", {"options": "-c port=1"}, 2, "55P02", ["port"], "options=", "options="),
    ("TLS asked for, none there", {"sslmode": "require"}, 2, None, ["does not support SSL"], "asks for sslmode=require, but this server offers no TLS", "ssl = on"),
    ("proof asked for, none there", {"sslmode": "verify-full", "sslrootcert": "CA"}, 2, None, ["does not support SSL"], "asks for sslmode=verify-full", "ssl = on"),
    ("far away without TLS", {"host": "db.example", "hostaddr": "127.0.0.1", "sslrootcert": "CA"}, 2, None, ["does not support SSL"], "sslmode=verify-full", "sslmode=disable"),
    ("Kerberos asked for, none there", {"gssencmode": "require"}, 2, None, ["GSSAPI"], "gssencmode=require", "gssencmode="),
    ("channel binding without TLS", {"channel_binding": "require", "user": "guarded"}, 2, None, ["channel binding"], "channel_binding=require", "channel_binding="),
    ("a socket that is too deep", {"host": "/" + "x" * 120}, 2, None, ["socket path"], "", "shorter"),
    ("nobody on the port", {"port": 1}, 8, None, ["Connection refused", "127.0.0.1:1"], "", ""),
    ("no socket", {"host": "/nowhere", "port": 5499}, 8, None, ["/nowhere/.s.PGSQL.5499", "No such file"], "", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    make_certificates(folder)
    return folder / "ca.crt"


@pytest.mark.parametrize("parts, code, sqlstate, message, why, next_", [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_has_its_cause_and_says_whether_to_retry(server, bare, authority, parts, code, sqlstate, message, why, next_):
    parts = {name: authority if value == "CA" else value for name, value in parts.items()}
    at = bare.with_(env={"RELAY_ADMIN_DSN": place(server, **parts), "PGPASSWORD": "wrong-horse"})
    error = at.error("org", "list", check=code)
    assert error["sqlstate"] == sqlstate and error["retryable"] is (code == 8) and error["changed"] == "no", error
    assert all(part in error["message"] for part in message), error
    assert why in (error["why"] or "") and next_ in (error["next"] or ""), error
    assert "nothing was changed" not in error["message"] and "wrong-horse" not in str(error)
    # The same for a command that writes, which says so only if it could have changed something later.
    assert at.error("block", "bot", check=code)["retryable"] is (code == 8)


def test_the_advice_for_a_missing_database_makes_it(server, bare):
    at = bare.with_(env={"RELAY_ADMIN_DSN": place(server, dbname="made-today")})
    first = at.error("org", "list", check=2)["next"]
    subprocess.run(shlex.split(first.replace("createdb", f"{client_bin()}/createdb", 1)), check=True)
    error = at.error("org", "list", check=11)
    assert error["message"] == "no relay schema in this database" and error["next"].startswith("relay-admin init"), error
    at("schema", "apply", check=0)
    at("org", "list", check=0)
    server.cluster.drop_database("made-today")


# --- several hosts


def port_of(database):
    return database.cluster.port


SEVERAL = [
    # ports (None: the server, 0: no server), more, exit code, parts of the message
    ("a wrong password everywhere", [None, None], {"user": "guarded"}, 4, ["password authentication failed"]),
    ("a wrong password behind a dead host", [0, None], {"user": "guarded"}, 4, ["password authentication failed"]),
    ("a wrong password before a dead host", [None, 0], {"user": "guarded"}, 4, ["password authentication failed"]),
    ("no CONNECT behind a dead host", [0, None], {"user": "no_connect"}, 4, ["permission denied"]),
    ("no database behind a dead host", [0, None], {"dbname": "nope"}, 2, ["does not exist"]),
    ("pg_hba.conf everywhere", [None, None], {"user": "shut_out"}, 4, ["pg_hba.conf"]),
    ("pg_hba.conf, and a dead host", [None, 0], {"user": "shut_out"}, 8, ["pg_hba.conf", "Connection refused"]),
    ("no TLS anywhere", [None, None], {"sslmode": "require"}, 2, ["does not support SSL"]),
    ("no TLS, and a dead host", [None, 0], {"sslmode": "require"}, 8, ["does not support SSL", "Connection refused"]),
    ("nobody anywhere", [0, 0], {}, 8, ["Connection refused"]),
]  # fmt: skip


@pytest.mark.parametrize("ports, more, code, says", [case[1:] for case in SEVERAL], ids=[case[0] for case in SEVERAL])
def test_with_several_hosts_one_that_may_come_up_makes_a_retry_worthwhile(server, bare, ports, more, code, says):
    real = [port_of(server) if port is None else free_port() for port in ports]
    at = bare.with_(env={"RELAY_ADMIN_DSN": hosts(server, *real, **more), "PGPASSWORD": "wrong-horse"})
    error = at.error("org", "list", check=code)
    assert error["retryable"] is (code == 8) and all(part in error["message"] for part in says), error
    if code == 8:
        assert all(f"127.0.0.1:{port}: " in error["message"] for port in real), error
    assert at.error("block", "bot", check=code)["changed"] == "no"


def test_a_host_that_is_fine_hides_the_faults_of_the_others(server, bare):
    for ports in ([free_port(), port_of(server)], [port_of(server), free_port()]):
        bare.with_(env={"RELAY_ADMIN_DSN": hosts(server, *ports)})("org", "list", check=0)


def test_a_name_with_two_addresses_is_one_host(server, bare):
    """localhost is ::1 and 127.0.0.1, and the server listens on only one of them."""
    error = bare.error("org", "list", env={"RELAY_ADMIN_DSN": place(server, host="localhost", user="guarded"), "PGPASSWORD": "no"}, check=4)
    assert "password authentication failed" in error["message"] and "refused (" not in error["message"]


# --- a pooler

POOLER = [
    # mode, settings, the string's parts, exit code, the pooler's words, why, next
    ("statement", [], {}, 2, "transaction blocks not allowed in statement pooling mode", "statement mode", "pool_mode = transaction"),
    ("transaction", [], {"options": "-c statement_timeout=5s"}, 2, "unsupported startup parameter", "refuses this parameter", "ignore_startup_parameters"),
    ("session", [], {"dbname": "nope"}, 2, "no such database: nope", "no database of this name", "[databases]"),
    ("session", [], {"user": "nobody_here"}, 4, "authentication failed", "", "user name"),
    ("session", ["client_tls_sslmode = require", "client_tls_key_file = KEY", "client_tls_cert_file = CERT"], {"sslmode": "disable"}, 2, "SSL required", "sslmode=disable", "sslmode=require"),
    ("transaction", ["max_client_conn = 0"], {}, 8, "no more connections allowed", "", "try again"),
]  # fmt: skip


@pytest.fixture(scope="module")
def pooler_certificates():
    folder = short_folder("rly-crt-")
    make_certificates(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode, settings, parts, code, says, why, next_", POOLER, ids=[f"{case[0]}: {case[4]}" for case in POOLER])
def test_a_poolers_words_are_quoted(database, bare, pooler_certificates, mode, settings, parts, code, says, why, next_):
    settings = [line.replace("KEY", f"{pooler_certificates}/server.key").replace("CERT", f"{pooler_certificates}/server.crt") for line in settings]
    with PgBouncer(database, mode=mode, settings=settings) as pooler:
        at = bare.with_(env={"RELAY_ADMIN_DSN": place(database, **{"host": pooler.host, "port": pooler.port, **parts})})
        # A block is one message, which even a pooler in statement mode lets through.
        changes = [] if mode == "statement" else [["block", "bot"], ["revoke", "bot", "--yes"]]
        for words in (["org", "list"], *changes, ["schema", "apply"], ["whoami"]):
            error = at.error(*words, check=code)
            assert says in error["message"] and error["retryable"] is (code == 8) and error["changed"] == "no", error
            assert why in (error["why"] or "") and next_ in error["next"], error
    assert database.value("SELECT count(*) FROM relay.revocations") == 0


@pytest.mark.parametrize("admins, code, says, why", [
    (["admin_users = postgres"], 2, "its version is ", "PgBouncer's own console"),
    ([], 4, "not allowed", "does not let this user in"),
], ids=["an admin", "another user"])  # fmt: skip
def test_the_console_of_a_pooler_is_named(database, bare, admins, code, says, why):
    with PgBouncer(database, settings=admins) as pooler:
        at = bare.with_(env={"RELAY_ADMIN_DSN": place(database, host=pooler.host, port=pooler.port, dbname="pgbouncer")})
        for words in (["org", "list"], ["block", "bot"], ["schema", "apply"], ["whoami"], ["key", "wait", "000000000000", "--for", "used"]):
            error = at.error(*words, check=code)
            assert says in error["message"] and why in error["why"] and error["next"] and error["retryable"] is False, error
            assert error["changed"] == "no"
        check = next(item for item in at("doctor", "-o", "json", check=10).json()["items"] if item["check"] == "db.connection")
        assert check["status"] == "error" and why in check["message"] and check["next"], check


# --- servers that we do not work with

OK = ask(0)
READY = message(b"Z", b"I")


def version(text):
    return message(b"S", b"server_version\0" + text + b"\0")


STRANGERS = [
    # what, its answer, exit code, parts of the message, of why, of next
    ("very old", OK + version(b"8.0.2") + READY, 2, "its version is 8.0.2", "version 13", "host="),
    ("without a version", OK + READY, 2, "does not report its version", "version 13", "host="),
    ("a web server", b"HTTP/1.1 400 Bad Request\r\n\r\n", 8, "expected authentication request", "another service", "port="),
    ("a mail server", b"220 mail.example ESMTP\r\n", 8, "expected authentication request", "another service", "port="),
    ("Kerberos without a ticket", ask(7), 4, "GSSAPI", "Kerberos ticket", "kinit"),
    ("SSPI", ask(9), 4, "refused the login", "", "pg_hba.conf"),
    ("Kerberos 5", ask(2), 4, "not supported", "does not know", "pg_hba.conf"),
    ("an unknown way", ask(99), 4, "99", "does not know", "pg_hba.conf"),
    ("only OAuth", ask(10, b"OAUTHBEARER\0\0"), 4, "SASL", "does not know", "pg_hba.conf"),
    ("full", refusal(b"53300", b"too many clients"), 8, "too many clients", "", "try again"),
]  # fmt: skip


@pytest.mark.parametrize("answer, code, says, why, next_", [case[1:] for case in STRANGERS], ids=[case[0] for case in STRANGERS])
def test_only_what_may_pass_is_worth_a_retry(bare, answer, code, says, why, next_):
    with HostileServer(lambda connection, number: connection.sendall(answer)) as server:
        at = bare.with_(env={"RELAY_ADMIN_DSN": server.dsn})
        for words in (["org", "list"], ["block", "bot"]):
            error = at.error(*words, check=code)
            assert says in error["message"] and why in (error["why"] or "") and next_ in error["next"], error
            assert error["retryable"] is (code == 8) and error["changed"] == "no"
        check = next(item for item in at("doctor", "-o", "json", check=10).json()["items"] if item["check"] == "db.connection")
        assert check["status"] == "error" and says in check["message"], check


def test_a_pooler_whose_server_is_down_may_come_back(bare):
    with Cluster(name="behind") as own:
        database = Database(own, template=make_template(own))
        with PgBouncer(database, settings=["server_connect_timeout = 1", "query_wait_timeout = 2"]) as pooler:
            own.stop("immediate")
            error = bare.error("org", "list", "--dsn", place(database, host=pooler.host, port=pooler.port), check=8)
            assert error["retryable"] is True, error


# --- the end of an open connection


def test_the_servers_last_words_are_quoted(server, bare, relay, tmp_path):
    first_agent(relay.with_(dsn=server.dsn()), tmp_path / "k")
    server.execute("CREATE FUNCTION public.end_of_session() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$")  # fmt: skip
    server.execute("CREATE TRIGGER zz BEFORE UPDATE ON relay.organizations FOR EACH ROW EXECUTE FUNCTION public.end_of_session()")
    error = bare.error("org", "update", "acme", "--name", "Other", "--dsn", place(server), check=8)
    assert "terminating connection due to administrator command" in error["message"], error
    assert error["sqlstate"] == "57P01" and error["retryable"] is True and error["changed"] == "no"
    server.execute("DROP TRIGGER zz ON relay.organizations")
