"""Disks that are full, broken or read-only: exit 12, nothing was changed, nothing is left behind, the old key works."""

from contextlib import contextmanager

import pytest
from scenes import BATCH, CREATE, INIT, ROTATE
from support import sampling, strace, tmpfs

SECONDS = 150

KINDS = (*CREATE, *ROTATE, INIT[0], *BATCH)
WRITES = ("openat", "fchmod", "write", "fsync", "linkat", "mkdir", "chmod", "close")
ERRORS = {
    "openat": ("ENOSPC", "EMFILE", "EROFS", "EDQUOT"),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EFBIG"),
    "fsync": ("EIO", "ENOSPC"),
    "linkat": ("ENOSPC", "EIO", "EMLINK", "ENOSYS", "EXDEV", "EDQUOT"),
    "mkdir": ("ENOSPC", "EROFS"),
    "fchmod": ("EPERM", "EIO"),
    "chmod": ("EPERM",),
    "close": ("EIO",),
}


def ways_to_fail(kind, calls):
    """(call, error, True if it is permanent) for the calls of a delivery: each call with some error, each error at some
    call, or all of them."""
    ways = [
        (call, error, for_good)
        for call in calls
        for error in ERRORS[call.name]
        for for_good in ((False, True) if call.name == "fsync" else (False,))
    ]
    return sampling.sample(f"disk error: {kind}", ways, lambda way: [(way[0].name, way[0].number), (way[0].name, *way[1:])])


def delivering_calls(calls):
    """The calls that deliver the secret: from the first that makes a file or folder up to the COMMIT."""
    first = next(index for index, call in enumerate(calls) if "O_CREAT" in call.text or call.name == "mkdir")
    last = next(index for index, call in enumerate(calls) if call.sends_commit)
    return [call for call in calls[first:last] if call.name in WRITES]


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_of_a_delivery_may_fail(stage, kind, tally):
    """Each call fails with each error that a disk gives; a disk that cannot flush never recovers.

    (If every later write fails, too, the error's text is lost.) Closing a folder may fail, closing the file must not.
    """
    tracer = strace.Tracer()
    plain = stage.scene(kind)
    _, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    stage.strike(plain)
    delivering = delivering_calls(calls)
    assert {"openat", "write", "fsync"} <= {call.name for call in delivering}
    refused = set()
    for call, error, for_good in ways_to_fail(kind, delivering):
        point = strace.Point(call.name, call.number)
        refused |= fail(stage, kind, tracer, point, point.fail(error, for_good=for_good))
        tally(f"disk error at a call: {kind}")
    assert refused == {call.name for call in delivering}


def fail(stage, kind, tracer, point, injection):
    """Makes one such run; returns the name of the call for which it was refused, if any."""
    scene = stage.scene(kind)
    before = {path: path.read_bytes() for path in scene.files()}
    result, happened = tracer.inject(lambda prefix: scene.run(prefix=prefix), injection)
    told = f"{injection}\n{result}"
    assert happened and result.code in ((0, 12) if point.name == "close" else (12,)), told
    scene.assert_told_truly(result)
    if result.code == 12:
        assert {path: path.read_bytes() for path in scene.files()} == before, told
    scene.assert_converges(told)
    stage.strike(scene)
    return {point.name} if result.code == 12 else set()


@pytest.mark.parametrize("kind", ("rotate at once", "rotate when due"))
def test_a_rename_that_fails_after_commit_loses_nothing(stage, kind, tally):
    """The key is live and whole in FILE.new: the message must not be `nothing changed`, and the next run moves the file
    into place."""
    tracer = strace.Tracer()
    for error in ("EIO", "ENOSPC", "EACCES", "EROFS"):
        scene = stage.scene(kind)
        result, happened = tracer.inject(
            lambda prefix, scene=scene: scene.run(prefix=prefix), f"inject=renameat,rename,renameat2:error={error}"
        )
        assert happened and result.code not in (0, 8, 12), f"{result}"
        assert "is live" in result.err and scene.times_done() == 1, f"{result}"
        scene.assert_safe(result)
        scene.assert_converges(result)
        tally("disk error after COMMIT")


def test_a_flush_that_fails_after_commit_is_a_warning(stage, tally):
    tracer = strace.Tracer()
    plain = stage.scene("rotate at once")
    _, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    last = [call for call in calls if call.name == "fsync"][-1]
    scene = stage.scene("rotate at once")
    injection = strace.Point("fsync", last.number).fail("EIO")
    result, happened = tracer.inject(lambda prefix: scene.run(prefix=prefix), injection)
    assert happened and result.code == 0 and "could not be flushed" in result.err, f"{result}"
    scene.assert_told_truly(result)
    scene.assert_converges(result)
    tally("disk error after COMMIT")


@contextmanager
def on_small_disk(stage, kind, **options):
    """A scene whose folder is a separate small disk."""
    with tmpfs.small_disk(**options) as disk:
        original = stage.folder
        stage.folder = disk
        try:
            yield stage.scene(kind), disk
        finally:
            stage.folder = original


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_exit_12(stage, kind, tally):
    with on_small_disk(stage, kind, size="64k") as (scene, disk):
        tmpfs.fill(disk)
        result = scene.run()
        assert result.code == 12 and "No space left" in result.err, f"{result}"
        scene.assert_told_truly(result)
        (disk / "filler").unlink()
        scene.assert_converges(result)
        stage.strike(scene)
    tally("full disk")


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_without_a_free_inode_is_exit_12(stage, kind, tally):
    with on_small_disk(stage, kind, size="64k", inodes=16) as (scene, disk):
        fillers = []
        try:
            for number in range(20):
                (disk / f"filler{number}").touch()
                fillers.append(disk / f"filler{number}")
        except OSError:
            pass
        result = scene.run()
        assert result.code == 12, f"{result}"
        scene.assert_told_truly(result)
        for filler in fillers:
            filler.unlink()
        scene.assert_converges(result)
        stage.strike(scene)
    tally("no free inode")


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_disk_is_exit_12(stage, kind, tally):
    with on_small_disk(stage, kind, size="64k") as (scene, disk):
        tmpfs.let_write(disk, False)
        result = scene.run()
        assert result.code == 12 and "Read-only" in result.err, f"{result}"
        scene.assert_told_truly(result)
        tmpfs.let_write(disk, True)
        scene.assert_converges(result)
        stage.strike(scene)
    tally("read-only disk")


@pytest.mark.parametrize("kind", ("create", "rotate", "rotate at once"))
def test_a_limit_on_the_size_of_files_is_exit_12(stage, kind, tally):
    """The disk has room for a part of the key, and no more."""
    for size in (0, 1, 70):
        scene = stage.scene(kind)
        result = scene.relay(*scene.words, preexec_fn=tmpfs.limit_file_size(size))
        assert result.code == 12, f"{result}"
        scene.assert_told_truly(result)
        scene.assert_converges(result)
        tally("file size limit")


def test_a_full_device_on_stdout_is_exit_12(stage):
    scene = stage.scene("block")
    result = stage.relay("rotate-key", scene.agent, "--secret-stdout", stdout="/dev/full")
    assert result.code == 12 and "nothing was changed" in result.err, f"{result}"
    assert scene.live() == {scene.old[9:21]}
