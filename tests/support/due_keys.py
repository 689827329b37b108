"""Agents whose keys are due, and their owners."""

import pytest

HOSTILE = "<script>alert(1)</script> & \"Ana\" <ana@acme.example>"
"""An owner whose name is hostile to pages and shells."""


@pytest.fixture
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    return relay


def create(relay, agent, *more):
    words = ("agent", "create", agent, "--org", "acme", "--name", f"The {agent}", "--secret-file", f"{agent}.key")
    return relay.json(*words, *more)["data"]["key_id"]


def make_older(database, agent, days):
    database.execute(
        "UPDATE relay.agent_keys SET created_at = created_at - %s * interval '1 day', due_at = due_at - %s * interval '1 day'"
        " WHERE agent_id = %s", days, days, agent,
    )  # fmt: skip


def due(relay, *words, check=10):
    return [item["agent_id"] for item in relay.json("key", "due", *words, check=check)["items"]]


@pytest.fixture
def fleet(acme, database):
    """Five agents of three owners: two overdue, one due soon, two young."""
    create(acme, "late", "--owner", HOSTILE, "--label", "team=pay")
    create(acme, "later", "--owner", HOSTILE)
    create(acme, "soon", "--owner", "ben")
    create(acme, "young", "--owner", "ben")
    create(acme, "nobodys")
    for agent, days in (("late", 91), ("later", 95), ("soon", 85), ("nobodys", 100)):
        make_older(database, agent, days)
    return acme
