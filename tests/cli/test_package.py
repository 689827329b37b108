"""The Debian packages: everything at its place, as Debian has it, and nothing that lintian objects to."""

import gzip
import hashlib
import re
import subprocess

import pytest
from support.package import Archive, debian_package, fields, only, packed, run, source
from support.relay import Runner

PROGRAM = "package"  # the packages of the release build are the subject
SECONDS = 40

NAMES = ("relay-admin", "librelay-dev")
DOCUMENTS = "usr/share/doc/relay-admin"


@pytest.fixture(scope="module", params=NAMES)
def package(request):
    """The path of each package."""
    return debian_package(request.param)


@pytest.fixture(scope="module")
def archive(package):
    """What is in it."""
    return Archive.of_package(package)


@pytest.fixture(scope="module")
def archives():
    """What is in each package, by name."""
    return {name: Archive.of_package(debian_package(name)) for name in NAMES}


def library_folder():
    """lib/x86_64-linux-gnu or the like."""
    return "usr/lib/" + run("c++", "-print-multiarch").decode().strip()


def names(folder, pattern):
    """The files of a folder of the repository, by name."""
    found = {path.relative_to(source() / folder).as_posix() for path in (source() / folder).rglob(pattern)}
    assert found, f"{folder} is empty"
    return {name for name in found if (source() / folder / name).is_file()}


def test_lintian_finds_nothing_but_what_is_explained():
    """Each override has its reason in a comment above it."""
    said = run("lintian", "--allow-root", "--tag-display-limit", "0", only("*.dsc"), *sorted(packed().glob("*.deb")))
    assert said == b"", said.decode()
    for overrides in (source() / "debian").glob("*lintian-overrides"):
        assert re.fullmatch(r"((# .+\n)+\S+: .+\n)+", overrides.read_text()), overrides


def test_the_version_is_that_of_the_program():
    version = Runner()("version", "-o", "id", check=0).out.strip()
    assert {fields(debian_package(name))["Version"] for name in NAMES} == {f"{version}-1"}
    assert only(f"relay-admin_{version}.orig.tar.xz") and only(f"relay-admin_{version}-1.debian.tar.xz")


def test_the_control_file_says_what_it_is(package):
    control = fields(package)
    assert package.name == f"{control['Package']}_{control['Version']}_{control['Architecture']}.deb"
    assert control["Architecture"] == run("dpkg", "--print-architecture").decode().strip()
    assert re.fullmatch(r"[^<>]+ <\S+@\S+>", control["Maintainer"])
    synopsis, *text = control["Description"].split("\n")
    assert len(synopsis) <= 80 and not synopsis.endswith(".") and len(text) > 3
    assert all(line.startswith(" ") and len(line) <= 80 for line in text)


def test_the_control_file_says_what_it_needs():
    program, library = (fields(debian_package(name)) for name in NAMES)
    assert re.fullmatch(r"libc6 \(>= [\d.]+\), libpq5( \(>= [\w.~]+\))?", program["Depends"]), program["Depends"]
    assert (program["Recommends"], program["Suggests"]) == ("postgresql-client", "postgresql")
    assert library["Depends"] == "libcrypt-dev, libpq-dev, libpqxx-dev, libsodium-dev, libutf8proc-dev"
    assert (library["Section"], library["Multi-Arch"]) == ("libdevel", "same")


