"""A password goes to no server that has not proved its identity: by TLS, by SCRAM, or by a unix socket."""

import hashlib
import ssl
import time

import pytest
from support.certificates import make_certificates
from support.database import Database, cluster_with_template, make_template
from support.hostile_server import (
    CLEAR_REQUEST,
    MD5_REQUEST,
    SASL_REQUEST,
    HostileServer,
    refusal,
)

PROGRAM = "dev"  # what a hostile server sends is hostile input
PASSWORD = "geheim-4711"
NO_ENCRYPTION = refusal(b"28000", b'no pg_hba.conf entry for host "127.0.0.1", user "ana", database "relay", no encryption')


def digests():
    """What a client sends for PASSWORD if a server asks for MD5."""
    inner = hashlib.md5((PASSWORD + "ana").encode()).hexdigest()
    return hashlib.md5(inner.encode() + b"salt").hexdigest()


def in_one(*messages):
    """All in one write: a client that reads ahead has them all."""
    return lambda connection, number: connection.sendall(b"".join(messages))


def byte_by_byte(*messages):
    def answer(connection, number):
        for byte in b"".join(messages):
            connection.sendall(bytes([byte]))
            time.sleep(0.002)

    return answer


def after_the_first_answer(*messages):
    """SCRAM first, and then another wish."""

    def answer(connection, number):
        connection.sendall(SASL_REQUEST)
        connection.recv(4096)
        connection.sendall(b"".join(messages))

    return answer


@pytest.fixture
def bare(relay_without_database):
    return relay_without_database.with_(env={"PGPASSWORD": PASSWORD})


def refused(bare, server, *words, how, dsn=None):
    """The program does not give its password to the server, and says how that asked for it."""
    error = bare.error("org", "list", "--dsn", dsn or server.dsn, *words, check=4)
    assert how in error["message"] and "was not sent" in error["message"] and error["changed"] == "no", error
    assert "scram-sha-256" in error["next"]
    keeps_its_password(server)


def keeps_its_password(server):
    assert server.heard
    for heard in server.heard:
        assert PASSWORD.encode() not in heard and digests().encode() not in heard, bytes(heard)


@pytest.mark.parametrize("mode", ["", " sslmode=disable", " sslmode=prefer", " sslmode=allow"])
@pytest.mark.parametrize("request_, how", [(CLEAR_REQUEST, "in clear text"), (MD5_REQUEST, "as MD5")], ids=["clear", "md5"])
@pytest.mark.parametrize(
    "way",
    [
        lambda request: in_one(request),
        lambda request: byte_by_byte(request),
        lambda request: in_one(SASL_REQUEST, request),
        lambda request: after_the_first_answer(request),
    ],
    ids=["at once", "byte by byte", "with SASL", "after SASL"],
)
def test_a_server_without_tls_does_not_get_it(bare, mode, request_, how, way):
    with HostileServer(way(request_)) as server:
        refused(bare, server, how=how, dsn=server.dsn + mode)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


@pytest.mark.parametrize("request_", [CLEAR_REQUEST, MD5_REQUEST], ids=["clear", "md5"])
def test_a_certificate_that_nobody_checks_is_no_proof(bare, certificate, request_):
    """A local user who has the port speaks TLS with any certificate, and refuses the login without it."""

    def answer(connection, number):
        connection.sendall(request_ if isinstance(connection, ssl.SSLSocket) else NO_ENCRYPTION)

    with HostileServer(answer, tls=certificate) as server:
        bare.error("org", "list", "--dsn", server.dsn, check=4)
        assert len(server.heard) == 3
        keeps_its_password(server)


