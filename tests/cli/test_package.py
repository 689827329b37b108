"""The .deb: everything is in its place, by Debian's rules; it installs, runs, and is removed without a trace."""

import gzip
import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from support import agents
from support.package import Archive, fields, make_package, run
from support.relay import Runner

PROGRAM = "release"  # the release build itself is the subject

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
DOCUMENTS = "usr/share/doc/relay-admin"
# A user namespace that has a root account, who owns the files of a package; needs no privilege.
AS_ROOT = () if os.geteuid() == 0 else ("unshare", "--map-root-user")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package of the release build."""
    return make_package(Path(os.environ["RELAY_RELEASE_DIR"]), tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def archive(package):
    """The contents of the package."""
    return Archive(package)


def library_folder():
    """lib/x86_64-linux-gnu or the like."""
    return "usr/lib/" + run("c++", "-print-multiarch").decode().strip()


def names(folder, pattern):
    """The files of a folder of the repository, by name."""
    found = {path.relative_to(SOURCE / folder).as_posix() for path in (SOURCE / folder).rglob(pattern)}
    assert found, f"{folder} is empty"
    return {name for name in found if (SOURCE / folder / name).is_file()}


def test_the_control_file_says_what_it_is_and_what_it_needs(package):
    control = fields(package)
    version = Runner()("version", "-o", "id", check=0).out.strip()
    assert control["Package"] == "relay-admin" and control["Version"] == f"{version}-1"
    assert package.name == f"relay-admin_{version}-1_{control['Architecture']}.deb"
    assert control["Architecture"] == run("dpkg", "--print-architecture").decode().strip()
    assert re.fullmatch(r"libc6 \(>= [\d.]+\), libpq5( \(>= [\w.~]+\))?", control["Depends"]), control["Depends"]
    assert control["Recommends"] == "postgresql-client" and control["Suggests"].startswith("postgresql,")
    assert re.fullmatch(r"[^<>]+ <\S+@\S+>", control["Maintainer"])
    synopsis, *text = control["Description"].split("\n")
    assert len(synopsis) <= 80 and not synopsis.endswith(".") and len(text) > 3
    assert all(line.startswith(" ") and len(line) <= 80 for line in text)


def test_the_installed_size_is_what_dpkg_counts(package, archive):
    kib = sum(-(-member.size // 1024) if member.isfile() else 1 for member in archive.members.values())
    assert int(fields(package)["Installed-Size"]) == kib


def test_nothing_is_missing(archive):
    library = library_folder()
    headers = {f"usr/include/{name}" for name in names("lib", "*.hpp")}
    examples = {f"{DOCUMENTS}/examples/{name}" for name in names("cli/examples", "*")}
    kit = {f"{DOCUMENTS}/examples/gateway/{name}" for name in names("tests/contract/kit", "verifier.*")}
    pages = {f"usr/share/man/man{name[-1]}/{name}.gz" for name in names("man", "*.[17]")}
    own = {f"{DOCUMENTS}/changelog.gz", f"{DOCUMENTS}/changelog.Debian.gz", f"{DOCUMENTS}/copyright"}
    packages = {f"{library}/pkgconfig/relay.pc", f"{library}/cmake/relay/relay-config.cmake"}
    schemas = {f"usr/share/relay-admin/json/{name}" for name in names("schema/json", "*.schema.json")}
    completions = {
        "usr/share/bash-completion/completions/relay-admin",
        "usr/share/zsh/vendor-completions/_relay-admin",
        "usr/share/fish/vendor_completions.d/relay-admin.fish",
    }
    programs = {"usr/bin/relay-admin", f"{library}/librelay.a"}
    for wanted in (headers, examples, kit, pages, own, packages, schemas, completions, programs):
        assert wanted <= set(archive.files), wanted - set(archive.files)


def test_nothing_else_is_in_it(archive):
    """Each kind of file has its place: a file elsewhere was installed by mistake."""
    places = [
        r"usr/bin/relay-admin",
        re.escape(library_folder()) + r"/(librelay\.a|pkgconfig/relay\.pc|cmake/relay/relay[\w-]*\.cmake)",
        r"usr/include/relay/[\w/]+\.hpp",
        r"usr/share/man/man([17])/relay-admin[a-z-]*\.\1\.gz",
        r"usr/share/bash-completion/completions/relay-admin",
        r"usr/share/zsh/vendor-completions/_relay-admin",
        r"usr/share/fish/vendor_completions\.d/relay-admin\.fish",
        r"usr/share/relay-admin/json/[\w-]+\.schema\.json",
        re.escape(DOCUMENTS) + r"/(changelog\.gz|changelog\.Debian\.gz|copyright|examples/.+)",
    ]
    assert not [name for name in archive.files if not any(re.fullmatch(place, name) for place in places)]


def test_owners_modes_and_times_are_in_order(archive):
    for name, member in archive.members.items():
        assert (member.uname, member.gname, member.uid, member.gid) == ("root", "root", 0, 0), name
        assert member.isdir() or member.isfile(), f"{name} is neither a file nor a folder"
        assert member.mode == (0o755 if member.isdir() or name == "usr/bin/relay-admin" else 0o644), name
        assert not member.isfile() or member.size > 0, f"{name} is empty"
        assert not member.isdir() or archive.under(name), f"{name} holds nothing"
    assert len({member.mtime for member in archive.members.values()}) == 1


def test_the_checksums_are_those_of_the_files(package, archive):
    sums = run("dpkg-deb", "--ctrl-tarfile", package)
    listed = subprocess.run(["tar", "-xO", "./md5sums"], input=sums, capture_output=True, check=True).stdout.decode()
    stated = {name: digest for digest, name in (line.split("  ", 1) for line in listed.splitlines())}
    assert stated == {name: hashlib.md5(archive.read(name)).hexdigest() for name in archive.files}


def test_manual_pages_and_changelogs_are_compressed_without_name_and_time(archive):
    compressed = [name for name in archive.files if name.endswith(".gz")]
    assert len(compressed) > 30
    for name in compressed:
        content = archive.read(name)
        flags, time, strength = content[3], content[4:8], content[8]
        assert (flags, time, strength) == (0, b"\0\0\0\0", 2), f"{name} was not made by gzip -9n"
        assert gzip.decompress(content)


def test_the_changelog_is_one_that_debian_reads(package, archive, tmp_path):
    (tmp_path / "changelog").write_bytes(gzip.decompress(archive.read(f"{DOCUMENTS}/changelog.Debian.gz")))
    said = run("dpkg-parsechangelog", "-l", tmp_path / "changelog").decode()
    assert f"Version: {fields(package)['Version']}\n" in said
    assert f"Maintainer: {fields(package)['Maintainer']}\n" in said
    (stamp,) = re.findall(r"^Timestamp: (\d+)$", said, re.MULTILINE)
    assert int(stamp) == archive.files["usr/bin/relay-admin"].mtime
    ours = gzip.decompress(archive.read(f"{DOCUMENTS}/changelog.gz"))
    assert ours == (SOURCE / "CHANGELOG.md").read_bytes()


def test_the_notices_of_what_is_linked_in_are_with_it(archive):
    notices = archive.read(f"{DOCUMENTS}/copyright").decode()
    assert (SOURCE / "LICENSE").read_text() in notices
    for library in ("libpqxx", "libfmt", "libsodium", "libcrypt", "libcli11", "nlohmann-json"):
        assert f"linked into the program: {library}" in notices
    assert notices.count("Permission") >= 4


def test_the_program_is_stripped_and_hardened(archive, tmp_path):
    program = tmp_path / "relay-admin"
    program.write_bytes(archive.read("usr/bin/relay-admin"))
    assert ".symtab" not in run("readelf", "-SW", program).decode()
    header, dynamic = run("readelf", "-hW", program).decode(), run("readelf", "-dW", program).decode()
    assert "DYN (Position-Independent Executable file)" in header
    assert "BIND_NOW" in dynamic and "PATH" not in re.sub(r"\[.*?\]", "", dynamic)
    assert "GNU_RELRO" in run("readelf", "-lW", program).decode()
    symbols = run("readelf", "--dyn-syms", "-W", program).decode()
    assert "__stack_chk_fail" in symbols and "_chk@" in symbols


def test_no_file_names_the_folder_that_it_was_built_in(archive):
    for name in archive.files:
        content = archive.read(name)
        content = gzip.decompress(content) if name.endswith(".gz") else content
        assert str(SOURCE).encode() not in content, name


def dpkg(root, *words):
    """dpkg with its database and all files below `root`, as an account that may give files to root."""
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    # An empty root lacks its dependencies.
    return run(*AS_ROOT, "dpkg", f"--root={root}", "--force-depends", "--log=/dev/null", *words, env=environment)


@pytest.fixture
def root(tmp_path):
    """An empty system, for dpkg."""
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/updates").mkdir()
    (root / "var/lib/dpkg/status").touch()
    return root


def test_it_installs_into_a_clean_root_runs_and_leaves_nothing(package, archive, root, database, home, tmp_path):
    dpkg(root, "--install", package)
    assert b"Status: install ok installed" in dpkg(root, "--status", "relay-admin")
    assert {path.relative_to(root).as_posix() for path in (root / "usr").rglob("*") if path.is_file()} == set(
        archive.files
    )
    dpkg(root, "--verify", "relay-admin")

    relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path, program=root / "usr/bin/relay-admin")
    assert relay("version", check=0).out == Runner()("version", check=0).out
    assert "rotate-key" in relay("help", check=0).out
    key = agents.first_agent(relay, tmp_path / "key")
    assert agents.decide(database, key) == "ok"
    assert relay("agent", "list", "-o", "id", check=0).out == "bot\n"

    dpkg(root, "--purge", "relay-admin")
    left = [path.relative_to(root) for path in root.rglob("*") if "var/lib/dpkg" not in path.as_posix()]
    assert set(map(str, left)) <= {"var", "var/lib", "usr"}, left
    assert not list((root / "var/lib/dpkg/info").glob("relay-admin*"))


def test_a_program_is_compiled_against_the_installed_package(package, root, database):
    """By pkg-config; test_install does the same with CMake."""
    dpkg(root, "--install", package)
    library = root / library_folder()
    environment = {**os.environ, "PKG_CONFIG_PATH": str(library / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "relay", env=environment).decode().split()
    assert f"-L{library}" in "".join(flags) or any(Path(flag[2:]).resolve() == library for flag in flags)
    consumer = Path(__file__).parent / "install_consumer/main.cpp"
    run("c++", "-std=c++20", consumer, "-o", root / "consumer", *flags)
    assert run(root / "consumer", database.dsn()).startswith(b"relay_sk_")
