"""The library is a library: installed, a program outside the tree finds it by CMake and by pkg-config, and uses it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import agents

PROGRAM = "release"  # the release build itself is the subject

CONSUMER = Path(__file__).parent / "install_consumer"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where the release build is installed."""
    folder = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", os.environ["RELAY_RELEASE_DIR"], "--prefix", folder)
    return folder


@pytest.fixture
def source(tmp_path):
    """The consumer, outside the tree."""
    return shutil.copytree(CONSUMER, tmp_path / "consumer")


def build_with_cmake(prefix, source):
    build = source / "build"
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    return build / "consumer"


def build_with_pkg_config(prefix, source):
    library_folder = next(prefix.rglob("relay.pc")).parent
    environment = os.environ | {"PKG_CONFIG_PATH": str(library_folder)}
    flags = run("pkg-config", "--cflags", "--libs", "relay", env=environment).split()
    program = source / "consumer"
    run("c++", "-std=c++20", source / "main.cpp", "-o", program, *flags)
    return program


def needed_libraries(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", program))


@pytest.mark.parametrize("build", [build_with_cmake, build_with_pkg_config])
def test_a_program_outside_the_tree_creates_an_agent_with_the_library(prefix, source, build, database):
    key = run(build(prefix, source), database.dsn())
    assert re.fullmatch(r"relay_sk_[0-9a-hjkmnp-tv-z]{12}_[0-9A-Za-z]{49}", key)
    ask = "SELECT ok, reason FROM relay_api.authenticate(%s, %s, 'bot', 'acme')"
    decision = database.one(ask, agents.key_id(key), agents.digest(key))
    assert (decision["ok"], decision["reason"]) == (True, "ok")
    recorded = "SELECT count(*) FROM relay.auth_events WHERE actor = 'consumer' AND action = 'agent_created'"
    assert database.value(recorded) == 1


def test_headers_program_and_library_are_where_they_belong(prefix):
    assert (prefix / "include/relay/model/ids.hpp").is_file()
    assert os.access(prefix / "bin/relay-admin", os.X_OK)
    assert len(list(prefix.rglob("librelay.a"))) == 1
    source_headers = Path(os.environ["RELAY_SOURCE_DIR"]) / "lib"
    assert {path.relative_to(prefix / "include") for path in (prefix / "include").rglob("*.hpp")} == {
        path.relative_to(source_headers) for path in source_headers.rglob("*.hpp")
    }


def test_each_shell_finds_its_completion_where_it_looks(prefix):
    print_script = lambda shell: run(prefix / "bin/relay-admin", "completion", shell)  # noqa: E731
    share = prefix / "share"
    assert (share / "bash-completion/completions/relay-admin").read_text() == print_script("bash")
    assert (share / "zsh/site-functions/_relay-admin").read_text() == print_script("zsh")
    assert (share / "fish/vendor_completions.d/relay-admin.fish").read_text() == print_script("fish")


def test_nothing_that_is_installed_names_the_tree_it_was_built_in(prefix):
    tree = os.environ["RELAY_SOURCE_DIR"]
    for path in [*prefix.rglob("*.cmake"), *prefix.rglob("*.pc"), *prefix.rglob("*.hpp")]:
        assert tree not in path.read_text(), path


def test_the_release_program_needs_libpq_and_libc_alone(prefix):
    """Most of a one-shot's time is dynamic linking, so everything else is linked in."""
    needed = set(needed_libraries(prefix / "bin/relay-admin"))
    needed = {name for name in needed if not name.startswith("ld-linux")}
    assert needed <= {"libpq.so.5", "libc.so.6", "libm.so.6"}


def test_man_finds_the_page_of_a_command(prefix):
    found = subprocess.run(
        ["man", "-M", prefix / "share/man", "-w", "1", "relay-admin-rotate-key"], capture_output=True, text=True
    )
    assert found.stdout.strip() == str(prefix / "share/man/man1/relay-admin-rotate-key.1"), found.stderr
