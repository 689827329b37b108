"""The audit trail on a standby: it answers as the primary does, and a tail on it continues when it is promoted."""

import pytest

from support.agents import digest, first_agent, key_id
from support.cluster import Cluster
from support.database import Database, make_template
from support.tail import Tail

READS = (
    ("audit", "list"),
    ("audit", "list", "--agent", "bot"),
    ("audit", "list", "--org", "acme", "--outcome", "failed"),
    ("audit", "list", "--actor", "ann"),
    ("audit", "show", "1"),
    ("audit", "verify"),
    ("incident", "list"),
    ("incident", "show", "INC-1"),
)


@pytest.fixture(scope="module")
def primary():
    with Cluster(name="primary") as running:
        yield running


@pytest.fixture
def database(primary):
    made = Database(primary, template=make_template(primary))
    yield made
    made.drop()


@pytest.fixture
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


def ask(database, key, secret=None):
    database.execute("SELECT relay_api.authenticate(%s, %s, ip_address => '192.0.2.1')", key_id(key), secret or digest(key))


def test_a_standby_answers_as_the_primary(relay, primary, database, key):
    ask(database, key)
    ask(database, key, b"y" * 32)
    relay("block", "bot", "--ticket", "INC-1", "--actor", "ann", check=0)
    relay("audit", "seal", check=0)
    standby = primary.make_standby(name="reader").wait_caught_up()
    there = relay.with_(dsn=standby.dsn(database.name))
    for words in READS:
        here, read = relay.json(*words), there.json(*words)
        for name in ("items", "data", "next"):
            assert read.get(name) == here.get(name), (words, name)
        assert read.get("items") or read.get("data"), words
    exported, again = (run("audit", "export", check=0).jsonl()[:-1] for run in (relay, there))
    assert exported == again and len(exported) > 3
    assert "standby" in there.error("audit", "seal", check=8)["message"] + str(there.error("audit", "seal", check=8)["why"])
    standby.stop()


def test_a_tail_on_a_standby_continues_when_it_is_promoted(relay, primary, database, key):
    standby = primary.make_standby(name="heir").wait_caught_up()
    there = relay.with_(dsn=standby.dsn(database.name))
    with Tail(there) as tail:
        ask(database, key)
        assert tail.actions(1) == ["authenticated"]
        late, never = database.connect(autocommit=False), database.connect(autocommit=False)
        for connection, action in ((late, "late"), (never, "never")):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO relay.auth_events (action, agent_id) VALUES (%s, 'bot')", (action,))
        relay("block", "bot", check=0)
        assert tail.actions(1) == ["agent_blocked"]
        late.commit()
        assert tail.actions(1) == ["late"], "its number is below that of the block"
        standby.wait_caught_up()
        standby.promote()
        there("unblock", "bot", "--yes", check=0)
        assert tail.actions(1) == ["agent_unblocked"]
        there("block", "bot", check=0)
        assert tail.actions(1) == ["agent_blocked"]
        late.close()
        never.close()
    standby.stop()
