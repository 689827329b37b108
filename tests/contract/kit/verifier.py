"""Checks relay keys: parse, checksum, digest, authenticate, cache, forget on change. Copy it into your gateway.

relay-admin-gateway(7) explains the rules that it keeps. The gateway provides:
  query(sql, arguments)   runs one statement, committed, on its own connections, which may go through
                          a pooler; returns a list of dicts
  connect()               a new connection in autocommit, straight to the same server, for LISTEN
  uses                    a Uses of uses.py; None: the database records uses itself, but only those of calls that ask it
"""

import hashlib
import ipaddress
import math
import re
import select
import threading
import time
import zlib
from array import array
from collections import OrderedDict
from itertools import islice

import psycopg2
import psycopg2.extras

PERMISSION = re.compile(r"(?=.{3,129}$)([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])")
# The policy of an agent that is accepted, in the same statement; OFFSET 0: it is not asked about a call that is refused.
WITH_POLICY = """
    LEFT JOIN LATERAL (
        SELECT p.qps, extract(epoch FROM p."window")::float8 AS window_seconds, p.require_nonce, p.addresses::text[] AS addresses, p.changes_at
        FROM relay_api.policy(d.org_id, d.agent_id) AS p WHERE d.ok AND d.agent_id IS NOT NULL OFFSET 0) AS policy ON true"""
AUTHENTICATE = (
    """
    SELECT d.*, policy.*, extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 - extract(epoch FROM now())::float8 AS seconds_left
    FROM relay_api.authenticate(%s, %s, %s, %s, %s, %s, %s) AS d"""
    + WITH_POLICY
)
AUTHORIZE = "SELECT ok, conditions FROM relay_api.authorize(%s, %s, %s, %s)"
SUBJECTS = ("key_id", "agent_id", "org_id")
MAX_KEPT, MAX_STALE, POLL, SIGN_OF_LIFE = 60, 5, 1, 20  # seconds
PACE = 0.02  # seconds from read to read, however often anyone notifies
GATHER = 0.005  # seconds from a notification to the read: one read for all changes of that moment
ACKNOWLEDGE = 0.1  # seconds from one acknowledgement to the next, however many changes come
PAGE = 1000  # rows of the feed
EVERYTHING = None  # the subject of a reset
LENGTH = 71  # characters of a key


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
    """Returns the subject of a row of the feed: the narrowest that it names. A reset names none: EVERYTHING."""
    return next(((name, change[name]) for name in SUBJECTS if change[name] is not None), EVERYTHING)


def subjects(decision):
    """Returns the four subjects of which a row can concern a decision."""
    return EVERYTHING, *((name, decision[name]) for name in SUBJECTS)


def grants(decision, permission):
    """None: not permitted. []: permitted. Otherwise: permitted if the call meets one of these alternatives."""
    match = PERMISSION.fullmatch(permission)
    ways = {permission, f"{match[1]}:*", f"*:{match[2]}", "*:*"} if match else set()
    held = [way for way in ways if way in decision["permissions"]]
    conditions = decision["conditions"] or {}
    if not held:
        return None
    return [] if any(way not in conditions for way in held) else [one for way in held for one in conditions[way]]


def networks(texts):
    """Returns the list of a policy: None for any address."""
    return None if texts is None else [ipaddress.ip_network(text) for text in texts]


def allows(decision, ip):
    """Returns whether the policy of a decision that is kept accepts calls from an address. The database decided about
    the address of the call that asked."""
    if decision["networks"] is None:
        return True
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address  # as a socket that listens on IPv6 shows IPv4
    return any(address in network for network in decision["networks"])


