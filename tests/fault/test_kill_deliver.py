"""kill -9 at every step of `rotate-key --deliver`: what the store holds works at every instant, and a repeat succeeds."""

from support import sampling, strace
from support.rotation import old  # noqa: F401
from support.store import PUT, Store, pass_time, states

SECONDS = 100
WORDS = ("rotate-key", "bot", "--deliver", PUT, "--force")


def stage_of(calls):
    """{(name, number): how many COMMITs were sent before}."""
    found, commits = {}, 0
    for call in calls:
        found[call.name, call.number] = commits
        commits += call.sends_commit
    return found


def test_a_kill_at_any_step_locks_no_one_out(relay, database, old, tmp_path, tally):  # noqa: F811
    store = Store(tmp_path, database)
    store.put(old)
    tracer = strace.Tracer()
    result, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*WORDS))
    assert result.code == 0, result
    stages = stage_of(calls)
    points = sampling.sample(
        "kill -9: deliver", tracer.points(calls), lambda point: [(stages[point.name, point.number], point.name)], times=2
    )
    reached = 0
    for point in points:
        pass_time(database, minutes=12)  # what was staged has settled
        with store.watched():
            result, happened = tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*WORDS), point.kill())
            reached += happened
            assert store.use() == "ok", f"killed at {point}\n{result}"
            done = relay(*WORDS)
            assert done.code == 0, f"killed at {point}\n{result}\n=== after\n{done}"
            assert store.use() == "ok" and states(database)[-1] == "active", f"killed at {point}\n{result}"
    assert reached >= 0.8 * len(points), f"{reached} of {len(points)} points were reached"
    tally("kill -9: deliver", reached)
