#!/usr/bin/python3
"""Checks one key and ends: the least that a gateway does with it. The key itself never leaves here.

    python3 check_key.py AGENT-ID < key       prints the decision; exit 0 when the agent may in, else 1

The connection is taken from libpq's PG* variables; its role is a member of relay_gateway, and of nothing else. A real
gateway answers 401 or 403 with nothing more, and leaves the reason to the database's auth_events: see http_gateway.py.
"""

import sys

import psycopg2
import psycopg2.extras
from verifier import Verifier

connection = psycopg2.connect("", cursor_factory=psycopg2.extras.RealDictCursor)


def query(sql, arguments):
    """One statement in a transaction of its own: `with connection` commits, since the check records itself."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


decision = Verifier(query, connect=None, gateway_id=None).check(sys.stdin.read(), agent_id=sys.argv[1])
print(decision["reason"], decision.get("org_id") or "-", *(decision.get("permissions") or []))
sys.exit(0 if decision["ok"] else 1)
