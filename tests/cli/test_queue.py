"""queue: the names of an organization's queues, whose a queue is, and the names with which one moves from hyphens."""

import csv
import io

import pytest

from support.agents import first_agent

SHARED = ["acme-agents", "acme-orchestrator", "acme-dlq"]


def play(scene):
    scene.read("queue", "list", "acme")
    scene.read("queue", "list", "acme", "--also-hyphen")
    scene.read("queue", "list", "acme", "--limit", "2")
    scene.read("queue", "name", "acme")
    scene.read("queue", "name", "acme", "bot")
    scene.read("queue", "owner", "acme.bot")
    scene.read("queue", "owner", "nobody-dlq")
    scene.fail(3, "queue", "owner", "acme")
    scene.fail(3, "queue", "list", "nobody")
    scene.fail(3, "queue", "name", "acme", "nobody")
    scene.fail(2, "queue", "list", "acme", "--after", "acme")


@pytest.fixture
def insert(relay, database, tmp_path):
    """insert(org, agent...): agents by SQL, because imported ids have capitals; `acme` has the agent `bot`."""
    first_agent(relay, tmp_path / "bot.key")

    def add(org, *agents):
        database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, 'X', 'paid', 'test') ON CONFLICT DO NOTHING", org)
        for agent in agents:
            database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES (%s, %s, 'X', 'test')", agent, org)

    return add


def names(relay, *words):
    return relay("queue", "list", *words, "-o", "id", check=0).out.split()


def test_the_list_has_the_shared_queues_and_then_those_of_agents(relay, insert):
    insert("acme", "Bot", "a", "z..z")
    assert names(relay, "acme") == [*SHARED, "acme.bot/8", "acme.a", "acme.bot", "acme.z.-z/2"]
    assert names(relay, "acme", "--agents") == ["acme.bot/8", "acme.a", "acme.bot", "acme.z.-z/2"]
    table = relay("queue", "list", "acme", check=0).out.splitlines()
    assert [line.split(None, 1) for line in table[:4]] == [
        ["NAME", "FOR"], ["acme-agents", "all agents"], ["acme-orchestrator", "the orchestrator"], ["acme-dlq", "dead letters"],
    ]  # fmt: skip
    assert table[4].split(None, 1) == ["acme.bot/8", "agent Bot"]
    rows = list(csv.DictReader(io.StringIO(relay("queue", "list", "acme", "-o", "csv", check=0).out)))
    assert [(row["name"], row["for"], row["agent_id"]) for row in rows][2:5] == [("acme-dlq", "dlq", ""), ("acme.bot/8", "agent", "Bot"), ("acme.a", "agent", "a")]


@pytest.mark.parametrize("flags", [(), ("--also-hyphen",), ("--agents",), ("--agents", "--also-hyphen")], ids=" ".join)
def test_pages_make_up_the_whole_list(relay, insert, flags):
    insert("acme", *(f"agent-{n}" for n in range(7)))
    whole = names(relay, "acme", *flags, "--all")
    found, cursor = [], None
    while True:
        page = relay.json("queue", "list", "acme", *flags, "--limit", "2", *(("--after", cursor) if cursor else ()))
        found += [item["name"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == whole and len(whole) == (8 if "--agents" in flags else 11)


@pytest.mark.parametrize("cursor", ["", "acme", "other-dlq", "acme.x y", "acme.nobody/0"])
def test_another_text_is_no_cursor(relay, insert, cursor):
    assert "--after" in relay.error("queue", "list", "acme", f"--after={cursor}", check=2)["message"]


def test_hyphen_names_that_others_share_are_marked(relay, insert):
    insert("a-b", "c")
    insert("a", "b-c", "B-C", "b-dlq", "free")
    table = relay("queue", "list", "a-b", "--also-hyphen", check=0).out.splitlines()
    assert table[0].split() == ["NAME", "FOR", "HYPHEN", "NAME", "SHARED", "WITH"]
    assert table[1].split() == ["a-b-agents", "all", "agents", "a-b-agents"]
    assert table[3].endswith("agent b-dlq of org a") and table[4].endswith("agent B-C of org a, agent b-c of org a")
    sharing = {item["name"]: [(one["org_id"], one["for"], one["agent_id"]) for one in item["sharing"]]
               for item in relay.json("queue", "list", "a", "--also-hyphen")["items"]}  # fmt: skip
    assert sharing["a.b-dlq"] == [("a-b", "dlq", None)] and sharing["a.free"] == sharing["a-agents"] == []
    assert sharing["a.b-c"] == [("a", "agent", "B-C"), ("a-b", "agent", "c")]
    plain = relay.json("queue", "list", "a")["items"]
    assert all(item["sharing"] == [] and item["hyphen_name"] is None for item in plain)


def test_names_for_a_script(relay, insert):
    insert("other", "theirs")
    assert relay("queue", "name", "acme", "-o", "id", check=0).out == "acme-agents\n"
    assert relay("queue", "name", "acme", "bot", "-o", "id", check=0).out == "acme.bot\n"
    data = relay.json("queue", "name", "acme", "bot")["data"]
    assert [data[key] for key in ("agent", "agents", "orchestrator", "dlq")] == ["acme.bot", *SHARED]
    error = relay.error("queue", "name", "acme", "theirs", check=2)
    assert error["message"] == "agent theirs belongs to org other, not acme" and error["next"].endswith("agent show theirs")
    assert relay.error("queue", "name", "acme", "bott", check=3)["suggestions"] == ["bot"]


def test_the_owner_of_a_name(relay, insert):
    insert("amq", "Bot")
    owner = relay.json("queue", "owner", "amq/0.bot/8")["data"]
    assert (owner["org_id"], owner["for"], owner["agent_id"], owner["exists"]) == ("amq", "agent", "Bot", True)
    missing = relay.json("queue", "owner", "amq/0.bot")
    assert missing["data"]["exists"] is False and missing["warnings"] == ["there is no agent bot in org amq"]
    assert relay.json("queue", "owner", "acme.theirs")["data"]["exists"] is False
    assert relay.json("queue", "owner", "nobody-dlq")["warnings"] == ["there is no org nobody"]
    for text in ("acme", "ACME-dlq", "acme.Bot", "amq.bot", "acme.bot/0", "\x1b[31m", "x" * 300):
        assert "is not the name of a queue" in relay.error("queue", "owner", text, check=3)["message"]
