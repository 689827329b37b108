"""Two builds of the same sources give the same bytes: program, library and package, whatever the folder, the time, the
umask, the zone and the locale.

A second whole build would take minutes. So the other build compiles a choice of files (each kind of header, each generated
source) and borrows the objects of the rest, then makes archives, program and package by itself. The choice is compared
object by object: what holds for it holds for its kind. `RELAY_REBUILD_ALL=1` compiles everything.
"""

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support.package import fields, make_package, run

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
RELEASE = Path(os.environ["RELAY_RELEASE_DIR"])
WHAT_BUILDS = ("CMakeLists.txt", "CMakePresets.json", "CHANGELOG.md", "cmake", "cli", "lib", "schema", "man", "completions")
EPOCH = "1700000000"

COMPILED_AGAIN = [
    "relay.dir/cmake/fmt_once.cpp.o",
    "relay.dir/generated/embedded_schema.cpp.o",
    "relay.dir/generated/version.cpp.o",
    "relay.dir/lib/relay/crypto/api_key.cpp.o",  # sodium
    "relay.dir/lib/relay/db/database.cpp.o",  # pqxx
    "relay.dir/lib/relay/model/error.cpp.o",
    "relay_cli.dir/cli/app.cpp.o",  # CLI11
    "relay_cli.dir/cli/render_json.cpp.o",  # nlohmann
    "relay_cli.dir/cli/commands/rotate_key.cpp.o",
    "relay_cli.dir/generated/command_table.cpp.o",
    "relay-admin.dir/cli/main.cpp.o",
]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def objects(build):
    """The objects of the program and the library, by their paths below CMakeFiles."""
    folder = build / "CMakeFiles"
    return {path.relative_to(folder).as_posix() for path in folder.glob("relay*.dir/**/*.o")}


def other_environment():
    """Nothing that the first build can have had by chance, and no compiler cache."""
    return {**os.environ, "CCACHE_DISABLE": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "SOURCE_DATE_EPOCH": EPOCH}


def in_another_way(*command, cwd=None, **options):
    """Runs a step of the other build."""
    return run(*command, cwd=cwd, env=other_environment(), umask=0o077, **options)


def link(build):
    """Runs the commands that ninja has for archives and program, on the objects as they are."""
    commands = run("ninja", "-C", build, "-t", "commands", "relay-admin").decode().splitlines()
    linking = [command for command in commands if " -c " not in command and (" qc " in command or "-o relay-admin" in command)]
    assert len(linking) == 3, commands[-3:]
    for command in linking:
        in_another_way("sh", "-c", command, cwd=build)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A build of the same sources in another place and at another time."""
    folder = tmp_path_factory.mktemp("elsewhere")
    source, build = folder / "a/copy/of/the/sources", folder / "objects"
    source.mkdir(parents=True)
    for name in WHAT_BUILDS:
        if (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, source / name, copy_function=shutil.copyfile)  # all files are new
        elif (SOURCE / name).exists():
            shutil.copyfile(SOURCE / name, source / name)
    in_another_way("cmake", "--preset", "release", "-B", build, cwd=source)
    if os.environ.get("RELAY_REBUILD_ALL"):
        in_another_way("cmake", "--build", build, timeout=7200)
        return build
    in_another_way("ninja", "-C", build, *[f"CMakeFiles/{name}" for name in COMPILED_AGAIN])
    for name in objects(RELEASE) - set(COMPILED_AGAIN):
        if name.split("/")[0] in ("relay.dir", "relay_cli.dir"):
            (build / "CMakeFiles" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(RELEASE / "CMakeFiles" / name, build / "CMakeFiles" / name)
    link(build)
    return build


def test_objects_are_the_same(other):
    compared = objects(other) & objects(RELEASE)
    assert set(COMPILED_AGAIN) <= compared
    differing = [name for name in compared if digest(other / "CMakeFiles" / name) != digest(RELEASE / "CMakeFiles" / name)]
    assert not differing


@pytest.mark.parametrize("name", ["librelay.a", "relay-admin"])
def test_library_and_program_are_the_same(other, name):
    assert digest(other / name) == digest(RELEASE / name)


def test_the_package_is_the_same(other, tmp_path):
    """What hangs on the file system is Installed-Size alone: test_package counts it."""
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
    if shutil.which("git"):
        dated = {**os.environ, "GIT_COMMITTER_DATE": "1650000000 +0200", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
        run("git", "init", "-q", tree, env=dated)
        run("git", "-C", tree, *identity, "commit", "-q", "--allow-empty", "-m", "x", env=dated)
        assert ask() == 1_650_000_000
