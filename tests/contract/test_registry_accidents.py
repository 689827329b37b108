"""The registry after a crash, a restart, a failover, and while someone holds a lock: one beat brings each agent back."""

from contextlib import closing

import psycopg2
import pytest

from support.cards import card
from support.nonces import gateway, own_cluster, own_database  # noqa: F401
from support.processes import wait_until
from support.registry import Registry, settle

AGENTS = [f"agent-{number}" for number in range(10)]
ON_THE_PRIMARY = "this server is a standby: call {} on the primary"


def fill(database):
    """Ten agents that run; returns what is found."""
    settle(database, AGENTS)
    with closing(gateway(database)) as connection:
        api = Registry(connection)
        for agent in AGENTS:
            api.register(agent, card(), lease="10 minutes")
        return api.find()


def forgotten(database):
    """Whether the server is back, and its leases are gone."""
    try:
        return database.value("SELECT count(*) FROM relay.agent_leases") == 0
    except psycopg2.DatabaseError:
        return False


def come_back(api, cards):
    """Each agent beats once, and is found with the card that it had sent before."""
    assert api.find() == {} and api.find(skill="search_kb") == {}
    for number, agent in enumerate(AGENTS):
        assert api.beat(agent)["reason"] == "ok"
        assert list(api.find()) == AGENTS[: number + 1]
    assert {agent: row["card"] for agent, row in api.find(skill="search_kb").items()} == cards


def test_after_a_crash_one_beat_brings_each_agent_back(own_database):
    """kill -9 of a backend: the server starts again, with empty unlogged tables."""
    cards = {agent: row["card"] for agent, row in fill(own_database).items()}
    own_database.execute("CHECKPOINT")
    with closing(gateway(own_database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own_database.cluster.kill_backend(cursor.fetchone()[0])
    wait_until(lambda: forgotten(own_database), what="the server to be back after the crash")
    with closing(gateway(own_database)) as connection:
        come_back(Registry(connection), cards)


def test_after_a_restart_all_is_as_before(own_cluster, own_database):
    before = fill(own_database)
    own_cluster.restart()
    own_database.wait_until_back()
    with closing(gateway(own_database)) as connection:
        assert Registry(connection).find() == before


def test_a_standby_says_where_to_ask_and_after_its_promotion_one_beat_brings_each_agent_back(own_cluster, own_database):
    found = fill(own_database)
    standby = own_cluster.make_standby().wait_caught_up()
    with closing(gateway(own_database, standby)) as connection:
        api = Registry(connection)
        for name, call in {"register": lambda: api.register("agent-1", card()), "heartbeat": lambda: api.beat("agent-1"),
                           "drain": lambda: api.drain("agent-1"), "unregister": lambda: api.unregister("agent-1"),
                           "find_agents": api.find}.items():  # fmt: skip
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match=ON_THE_PRIMARY.format(name)):
                call()
        assert api.card("agent-1") == found["agent-1"] | {"instances": None, "lease_ends_at": None}
        assert api.card("agent-1", org="other") is None
        own_database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'agent-2', 'block', 'test')")
        standby.wait_caught_up()
        assert api.card("agent-2") is None
    own_database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 'test'")
    standby.wait_caught_up()
    own_cluster.kill()
    standby.promote()
    with closing(gateway(own_database, standby)) as connection:
        come_back(Registry(connection), {agent: row["card"] for agent, row in found.items()})


def test_a_held_lease_holds_up_a_beat_for_two_seconds_and_no_search(database):
    fill(database)
    holder = database.connect(autocommit=False)
    with closing(holder), closing(gateway(database)) as connection, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.agent_leases WHERE agent_id = 'agent-1' FOR UPDATE")
        api = Registry(connection)
        for call in (lambda: api.beat("agent-1"), lambda: api.register("agent-1", card()), lambda: api.unregister("agent-1")):
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                call()
        assert api.beat("agent-2")["ok"] and list(api.find()) == AGENTS
        holder.rollback()
        assert api.beat("agent-1")["ok"]


def test_a_held_trail_holds_up_no_agent(database):
    """CREATE INDEX on auth_events: events are counted meanwhile."""
    settle(database, AGENTS)
    holder = database.connect(autocommit=False)
    with closing(holder), closing(gateway(database)) as connection, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE relay.auth_events IN SHARE MODE")
        api = Registry(connection)
        assert api.register("agent-1", card())["ok"] and api.beat("agent-1")["ok"] and api.unregister("agent-1")
        holder.rollback()
    counted = database.rows(
        "SELECT action, sum(times) FROM relay.recorded_events WHERE agent_id = 'agent-1' AND reason IS DISTINCT FROM 'by SQL'"
        " GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in counted] == [("agent_registered", 1), ("agent_unregistered", 1), ("card_changed", 1)]
