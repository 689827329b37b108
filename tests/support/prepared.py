"""Prepared fixtures: what the program has made before a test begins, made once and copied for each test.

A prepared fixture runs the program, and leaves rows in `database` and files in `tmp_path`:

    @prepared
    def fleet(relay, key): ...

Each run costs a start of the program and of a backend. So the fixture runs once, in a database that then is the template of
the tests', and the tests get its files and what it returned. It runs in the test itself if only one test needs it, or if the
file has a `database` or `relay` that is not the usual one; so it must not matter to it where it runs."""

import collections
import copy
import dataclasses
import functools
import inspect
import shutil
from pathlib import Path

import pytest

from .database import Database, make_template
from .relay import Runner

_fixtures = {}  # (module, fixture) -> _Prepared
GIVEN = ("relay", "database", "home", "tmp_path")


class _Prepared:
    def __init__(self, make):
        self.make = make
        self.name = make.__name__
        self.needs = list(inspect.signature(make).parameters)
        self.left = None  # what it has left, after it ran

    def before(self, request):
        """The fixtures that it builds upon, each before those that need it, and itself as the last."""
        found = {}
        for name in self.needs:
            earlier = _find(request, name)
            for each in earlier.before(request) if earlier else []:
                found[each.name] = each
        return [*found.values(), self]

    def is_usual(self, request):
        return all(name in GIVEN or _find(request, name) for each in self.before(request) for name in each.needs)


def prepared(make):
    """As pytest.fixture, for a function that prepares a test. It may ask for `relay`, `database`, `home`, `tmp_path` and other
    prepared fixtures. What it returns is copied: its `relay` and `database` are the test's then, and its paths those in the
    test's folder."""
    made = _fixtures[make.__module__, make.__name__] = _Prepared(make)

    @functools.wraps(make)
    def fixture(**given):
        left = given["database"].left
        if left is None or made.name not in left.values:
            return make(**{name: given[name] for name in made.needs})
        if not given["database"].has_files:
            shutil.copytree(left.folder, given["tmp_path"], dirs_exist_ok=True, symlinks=True)
            given["database"].has_files = True
        return _own(left.values[made.name], left.given, given)

    names = dict.fromkeys([*made.needs, *GIVEN])
    fixture.__signature__ = inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])
    return pytest.fixture(fixture)


def _find(request, name):
    """The prepared fixture that a test means by `name`, if it is one."""
    return _fixtures.get((request.module.__name__, name)) or (
        None if hasattr(request.module, name) else _fixtures.get(("conftest", name))
    )


def _largest(request):
    """The prepared fixture of a test that builds upon most others; None if it needs none, or has a server of another kind."""
    if any(hasattr(request.module, name) for name in ("database", "relay", "cluster", "home")):
        return None
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}  # may have the name of a fixture
    names = [name for name in request.fixturenames if name not in parameters]
    fixtures = [found for found in (_find(request, name) for name in names) if found]
    usual = [found for found in fixtures if found.is_usual(request)]
    return max(usual, key=lambda found: len(found.before(request)), default=None)


_users = {}


def _count_users(request):
    """How many tests of this process need each fixture."""
    if request.session not in _users:
        count = _users[request.session] = collections.Counter()
        for test in request.session.items:
            for name in test.fixturenames:
                count[test.module.__name__, name] += 1
    return _users[request.session]


def database_for(request, cluster, folders):
    """The database of a test, as its largest prepared fixture leaves it if other tests need that as well.

    `folders`: pytest's factory, for a folder that belongs to us, as a test's does."""
    chosen = _largest(request)
    if chosen is None or _count_users(request)[request.module.__name__, chosen.name] < 2:
        return Database(cluster, template=make_template(cluster))
    if chosen.left is None:
        chosen.left = _make(chosen.before(request), cluster, folders.mktemp("prepared"))
    made = Database(cluster, template=chosen.left.template)
    made.left = chosen.left
    return made


@dataclasses.dataclass
class _Left:
    """What a prepared fixture and those before it have left."""

    template: str  # the database
    folder: Path  # the files
    given: dict  # what they were made with, by name
    values: dict  # what they returned, by name


def _make(fixtures, cluster, folder):
    """Runs fixtures in a database and a folder that are then copied."""
    database = Database(cluster, template=make_template(cluster))
    home = folder / "home"
    home.mkdir()
    given = {"relay": Runner(dsn=database.dsn(), home=home, cwd=folder), "database": database, "home": home, "tmp_path": folder}
    values = {}
    for each in fixtures:
        values[each.name] = each.make(**{name: {**given, **values}[name] for name in each.needs})
    database.disconnect()
    return _Left(database.name, folder, given, values)


def _own(value, made_with, given):
    """What a fixture returned, as a value of the test: with its `relay` and `database`, and paths in its folder."""
    for name, thing in made_with.items():
        if value is thing:
            return given[name]
    if isinstance(value, Path):
        folder = made_with["tmp_path"]
        return given["tmp_path"] / value.relative_to(folder) if value.is_relative_to(folder) else value
    if isinstance(value, dict):
        return {key: _own(each, made_with, given) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_own(each, made_with, given) for each in value)
    return copy.deepcopy(value)
