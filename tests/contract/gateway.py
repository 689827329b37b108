"""A gateway's key check, as its author would write it: the key stays here, the database sees its id and its digest.

python3 gateway.py check < KEY         one decision; the connection is taken from the PG* variables
python3 gateway.py serve < REQUESTS    a decision a line; a request is {"key", "agent_id", "org_id", "ip", "trace_id"}
python3 gateway.py parse < TEXTS       one JSON string a line, what its offline check says a line; no database
"""

import hashlib
import json
import sys

import psycopg2
import psycopg2.extras
from relay_key import parse_key

AUTHENTICATE = """
    SELECT * FROM relay_api.authenticate(
        %(key_id)s, %(digest)s, %(agent_id)s, %(org_id)s, %(ip)s, %(trace_id)s)
"""


def authenticate(connection, request):
    """The decision for one request, as a dict."""
    key = parse_key(request["key"])
    if key is None or key.prefix != "relay_sk_":
        return {"ok": False, "reason": "malformed"}
    claims = {name: request.get(name) for name in ("agent_id", "org_id", "ip", "trace_id")}
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(AUTHENTICATE, {"key_id": key.key_id, "digest": psycopg2.Binary(key.digest), **claims})
        return dict(cursor.fetchone())


def connect():
    """The database that the PG* variables name."""
    connection = psycopg2.connect("")
    connection.autocommit = True  # a check records itself: without a commit nothing would be kept
    return connection


def answer(decision):
    """Prints one decision as one line."""
    print(json.dumps(decision, default=lambda value: value.isoformat()), flush=True)


def describe(text):
    """What can be said of a text without a database."""
    key = parse_key(text)
    if key is None:
        return {"valid": False}
    key_hash = hashlib.sha256(key.digest).hexdigest()
    return {"valid": True, "key_id": key.key_id, "prefix": key.prefix, "digest": key.digest.hex(), "key_hash": key_hash}


def main(mode):
    """Runs one of the three modes."""
    if mode == "check":
        answer(authenticate(connect(), {"key": sys.stdin.buffer.read().decode("latin-1")}))
    elif mode == "serve":
        connection = connect()
        for line in sys.stdin:
            answer(authenticate(connection, json.loads(line)))
    elif mode == "parse":
        for line in sys.stdin:
            answer(describe(json.loads(line)))
    else:
        sys.exit("usage: gateway.py check|serve|parse")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
