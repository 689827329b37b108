"""The Debian packages in clean roots: they install, run, are compiled against, and go without a trace."""

import os
import re
from pathlib import Path

import pytest
from support import agents
from support.clean_root import CleanRoot
from support.package import Archive, debian_package, only, run
from support.relay import Runner

PROGRAM = "package"  # the packages of the release build are the subject

NAMES = ("relay-admin", "librelay-dev")


def files_of(root):
    return {path.relative_to(root).as_posix() for path in (root / "usr").rglob("*") if path.is_file()}


def test_it_installs_into_an_empty_root_and_leaves_nothing(tmp_path):
    root = CleanRoot(tmp_path / "root")
    # What they depend on is not there; the next test has it.
    root.dpkg("--force-depends", "--install", *map(debian_package, NAMES))
    packaged = set().union(*(Archive.of_package(debian_package(name)).files for name in NAMES))
    assert files_of(root.folder) == packaged
    for name in NAMES:
        assert b"Status: install ok installed" in root.dpkg("--status", name)
        assert root.dpkg("--verify", name) == b""
    root.dpkg("--purge", *NAMES)
    left = [path.relative_to(root.folder).as_posix() for path in root.folder.rglob("*")]
    assert not [path for path in left if "relay" in path]


def test_the_dependencies_suffice_and_it_works_in_a_root_of_its_own(tmp_path, database, home):
    """Over TCP, for the socket of the server is outside."""
    root = CleanRoot(tmp_path / "root", "libc6", "libpq5")
    root.dpkg("--install", debian_package("relay-admin"))
    (root.folder / "tmp").mkdir(mode=0o1777)
    os.chmod(root.folder / "tmp", 0o1777)
    relay = Runner(
        dsn=database.dsn(tcp=True), env={"HOME": "/tmp"}, prefix=root.inside(), program="/usr/bin/relay-admin"
    )
    assert relay("version", check=0).out == Runner()("version", check=0).out
    assert "rotate-key" in relay("help", check=0).out
    relay("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot",
          "--secret-file", "/tmp/key", check=0)  # fmt: skip
    assert agents.decide(database, agents.read_key(root.folder / "tmp/key")) == "ok"
    assert relay("agent", "list", "-o", "id", check=0).out == "bot\n"


def test_a_program_is_compiled_against_the_installed_package(tmp_path, database):
    """By pkg-config; test_install does the same with CMake."""
    root = CleanRoot(tmp_path / "root")
    root.dpkg("--force-depends", "--install", debian_package("librelay-dev"))
    library = root.folder / "usr/lib" / run("c++", "-print-multiarch").decode().strip()
    environment = {**os.environ, "PKG_CONFIG_PATH": str(library / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "relay", env=environment).decode().split()
    assert any(Path(flag[2:]).resolve() == library for flag in flags if flag.startswith("-L"))
    consumer = Path(__file__).parent / "install_consumer/main.cpp"
    run("c++", "-std=c++20", consumer, "-o", root.folder / "consumer", *flags)
    assert run(root.folder / "consumer", database.dsn()).startswith(b"relay_sk_")


@pytest.fixture(scope="module")
def containerfile():
    """Its instructions, each as one line: the word, and the rest."""
    text = only("Containerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert [word for word, _ in lines] == ["FROM", "COPY", "RUN", "USER", "ENTRYPOINT"]
    return dict(lines)


def test_the_container_is_made_of_the_package_on_the_debian_that_it_was_built_for(containerfile):
    (release,) = re.findall(r'^VERSION_ID="?([\w.]+)"?$', Path("/etc/os-release").read_text(), re.MULTILINE)
    assert containerfile["FROM"] == f"docker.io/library/debian:{release}-slim"
    package = debian_package("relay-admin")
    assert containerfile["COPY"] == f"{package.name} /tmp/"
    assert f"apt-get install --yes --no-install-recommends /tmp/{package.name}" in containerfile["RUN"]
    assert f"rm -rf /tmp/{package.name} /var/lib/apt/lists/*" in containerfile["RUN"]


def test_its_root_runs_the_program_as_a_user_without_rights(containerfile, tmp_path, database):
    """No engine needed: the root that the instructions make, with the base that every Debian has, entered by chroot."""
    root = CleanRoot(tmp_path / "root", "libc6", "libpq5", "base-passwd")
    root.dpkg("--install", debian_package("relay-admin"))
    for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path, root.folder):
        folder.chmod(folder.stat().st_mode | 0o011)
    accounts = (root.folder / "usr/share/base-passwd/passwd.master").read_text()
    user = re.search(rf"^{containerfile['USER']}:[^:]*:(\d+:\d+):", accounts, re.MULTILINE)[1]
    program = re.fullmatch(r'\["([a-z-]+)"\]', containerfile["ENTRYPOINT"])[1]
    relay = Runner(
        dsn=database.dsn(tcp=True),
        env={"HOME": "/nonexistent"},
        prefix=root.inside(user),
        program=f"/usr/bin/{program}",
    )
    assert relay("schema", "status", "-o", "json", check=0).data()
    assert relay("org", "create", "--id", "acme", "--name", "Acme", check=0)
    assert relay("org", "list", "-o", "id", check=0).out == "acme\n"
