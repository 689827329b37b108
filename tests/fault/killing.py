"""kill -9 as the program enters each of its system calls."""

from scenes import BATCH, ROTATE
from support import sampling, strace


def stages(calls):
    """{(name, number): stage} for the calls of a recorded run: it starts, asks, delivers, commits, ends."""
    found, stage = {}, "starts"
    for call in calls:
        if stage == "starts" and call.name == "sendto":
            stage = "asks"
        if stage in ("starts", "asks") and ("O_CREAT" in call.text or call.name == "mkdir"):
            stage = "delivers"
        if call.sends_commit:
            stage = "commits"
        found[call.name, call.number] = stage
        if stage == "commits" and call.name == "recvfrom" and not call.failed:
            stage = "ends"
    return found


def draw(grid, points, calls):
    """The points of a run to kill it at: of each system call in each stage one, or all. `calls`: the run as it was recorded."""
    stage = stages(calls)
    return sampling.sample(grid, points, lambda point: [(stage[point.name, point.number], point.name)])


def kill_everywhere(stage, kind, tally):
    """Runs a scene once for each point and kills it there: it must be safe then, and the same command converge."""
    tracer = strace.Tracer()
    plain = stage.scene(kind)
    result, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    assert result.code == 0, f"{result}"
    stage.strike(plain)
    assert list(dict.fromkeys(stages(calls).values())) == ["starts", "asks", "delivers", "commits", "ends"]
    points = draw(f"kill -9: {kind}", tracer.points(calls), calls)
    names = {point.name for point in points}
    assert {"openat", "write", "fsync", "sendto", "recvfrom"} <= names
    assert ("renameat" if kind in ROTATE[1:] else "unlinkat" if kind in BATCH else "linkat") in names
    reached = 0
    for point in points:
        scene = stage.scene(kind)
        result, happened = tracer.inject(lambda prefix, scene=scene: scene.run(prefix=prefix), point.kill())
        assert result.was_killed == happened, f"{point}\n{result}"
        reached += happened
        scene.assert_safe(f"killed at {point}\n{result}")
        scene.assert_converges(f"killed at {point}\n{result}")
        stage.strike(scene)
    # Chance adds or drops a wait: a run may end before it reaches its last call.
    assert reached >= 0.9 * len(points), f"{reached} of {len(points)} points were reached"
    tally(f"kill -9: {kind}", reached)
