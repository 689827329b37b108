#!/usr/bin/python3
"""Checks one key and ends: the least that a gateway does with a key. The key itself never leaves this process.

    python3 check_key.py AGENT-ID < key       prints the decision; exit 0 if the agent is accepted, else 1

libpq's PG* variables name the database; the role is a member of relay_gateway only. A real gateway answers just 401 or
403, and the reason is in the database's auth_events: see http_gateway.py.
"""

import sys

import psycopg2
import psycopg2.extras
from verifier import Verifier

connection = psycopg2.connect("", cursor_factory=psycopg2.extras.RealDictCursor)


def query(sql, arguments):
    """One statement in its own transaction: `with connection` commits, because the check records itself."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


decision = Verifier(query, connect=None, gateway_id=None).check(sys.stdin.read(), agent_id=sys.argv[1])
print(decision["reason"], decision.get("org_id") or "-", *(decision.get("permissions") or []))
sys.exit(0 if decision["ok"] else 1)
