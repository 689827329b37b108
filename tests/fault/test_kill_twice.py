"""A run is killed around its COMMIT, and then the run that settles it is killed, at every step, too."""

import pytest
from killing import draw
from support import strace

SECONDS = 150

STEPS = ("openat", "unlinkat", "renameat", "linkat", "fsync", "write", "sendto", "recvfrom", "close")


@pytest.mark.parametrize("kind", ("create", "rotate at once"))
def test_a_kill_while_an_earlier_kill_is_settled_loses_nothing(stage, kind, tally):
    """The first run dies as it asks for the COMMIT's answer, or before the COMMIT; the second at every step."""
    tracer = strace.Tracer()

    def left_behind(where):
        scene = stage.scene(kind)
        result, _ = tracer.inject(lambda prefix: scene.run(prefix=prefix), where.kill())
        assert result.was_killed, f"{result}"
        return scene

    plain = stage.scene(kind)
    _, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    commit = next(call for call in calls if call.sends_commit)
    after = next(call for call in calls[calls.index(commit) :] if call.name == "recvfrom")
    for where in (strace.Point("sendto", commit.number), strace.Point("recvfrom", after.number)):
        first = left_behind(where)
        _, second = tracer.record(lambda prefix, first=first: first.run(prefix=prefix))
        grid = f"kill -9 at {where.name}, and again: {kind}"
        for point in draw(grid, tracer.points(second, names=STEPS), second):
            scene = left_behind(where)
            result, happened = tracer.inject(lambda prefix, scene=scene: scene.run(prefix=prefix), point.kill())
            scene.assert_safe(f"killed at {where}, then at {point}\n{result}")
            scene.assert_converges(f"killed at {where}, then at {point}\n{result}")
            tally(f"kill -9 twice: {kind}", int(happened))