def test_the_installed_size_is_what_dpkg_counts(package, archive):
    kib = sum(-(-member.size // 1024) if member.isfile() else 1 for member in archive.members.values())
    # dpkg-gencontrol counts the root of the package and the folder of the control file as well.
    assert 0 <= int(fields(package)["Installed-Size"]) - kib <= 2


def test_nothing_is_missing(archives):
    library = library_folder()
    headers = {f"usr/include/{name}" for name in names("lib", "*.hpp")}
    examples = {f"{DOCUMENTS}/examples/{name}" for name in names("cli/examples", "*")}
    kit = {f"{DOCUMENTS}/examples/gateway/{name}" for name in names("tests/contract/kit", "*") if "driver." not in name and name != "README.md"}
    pages = {f"usr/share/man/man{name[-1]}/{name}.gz" for name in names("man", "*.[17]")}
    own = {f"{DOCUMENTS}/{name}" for name in ("changelog.gz", "changelog.Debian.gz", "copyright", "NOTICES.gz")}
    packages = {f"{library}/pkgconfig/relay.pc", f"{library}/cmake/relay/relay-config.cmake", f"{library}/librelay.a"}
    schemas = {f"usr/share/relay-admin/json/{name}" for name in names("schema/json", "*.schema.json")}
    completions = {
        "usr/share/bash-completion/completions/relay-admin",
        "usr/share/zsh/vendor-completions/_relay-admin",
        "usr/share/fish/vendor_completions.d/relay-admin.fish",
    }
    programs = {"usr/bin/relay-admin", f"{DOCUMENTS}/relay-admin.spdx.json"}
    for wanted in (examples, kit, pages, own, schemas, completions, programs):
        assert wanted <= set(archives["relay-admin"].files), wanted - set(archives["relay-admin"].files)
    for wanted in (headers, packages):
        assert wanted <= set(archives["librelay-dev"].files), wanted - set(archives["librelay-dev"].files)


PLACES = {
    "relay-admin": [
        r"usr/bin/relay-admin",
        r"usr/share/man/man([17])/relay-admin[a-z-]*\.\1\.gz",
        r"usr/share/bash-completion/completions/relay-admin",
        r"usr/share/zsh/vendor-completions/_relay-admin",
        r"usr/share/fish/vendor_completions\.d/relay-admin\.fish",
        r"usr/share/relay-admin/json/[\w-]+\.schema\.json",
        r"usr/share/doc/relay-admin/(NOTICES\.gz|relay-admin\.spdx\.json|examples/.+)",
    ],
    "librelay-dev": [
        r"usr/lib/[\w-]+/(librelay\.a|pkgconfig/relay\.pc|cmake/relay/relay[\w-]*\.cmake)",
        r"usr/include/relay/[\w/]+\.hpp",
    ],
}


def test_nothing_else_is_in_it(package, archive):
    """Each file has its place by its kind: what lands elsewhere was installed by mistake."""
    name = package.name.partition("_")[0]
    places = [*PLACES[name], rf"usr/share/doc/{name}/(changelog\.gz|changelog\.Debian\.gz|copyright)"]
    places.append(rf"usr/share/lintian/overrides/{name}")
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
    assert len(compressed) > (30 if "usr/bin/relay-admin" in archive.files else 1)
    for name in compressed:
        content = archive.read(name)
        flags, time, strength = content[3], content[4:8], content[8]
        assert (flags, time, strength) == (0, b"\0\0\0\0", 2), f"{name} was not made by gzip -9n"
        assert gzip.decompress(content)


def test_the_changelog_is_one_that_debian_reads(package, archive, tmp_path):
    documents = f"usr/share/doc/{package.name.partition('_')[0]}"
    (tmp_path / "changelog").write_bytes(gzip.decompress(archive.read(f"{documents}/changelog.Debian.gz")))
    said = run("dpkg-parsechangelog", "-l", tmp_path / "changelog").decode()
    assert f"Version: {fields(package)['Version']}\n" in said
    assert f"Maintainer: {fields(package)['Maintainer']}\n" in said
    (stamp,) = re.findall(r"^Timestamp: (\d+)$", said, re.MULTILINE)
    assert {member.mtime for member in archive.files.values()} == {int(stamp)}
    ours = gzip.decompress(archive.read(f"{documents}/changelog.gz"))
    assert ours == (source() / "CHANGELOG.md").read_bytes()


def test_the_license_is_named_and_where_its_text_is(package, archive):
    copyright = archive.read(f"usr/share/doc/{package.name.partition('_')[0]}/copyright").decode()
    assert "\nFiles: *\n" in copyright and "\nLicense: Apache-2.0\n" in copyright
    assert "/usr/share/common-licenses/Apache-2.0" in copyright


def test_the_maintainer_is_a_placeholder_that_says_so():
    control = (source() / "debian/control").read_text()
    assert re.search(r"^# A placeholder on purpose.*\n(#.*\n)*Maintainer: .*@example\.org>$", control, re.MULTILINE)


def test_the_symbols_are_a_package_of_their_own(archives, tmp_path):
    """What a debugger needs: it finds the file by the build id of the program."""
    program = tmp_path / "relay-admin"
    program.write_bytes(archives["relay-admin"].read("usr/bin/relay-admin"))
    (build_id,) = re.findall(r"Build ID: ([0-9a-f]+)", run("readelf", "--notes", program).decode())
    symbols = Archive.of_package(debian_package("relay-admin-dbgsym"))
    debug = tmp_path / "symbols"
    debug.write_bytes(symbols.read(f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"))
    sections = run("readelf", "--section-headers", "--wide", debug).decode()
    assert ".debug_line" in sections and ".symtab" in sections
    # Names of functions and lines of sources, and no path of the machine that built it.
    (address,) = re.findall(r"^([0-9a-f]+) T main$", run("nm", debug).decode(), re.MULTILINE)
    where = run("addr2line", "--functions", "--exe", debug, address).decode().split()
    assert where[0] == "main" and re.fullmatch(r"(\./)+cli/main\.cpp:\d+", where[1]), where


def test_no_file_names_the_folder_that_it_was_built_in(archives):
    archives = [*archives.values(), Archive.of_package(debian_package("relay-admin-dbgsym"))]
    for archive in archives:
        for name, member in archive.files.items():
            content = archive.read(name) if member.isfile() else b""
            content = gzip.decompress(content) if name.endswith(".gz") else content
            assert str(source()).encode() not in content, name


def test_the_sources_are_those_of_the_repository():
    """The source package has everything that it is built from."""
    sources = Archive.of_tarball(only("*.orig.tar.xz"))
    (top,) = {name.partition("/")[0] for name in sources.members}
    for folder in ("cli", "lib", "schema", "cmake", "man", "completions", "tests/unit"):
        assert names(folder, "*.*") <= sources.under(f"{top}/{folder}")
    assert not [name for name in sources.files if re.search(r"/(build|debian|\.git|node_modules|__pycache__)/", name)]
    unpacked = sources.read(f"{top}/CMakeLists.txt")
    assert unpacked == (source() / "CMakeLists.txt").read_bytes()


def test_the_checksums_of_all_files_are_with_them():
    listed = dict(line.split("  ")[::-1] for line in (packed() / "SHA256SUMS").read_text().splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in packed().iterdir()}
    assert listed == {name: digest for name, digest in there.items() if name != "SHA256SUMS"}
