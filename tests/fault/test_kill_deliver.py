"""kill -9 at every step of a delivery, with each kind of store: what the store holds works at every instant, and a repeat succeeds."""

import pytest
from delivering import Struck, combinations
from support import sampling, strace
from support.rotation import old  # noqa: F401

SECONDS = 150


def stage_of(calls):
    """{(name, number): how many COMMITs were sent before}."""
    found, commits = {}, 0
    for call in calls:
        found[call.name, call.number] = commits
        commits += call.sends_commit
    return found


@pytest.fixture
def struck(relay, database, old, tmp_path):  # noqa: F811
    return Struck(relay, database, tmp_path, old)


def test_a_kill_at_any_step_locks_no_one_out(relay, struck, tally):
    tracer = strace.Tracer()
    grid, stage = [], {}
    for store, way in combinations("kill -9"):
        calls = []

        def record(words, calls=calls):
            result, found = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
            calls += found
            return result

        struck.strike(store, way, record)
        stage[store, way] = stage_of(calls)
        grid += [(store, way, point) for point in tracer.points(calls)]

    def kinds(struck_at):
        store, way, point = struck_at
        commits = stage[store, way][point.name, point.number]
        return [(store, commits), (way, commits), (commits, point.name)]

    points = sampling.sample("kill -9: deliver", grid, kinds)
    reached = 0
    for store, way, point in points:

        def run(words, point=point):
            result, happened = tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*words), point.kill())
            nonlocal reached
            reached += happened
            return result

        struck.strike(store, way, run)
    assert reached >= 0.8 * len(points), f"{reached} of {len(points)} points were reached"
    assert (struck.store.folder / "tried").exists(), "a command used its key"
    tally("kill -9: deliver", reached)
