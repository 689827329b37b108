"""Shared by the fault tests: the count of the points that were tried, printed at the end of every run."""

from collections import Counter

import pytest
from scenes import Stage

_tried = Counter()


@pytest.fixture
def tally():
    """Counts points: `tally("kill create")`. The summary at the end of the run names each count."""

    def count(name, points=1):
        _tried[name] += points

    return count


def pytest_terminal_summary(terminalreporter):
    """Prints how many points were tried; also with -q."""
    if _tried:
        terminalreporter.section("fault points tried")
        for name in sorted(_tried):
            terminalreporter.write_line(f"{_tried[name]:6}  {name}")
        terminalreporter.write_line(f"{sum(_tried.values()):6}  together")


@pytest.fixture
def stage(cluster, database, relay, tmp_path):
    """Makes scenes on a database with one organization."""
    return Stage(cluster, database, relay, tmp_path)
