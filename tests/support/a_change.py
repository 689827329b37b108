"""A line of commands that change something, of each kind, and how to see in the database that it is done."""

from .agents import first_agent

# Command: its arguments, and a query that is true once it is done.
WRITES = {
    "org create": (["new", "--name", "New"], "SELECT count(*) = 1 FROM relay.organizations WHERE org_id = 'new'"),
    "org update": (["acme", "--name", "New"], "SELECT name = 'New' FROM relay.organizations"),
    "agent create": (["new", "--org", "acme", "--name", "N", "--secret-file", "k"],
                     "SELECT count(*) = 1 FROM relay.agents WHERE agent_id = 'new'"),
    "agent update": (["bot", "--name", "New"], "SELECT name = 'New' FROM relay.agents"),
    "rotate-key": (["bot", "--secret-file", "k"], "SELECT count(*) = 2 FROM relay.agent_keys"),
    "block": (["bot"], "SELECT count(*) = 1 FROM relay.revocations"),
    "revoke": (["bot"], "SELECT count(*) = 1 FROM relay.revocations"),
    "role create": (["more", "--org", "acme", "--name", "More"], "SELECT count(*) = 2 FROM relay.roles"),
    "audit maintain": (["--ahead", "9"], "SELECT count(*) > 9 FROM relay.event_months()"),
    "migrate-legacy import": (["old.csv", "--org", "acme"], "SELECT count(*) = 1 FROM relay.legacy_agents"),
    "config name": (["eu-west"], "SELECT obj_description('relay'::regnamespace, 'pg_namespace') = 'database eu-west'"),
}  # fmt: skip


def prepare(relay, folder):
    """Makes what the lines need: org acme with agent bot and role ops, and a list of old agents. Returns the key of bot."""
    key = first_agent(relay, folder / "bot.key")
    relay("role", "create", "ops", "--org", "acme", "--name", "Operations", check=0)
    (folder / "old.csv").write_text("agent_id\nold-1\n")
    return key