def test_a_server_that_is_not_postgresql_is_named_as_such(bare):
    with HostileServer(in_one(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = bare.error("org", "list", "--dsn", server.dsn, check=8)
        assert "received H" in error["message"]


@pytest.mark.parametrize(
    "junk",
    [b"R\x00\x00\x00\x02", b"R\xff\xff\xff\xff" + b"x" * 70000, b"R\x00\x00\x00\x08\x00", b""],
    ids=["too short a length", "too long a length", "cut off", "nothing"],
)
def test_broken_messages_end_the_login(bare, junk):
    def answer(connection, number):
        connection.sendall(junk)
        connection.close()

    with HostileServer(answer) as server:
        bare.error("org", "list", "--dsn", server.dsn, "--timeout", "4s", check=8)


def test_each_of_several_hosts_is_watched(bare):
    with HostileServer(in_one(refusal(b"57P03", b"the database system is starting up"))) as first:
        with HostileServer(in_one(CLEAR_REQUEST)) as second:
            dsn = f"host=127.0.0.1,127.0.0.1 port={first.port},{second.port} dbname=relay user=ana"
            refused(bare, second, how="in clear text", dsn=dsn)
            assert len(first.heard) == 1


# --- real servers


@pytest.fixture(scope="module")
def server():
    """A server that speaks TLS, with a login for each kind of password."""
    own = cluster_with_template(tcp=True, name="passwords", settings={"password_encryption": "scram-sha-256"})
    make_certificates(own.folder)
    own.settings.update(ssl="on", ssl_cert_file=f"{own.folder}/server.crt", ssl_key_file=f"{own.folder}/server.key")
    with own:
        database = Database(own, template=make_template(own))
        for name, encryption in (("by_scram", "scram-sha-256"), ("by_md5", "md5")):
            database.execute(f"SET password_encryption = '{encryption}'")
            database.execute(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        yield database


def set_hba(server, *lines):
    """What decides on a login, the first that fits; the test's own superuser comes in by the socket."""
    server.cluster.write_hba([*lines, "local all postgres trust"])


def logs_in(bare, server, login, *, over="127.0.0.1", more="", **checks):
    dsn = f"host={over} port={server.cluster.port} dbname={server.name} user={login}{more}"
    return bare("org", "list", "--dsn", dsn, **checks)


@pytest.mark.parametrize("kind", ["host", "hostssl"])
def test_scram_works_with_and_without_tls(bare, server, kind):
    set_hba(server, f"{kind} all by_scram 127.0.0.1/32 scram-sha-256")
    logs_in(bare, server, "by_scram", check=0)
    wrong = logs_in(bare.with_(env={"PGPASSWORD": "wrong"}), server, "by_scram", check=4)
    assert "password authentication failed" in wrong.err


@pytest.mark.parametrize("method", ["md5", "password"])
def test_md5_and_clear_need_a_proof(bare, server, method):
    set_hba(server, f"host all by_md5 127.0.0.1/32 {method}", f"local all by_md5 {method}")
    assert "was not sent" in logs_in(bare, server, "by_md5", check=4).err
    logs_in(bare, server, "by_md5", over=server.cluster.host, check=0)
    logs_in(bare, server, "by_md5", over="db.example", more=f" hostaddr=127.0.0.1 sslrootcert={server.cluster.folder}/ca.crt", check=0)


def test_a_server_that_insists_on_tls_without_a_password(bare, server):
    set_hba(server, "hostssl all by_md5 127.0.0.1/32 trust")
    logs_in(bare, server, "by_md5", check=0)
    set_hba(server, "hostssl all by_md5 127.0.0.1/32 md5")
    assert "was not sent" in logs_in(bare, server, "by_md5", check=4).err


def test_a_login_that_is_refused_everywhere_is_told_as_it_was(bare, server):
    set_hba(server, "host all nobody 127.0.0.1/32 scram-sha-256")
    assert "no pg_hba.conf entry" in logs_in(bare, server, "by_md5", check=4).err


def test_doctor_says_how_the_password_is_kept(bare, server):
    set_hba(server, "host all by_scram 127.0.0.1/32 scram-sha-256")

    def found(more=""):
        dsn = f"host=127.0.0.1 port={server.cluster.port} dbname={server.name} user=by_scram{more}"
        return bare("doctor", "db.tls", "--dsn", dsn, "-o", "json").json()["items"][0]

    item = found()
    assert item["status"] == "ok" and "SCRAM proved the password without sending it" in item["message"]
    item = found(" sslmode=require")
    assert item["status"] == "warn" and "has not proven who it is" in item["message"] and "verify-full" in item["next"]
    set_hba(server, "hostssl all by_scram 127.0.0.1/32 scram-sha-256")
    assert found()["status"] == "ok"
