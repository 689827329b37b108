"""Organizations with agents that may lose their seat, and a gateway that asks about them."""

from .agents import digest, key_hash, key_id
from .own_key import make_key

AGENTS = [f"bot-{number:02}" for number in range(12)]
AUTHENTICATE = "SELECT reason FROM relay_api.authenticate(%s, %s, ip_address => %s, reports_uses => %s)"


def fill(database, org="acme", plan="paid", agents=AGENTS):
    """An organization with agents, each a second younger than the one before; returns {agent: key}."""
    keys = {agent: make_key() for agent in agents}
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, 'Org', %s, 'test')", org, plan)
    for number, (agent, key) in enumerate(keys.items()):
        database.execute(
            "INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_at, seat, created_by)"
            " SELECT %s, %s, 'Bot', '[]', at, at, 'test' FROM (SELECT now() - interval '1 hour' + make_interval(secs => %s)) AS made (at)",
            agent, org, number,
        )  # fmt: skip
        database.execute("INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_by) VALUES (%s, %s, %s, %s, 'test')",
                         key_id(key), agent, org, key_hash(key))  # fmt: skip
    return keys


class Caller:
    """A gateway. Each of its calls comes from an address that the database has not seen, so the second question is asked."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.autocommit = True
        self.calls = 0

    def reason(self, key, *, address=None, reports=False):
        self.calls += 1
        address = address or f"10.{self.calls >> 16 & 255}.{self.calls >> 8 & 255}.{self.calls & 255}"
        with self.connection.cursor() as cursor:
            cursor.execute(AUTHENTICATE, (key_id(key), digest(key), address, reports))
            return cursor.fetchone()[0]

    def accepted(self, keys):
        return {agent for agent, key in keys.items() if self.reason(key) == "ok"}
