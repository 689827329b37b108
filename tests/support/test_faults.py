"""The test support itself: kill points, failing system calls, small disks."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import relay as relay_support
from support import strace, tmpfs
from support.account import as_server_account, short_folder

# A small program in place of the program under test: it makes itself undumpable and writes a file by the book.
WRITER = """
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    prctl(PR_SET_DUMPABLE, 0);
    int file = open("new", O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (file < 0) return 2;
    if (write(file, "whole", 5) != 5) return 3;
    if (fsync(file) != 0) return 4;
    if (close(file) != 0) return 5;
    if (linkat(AT_FDCWD, "new", AT_FDCWD, argv[1], 0) != 0) return 6;
    return unlinkat(AT_FDCWD, "new", 0) == 0 ? 0 : 7;
}
"""


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("writer")
    (folder / "writer.c").write_text(WRITER)
    subprocess.run(["cc", "-o", folder / "writer", folder / "writer.c"], check=True)
    return folder / "writer"


def runner_in(folder, writer):
    folder.mkdir()
    return lambda prefix=(): relay_support.Runner(program=writer, cwd=folder, prefix=prefix)("done")


def test_every_step_is_found_and_killed(tmp_path, writer):
    tracer = strace.Tracer()
    result, calls = tracer.record(runner_in(tmp_path / "plain", writer))
    assert result.code == 0
    points = tracer.points(calls)
    assert [point.name for point in points] == ["openat", "write", "fsync", "close", "linkat", "unlinkat"]
    left = []
    for point in points:
        folder = tmp_path / point.id
        result, happened = tracer.inject(runner_in(folder, writer), point.kill())
        assert happened and result.was_killed
        left.append(sorted(os.listdir(folder)))
    assert left == [[], ["new"], ["new"], ["new"], ["new"], ["done", "new"]]


@pytest.mark.parametrize(
    ("name", "error", "code"), [("write", "ENOSPC", 3), ("fsync", "EIO", 4), ("linkat", "EEXIST", 6)]
)
def test_a_call_can_be_failed(tmp_path, writer, name, error, code):
    tracer = strace.Tracer()
    _, calls = tracer.record(runner_in(tmp_path / "plain", writer))
    (point,) = tracer.points(calls, names=[name])
    result, happened = tracer.inject(runner_in(tmp_path / "failed", writer), point.fail(error))
    assert happened and result.code == code


def test_a_point_that_is_not_reached_is_told_apart(tmp_path, writer):
    result, happened = strace.Tracer().inject(runner_in(tmp_path / "plain", writer), strace.Point("fsync", 9).kill())
    assert result.code == 0 and not happened


def test_a_small_disk_is_full_when_it_is_full():
    with tmpfs.small_disk("16k") as folder:
        tmpfs.fill(folder)
        with pytest.raises(OSError) as full, open(folder / "more", "wb", buffering=0) as more:
            more.write(b"x")
        assert full.value.errno == errno.ENOSPC
    assert not folder.exists()


def test_a_disk_without_a_free_inode_takes_no_new_file():
    with tmpfs.small_disk("64k", inodes=2) as folder:
        (folder / "one").write_bytes(b"x")
        with pytest.raises(OSError) as full:
            (folder / "two").write_bytes(b"x")
        assert full.value.errno == errno.ENOSPC


def test_an_ordinary_user_has_small_disks_too():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support import tmpfs\n"
        "with tmpfs._in_namespace('size=16k,mode=0700') as folder:\n"
        "    (folder / 'a').write_bytes(b'a'); (folder / 'b').hardlink_to(folder / 'a'); tmpfs.fill(folder)\n"
        "    print((folder / 'b').read_bytes(), sorted(p.name for p in folder.iterdir()))\n"
        "    try: (folder / 'c').write_bytes(b'c'); print('not full')\n"
        "    except OSError as error: print(error.errno)\n"
    )
    # This tree may be in a home folder that no other user may enter.
    tests = short_folder("rly-tests-")
    try:
        shutil.copytree(Path(__file__).parent, tests / "support", ignore=shutil.ignore_patterns("__pycache__"))
        command = [sys.executable, "-c", program, tests]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **as_server_account())
    finally:
        shutil.rmtree(tests)
    assert done.stdout.split("\n")[:2] == ["b'a' ['a', 'b', 'filler']", str(errno.ENOSPC)], done


def test_the_size_of_files_can_be_limited(tmp_path, writer):
    folder = tmp_path / "limited"
    folder.mkdir()
    runner = relay_support.Runner(program=writer, cwd=folder)
    assert runner("done", preexec_fn=tmpfs.limit_file_size(3)).code == 3


def test_the_runner_gives_a_clean_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("RELAY_ADMIN_TIMEOUT", "1s")
    monkeypatch.setenv("CI", "true")
    runner = relay_support.Runner(program="/usr/bin/env", dsn="dbname=x", home=tmp_path, env={"EXTRA": "1"})
    seen = dict(line.split("=", 1) for line in runner().out.splitlines())
    assert set(seen) <= {
        "PATH",
        "HOME",
        "XDG_STATE_HOME",
        "LC_ALL",
        "TERM",
        "USER",
        "LOGNAME",
        "RELAY_ADMIN_DSN",
        "EXTRA",
        *relay_support.KEPT_VARIABLES,
    }
    assert seen["RELAY_ADMIN_DSN"] == "dbname=x" and seen["HOME"] == str(tmp_path)


def test_the_runner_closes_descriptors_feeds_stdin_and_reports_signals(tmp_path):
    shell = relay_support.Runner(program="/bin/sh", home=tmp_path)
    assert shell("-c", "echo x", closed=[1]).code != 0
    assert shell("-c", "cat", stdin="fed").out == "fed"
    assert shell("-c", "kill -TERM $$").code == -signal.SIGTERM
    assert shell("-c", "exec echo x", stdout="/dev/full").code != 0
    with pytest.raises(AssertionError, match="still running"):
        shell("-c", "sleep 20", timeout=0.2)


def test_the_runner_has_a_terminal(tmp_path):
    session = relay_support.Runner(program="/bin/sh", home=tmp_path).terminal(
        "-c", "test -t 0 && read x && echo got $x; exit 3"
    )
    session.sendline("it")
    session.expect("got it")
    assert relay_support.finish_terminal(session)[0] == 3
