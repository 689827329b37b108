"""The registry, called over one connection with the rights of a gateway; and organizations with agents."""

import json

ANSWER = ("ok", "reason", "lease_ends_at", "problems", "started_at")
FOUND = ("agent_id", "card", "instances", "lease_ends_at", "next")
FIND = "SELECT * FROM relay_api.find_agents(%(org)s, %(skill)s, %(tag)s, %(capability)s, %(pattern)s, %(after)s, %(most)s)"


class Registry:
    """The functions for agents that run. Leases are long, because a test may take its time."""

    def __init__(self, connection):
        self.connection = connection

    def rows(self, sql, values):
        """The rows of one statement, as tuples."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def register(self, agent, card, instance="", lease="10 minutes"):
        """The answer as a dict. The card is what json can write, or the text of some JSON."""
        text = card if isinstance(card, str) else json.dumps(card)
        (row,) = self.rows("SELECT * FROM relay_api.register(%s, %s, %s, %s)", (agent, text, instance, lease))
        return dict(zip(ANSWER, row, strict=True))

    def beat(self, agent, instance="", lease="10 minutes", started_at=None, ready=None):
        """The answer as a dict."""
        (row,) = self.rows("SELECT * FROM relay_api.heartbeat(%s, %s, %s, %s, %s)", (agent, instance, lease, started_at, ready))
        return dict(zip(ANSWER, row, strict=True))

    def drain(self, agent, instance="", started_at=None):
        """Whether it had a lease."""
        return self.rows("SELECT relay_api.drain(%s, %s, %s)", (agent, instance, started_at))[0][0]

    def unregister(self, agent, instance="", started_at=None):
        """Whether it had a lease."""
        return self.rows("SELECT relay_api.unregister(%s, %s, %s)", (agent, instance, started_at))[0][0]

    def find(self, org="acme", **asked):
        """{agent: its row} of one page, in the order of the answer. Asked: skill, tag, capability, pattern, after, most."""
        return self.page(org, **asked)[0]

    def page(self, org="acme", **asked):
        """What find returns, and where the next page begins, or None."""
        given = {"skill": None, "tag": None, "capability": None, "pattern": None, "after": "", "most": 100} | asked
        found = [dict(zip(FOUND, row, strict=True)) for row in self.rows(FIND, given | {"org": org})]
        next_page = found.pop()["next"] if found and found[-1]["agent_id"] is None else None
        assert all(row["agent_id"] and row["next"] is None for row in found), found
        return {row["agent_id"]: row for row in found}, next_page

    def pages(self, org="acme", **asked):
        """The agents of each page, to the last."""
        after = ""
        while after is not None:
            found, after = self.page(org, after=after, **asked)
            yield list(found)

    def card(self, agent, org="acme"):
        """The row of an agent that runs, or None."""
        rows = self.rows("SELECT * FROM relay_api.agent_card(%s, %s)", (org, agent))
        return dict(zip(FOUND, rows[0], strict=True)) if rows else None


def settle(database, agents, org="acme", plan="paid"):
    """An organization with agents, each a second younger than the one before."""
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, 'Org', %s, 'test')", org, plan)
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, created_at, seat, created_by)"
        " SELECT id, %s, 'Bot', at, at, 'test' FROM unnest(%s) WITH ORDINALITY AS made (id, number),"
        " LATERAL (SELECT now() - interval '1 hour' + make_interval(secs => number)) AS place (at)",
        org, list(agents),
    )  # fmt: skip


def end_lease(database, agent, ago="1 second"):
    """As if this agent had not beaten for a long time: its leases ended then."""
    database.execute("UPDATE relay.agent_leases SET beat_at = now() - %s::interval - interval '1 minute', ends_at = now() - %s::interval,"
                     " last_day = ((now() - %s::interval) AT TIME ZONE 'UTC')::date WHERE agent_id = %s", ago, ago, ago, agent)  # fmt: skip


def run_all(database, org, card):
    """Makes all agents of an organization run with this card for ten minutes, without 2 events for each."""
    database.execute("SET session_replication_role = replica")  # no trigger
    database.execute("INSERT INTO relay.agent_cards (agent_id, org_id, card, terms) SELECT a.agent_id, a.org_id, c.card, relay.card_terms(a.org_id, c.card)"
                     " FROM relay.agents AS a, (SELECT %s::jsonb AS card) AS c WHERE a.org_id = %s", json.dumps(card), org)  # fmt: skip
    database.execute("INSERT INTO relay.agent_leases (agent_id, instance_id, org_id, started_at, beat_at, ends_at, last_day)"
                     " SELECT agent_id, '', org_id, now(), now(), now() + interval '10 minutes', ((now() + interval '10 minutes') AT TIME ZONE 'UTC')::date"
                     " FROM relay.agent_cards WHERE org_id = %s", org)  # fmt: skip
    database.execute("RESET session_replication_role")
