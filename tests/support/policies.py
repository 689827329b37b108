"""An organization whose policy the tests change from the command line, and what is in force for it."""

from .agents import first_agent
from .prepared import prepared

HOUR = ("--until", "1h")


@prepared
def acme(relay, tmp_path):
    """The organization acme with the agents bot and crm."""
    first_agent(relay, tmp_path / "bot.key")
    relay("agent", "create", "crm", "--org", "acme", "--name", "Crm", "--secret-file", tmp_path / "crm.key", check=0)
    return relay


def settings(document):
    return {one["setting"]: one["value"] for one in document["data"]["settings"]}


def in_force(database, agent="bot"):
    found = database.one("SELECT * FROM relay_api.policy('acme', %s)", agent)
    return found["window"].total_seconds(), found["require_nonce"], found["qps"]


def events(database, action="policy_changed"):
    return database.rows("SELECT * FROM relay.auth_events WHERE action = %s ORDER BY event_id", action)
