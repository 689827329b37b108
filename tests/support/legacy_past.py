"""A fleet in the middle of its way off the shared secret: brought in by the real commands, then moved in time.

The tables set all times themselves and never take a row back; so the past is written with their triggers off.
"""

import csv
from dataclasses import dataclass

HOSTILE_OWNER = "</td><script>document.title='owned'</script>\"><img src=x onerror=document.title=1> & 'co'"


def rewrite(database, *statements):
    """Runs statements as superuser with all triggers off. A statement is a text, or a text and its parameters."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for statement in statements:
                cursor.execute(*((statement,) if isinstance(statement, str) else statement))
    finally:
        connection.close()


def import_agents(relay, folder, rows):
    """Imports (agent_id, org_id, owner or None); the organizations are made."""
    path = folder / "fleet.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("agent_id", "org_id", "owner"))
        writer.writerows((agent, org, owner or "") for agent, org, owner in rows)
    relay("migrate-legacy", "import", path, "--create-orgs", "-q", check=0)


def grow_old(database, age="4 days"):
    """The window and its waves were opened that long ago, with all that came before, and a gateway has asked since."""
    database.execute("SELECT relay_api.authenticate_legacy('nobody.here')")
    rewrite(
        database,
        ("UPDATE relay.legacy_stops SET stopped_at = stopped_at - %s::interval", (age,)),
        ("UPDATE relay.legacy_migrations SET opened_at = opened_at - %s::interval", (age,)),
        ("UPDATE relay.legacy_agents SET imported_at = imported_at - %s::interval, listed_at = listed_at - %s::interval", (age, age)),
    )


@dataclass
class Fleet:
    """The counts of a fleet that make_fleet made."""

    size: int
    proven: int
    active: int
    silent: int
    without_key: int

    @property
    def left(self):
        return self.size - self.proven

    @property
    def never_seen(self):
        return self.left - self.active - self.silent


def make_fleet(relay, database, folder, *, size=60, proven=36, active=9, silent=5, without_key=6, age="9 days", length="14 days"):
    """A window `length` long, opened `age` ago, and one wave of `size` agents: agent-000, agent-001, ...

    The first `proven` have left the list, one after the other at an even pace since a ninth of the age; of the others
    the first `active` used the shared secret in the last hours, the next `silent` five days ago and before, the rest never;
    the last `without_key` were not issued a key.
    """
    owners = [f"team-{n}" for n in range(4)] + [None, HOSTILE_OWNER]
    agents = [(f"agent-{n:03}", f"org-{n % 3}", owners[n % len(owners)]) for n in range(size)]
    import_agents(relay, folder, agents)
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    keys = ("--secret-file", folder / "keys.jsonl", "--secret-format", "json")
    if size > without_key:
        relay("migrate-legacy", "issue", "--next", str(size - without_key), *keys, "-q", check=0)
    rewrite(
        database,
        ("UPDATE relay.legacy_migrations SET opened_at = now() - %s::interval, deadline_set_at = now() - %s::interval, "
         "deadline = now() - %s::interval + %s::interval", (age, age, age, length)),
        ("UPDATE relay.legacy_agents SET imported_at = now() - %s::interval, listed_at = now() - %s::interval, "
         "issued_at = now() - %s::interval * 0.9 WHERE issued_key IS NOT NULL", (age, age, age)),
        ("UPDATE relay.legacy_agents SET imported_at = now() - %s::interval, listed_at = now() - %s::interval "
         "WHERE issued_key IS NULL", (age, age)),
        ("INSERT INTO relay.proven_agents (agent_id, org_id, key_id, proven_at) "
         "SELECT agent_id, org_id, issued_key, "
         "  now() - %s::interval * (8.0 / 9) * (1 - row_number() OVER (ORDER BY agent_id) / (%s + 1.0)) "
         "FROM relay.legacy_agents ORDER BY agent_id LIMIT %s", (age, proven, proven)),
        ("UPDATE relay.legacy_agents AS agent SET last_seen_at = now() - make_interval(mins => 7 * place::int), "
         "  last_seen_from = ('192.0.2.' || place)::inet "
         "FROM (SELECT agent_id, row_number() OVER (ORDER BY agent_id) AS place FROM relay.legacy_agents "
         "      ORDER BY agent_id OFFSET %s LIMIT %s) AS chosen WHERE chosen.agent_id = agent.agent_id", (proven, active)),
        ("UPDATE relay.legacy_agents AS agent SET last_seen_at = now() - make_interval(days => 4 + place::int), "
         "  last_seen_from = ('2001:db8::' || place)::inet "
         "FROM (SELECT agent_id, row_number() OVER (ORDER BY agent_id) AS place FROM relay.legacy_agents "
         "      ORDER BY agent_id OFFSET %s LIMIT %s) AS chosen WHERE chosen.agent_id = agent.agent_id", (proven + active, silent)),
        ("INSERT INTO relay.legacy_sightings (agent_id, ip_address, logged_at) "
         "SELECT agent_id, last_seen_from, last_seen_at FROM relay.legacy_agents WHERE last_seen_at IS NOT NULL"),
    )  # fmt: skip
    return Fleet(size, proven, active, silent, without_key)
