"""A filled database of release 0.1.0 gets plans, limits and seats: what worked works, and what was set is set."""

import re

import pytest
from support.agents import decide, key_hash, key_id
from support.own_key import make_key
from support.relay import Runner

# org: (plan, max_agents, agents, of them revoked)
FLEET = {
    "one": ("free", None, 1, 0), "over": ("free", None, 4, 1), "fits": ("free", None, 3, 2), "bound": ("paid", 2, 2, 0),
    "tight": ("paid", 2, 5, 0), "none": ("paid", 0, 2, 0), "open": ("paid", None, 6, 1), "empty": ("free", 7, 0, 0),
}  # fmt: skip


@pytest.fixture
def before(empty_database, home, tmp_path):
    """A database with migrations 1 to 20 and the fleet; returns (database, relay, {agent: key})."""
    relay = Runner(dsn=empty_database.dsn(), home=home, cwd=tmp_path)
    script = relay("schema", "print", check=0).out
    connection = empty_database.connect()
    with connection.cursor() as cursor:
        cursor.execute(script[: re.search(r"^-- plans: sha256", script, re.MULTILINE).start()])
    connection.close()
    keys = {}
    for org, (plan, most, agents, revoked) in FLEET.items():
        empty_database.execute("INSERT INTO relay.organizations (org_id, name, plan, max_agents, created_by) VALUES (%s, 'Org', %s, %s, 't')", org, plan, most)
        for number in range(agents):
            agent = f"{org}-{number}"
            keys[agent] = make_key()
            empty_database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by, created_at)"
                                   " VALUES (%s, %s, 'Bot', 't', now() - make_interval(days => %s))", agent, org, number)  # fmt: skip
            empty_database.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by) VALUES (%s, %s, %s, %s, 't')",
                                   key_id(keys[agent]), agent, org, key_hash(keys[agent]))  # fmt: skip
            if number < revoked:
                empty_database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', %s, 'revoke', 't')", agent)
    return empty_database, relay, keys


def test_no_call_is_refused_that_was_accepted_before(before):
    database, relay, keys = before
    answers = {agent: decide(database, key) for agent, key in keys.items()}
    assert set(answers.values()) == {"ok", "revoked"}
    relay("schema", "apply", check=0)
    assert {agent: decide(database, key) for agent, key in keys.items()} == answers
    assert database.rows("SELECT FROM relay.surplus_agents") == []
    assert relay.json("schema", "verify", check=0)["data"]["ok"] is True


def test_what_was_set_is_the_limit_and_what_did_not_fit_is_raised_with_an_event(before):
    database, relay, _ = before
    relay("schema", "apply", check=0)
    shown = {org["org_id"]: (org["plan"], org["max_agents"], org["agent_limit"]) for org in relay.json("org", "list")["items"]}
    assert shown == {
        "one": ("free", None, 1), "over": ("free", 3, 3), "fits": ("free", None, 1), "bound": ("paid", 2, 2), "tight": ("paid", 5, 5),
        "none": ("paid", 2, 2), "open": ("paid", None, None), "empty": ("free", 7, 7),
    }  # fmt: skip
    raised = database.rows("SELECT org_id, detail FROM relay.auth_events WHERE action = 'org_updated' ORDER BY org_id")
    assert [(row["org_id"], row["detail"]["from"], row["detail"]["to"]) for row in raised] == [("none", 0, 2), ("over", 1, 3), ("tight", 2, 5)]
    relay("agent", "create", "more", "--org", "over", "--name", "More", "--secret-file", "more.key", check=6)


def test_the_oldest_stay_also_of_those_that_are_older_than_seats(before):
    database, relay, keys = before
    relay("schema", "apply", check=0)
    relay("org", "update", "open", "--max-agents", "2", "--expect", "3", check=0)
    accepted = {agent for agent in keys if agent.startswith("open-") and decide(database, keys[agent]) == "ok"}
    assert accepted == {"open-5", "open-4"}, "a higher number is an older agent"
