"""The shipped recipes of rotation are played, each as its platform runs it, against a store that answers as the real one does at its
worst: on no later day is an agent locked out, and no key gets into a log, a command line or an environment."""

import itertools
import re
from contextlib import contextmanager

import pytest
from support import agents, sampling
from support.binaries import tool
from support.example_files import AGENT
from support.own_key import make_key
from support.recipes import RECIPES
from support.store import pass_time, states, use
from support.web_store import ARRIVING, FAILING, FAULTS, LATE, REFUSE, TWICE, WebStore

SECONDS = 300
WAITS = True
LIMIT = 3600
CANNOT_BE_READ = ("github",)


@pytest.fixture
def web():
    with WebStore() as running:
        yield running


@pytest.fixture(params=RECIPES)
def recipe(request, relay, database, tmp_path, web):
    """A recipe; its store holds the key of its agent, which is 81 days old: `old`."""
    made = RECIPES[request.param](database, tmp_path / "runner", web)
    made.name = request.param
    made.old = agents.first_agent(relay, tmp_path / "old.key", org="acme-corp", agent=AGENT)
    made.put(AGENT, made.old)
    pass_time(database, days=81)
    return made


def played(name, faults):
    """For a test on each recipe with each fault of its store, or a sample in which each of both is."""
    grid = sampling.sample(f"recipes: {name}", itertools.product(RECIPES, faults), lambda point: point)
    return pytest.mark.parametrize("recipe, fault", grid, indirect=["recipe"], ids=lambda value: value.replace(" ", "-"))


def works(database, recipe, agent=AGENT):
    """A client reads the store, and uses what it holds; returns the key."""
    key = recipe.held(agent)
    assert use(database, key) == "ok", agents.key_id(key)
    return key


def no_leak(ran, *keys):
    assert "relay_sk_" not in ran.log, ran.log
    for key in keys:
        assert key not in ran.log and agents.digest(key).hex() not in ran.log


def test_an_old_key_is_replaced_once(database, recipe):
    ran = recipe.run()
    new = works(database, recipe)
    assert ran.code == 0 and new != recipe.old and states(database, AGENT) == ["retiring", "active"], ran.log
    again = recipe.run()
    assert again.code == 0 and works(database, recipe) == new and states(database, AGENT) == ["retiring", "active"], again.log
    for each in (ran, again):
        no_leak(each, new, recipe.old)
        assert recipe.name != "cron" or not each.log, "cron mails all that a job prints"
    pass_time(database, days=4)
    assert works(database, recipe) == new and agents.decide(database, recipe.old) == "expired"
    assert not list(recipe.folder.rglob("tmp.*")), "nothing of it stays on the machine"


def test_no_program_gets_the_key_as_an_argument_or_a_variable(database, recipe, tmp_path):
    """Of all that the run starts; also when the store answers with the value and fails."""
    calls = tmp_path / "calls"
    strace = (tool("strace"), "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", calls)
    keys = {recipe.old}
    for fault in ("answers half", None):
        no_leak(recipe.run(outside=strace, fault=fault), *keys)
        keys.add(works(database, recipe))
        text = calls.read_text()
        started = set(re.findall(r'execve\("[^"]*/([^/"]+)", \[', text))
        assert "relay-admin" in started and started & {"curl", "sh", "dash"}, started
        assert "relay_sk_" not in text and not any(key in text for key in keys)
        pass_time(database, days=81)
    assert len(keys) > 1


def test_the_same_delivery_stores_the_first_key(database, recipe):
    """`agent create` in place of `rotate-key`, as the guide says; then the daily run has nothing to do."""
    daily = r"rotate-key (\S+) --if-older-than 80d --grace 72h"
    recipe.change = lambda text: re.sub(daily, r"agent create \1 --org acme-corp --name Bot", text)
    ran = recipe.run("new-bot")
    assert ran.code == 0, ran.log
    first = works(database, recipe, "new-bot")
    recipe.change = lambda text: text
    assert recipe.run("new-bot").code == 0 and recipe.held("new-bot") == first
    no_leak(ran, first)


