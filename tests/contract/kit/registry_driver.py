"""Lets a test drive registry.py: JSON lines on stdin and stdout, see README.md."""

import json
import os
import sys
import threading

import psycopg2
import psycopg2.extras
import registry
from verifier import Verifier

queries = 0
local = threading.local()


def connect():
    connection = psycopg2.connect("", connect_timeout=5, tcp_user_timeout=5000)
    connection.autocommit = True
    return connection


def query(sql, arguments):
    """Runs a statement on the connection of this thread; after an error, the next call makes a new connection."""
    global queries
    queries += 1
    if getattr(local, "connection", None) is None or local.connection.closed:
        local.connection = connect()
    with local.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


verifier = Verifier(query, connect, os.environ.get("GATEWAY_ID"))
agents = registry.Registry(query, verifier)


def answer(request):
    """Returns the answer to one request."""
    global queries
    op = request["op"]
    if op == "follow":
        threading.Thread(target=verifier.follow, daemon=True).start()
        return {}
    if op == "hears":
        return {"hears": verifier.hears()}
    body = request.get("body", "").encode("latin-1")
    try:
        if op == "read":
            return registry.read(request.get("content_type"), body)
        asked = registry.route(request["method"], request["target"])
    except registry.Refused as refused:
        return {"status": refused.status, "allow": refused.allow, **json.loads(refused.answer)}
    if op == "route":
        return {"request": asked}
    queries = 0
    status, text = agents.answer(asked, {"agent_id": request.get("agent"), "org_id": request["org"]}, request.get("content_type"), body)
    return {"status": status, "answer": json.loads(text), "text": text, "queries": queries}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
