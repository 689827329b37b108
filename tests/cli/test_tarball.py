"""The tarball: one program that needs nothing but glibc, TLS included, with manual, notices and bill of materials."""

import re
import shutil

import pytest
from support import agents
from support.certificates import by_name, encrypted  # noqa: F401
from support.clean_root import CleanRoot
from support.package import Archive, only, run, source
from support.relay import Runner

PROGRAM = "package"  # the packages of the release build are the subject

LIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


@pytest.fixture(scope="module")
def tarball():
    return only("relay-admin-*-linux-*.tar.gz")


@pytest.fixture(scope="module")
def archive(tarball):
    return Archive.of_tarball(tarball)


@pytest.fixture(scope="module")
def top(tarball):
    """The one folder that everything is in: it has the name of the tarball."""
    return tarball.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def unpacked(tarball, top, tmp_path_factory):
    """The folder, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "--extract", "--file", tarball, "--directory", folder)
    return folder / top


@pytest.fixture
def root(unpacked, tmp_path):
    """A root that has libc and the program, installed as README says, and nothing else."""
    root = CleanRoot(tmp_path / "root", "libc6")
    for folder in ("bin", "share"):
        shutil.copytree(unpacked / folder, root.folder / "usr/local" / folder)
    (root.folder / "tmp").mkdir()
    return root


def test_it_is_one_folder_with_all_that_belongs_to_the_program(archive, top):
    assert {name.partition("/")[0] for name in archive.members} == {top}
    files = archive.under(top)
    own = {"README", "LICENSE", "NOTICES", "CHANGELOG.md", "relay-admin.spdx.json", "bin/relay-admin"}
    pages = {f"share/man/man{path.suffix[1:]}/{path.name}" for path in (source() / "man").glob("*.[17]")}
    completions = {"share/bash-completion/completions/relay-admin", "share/zsh/site-functions/_relay-admin"}
    assert own | pages | completions <= files
    assert not [name for name in files if name.startswith(("include/", "lib/"))]
    assert archive.read(f"{top}/LICENSE") == (source() / "LICENSE").read_bytes()


def test_owners_modes_and_times_are_in_order(archive, top):
    for name, member in archive.members.items():
        assert (member.uid, member.gid) == (0, 0) and member.isdir() or member.isfile(), name
        assert member.mode == (0o755 if member.isdir() or name == f"{top}/bin/relay-admin" else 0o644), name
    assert len({member.mtime for member in archive.members.values()}) == 1
    assert list(archive.members) == sorted(archive.members, key=lambda name: name.split("/"))


def test_it_needs_libc_alone(unpacked):
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", unpacked / "bin/relay-admin").decode()))
    assert needed <= LIBC, needed


def test_the_readme_says_which_libc(unpacked):
    symbols = run("readelf", "--dyn-syms", "--wide", unpacked / "bin/relay-admin").decode()
    newest = max(tuple(map(int, found.split("."))) for found in re.findall(r"@GLIBC_([\d.]+)", symbols))
    assert f"glibc {'.'.join(map(str, newest))} or later" in (unpacked / "README").read_text()


def test_it_names_the_libpq_and_the_openssl_that_are_linked_in(unpacked):
    versions = Runner(program=unpacked / "bin/relay-admin").json("version")["data"]
    for name, package in (("libpq_version", "libpq-dev"), ("openssl_version", "libssl-dev")):
        installed = run("dpkg-query", "--show", "--showformat", "${Version}", package).decode()
        assert installed.startswith(f"{versions[name]}-"), (name, installed)


def test_it_works_over_tls_where_only_libc_is_installed(root, encrypted):
    shutil.copyfile(encrypted.cluster.folder / "ca.crt", root.folder / "tmp/ca.crt")
    relay = Runner(
        dsn=f"{by_name(encrypted)} sslmode=verify-full sslrootcert=/tmp/ca.crt",
        env={"HOME": "/tmp"},
        prefix=root.inside(),
        program="/usr/local/bin/relay-admin",
    )
    assert relay("version", "-o", "id", check=0).out == Runner()("version", "-o", "id", check=0).out
    relay("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot",
          "--secret-file", "/tmp/key", check=0)  # fmt: skip
    assert agents.decide(encrypted, agents.read_key(root.folder / "tmp/key")) == "ok"


def test_a_host_is_found_by_the_name_services_of_the_machine(unpacked, database, home, tmp_path):
    """This is why libc is not linked in."""
    relay = Runner(dsn=database.dsn(host="localhost"), home=home, cwd=tmp_path, program=unpacked / "bin/relay-admin")
    assert relay("schema", "status", "-o", "json", check=0).data()


def without_credentials(relay, database):
    """The error of a connection that insists on Kerberos."""
    return relay.with_(dsn=database.dsn(tcp=True, gssencmode="require"))("org", "list", check=2).err


def test_kerberos_is_used_where_it_is_installed_and_missing_where_it_is_not(root, unpacked, database, home, tmp_path):
    """gssencmode=require fails without a ticket, and says so, whether the library is there or not."""
    assert run("ldconfig", "-p").decode().count("libgssapi_krb5.so.2"), "the shared libpq of this machine needs it"
    trace = tmp_path / "trace"
    here = Runner(home=home, cwd=tmp_path, prefix=("strace", "-f", "-e", "trace=openat", "-o", trace),
                  program=unpacked / "bin/relay-admin")  # fmt: skip
    there = Runner(env={"HOME": "/tmp"}, prefix=root.inside(), program="/usr/local/bin/relay-admin")
    for relay in (here, there):
        assert "GSSAPI" in without_credentials(relay, database)
        assert relay.with_(dsn=database.dsn(tcp=True, gssencmode="prefer"))("org", "list", check=0)
    assert re.search(r"libgssapi_krb5\.so\.2.* = \d+$", trace.read_text(), re.MULTILINE)


def test_a_service_file_may_point_to_ldap(root, unpacked, home, tmp_path):
    """No server listens there: with the library, libpq tries and continues without; otherwise it says that it has no LDAP."""
    (tmp_path / "services").write_text("[relay]\nldap://127.0.0.1:1/dc=x?y?one?(cn=z)\n")
    shutil.copyfile(tmp_path / "services", root.folder / "tmp/services")
    here = Runner(dsn="service=relay", env={"PGSERVICEFILE": tmp_path / "services"}, home=home,
                  program=unpacked / "bin/relay-admin")  # fmt: skip
    there = Runner(dsn="service=relay", env={"PGSERVICEFILE": "/tmp/services", "HOME": "/tmp"}, prefix=root.inside(),
                   program="/usr/local/bin/relay-admin")  # fmt: skip
    assert "cannot reach the database" in here("org", "list", check=8).err
    assert "could not create LDAP structure" in there("org", "list", check=2).err
