"""Checks relay keys: parse, checksum, digest, authenticate, cache, forget on change. Copy it into your gateway.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on its own connections, which may go through
                          a pooler; returns a list of dicts
  connect()               a new connection in autocommit, straight to the same server, for LISTEN
"""

import hashlib
import re
import select
import threading
import time
import zlib

import psycopg2
import psycopg2.extras

PERMISSION = re.compile(r"(?=.{3,129}$)([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])")
AUTHENTICATE = """
    SELECT d.*, extract(epoch FROM d.expires_at)::float8 - extract(epoch FROM now())::float8 AS seconds_left
    FROM relay_api.authenticate(%s, %s, %s, %s, %s, %s) AS d"""
AUTHORIZE = "SELECT ok, conditions FROM relay_api.authorize(%s, %s, %s, %s)"
SUBJECTS = ("key_id", "agent_id", "org_id")
MAX_KEPT, MAX_STALE, POLL, SIGN_OF_LIFE = 60, 5, 1, 20  # seconds
PACE = 0.02  # seconds from read to read, however often anyone notifies


KEY = re.compile(
    r"""(relay_sk_ ([0-9a-hjkmnp-tv-z]{12}) _ ([0-9A-Za-z]{43}))
        ([0-9A-Za-z]{6}) \n?""",
    re.VERBOSE,
)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def number(text):
    value = 0
    for digit in text:
        value = value * 62 + DIGITS.index(digit)
    return value


def parse(text):
    """(key id, SHA-256 of the key); None for what cannot be a key."""
    match = KEY.fullmatch(text)
    if not match:
        return None
    body, key_id, secret, checksum = match.groups()
    if number(checksum) != zlib.crc32(body.encode()):
        return None
    if number(secret) >= 2**256:
        return None
    return key_id, hashlib.sha256((body + checksum).encode()).digest()


def subject(change):
    """Returns the subject of a row of the feed: the narrowest that it names. A reset names none, and means all:
    None."""
    return next(((name, change[name]) for name in SUBJECTS if change[name] is not None), None)


def concerned(subjects, decision):
    return None in subjects or any((name, decision[name]) in subjects for name in SUBJECTS)


def grants(decision, permission):
    """None: not permitted. []: permitted. Otherwise: permitted if the call meets one of these alternatives."""
    match = PERMISSION.fullmatch(permission)
    ways = {permission, f"{match[1]}:*", f"*:{match[2]}", "*:*"} if match else set()
    held = [way for way in ways if way in decision["permissions"]]
    conditions = decision["conditions"] or {}
    if not held:
        return None
    return [] if any(way not in conditions for way in held) else [one for way in held for one in conditions[way]]


class Verifier:
    def __init__(self, query, connect, gateway_id):
        self.query, self.connect, self.gateway_id = query, connect, gateway_id  # no gateway_id: the server is a standby
        self.lock, self.cache, self.held, self.counter = threading.Lock(), {}, [], 0
        self.cursor, self.read_at, self.acknowledged = None, -MAX_STALE, (None, 0)
        self.stopped = threading.Event()

    def check(self, text, agent_id=None, org_id=None, ip=None, trace_id=None):
        """The decision, with `ok` and `reason`. Raises if the database cannot be asked: then accept no one."""
        if (parsed := parse(text)) is None:
            return {"ok": False, "reason": "malformed"}
        with self.lock:
            now, before, kept = time.monotonic(), self.counter, self.cache.get(parsed[1])
            if kept and now < kept["until"] and now < self.read_at + MAX_STALE:
                if agent_id in (None, kept["agent_id"]) and org_id in (None, kept["org_id"]):
                    return kept
        decision = self.ask(*parsed, agent_id, org_id, ip, trace_id)
        with self.lock:
            if decision["ok"] and before == self.counter:  # no change came in between; and a refusal is never kept
                self.cache[parsed[1]] = decision
        return decision

    def ask(self, key_id, digest, agent_id=None, org_id=None, ip=None, trace_id=None):
        """The decision of the database itself, with the time until which it may be kept."""
        now = time.monotonic()
        (row,) = self.query(AUTHENTICATE, (key_id, digest, agent_id, org_id, ip, trace_id))
        left = MAX_KEPT if row["seconds_left"] is None else min(MAX_KEPT, row["seconds_left"])
        return {**row, "key_id": key_id, "digest": digest, "until": now + left}

    def permit(self, decision, permission, ip=None, trace_id=None):
        """Like grants; a refusal comes from the database, which records it."""
        if (granted := grants(decision, permission)) is not None:
            return granted
        (row,) = self.query(AUTHORIZE, (decision["agent_id"], permission, ip, trace_id))
        return (row["conditions"] or []) if row["ok"] else None

    def hold(self, text, end, **claims):
        """Like check, for a connection that stays open: calls `end()` if a block or a revocation concerns it."""
        while True:
            before, decision = self.counter, self.check(text, **claims)
            with self.lock:
                if before == self.counter or not decision["ok"]:
                    self.held += [(decision, end)] if decision["ok"] else []
                    return decision

    def release(self, end):
        """The connection is closed: forget it."""
        with self.lock:
            self.held = [one for one in self.held if one[1] is not end]

    def follow(self):
        """Follows the changes until `stopped`; run it in its own thread."""
        while not self.stopped.is_set():
            feed = None
            try:
                feed = self.connect()
                cursor = feed.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
                if self.gateway_id:
                    cursor.execute("LISTEN relay_key_changes")  # before the first read, so that no change is missed
                while not self.stopped.is_set():
                    feed.notifies.clear()
                    self.catch_up(cursor)
                    if not feed.notifies:  # a statement also reads what arrived during it: the socket stays silent
                        select.select([feed], [], [], POLL)
                    self.stopped.wait(max(0, self.read_at + PACE - time.monotonic()))
                    feed.poll()
            except Exception:  # whatever it was, we do not hear of changes, so the cache must not be used
                self.read_at = -MAX_STALE
                self.stopped.wait(POLL)
            finally:
                if feed:
                    feed.close()

    def catch_up(self, cursor):
        before = ()
        while before != self.cursor:
            before, now = self.cursor, time.monotonic()
            cursor.execute("SELECT * FROM relay_api.changes_since(%s)", (before,))
            self.apply(cursor.fetchall())
        self.read_at = now
        if self.gateway_id and (self.cursor != self.acknowledged[0] or now > self.acknowledged[1] + SIGN_OF_LIFE):
            cursor.execute("SELECT relay_api.acknowledge(%s, %s)", (self.gateway_id, self.cursor))
            self.acknowledged = (self.cursor, now)

    def apply(self, changes):
        about = {subject(change) for change in changes}
        kicking = {subject(change) for change in changes if change["kicks"]}
        with self.lock:
            self.counter += len(changes)
            fresh = {key: kept for key, kept in self.cache.items() if time.monotonic() < kept["until"]}
            self.cache = {key: kept for key, kept in fresh.items() if not concerned(about, kept)}
            kicked = [one for one in self.held if concerned(kicking, one[0])]
        for decision, end in kicked:
            if concerned(kicking - {None}, decision) or not self.ask(decision["key_id"], decision["digest"])["ok"]:
                self.release(end)
                end()
        for change in changes[-1:]:
            self.cursor = change["next_cursor"]
