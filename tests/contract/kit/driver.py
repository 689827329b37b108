"""Lets a test drive verifier.py: JSON lines on stdin and stdout, see README.md."""

import json
import os
import sys
import threading
import time
from contextlib import closing

import psycopg2
import psycopg2.extras
from nonces import Nonces
from rates import Rates
from uses import Uses
from verifier import Verifier, parse

CLAIMS = ("agent_id", "org_id", "ip", "trace_id")
DECISION = ("ok", "reason", "org_id", "agent_id", "permissions", "expires_at", "conditions")
WORKERS = 2

local = threading.local()
agents, ended, queries = {}, {}, 0
crowd, reasons = [], []


def connect(**where):
    """A connection to the database that the PG* variables name."""
    connection = psycopg2.connect("", connect_timeout=5, tcp_user_timeout=5000, **where)
    connection.autocommit = True  # a check records itself: without a commit nothing would be kept
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


def connect_feed():
    """Connects to FEED_HOST, if it is set: the other connections go through a pooler."""
    host = os.environ.get("FEED_HOST")
    return connect(host=host, port=os.environ["FEED_PORT"]) if host else connect()


def query_primary(sql, arguments):
    """Runs a statement on a new connection, to PRIMARY_HOST if it is set: the other connections go to a standby."""
    host = os.environ.get("PRIMARY_HOST")
    with closing(connect(host=host, port=os.environ["PRIMARY_PORT"]) if host else connect()) as connection:
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()


interval = os.environ.get("REPORT_INTERVAL")  # seconds; not set: the gateway does not report
uses = Uses(query_primary, float(interval), int(os.environ["MOST_ENTRIES"])) if interval else None
verifier = Verifier(query, connect_feed, os.environ.get("GATEWAY_ID"), uses)
rates, nonces = Rates(query_primary, os.environ.get("GATEWAY_ID", "gateway")), Nonces(query_primary)


class Agent:
    """Checks one key again and again, in several threads."""

    def __init__(self):
        self.condition = threading.Condition()
        self.key, self.under_way = None, 0
        self.accepted, self.refused, self.last = 0, [], None
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()

    def use(self, key):
        with self.condition:
            self.key = None
            self.condition.wait_for(lambda: self.under_way == 0)
            self.key = key
            self.condition.notify_all()

    def work(self):
        while True:
            with self.condition:
                self.condition.wait_for(lambda: self.key)
                key, self.under_way = self.key, self.under_way + 1
            try:
                reason = verifier.check(key)["reason"]
            except Exception as error:  # not accepted, either
                reason = str(error)
            with self.condition:
                self.under_way -= 1
                if reason == "ok":
                    self.accepted, self.last = self.accepted + 1, time.monotonic_ns()
                else:
                    self.refused.append(reason)
                self.condition.notify_all()
            time.sleep(0.001 if reason == "ok" else 0.02)

    def report(self):
        with self.condition:
            said = {"accepted": self.accepted, "refused": sorted(set(self.refused)), "last": self.last}
            self.accepted, self.refused = 0, []
            return said


def call(key, claims):
    """One call in a crowd."""
    reasons.append(verifier.check(key, **claims)["reason"])


def describe(decision):
    """The columns of the contract."""
    return {name: decision[name] for name in DECISION if name in decision}


def answer(request):
    """Returns the answer to one request."""
    global queries
    op, claims = request["op"], {name: request.get(name) for name in CLAIMS}
    if op == "parse":
        parsed = parse(request["text"])
        return {"valid": True, "key_id": parsed[0], "digest": parsed[1].hex()} if parsed else {"valid": False}
    if op == "ask":
        parsed = parse(request["key"])
        return describe(verifier.ask(*parsed, **claims) if parsed else {"ok": False, "reason": "malformed"})
    if op == "check":
        return describe(verifier.check(request["key"], **claims))
    if op == "permit":
        return {"granted": verifier.permit(verifier.check(request["key"], **claims), request["permission"])}
    if op == "follow":
        threading.Thread(target=verifier.follow, daemon=True).start()
    if op == "hold":
        return describe(verifier.hold(request["key"], lambda: ended.update({request["name"]: time.monotonic_ns()})))
    if op == "begin":
        crowd.extend(threading.Thread(target=call, args=(request["key"], claims)) for _ in range(request["callers"]))
        for caller in crowd[-request["callers"] :]:
            caller.start()
    if op == "finish":
        while crowd:
            crowd.pop().join()
        said = {"reasons": sorted(reasons)}
        reasons.clear()
        return said
    if op == "rate":
        waits = [rates.refuse(verifier.check(request["key"])) for _ in range(request["calls"])]
        return {"refused": sum(wait is not None for wait in waits), "retry_after": waits[-1]}
    if op == "nonce":
        nonce = request["nonce"] and request["nonce"].encode()
        return {"reason": nonces.use(verifier.check(request["key"]), nonce, request["signed_at"])["reason"]}
    if op == "flood":
        for number in range(request["addresses"]):
            verifier.check(request["key"], ip=f"2001:db8::{number:x}")
    if op == "count":
        for number in range(request["keys"]):
            uses.count(f"unknown-{number}", "192.0.2.1")
    if op == "close":
        uses.close(request["limit"])
    if op in ("close", "status"):
        return uses.status()
    if op == "use":
        if request["agent"] not in agents:
            agents[request["agent"]] = Agent()
        agents[request["agent"]].use(request["key"])
    if op == "report":
        said = {"agents": {name: agent.report() for name, agent in agents.items()}, "ended": ended, "queries": queries}
        queries = 0
        return said
    return {}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said, default=lambda value: value.isoformat()), flush=True)
