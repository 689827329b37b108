#!/usr/bin/python3
"""The least that a gateway does with a key: check it offline, then ask the database. The key itself never leaves here.

    python3 check_key.py AGENT-ID < key       prints the decision; exit 0 when the agent may in, else 1

The connection is taken from libpq's PG* variables; its role is a member of relay_gateway, and of nothing else. A real
gateway keeps the connection, answers 401 with nothing more, and leaves the reason to the database's auth_events.
"""

import hashlib
import re
import sys
import zlib

import psycopg2

KEY = re.compile(r"relay_sk_([0-9a-hjkmnp-tv-z]{12})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})")
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
AUTHENTICATE = "SELECT ok, reason, org_id, permissions FROM relay_api.authenticate(%s, %s, %s, NULL, %s, NULL)"


def parse(key):
    """The key id and SHA-256 of a key, or None: a typo costs no query."""
    match = KEY.fullmatch(key)
    checksum = 0
    for digit in match.group(2) if match else "":
        checksum = checksum * 62 + BASE62.index(digit)
    if not match or checksum != zlib.crc32(key[:65].encode("ascii")):
        return None
    return match.group(1), hashlib.sha256(key.encode("ascii")).digest()


def check(connection, key, agent_id, ip_address=None):
    """(ok, reason, org id, permissions) of a key that came with a claimed agent id."""
    parsed = parse(key)
    if parsed is None:
        return False, "malformed", None, None
    with connection, connection.cursor() as cursor:  # `with connection` commits: the check records itself
        cursor.execute(AUTHENTICATE, (*parsed, agent_id, ip_address))
        return cursor.fetchone()


if __name__ == "__main__":
    ok, reason, org_id, permissions = check(psycopg2.connect(""), sys.stdin.read().rstrip("\n"), sys.argv[1])
    print(reason, org_id or "-", *(permissions or []))
    sys.exit(0 if ok else 1)
