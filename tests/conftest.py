"""Fixtures of every test that runs whole programs: a private PostgreSQL per test process, a database per test."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

# If the tests run in the background, they may ignore signals, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

from support import surroundings  # noqa: E402

surroundings.isolate()  # before anything can read the environment

from support import agents  # noqa: E402
from support import database as database_support  # noqa: E402
from support import relay as relay_support  # noqa: E402
from support import sampling  # noqa: E402
from support.cluster import Cluster  # noqa: E402
from support.prepared import database_for, prepared  # noqa: E402


# How few rows a table keeps, and one in how many more, by label. A row of the documents costs nothing, one of fault many runs.
THINNED = {"cli": {"small": 8, "part": 6}, "contract": {"small": 8, "part": 6}, "fault": {"small": 2, "part": 3}}


def pytest_collection_modifyitems(config, items):
    """Thins out large tables, if no test was chosen by its name."""
    if sampling.FULL or config.option.keyword or any("::" in word for word in config.args):
        return
    left = {test for test in items if test.path.parent.name not in THINNED}
    for label, bounds in THINNED.items():
        left.update(sampling.thin_out([test for test in items if test.path.parent.name == label], **bounds))
    items[:] = [test for test in items if test in left]


def pytest_terminal_summary(terminalreporter, config):
    """Prints what was left to chance, and how to repeat it; also with -q."""
    if sampling.drawn:
        terminalreporter.section("drawn by a seed")
        for line in sampling.how_to_repeat(Path(config.args[0])):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def cluster(request):
    """The private PostgreSQL that the tests of this process share; a test that harms its server makes its own."""
    make = Cluster
    if any("database" in test.fixturenames or hasattr(test.module, "make_template") for test in request.session.items):
        make = database_support.cluster_with_template
    with make(tcp=True, name="primary") as running:
        yield running


@pytest.fixture
def empty_database(cluster):
    """A database without our schema."""
    made = database_support.Database(cluster)
    yield made
    made.drop()


@pytest.fixture
def database(cluster, request, tmp_path_factory):
    """A database with our schema, and what the prepared fixtures of the test leave in it."""
    made = database_for(request, cluster, tmp_path_factory)
    yield made
    made.drop()


@pytest.fixture
def home(tmp_path):
    """The home folder of the programs that a test runs."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def open_folder():
    """A folder that the user of the servers can enter: when root runs the tests, `tmp_path` is closed to that user."""
    with tempfile.TemporaryDirectory(prefix="rly-open-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        yield Path(folder)


@pytest.fixture
def relay(database, home, tmp_path):
    """Runs relay-admin against `database`, in the folder `tmp_path`."""
    return relay_support.Runner(dsn=database.dsn(), home=home, cwd=tmp_path)


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot` of the org `acme`, made by init."""
    return agents.first_agent(relay, tmp_path / "bot.key")


@pytest.fixture
def relay_without_database(home, tmp_path):
    """Runs relay-admin with nothing configured."""
    return relay_support.Runner(home=home, cwd=tmp_path)
