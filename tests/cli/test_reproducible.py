"""Two builds of the same sources give the same bytes: programs, library and all that is packed of them, whatever the
folder, the time, the umask, the zone and the locale.

A second whole build would take minutes. So the other build compiles a choice of files (a kind of header, each
generated source) and borrows the objects of the rest, then makes archives, programs and packages. The choice
is compared object by object: what holds for it holds for its kind. `RELAY_REBUILD_ALL=1` compiles everything.
"""

import hashlib
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import sampling
from support.package import packed, run

PROGRAM = "package"  # the packages of the release build are the subject
SECONDS = 60

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
RELEASE = Path(os.environ["RELAY_RELEASE_DIR"])

# By file name: what is made by each kind of header, of which a run draws one, and what is small or generated.
KINDS = [
    "unity_lib_relay_crypto_cxx.cxx.o",  # sodium
    "unity_lib_relay_db_cxx.cxx.o",  # pqxx
    "unity_cli_json_cxx.cxx.o",  # nlohmann
    "unity_cli_command_line_cxx.cxx.o",  # CLI11
]
CHOICE = {
    *(KINDS if sampling.FULL else [sampling.dice("objects").choice(KINDS)]),
    "fmt_once.cpp.o",
    "main.cpp.o",
    "optional_libraries.cpp.o",
    "version.cpp.o",
    "command_table.cpp.o",
    "embedded_schema.cpp.o",
    "json_schemas.cpp.o",
}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def objects(build):
    """The objects of the programs and the library, by their paths below CMakeFiles."""
    folder = build / "CMakeFiles"
    targets = ("relay", "relay_cli", "relay-admin", "relay-admin-static")
    found = [path for target in targets for path in folder.glob(f"{target}.dir/**/*.o")]
    return {path.relative_to(folder).as_posix() for path in found}


def other_environment():
    """Nothing that the first build can have had by chance, and no compiler cache."""
    return {**os.environ, "CCACHE_DISABLE": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}


def in_another_way(*command, cwd=None, **options):
    """Runs a step of the other build."""
    return run(*command, cwd=cwd, env=other_environment(), umask=0o077, **options)


def commands_for(build, wanted):
    """The commands that ninja has for the programs, as far as they are `wanted`. Asked to make one file of a program,
    it would make the whole library first."""
    commands = run("ninja", "-C", build, "-t", "commands", "relay-admin", "relay-admin-static").decode().splitlines()
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
    """Makes archives and programs of the objects as they are."""
    linking = commands_for(build, lambda command: re.search(r" qc | -o relay-admin(-static)? ", command))
    assert len(linking) == 4
    for command in linking:
        in_another_way("sh", "-c", command, cwd=build)


def copy_sources(to):
    """All files of the repository, as new files that no other user may read, with no .git."""
    listing = ["git", "-c", f"safe.directory={SOURCE}", "-C", SOURCE, "ls-files", "-z", "-co", "--exclude-standard"]
    for name in filter(None, run(*listing).decode().split("\0")):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE / name, to / name)
        (to / name).chmod((SOURCE / name).stat().st_mode & 0o700)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A build of the same sources in another place and at another time: the sources, and the build tree."""
    folder = tmp_path_factory.mktemp("elsewhere")
    source, build = folder / "a/copy/of/the/sources", folder / "objects"
    source.mkdir(parents=True)
    copy_sources(source)
    in_another_way("cmake", "--preset", "release", "-B", build, cwd=source)
    if os.environ.get("RELAY_REBUILD_ALL"):
        in_another_way("cmake", "--build", build, "--target", "all", "relay-admin-static", timeout=7200)
        return source, build
    compile_again(build)
    for name in objects(RELEASE) - objects(build):
        (build / "CMakeFiles" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RELEASE / "CMakeFiles" / name, build / "CMakeFiles" / name)
    link(build)
    return source, build


def test_objects_are_the_same(other):
    first, second = RELEASE / "CMakeFiles", other[1] / "CMakeFiles"
    compared = objects(other[1]) & objects(RELEASE)
    assert CHOICE <= {Path(name).name for name in compared}
    assert not [name for name in compared if digest(first / name) != digest(second / name)]


@pytest.mark.parametrize("name", ["librelay.a", "relay-admin", "relay-admin-static"])
def test_library_and_programs_are_the_same(other, name):
    assert digest(other[1] / name) == digest(RELEASE / name)


def test_all_that_is_packed_is_the_same(other, tmp_path):
    """Packages, sources, tarball, lists and checksums, of a copy without git."""
    source, build = other
    in_another_way(source / "cmake/package/pack", build, tmp_path / "packed")
    folders = (packed(), tmp_path / "packed")
    first, second = ({path.name: digest(path) for path in folder.iterdir()} for folder in folders)
    assert len(first) >= 10 and first.keys() == second.keys()
    assert not [name for name in first if first[name] != second[name]]
