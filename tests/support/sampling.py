"""Chooses the points of a grid, and the rows of a large table, that a run tries: a sample with every kind, drawn by a seed, or all.

A grid of faults repeats itself: of forty reads from the server most are like their neighbours. But no kind may be lost:
each system call in each stage of a command, each blow at each place. The caller names the kinds of a point; a sample
holds each of them, and the first and the last point of the grid. Which points of a kind are drawn changes from run to
run, so that in time all are tried.

RELAY_FAULT_SEED is the seed; without it, chance chooses one: the same seed draws the same points. RELAY_FAULT_FULL=1
draws all."""

import os
import random
from collections import Counter

FULL = os.environ.get("RELAY_FAULT_FULL", "") not in ("", "0")
SEED = int(os.environ.get("RELAY_FAULT_SEED") or random.SystemRandom().randrange(10**6))

drawn = []
"""(grid, how many points were drawn, of how many) of every sample of this process; (grid, None, None) of dice."""


def dice(name):
    """The dice of a test that leaves more than points to chance: the same seed throws the same."""
    drawn.append((name, None, None))
    return random.Random(f"{SEED} {name}")


def sample(name, points, kinds, *, times=1, at_least=0, ends=True, always=lambda point: False, seed=None, full=None):
    """Returns the points of the grid `name` that this run tries, in their order.

    `kinds(point)`: the kinds of which the point is an example, any number of hashable values; a sample has `times`
    examples of each, or all where there are fewer, and `at_least` is the least number of points. The first point and the last
    (unless `ends` is false: those of a table are like the others), and those for which `always(point)` is true are in every
    sample."""
    points = list(points)
    everywhere = range(len(points))
    if FULL if full is None else full:
        chosen = set(everywhere)
    else:
        order = random.Random(f"{SEED if seed is None else seed} {name}").sample(everywhere, len(points))
        chosen = _cover([set(kinds(point)) for point in points], order, times)
        chosen |= {*(everywhere[:1] if ends else ()), *(everywhere[-1:] if ends else ()), *(at for at in everywhere if always(points[at]))}
        chosen |= set([at for at in order if at not in chosen][: max(0, at_least - len(chosen))])
    drawn.append((name, len(chosen), len(points)))
    return [points[at] for at in sorted(chosen)]


def thin_out(tests, *, small, part):
    """Returns those of the collected `tests` that this run tries: of a function with a table of more than `small` rows one in `part`,
    but `small` at least, with every value of every parameter where there are several. All rows of what is marked `whole`."""
    rows = {}
    for test in tests:
        rows.setdefault(test.nodeid.partition("[")[0], []).append(test)
    chosen = set()
    for function, table in rows.items():
        if len(table) > small and not table[0].get_closest_marker("whole"):
            at_least = max(small, -(-len(table) // part))
            table = sample(f"rows of {function.rpartition('::')[2]}", table, _values_of, at_least=at_least, ends=False)
        chosen |= {test.nodeid for test in table}
    return [test for test in tests if test.nodeid in chosen]


def _values_of(test):
    """The values of a test's parameters, if there are several: each is a kind of row."""
    rows = test.callspec.indices  # by parameter; parameters of one table have the same
    return list(rows.items()) if len(set(rows.values())) > 1 else []


def _cover(kinds_of, order, times):
    """Returns positions such that each kind is there `times` times, taken in `order` by how many kinds each adds."""
    there = Counter(kind for kinds in kinds_of for kind in kinds)
    missing = Counter({kind: min(times, count) for kind, count in there.items()})
    chosen = set()
    while any(count > 0 for count in missing.values()):
        left = (at for at in order if at not in chosen)
        best = max(left, key=lambda at: sum(missing[kind] > 0 for kind in kinds_of[at]))  # of equals the first in `order`
        chosen.add(best)
        missing.subtract(kinds_of[best])
    return chosen


def how_to_repeat(path):
    """Lines that say what was drawn in this process, and how the test file `path` draws the same again."""
    test = f"{path.parent.name}/{path.stem.removeprefix('test_')}"
    counts = [f"{tried:6} of {count:6}  {name}" for name, tried, count in drawn if tried is not None]
    if FULL and len(counts) == len(drawn):
        return ["every point was tried (RELAY_FAULT_FULL)", *counts]
    return [f"seed {SEED}; the same again: RELAY_FAULT_SEED={SEED} tests/run{' --full' if FULL else ''} -R '^{test}$'", *counts]
