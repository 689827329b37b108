"""The sampler of fault grids: no kind is lost, a seed draws the same again, and all is all."""

import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import sampling

SEEDS = range(60)
TESTS = Path(__file__).resolve().parents[1]

# Calls as a recorded run has them: many alike, some once.
CALLS = [(name, number) for name, count in (("poll", 40), ("sendto", 30), ("openat", 6), ("fsync", 2), ("linkat", 1)) for number in range(count)]


@pytest.fixture(autouse=True)
def nothing_is_noted(monkeypatch):
    """Keeps draws in this file out of the summary of the run."""
    monkeypatch.setattr(sampling, "drawn", [])


def draw(points, kinds, seed, **options):
    return sampling.sample("a grid", points, kinds, seed=seed, full=False, **options)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_each_kind_is_there_so_often_or_as_often_as_it_can(times):
    there = Counter(name for name, _ in CALLS)
    for seed in SEEDS:
        found = Counter(name for name, _ in draw(CALLS, lambda call: [call[0]], seed, times=times))
        assert all(found[name] >= min(times, count) for name, count in there.items())
        assert sum(found.values()) <= times * len(there) + 2  # and the first and the last


def test_the_first_the_last_and_what_is_always_tried_are_in_every_sample():
    for seed in SEEDS:
        found = draw(CALLS, lambda call: [call[0]], seed, always=lambda call: call == ("poll", 17))
        assert found[0] == CALLS[0] and found[-1] == CALLS[-1] and ("poll", 17) in found


def test_the_points_keep_their_order():
    for seed in SEEDS:
        places = [CALLS.index(call) for call in draw(CALLS, lambda call: [call[0]], seed, times=3)]
        assert places == sorted(set(places))


def test_every_two_values_of_a_product_meet_and_most_points_are_left_out():
    grid = list(itertools.product("abcdef", "1234", "ABCDE"))
    pairs = {pair for point in grid for pair in itertools.combinations(enumerate(point), 2)}
    for seed in SEEDS:
        found = draw(grid, lambda point: itertools.combinations(enumerate(point), 2), seed)
        assert {pair for point in found for pair in itertools.combinations(enumerate(point), 2)} == pairs
        assert 30 <= len(found) < len(grid) / 2


def test_a_seed_draws_the_same_and_others_draw_others():
    samples = {seed: tuple(draw(CALLS, lambda call: [call[0]], seed)) for seed in SEEDS}
    assert samples == {seed: tuple(draw(CALLS, lambda call: [call[0]], seed)) for seed in SEEDS}
    assert len(set(samples.values())) > len(SEEDS) / 2


def test_in_time_all_points_are_drawn():
    found = {call for seed in range(200) for call in draw(CALLS, lambda call: [call[0]], seed, times=5)}
    assert found == set(CALLS)


def test_two_grids_of_a_run_are_drawn_apart():
    one, two = (sampling.sample(name, range(100), lambda _: ["a"], times=5, seed=1, full=False) for name in ("one", "two"))
    assert one != two


def test_all_is_all():
    assert sampling.sample("a grid", CALLS, lambda call: [call[0]], full=True) == CALLS


@pytest.mark.parametrize("points", [[], ["only"], ["first", "last"]])
def test_small_grids_are_tried_whole(points):
    assert draw(points, lambda point: [point], 1) == points


def collected(function, rows, *, whole=False):
    """Tests of one function, as pytest collects them. `rows`: the place in each table, by parameter."""
    marker = "whole" if whole else None
    return [
        SimpleNamespace(
            nodeid=f"cli/test_x.py::{function}[{number}]",
            callspec=SimpleNamespace(indices=row),
            get_closest_marker=lambda name: name == marker or None,
        )
        for number, row in enumerate(rows)
    ]


def thin_out(monkeypatch, seed, *tables):
    monkeypatch.setattr(sampling, "SEED", seed)
    monkeypatch.setattr(sampling, "FULL", False)
    return sampling.thin_out([test for table in tables for test in table], small=12, part=4)


def test_of_a_large_table_a_part_is_tried_and_of_a_small_one_all(monkeypatch):
    large, small = collected("large", [{"row": n} for n in range(100)]), collected("small", [{"row": n} for n in range(12)])
    tried = [thin_out(monkeypatch, seed, large, small) for seed in SEEDS]
    assert all(len(tests) == 25 + 12 and tests[25:] == small for tests in tried)
    assert len({tuple(test.nodeid for test in tests) for tests in tried}) > len(SEEDS) / 2


def test_no_row_of_a_table_is_tried_more_often_than_others(monkeypatch):
    table = collected("large", [{"row": n} for n in range(40)])
    tried = Counter(test.nodeid for seed in range(200) for test in thin_out(monkeypatch, seed, table))
    assert len(tried) == 40 and max(tried.values()) < 3 * min(tried.values())


def test_a_thinned_table_has_every_value_of_each_of_several_parameters(monkeypatch):
    table = collected("pairs", [{"sink": a, "kind": b} for a in range(20) for b in range(5)])
    for seed in SEEDS:
        tried = thin_out(monkeypatch, seed, table)
        assert {test.callspec.indices["sink"] for test in tried} == set(range(20)) and len(tried) <= 30
        assert {test.callspec.indices["kind"] for test in tried} == set(range(5))


def test_what_is_marked_whole_stays_whole(monkeypatch):
    table = collected("cheap", [{"row": n} for n in range(100)], whole=True)
    assert thin_out(monkeypatch, 1, table) == table


SCRIPT = """
from pathlib import Path
from support import sampling
print(sampling.sample("a grid", range(1000), lambda _: ["a"], times=3), sampling.dice("dice").random())
print(*sampling.how_to_repeat(Path("tests/fault/test_cut.py")), sep="\\n")
"""


def in_a_process(**environment):
    command = [sys.executable, "-B", "-c", SCRIPT]
    done = subprocess.run(command, cwd=TESTS, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_another_process_with_the_seed_draws_the_same():
    first = in_a_process()
    assert "RELAY_FAULT_SEED=" in first[1] and "tests/run -R '^fault/cut$'" in first[1] and " of   1000  a grid" in first[2]
    seed = first[1].split()[1].rstrip(";")
    assert in_a_process(RELAY_FAULT_SEED=seed) == first
    assert in_a_process(RELAY_FAULT_SEED=str(int(seed) + 1))[0] != first[0]


def test_the_whole_grid_is_asked_for_by_the_environment():
    found = in_a_process(RELAY_FAULT_FULL="1")
    assert "tests/run --full -R '^fault/cut$'" in found[1]  # for the dice
    assert found[2] == "  1000 of   1000  a grid"
