"""Two builds of the same sources give the same bytes: program, library and package, whatever the folder, the time, the
umask, the zone and the locale.

A second whole build would take minutes. So the other build compiles a choice of files (each kind of header, each generated
source) and borrows the objects of the rest, then makes its own archives, program and package. The choice is compared
object by object: what holds for it holds for its kind. `RELAY_REBUILD_ALL=1` compiles everything.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.package import fields, make_package, run

PROGRAM = "release"  # the release build itself is the subject

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
RELEASE = Path(os.environ["RELAY_RELEASE_DIR"])
FILES = ("CMakeLists.txt", "CMakePresets.json", "CHANGELOG.md")
FOLDERS = ("cmake", "cli", "lib", "schema", "man", "completions", "tests/contract/kit")
EPOCH = "1700000000"

# By file name: what is made by each kind of header, and what is generated.
CHOICE = {
    "error.cpp.o",
    "api_key.cpp.o",  # sodium
    "database.cpp.o",  # pqxx
    "fmt_once.cpp.o",
    "render_json.cpp.o",  # nlohmann
    "cli11_parser.cpp.o",  # CLI11
    "main.cpp.o",
    "version.cpp.o",
    "command_table.cpp.o",
    "embedded_schema.cpp.o",
    "json_schemas.cpp.o",
}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def objects(build):
    """The objects of the program and the library, by their paths below CMakeFiles."""
    folder = build / "CMakeFiles"
    found = [*folder.glob("relay.dir/**/*.o"), *folder.glob("relay_cli.dir/**/*.o"), *folder.glob("relay-admin.dir/**/*.o")]
    return {path.relative_to(folder).as_posix() for path in found}


def other_environment():
    """An environment with nothing that the first build may have had by chance, and no compiler cache."""
    return {**os.environ, "CCACHE_DISABLE": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "SOURCE_DATE_EPOCH": EPOCH}


def in_another_way(*command, cwd=None, **options):
    """Runs a step of the other build."""
    return run(*command, cwd=cwd, env=other_environment(), umask=0o077, **options)


def commands_for(build, wanted):
    """The commands that ninja has for the program, as far as they are `wanted`. Asked to make one file of the program,
    it would make the whole library first."""
    commands = run("ninja", "-C", build, "-t", "commands", "relay-admin").decode().splitlines()
    return [command for command in commands if wanted(command)]


def compile_again(build):
    """Makes the generated sources, the precompiled headers and the objects of the choice, two at a time."""
    headers = commands_for(build, lambda command: ".hxx.gch " in command)
    assert headers, "a release has precompiled headers"
    for command in [*commands_for(build, lambda command: "_script.cmake" in command), *headers]:
        in_another_way("sh", "-c", command, cwd=build)
    made = re.compile(r" -o CMakeFiles/(\S+\.dir/\S+\.o) ")
    compiling = commands_for(build, lambda command: (found := made.search(command)) and Path(found[1]).name in CHOICE)
    assert len(compiling) >= len(CHOICE)
    for command in compiling:
        (build / "CMakeFiles" / made.search(command)[1]).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda command: in_another_way("sh", "-c", command, cwd=build), compiling))


def link(build):
    """Makes archives and program of the objects as they are."""
    linking = commands_for(build, lambda command: " qc " in command or " -o relay-admin " in command)
    assert len(linking) == 3
    for command in linking:
        in_another_way("sh", "-c", command, cwd=build)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A build of the same sources in another place and at another time."""
    folder = tmp_path_factory.mktemp("elsewhere")
    source, build = folder / "a/copy/of/the/sources", folder / "objects"
    source.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(SOURCE / name, source / name)
    for name in FOLDERS:
        if (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, source / name, copy_function=shutil.copyfile)  # all files are new
    in_another_way("cmake", "--preset", "release", "-B", build, cwd=source)
    if os.environ.get("RELAY_REBUILD_ALL"):
        in_another_way("cmake", "--build", build, timeout=7200)
        return build
    compile_again(build)
    for name in objects(RELEASE) - objects(build):
        (build / "CMakeFiles" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RELEASE / "CMakeFiles" / name, build / "CMakeFiles" / name)
    link(build)
    return build


def test_objects_are_the_same(other):
    first, second = RELEASE / "CMakeFiles", other / "CMakeFiles"
    compared = objects(other) & objects(RELEASE)
    assert CHOICE <= {Path(name).name for name in compared}
    assert not [name for name in compared if digest(first / name) != digest(second / name)]


@pytest.mark.parametrize("name", ["librelay.a", "relay-admin"])
def test_library_and_program_are_the_same(other, name):
    assert digest(other / name) == digest(RELEASE / name)


def test_the_package_is_the_same(other, tmp_path):
    """Only Installed-Size depends on the file system: test_package checks it."""
    first = make_package(RELEASE, tmp_path / "first", env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
    time.sleep(1.1)  # times of files are kept in whole seconds
    second = make_package(other, tmp_path / "second", env=other_environment(), umask=0o077)
    assert first.name == second.name
    if digest(first) != digest(second):
        shown = [run("dpkg-deb", "--contents", package).decode() for package in (first, second)]
        assert (fields(first), shown[0]) == (fields(second), shown[1])
        pytest.fail("the packages differ inside a file")


def test_the_package_of_a_commit_has_the_time_of_the_commit(tmp_path):
    """Without SOURCE_DATE_EPOCH: the last commit; without git the newest release of the changelog; else the changelog."""
    script = tmp_path / "ask.cmake"
    script.write_text(
        f'include("{SOURCE}/cmake/package/source_date.cmake")\n'
        f'relay_source_date("{tmp_path}/tree" date)\nmessage("${{date}}")\n'
    )

    def ask():
        done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=True)
        return int(done.stderr)

    tree = tmp_path / "tree"
    tree.mkdir()
    changelog = tree / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## [Unreleased]\n")
    os.utime(changelog, (1_600_000_000, 1_600_000_000))
    assert ask() == 1_600_000_000
    changelog.write_text("# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2024-02-03\n\n## [1.0.0] - 2024-01-01\n")
    assert ask() == 1_706_918_400
    own = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    run("git", "init", "-q", tree, env=own)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    dated = {**own, "GIT_COMMITTER_DATE": "1650000000 +0200"}
    run("git", "-C", tree, *identity, "commit", "-q", "--allow-empty", "-m", "x", env=dated)
    assert ask() == 1_650_000_000