class Changes:
    """Knows when each subject last changed, in constant memory (8 MB) and constant time, whatever is cached.

    Reads of the feed are numbered. Each subject has a place with the number of the last read that changed it. Subjects
    share the places, so a place can be newer than a subject: then a gateway asks once more than it must.
    """

    PLACES = 2**20

    def __init__(self):
        self.number, self.places = 0, array("Q", bytes(8 * self.PLACES))

    def place(self, subject):
        return 0 if subject is EVERYTHING else 1 + hash(subject) % (self.PLACES - 1)

    def note(self, changed):
        """Notes that these subjects have changed; called by one thread only."""
        for one in changed:
            self.places[self.place(one)] = self.number + 1
        self.number += 1  # at last: an answer that was asked for meanwhile is not kept

    def spare(self, decision):
        """Returns whether nothing that concerns a decision has changed since the gateway asked for it."""
        places, asked, (everything, key, agent, org) = self.places, decision["asked"], decision["places"]
        return places[everything] <= asked and places[key] <= asked and places[agent] <= asked and places[org] <= asked

    def unchanged(self, places, asked):
        """Like spare, for any number of places."""
        return all(self.places[one] <= asked for one in places)


class Verifier:
    def __init__(self, query, connect, gateway_id, uses=None):
        self.query, self.connect, self.gateway_id = query, connect, gateway_id  # no gateway_id: the server is a standby
        self.uses = uses
        self.lock, self.changes, self.asking = threading.Lock(), Changes(), {}
        self.cache = OrderedDict()  # digest -> decision, the oldest first
        self.held = {}  # subject -> {end: decision}
        self.cursor, self.read_at, self.acknowledged = None, -MAX_STALE, (None, -SIGN_OF_LIFE)
        self.stopped = threading.Event()

    def check(self, text, agent_id=None, org_id=None, ip=None, trace_id=None):
        """The decision, with `ok` and `reason`. Raises if the database cannot be asked: then accept no one."""
        return self.counted(self.decide(text, agent_id, org_id, ip, trace_id), ip)

    def counted(self, decision, ip=None, **_):
        """Counts a call if it is accepted; returns its decision."""
        if decision["ok"] and self.uses:
            self.uses.count(decision["key_id"], ip)
        return decision

    def decide(self, text, agent_id=None, org_id=None, ip=None, trace_id=None):
        """Like check, but counts no use."""
        shown = text.removesuffix("\n")
        if len(shown) != LENGTH:
            return {"ok": False, "reason": "malformed"}
        # If the digest is kept, the text is a key: it was parsed when it was first shown.
        question = (hashlib.sha256(shown.encode(errors="replace")).digest(), agent_id, org_id)
        if kept := self.kept(*question, ip):
            return kept
        if (parsed := parse(text)) is None:
            return {"ok": False, "reason": "malformed"}
        return self.share((*question, ip), lambda: self.refill(*parsed, agent_id, org_id, ip, trace_id))

    def kept(self, digest, agent_id, org_id, ip):
        """Returns the kept decision if it may answer a call, else None. Every check that costs no question is answered
        here, without a lock."""
        decision = self.cache.get(digest)
        return decision if decision and self.may_answer(decision, agent_id, org_id, ip) else None

    def may_answer(self, decision, agent_id, org_id, ip):
        """Returns whether a decision that is kept still holds, and is one about a call with these claims."""
        if time.monotonic() >= decision["until"] or not self.hears() or not self.changes.spare(decision):
            return False
        return agent_id in (None, decision["agent_id"]) and org_id in (None, decision["org_id"]) and allows(decision, ip)

    def hears(self):
        """Returns whether we hear of changes. If not, an answer holds for its own call only."""
        return time.monotonic() < self.read_at + MAX_STALE

    def share(self, question, refill):
        """Asks, unless another thread asks the same question: then waits, and uses its answer if that is kept. A
        refusal is not: each call that is refused asks, and the database records it."""
        with self.lock:
            if kept := self.kept(*question):
                return kept
            asked = question[:3]  # whatever the address: the answer says which ones it is for
            other, mine = self.asking.get(asked), threading.Event()
            if not other:
                self.asking[asked] = mine
        if other:
            if self.hears():
                other.wait()
            return self.kept(*question) or refill()
        try:
            return refill()
        finally:
            with self.lock:
                del self.asking[asked]
            mine.set()

    def refill(self, *question):
        """Asks the database, and keeps the answer; but neither a refusal, nor an answer to a use that is not recorded yet."""
        decision = self.ask(*question)
        if decision["ok"] and self.uses and decision["report_now"]:
            if not self.gateway_id:
                self.uses.repeat(AUTHENTICATE, (*question, True))
        elif decision["ok"]:
            with self.lock:
                self.cache[decision["digest"]] = decision
                self.cache.move_to_end(decision["digest"])
                for digest, oldest in list(islice(self.cache.items(), 2)):  # more than come in, and few at a time
                    if time.monotonic() >= oldest["until"]:
                        del self.cache[digest]
        return decision

    def ask(self, key_id, digest, agent_id=None, org_id=None, ip=None, trace_id=None):
        """The decision of the database itself, with the time until which it may be kept. Counts no use."""
        now, asked = time.monotonic(), self.changes.number
        (row,) = self.query(AUTHENTICATE, (key_id, digest, agent_id, org_id, ip, trace_id, self.uses is not None))
        return self.decision(row, now, asked, key_id=key_id, digest=digest)

    def decision(self, row, now, asked, **about):
        """The decision in an answer of the database to a question of the moment `now`, when `asked` was the number of the last read."""
        left = MAX_KEPT if row["seconds_left"] is None else min(MAX_KEPT, row["seconds_left"])
        decision = {**row, **about, "networks": networks(row["addresses"]), "until": now + left, "asked": asked}
        return {**decision, "places": [self.changes.place(one) for one in subjects(decision)]}

    def permit(self, decision, permission, ip=None, trace_id=None):
        """Like grants; a refusal comes from the database, which records it."""
        if (granted := grants(decision, permission)) is not None:
            return granted
        (row,) = self.query(AUTHORIZE, (decision["agent_id"], permission, ip, trace_id))
        return (row["conditions"] or []) if row["ok"] else None

    def hold(self, text, end, **claims):
        """Like check, for a connection that stays open: calls `end()` if a block or a revocation concerns it."""
        while True:
            decision = self.decide(text, **claims)
            with self.lock:
                if decision["ok"] and not self.changes.spare(decision):
                    continue
                if decision["ok"]:
                    self.drop(end)  # the connection has shown another key before
                    for one in subjects(decision):
                        self.held.setdefault(one, {})[end] = decision
            return self.counted(decision, **claims)

    def release(self, end):
        """The connection is closed: forget it."""
        with self.lock:
            self.drop(end)

    def drop(self, end):
        """Like release, for a thread that holds the lock."""
        decision = self.held.get(EVERYTHING, {}).get(end)
        for one in subjects(decision) if decision else ():
            del self.held[one][end]
            if not self.held[one]:
                del self.held[one]

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
                        select.select([feed], [], [], max(0, min(POLL, self.acknowledge_at() - time.monotonic())))
                    self.stopped.wait(max(GATHER, self.read_at + PACE - time.monotonic()))
                    feed.poll()
            except Exception:  # whatever it was, we do not hear of changes, so the cache must not be used
                self.read_at = -MAX_STALE
                self.stopped.wait(POLL)
            finally:
                if feed:
                    feed.close()

    def catch_up(self, cursor):
        rows = PAGE
        while rows == PAGE:  # a page that is not full is the last one
            now = time.monotonic()
            cursor.execute("SELECT * FROM relay_api.changes_since(%s, %s)", (self.cursor, PAGE))
            self.apply(cursor.fetchall())
            rows = cursor.rowcount
        self.read_at = now
        if now >= self.acknowledge_at():
            cursor.execute("SELECT relay_api.acknowledge(%s, %s)", (self.gateway_id, self.cursor))
            self.acknowledged = (self.cursor, now)

    def acknowledge_at(self):
        """Returns when the next acknowledgement is due."""
        cursor, at = self.acknowledged
        return at + (ACKNOWLEDGE if cursor != self.cursor else SIGN_OF_LIFE) if self.gateway_id else math.inf

    def apply(self, changes):
        self.changes.note({subject(change) for change in changes})
        kicking = {subject(change) for change in changes if change["kicks"]}
        for about in sorted(kicking, key=lambda one: one is EVERYTHING):  # at last, because it asks
            with self.lock:
                kicked = list(self.held.get(about, {}).items())
            for end, decision in kicked:
                if about is not EVERYTHING or "is_device" in decision or not self.ask(decision["key_id"], decision["digest"])["ok"]:
                    self.release(end)
                    end()
        for change in changes[-1:]:
            self.cursor = change["next_cursor"]
