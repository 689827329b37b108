"""kill -9 as the program enters each of its system calls."""

from scenes import BATCH, INIT, ROTATE
from support import strace


def few(points, kind, thoroughly):
    """All points; of a first run, where each costs a database of its own, and of a batch, which asks much, the waits and
    reads are thinned out."""
    if thoroughly or kind not in (*INIT, *BATCH):
        return points
    thinned = ("poll", "recvfrom", "newfstatat", "close", "ioctl")
    step = 3 if kind in INIT else 8
    # Of each name by itself: waits and reads take turns, and a step through both could leave out all of one.
    kept = {point for name in thinned for point in [each for each in points if each.name == name][::step]}
    return [point for point in points if point.name not in thinned or point in kept]


def kill_everywhere(stage, kind, tally, thoroughly):
    """Runs a scene once for each point and kills it there: it must be safe then, and the same command converge."""
    tracer = strace.Tracer()
    plain = stage.scene(kind)
    result, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    assert result.code == 0, f"{result}"
    stage.strike(plain)
    points = few(tracer.points(calls), kind, thoroughly)
    names = {point.name for point in points}
    assert {"openat", "write", "fsync", "sendto", "recvfrom"} <= names
    assert ("renameat" if kind in ROTATE[1:] else "unlinkat" if kind in BATCH else "linkat") in names
    reached = 0
    for point in points:
        scene = stage.scene(kind)
        result, happened = tracer.inject(lambda prefix, scene=scene: scene.run(prefix=prefix), point.kill())
        assert strace.was_killed(result) == happened, f"{point}\n{result}"
        reached += happened
        scene.assert_safe(f"killed at {point}\n{result}")
        scene.assert_converges(f"killed at {point}\n{result}")
        stage.strike(scene)
    # A wait more or less is chance: a run may be done before its last call is reached.
    assert reached >= 0.9 * len(points), f"{reached} of {len(points)} points were reached"
    tally(f"kill -9: {kind}", reached)
