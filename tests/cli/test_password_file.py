"""libpq prints nothing to our stderr: a password file that it ignores is named where that matters, and only there."""

import struct

import pytest
from support.database import Database, cluster_with_template, make_template
from support.hostile_server import HostileServer, message, refusal

PASSWORD = "geheim-4711"
LINE = f"*:*:*:by_password:{PASSWORD}\n"


@pytest.fixture(scope="module")
def server():
    own = cluster_with_template(tcp=True, name="passfile", settings={"password_encryption": "scram-sha-256"})
    with own:
        database = Database(own, template=make_template(own))
        database.execute(f"CREATE ROLE by_password LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        own.write_hba(["local all by_password scram-sha-256", "local all postgres trust"])
        yield database


@pytest.fixture
def bare(relay_without_database):
    return relay_without_database


def dsn_of(server, login):
    return f"host={server.cluster.host} port={server.cluster.port} dbname={server.name} user={login}"


def make_folder(path):
    path.mkdir()


def make_open_file(path):
    path.write_text(LINE)
    path.chmod(0o644)


@pytest.mark.parametrize("make", [make_folder, make_open_file, lambda path: path.symlink_to("/dev/null")], ids=["folder", "open", "device"])
@pytest.mark.parametrize("way", ["home", "variable", "parameter"])
def test_a_file_that_libpq_ignores_is_nothing_to_speak_of_where_no_password_is_needed(bare, server, home, tmp_path, make, way):
    path = home / ".pgpass" if way == "home" else tmp_path / "passwords"
    make(path)
    more = f" passfile={path}" if way == "parameter" else ""
    env = {"PGPASSFILE": path} if way == "variable" else {}
    done = bare("org", "list", "--dsn", dsn_of(server, "postgres") + more, env=env, check=0)
    assert done.err == "no orgs\n"


def test_a_file_that_is_open_to_others_is_named_when_the_password_is_missing(bare, server, tmp_path):
    path = tmp_path / "pass words"
    make_open_file(path)
    there = bare.with_(dsn=dsn_of(server, "by_password"), env={"PGPASSFILE": path})
    said = there("org", "list", check=4)
    assert "WARNING" not in said.err and PASSWORD not in said.err
    error = there.error("org", "list", check=4)
    assert str(path) in error["why"] and "its mode gives access to others" in error["why"]
    assert error["next"] == f"chmod 600 '{path}'"
    path.chmod(0o600)
    assert there("org", "list", check=0).err == "no orgs\n"


@pytest.mark.parametrize("make", [lambda path: None, make_folder], ids=["missing", "folder"])
def test_without_a_file_the_login_is_what_to_check(bare, server, tmp_path, make):
    make(tmp_path / "passwords")
    said = bare("org", "list", "--dsn", dsn_of(server, "by_password"), env={"PGPASSFILE": tmp_path / "passwords"}, check=4)
    assert "no password supplied" in said.err and "WARNING" not in said.err and "ignores" not in said.err


def test_a_login_that_falls_back_to_none_prints_no_warning(bare):
    """A server on this machine that asks for TLS is tried last without a password, and so without a password file."""

    def answer(connection, number):
        connection.sendall(refusal(b"28000", b"no pg_hba.conf entry, no encryption"))

    with HostileServer(answer) as hostile:
        said = bare("org", "list", "--dsn", hostile.dsn, env={"PGPASSWORD": PASSWORD})
        assert said.code != 0 and "WARNING" not in said.err and "/dev/null" not in said.err


def test_what_the_server_says_during_the_login_is_not_printed(bare, server):
    """A real warning: the locale's version that the database notes is not the one that the system has."""
    server.execute(f"UPDATE pg_database SET datcollversion = 'of another system' WHERE datname = '{server.name}'")
    for words in [("org", "list"), ("watch", "--until-idle"), ("whoami",)]:
        said = bare(*words, "--dsn", dsn_of(server, "postgres"))
        assert "collation" not in said.err + said.out, words


def test_a_notice_before_the_login_is_not_printed(bare):
    notice = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mlook here\0\0")
    ready = message(b"R", struct.pack("!i", 0)) + notice

    def answer(connection, number):
        connection.sendall(notice + ready)
        connection.close()

    with HostileServer(answer) as hostile:
        assert "look here" not in bare("org", "list", "--dsn", hostile.dsn).err
