"""400 days of each shipped recipe: see support/drill.py. And the drill fails if someone edits a recipe badly, or takes a rule away."""

import tempfile
from pathlib import Path

import pytest
from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.drill import Drill
from support.recipes import DRILLED
from support.relay import Runner
from support.web_store import LATE, WebStore

SECONDS = 240
LIMIT = 28800


@pytest.fixture(scope="module")
def clock():
    """The clock of the database, in a folder that its user can enter."""
    with tempfile.TemporaryDirectory(prefix="rly-clock-", dir="/tmp") as folder:
        yield MovedClock(Path(folder))


@pytest.fixture(scope="module")
def cluster(clock):
    with_clock = Cluster(name="drill")
    with_clock.environment = clock.environment
    with with_clock as running:
        yield running


@pytest.fixture
def drill(cluster, clock, tmp_path, home):
    """Makes a drill of a recipe, at the start of its 400 days."""
    database = Database(cluster, template=make_template(cluster))
    with WebStore() as web:

        def make(name, **options):
            relay = Runner(dsn=database.dsn(), home=home, cwd=tmp_path)
            return Drill(relay, database, clock, tmp_path, web, name, **options)

        yield make
    database.drop()


@pytest.mark.parametrize("name", DRILLED)
def test_no_call_fails_in_400_days(drill, tally, name):
    counts = drill(name).play()
    assert counts["killed"] and (counts["bad stores"] or name == "systemd-file") and counts["calls"] > counts["runs"]
    for what, number in counts.items():
        tally(f"drill: {name}: {what}", number)


# --- the drill can fail


def test_a_recipe_without_settle_and_grace_locks_agents_out(drill):
    made = drill("gitlab", whole=False)
    made.recipe.change = lambda text: text.replace("--grace 72h", "--grace 0 --settle 0")
    locks_out(made)


TAKE_BACK = """relay-admin rotate-key "$AGENT" --if-older-than 80d --grace 72h --no-input --secret-file "$folder/key"
[ -s "$folder/key" ] || exit 0
curl -fsS --header "@$RELAY_VARIABLE_TOKEN" --output /dev/null -X PUT --form "value=<$folder/key" "$URL" && exit 0
relay-admin rotate-key "$AGENT" --revert --no-input
exit 12
"""


def test_a_recipe_that_takes_a_failed_upload_back_locks_agents_out(drill):
    """As ours did before there was --deliver."""
    made = drill("gitlab", whole=False)
    made.recipe.change = lambda text: text.partition("relay-admin rotate-key")[0] + TAKE_BACK
    locks_out(made)


def test_without_the_rule_that_what_may_arrive_stays_agents_are_locked_out(drill):
    """Someone ends the staged keys that are older than the active one, although they could still arrive."""
    made = drill("cron", whole=False)
    made.after_run = lambda: made.database.execute(
        "UPDATE relay.agent_keys AS early SET state = 'retired', retired_at = now() WHERE state = 'staged' AND EXISTS"
        " (SELECT FROM relay.agent_keys AS late WHERE late.agent_id = early.agent_id AND late.state = 'active' AND late.made_order > early.made_order)"
    )
    locks_out(made)


def locks_out(made):
    """Plays with a store that takes each key late, after another run; the clients must notice."""
    made.bad_days, made.kills, made.faults, made.repeats = 1, 0, (LATE,), 1
    with pytest.raises(AssertionError, match="refused calls"):
        made.play()
