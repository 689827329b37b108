"""The primary dies and a standby takes its place: what --durable had said before was true, and the tools continue with
the new one."""

import time

import pytest
from support import agents, processes
from support.cluster import Cluster
from support.database import Database, make_template

CURSOR = "SELECT next_cursor FROM relay_api.changes_since(%s) ORDER BY next_cursor DESC LIMIT 1"


class Pair:
    """A primary with agents `kept` and `lost`, its standby, and the program with both hosts in its conninfo."""

    def __init__(self, primary, runner, folder):
        self.primary = primary
        self.database = Database(primary, template=make_template(primary))
        alone = runner.with_(dsn=self.database.dsn())
        self.keys = {"kept": agents.first_agent(alone, folder / "kept.key", agent="kept")}
        words = ("agent", "create", "lost", "--org", "acme", "--name", "Lost", "--secret-file", folder / "lost.key")
        alone("agent", *words[1:], check=0)
        self.keys["lost"] = agents.read_key(folder / "lost.key")
        primary.query("SELECT pg_create_physical_replication_slot('heir', true)")
        self.standby = primary.make_standby(name="heir", settings={"primary_slot_name": "heir"}).wait_caught_up()
        hosts = f"{primary.host},{self.standby.host}"
        self.relay = runner.with_(dsn=f"host={hosts} port=5432,5432 dbname={self.database.name} user=postgres")

    def fail_over(self):
        """kill -9 of the primary; the standby has only what it had when it was stopped."""
        self.primary.kill()
        self.standby.start().promote()

    def decide(self, agent):
        """Returns the answer that a gateway gets from the former standby."""
        key = self.keys[agent]
        sql = "SELECT (relay_api.authenticate(%s, %s)).reason"
        return self.ask(sql, agents.key_id(key), agents.digest(key))

    def ask(self, sql, *parameters):
        return self.standby.query(sql, parameters, dbname=self.database.name)[0][0]


@pytest.fixture
def pair(relay_without_database, tmp_path):
    with Cluster(name="old") as primary:
        yield Pair(primary, relay_without_database, tmp_path)


def test_what_was_said_to_be_durable_survives_and_what_was_not_is_lost(pair, tally):
    relay = pair.relay
    assert "durable on 1/1 standby in " in relay("block", "kept", "--durable", check=0).err
    cursor = pair.database.value(CURSOR, None)
    pair.standby.stop()
    told = relay("block", "lost", "--durable", "--timeout", "3s", check=10)
    assert "not replayed by heir: not connected" in told.err and "a failover to a standby without it would undo it" in told.err
    assert agents.decide(pair.database, pair.keys["lost"]) == "blocked"
    pair.fail_over()

    assert (pair.decide("kept"), pair.decide("lost")) == ("blocked", "ok")
    changes = relay("watch", "--since", cursor, "--until-idle", check=0).jsonl()
    assert [line["change"] for line in changes] == ["reset"]
    assert [item["status"] for item in relay.json("agent", "list")["items"]] == ["blocked", "active"]

    again = relay("block", "lost", "--durable", check=10)
    assert "it has no standby" in again.err and pair.decide("lost") == "blocked"
    assert relay("rotate-key", "kept", "--secret-file", "next.key", check=0)
    tally("failover after --durable", 2)


def test_a_failover_during_the_wait_is_not_taken_for_durable(pair, tally):
    """The new primary has no standby that is behind. But it has not the block, either."""
    pair.standby.stop()
    process = pair.relay.start("block", "lost", "--durable", "--timeout", "40s")
    processes.wait_until(
        lambda: agents.decide(pair.database, pair.keys["lost"]) == "blocked", what="the block on the old primary"
    )
    time.sleep(0.5)
    pair.fail_over()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 10, err
    assert b"a different server answers than the one that committed" in err, err
    assert pair.decide("lost") == "ok"
    pair.relay("block", "lost", check=0)
    assert pair.decide("lost") == "blocked"
    tally("failover during --durable")