@played("a bad day", FAULTS)
def test_a_bad_day_locks_no_one_out(database, recipe, fault):
    """The store does its worst, and the run is repeated within minutes; what is on its way arrives after the newer key."""
    ran = recipe.run(fault=fault)
    assert ran.code in ((0,) if fault == TWICE else (0, 12)), ran.log
    no_leak(ran, recipe.old, works(database, recipe))
    if ran.code == 12:
        assert "not confirmed; all keys that may have arrived work; run it again" in ran.log
        assert states(database, AGENT) == ["active", "staged"] and agents.decide(database, recipe.old) == "ok"
    again = recipe.run()
    assert again.code == 0, again.log
    works(database, recipe)
    assert recipe.arrive(AGENT) == (fault in ARRIVING)
    works(database, recipe)
    pass_time(database, minutes=20)
    later_days(database, recipe)


@played("the next day", FAILING)
def test_the_next_day_makes_up_for_a_bad_one(database, recipe, fault):
    """No one repeats the run; what is on its way arrives a few minutes later."""
    recipe.run(fault=fault)
    works(database, recipe)
    pass_time(database, minutes=8)
    recipe.arrive(AGENT)
    works(database, recipe)
    pass_time(database, hours=23)
    later_days(database, recipe)
    assert works(database, recipe) != recipe.old


def later_days(database, recipe):
    """On every later day clients work, and the run succeeds; then only one key is left, and it stays until it is 80 days old."""
    for days in (1, 2, 4):
        works(database, recipe)
        ran = recipe.run()
        assert ran.code == 0, ran.log
        no_leak(ran, works(database, recipe))
        pass_time(database, days=days)
    kept = works(database, recipe)
    assert agents.live_key_ids(database) == {agents.key_id(kept)}
    pass_time(database, days=60)
    assert recipe.run().code == 0 and works(database, recipe) == kept
    pass_time(database, days=20)
    assert recipe.run().code == 0 and works(database, recipe) != kept


def test_two_days_in_a_row_that_fail(database, recipe):
    for fault in (REFUSE, LATE):
        assert recipe.run(fault=fault).code == 12
        works(database, recipe)
        pass_time(database, days=1)
    later_days(database, recipe)


@pytest.mark.parametrize("deleted", [False, True], ids=["changed", "deleted"])
def test_a_store_that_someone_wrote_into_gets_a_new_key(database, recipe, deleted):
    """Where the recipe reads the store: the agent is due that day, whatever the age of its key."""
    assert recipe.run().code == 0
    pass_time(database, days=5)
    before = states(database, AGENT)
    recipe.remove(AGENT) if deleted else recipe.put(AGENT, make_key())
    ran = recipe.run()
    assert ran.code == 0 and "did not show what the store holds" not in ran.log, ran.log
    if recipe.name in CANNOT_BE_READ:
        assert states(database, AGENT) == before
    else:
        works(database, recipe)


@pytest.mark.parametrize("recipe", ["cron", "docker"], indirect=True)
def test_a_key_in_a_file_survives_a_power_cut(recipe, tmp_path):
    """The new file is on the disk before it gets its name, and the name before the command reports success."""
    calls = tmp_path / "calls"
    recipe.run(outside=(tool("strace"), "-f", "-qq", "-y", "-z", "-e", "signal=none", "-e", "trace=fsync,/^rename", "-o", calls))
    new, name, folder = calls.read_text().splitlines()[-3:]
    file = recipe.file(AGENT)
    assert re.search(rf"fsync\(\d+<{file.parent}/\.{AGENT}\.[^>/]+>\)", new), new
    assert re.search(rf'rename.*[/"]{file.name}"', name), name
    assert f"<{file.parent}>)" in folder and " fsync(" in folder, folder


def test_a_store_that_cannot_be_read_changes_nothing(database, recipe):
    """A look that fails proves nothing: a key that is not due stays."""
    recipe.run()
    kept, before = recipe.held(AGENT), states(database, AGENT)
    pass_time(database, days=2)
    with out_of_reach(recipe):
        ran = recipe.run()
    assert states(database, AGENT) == before and works(database, recipe) == kept, ran.log
    if recipe.name in CANNOT_BE_READ:
        assert ran.code != 0, "it could not even ask for the public key"
    else:
        assert ran.code == 0 and "did not show what the store holds" in ran.log


@contextmanager
def out_of_reach(recipe):
    """The store is not there at all."""
    kept, url = dict(recipe.environment), recipe.web.url
    recipe.web.url = recipe.environment["STORE_URL"] = "http://127.0.0.1:9"
    recipe.environment["MACHINES"] = "/nowhere"
    folder, hidden = recipe.folder / "key", recipe.folder / "hidden"
    if folder.exists():
        folder.rename(hidden)
    yield
    if hidden.exists():
        hidden.rename(folder)
    recipe.environment, recipe.web.url = kept, url
