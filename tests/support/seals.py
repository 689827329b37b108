"""A sealed audit trail, what a thief does to it, and what verify says."""

import pytest

from .agents import first_agent
from .audit_months import make_old_month

VERIFY = ("audit", "verify")
INSERT = "INSERT INTO relay.auth_events (action, agent_id, reason) VALUES (%s, 'bot', %s) RETURNING event_id"


@pytest.fixture
def sealed(relay, database, tmp_path):
    """Some events, sealed in two runs."""
    first_agent(relay, tmp_path / "bot.key")
    make_old_month(database, 3, 5)
    relay("audit", "seal", check=0)
    database.execute(
        "INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, outcome, reason, ip_address, actor, ticket, trace_id, detail, times)"
        " SELECT 'auth_failed', 'acme', 'bot', '000000000000', 'failed', E'a \\n , 5: reason \u00e9 ' || n, '2001:db8::/64', 'ana', 'INC-1', 't',"
        " '{\"b\": [1, 2.50, null], \"aa\": \"x\"}', n FROM generate_series(1, 40) AS n"
    )  # fmt: skip
    relay("audit", "seal", check=0)


def tamper(database, sql, *parameters):
    """As a superuser who turns every trigger off."""
    database.execute("SET session_replication_role = replica")
    database.execute(sql, *parameters)
    database.execute("RESET session_replication_role")


def fault(relay, *words):
    """What verify finds wrong: (what, event id or seal)."""
    document = relay(*VERIFY, *words, "-o", "json", check=10).json()
    assert document["data"]["ok"] is False
    found = document["data"]["fault"]
    return found["what"], int(found["event_id"] or found["seal"] or 0)


def an_event(database, offset=0):
    return database.value("SELECT event_id FROM relay.auth_events WHERE ticket = 'INC-1' ORDER BY event_id OFFSET %s LIMIT 1", offset)
