"""A whole gateway made of the kit: POST /PROVIDER/METHOD with a key and the caller's claims.

    python3 http_gateway.py          prints its port; libpq's PG* variables name the database

The checks run in this order, and the first one that fails gives the status and nothing else. 401: the key is not
accepted. 403: it is, but the call claimed another agent or organization, or comes from an address that is not allowed,
or the agent has no seat or lacks the permission. 429: the agent calls too often, or its organization has used up its
calls of the day; Retry-After has the seconds until the next one. 503: the database could not be asked. Before them,
400, 413 and 501: the end of the body is unclear, or it is too large or not just in chunks: bodies.py.

SIGTERM ends it: it accepts no more calls, waits for those under way, reports the last uses of keys, and gives back the
calls that were not used.

While a fleet moves off its shared secret (migrate-legacy), AGENT_SECRET has that secret. With
ALLOW_LEGACY_GLOBAL_AGENT_SECRET=true, a caller that shows it and claims an agent id is accepted if the database says
that this agent may still use it.

Devices of people are paired and refreshed below /api/, and call with their tokens instead of a key: pairing.py.
Agents register, and find each other, below /api/registry/: registry.py. Such a call needs the key of an agent and is one of the
calls that its policy limits, but no call of the day: if these are used up, the agents still run.

An agent may sign a call instead of showing its key: signatures.py. GATEWAY_NAMES has the hosts, with commas, that such a call may name.
"""

import hmac
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import psycopg2.extras
import psycopg2.pool
import registry
from bodies import Lines, Refused, read_body
from pairing import PAGE, Devices, Endpoints, page_headers
from quota import Quota
from rates import Rates
from signatures import Signatures
from signing import Request
from uses import Uses
from verifier import WITH_POLICY, Verifier

pool = psycopg2.pool.ThreadedConnectionPool(1, 16, "", cursor_factory=psycopg2.extras.RealDictCursor)
slots = threading.Semaphore(16)  # the pool itself does not wait: it fails


def query(sql, arguments):
    with slots:
        connection = pool.getconn()
        try:
            connection.autocommit = True  # one statement: BEGIN and COMMIT would be two round trips more
            with connection.cursor() as cursor:
                cursor.execute(sql, arguments)
                return cursor.fetchall()
        finally:
            pool.putconn(connection, close=bool(connection.closed))


def connect():
    connection = psycopg2.connect("", connect_timeout=5, tcp_user_timeout=5000)
    connection.autocommit = True
    return connection


def record(sql, arguments):
    """Runs a statement on a new connection: a report takes no connection from the checks."""
    with closing(connect()) as connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SET statement_timeout = '5s'")
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def log(error):
    print(f"a report of the uses of keys failed: {error}", file=sys.stderr, flush=True)


def log_block(error):
    print(f"calls that were not used could not be given back: {error}", file=sys.stderr, flush=True)


ANONYMOUS = "SELECT d.*, policy.* FROM relay_api.authenticate_anonymous(%s, %s, %s, %s) AS d" + WITH_POLICY
LEGACY = "SELECT d.*, policy.* FROM relay_api.authenticate_legacy(%s, %s, %s, %s) AS d" + WITH_POLICY
LONGEST_CALL = 2**20  # bytes
LONGEST_REST = 2  # seconds, of a request that has its answer
SHARED_SECRET = os.environ.get("AGENT_SECRET", "")
if os.environ.get("ALLOW_LEGACY_GLOBAL_AGENT_SECRET") != "true":
    SHARED_SECRET = ""
uses = Uses(record, on_error=log)
verifier = Verifier(query, connect, "http-gateway", uses)
signatures = Signatures(query, verifier, os.environ.get("GATEWAY_NAMES", "").replace(" ", "").split(","))
devices = Devices(query, verifier)
rates = Rates(query, "http-gateway")
quota = Quota(query, on_error=log_block)
agents = registry.Registry(query, verifier)


def claims_of(headers):
    return {"agent_id": headers.get("X-Agent-Id"), "org_id": headers.get("X-Org-Id")}


def origin_of(request):
    return {"ip": request.client_address[0], "trace_id": request.headers.get("X-Request-Id")}


def check_signature(request, body, **claims):
    """The decision about a request that is signed; None: it is not. The `path` of http.server is not what came."""
    method, target = request.requestline.split()[:2]
    signed = Request(method, target, request.headers.items(), body, peer=request.client_address[0])
    return signatures.check(signed, **claims, **origin_of(request))


def check_key(request, **claims):
    """The decision about the key that a request shows."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return verifier.check(key if scheme == "Bearer" else "", **claims, **origin_of(request))


def identify(request, body, **claims):
    """The decision about a request that is signed or shows the key of an agent."""
    return check_signature(request, body, **claims) or check_key(request, **claims)


def agent_of(request, body):
    """The agent whose key a request shows, or with whose key it is signed; or None."""
    decision = identify(request, body)
    return decision["agent_id"] if decision["ok"] else None


endpoints = Endpoints(devices, agent_of)


FORBIDDEN = ("agent_mismatch", "org_mismatch", "over_limit", "address_not_allowed")  # the caller has a good key


def is_shared_secret(shown):
    """Takes the same time for every text. If no secret is set, no text is accepted."""
    return hmac.compare_digest(shown.encode(), SHARED_SECRET.encode()) and SHARED_SECRET != ""


def meets(conditions, call):
    """Returns whether a call meets all of `conditions`; an unknown condition is not met."""
    known = {"max_amount": lambda limit: isinstance(call.get("amount"), (int, float)) and call["amount"] <= limit}
    return all(name in known and known[name](limit) for name, limit in conditions.items())


class TooMany(Exception):
    """A call that may be made again in `retry_after` seconds."""

    def __init__(self, retry_after):
        super().__init__(retry_after)
        self.retry_after = retry_after


def limit_rate(decision):
    """Counts a call of the agent."""
    too_often = rates.refuse(decision)
    if too_often is not None:
        raise TooMany(too_often)


def spend(org_id):
    """Spends one of the organization's calls of the day."""
    spent = quota.spend(org_id, "api_calls")
    if not spent["ok"]:
        raise TooMany(spent["retry_after"])


class Calls:
    """Knows how many calls are under way."""

    def __init__(self):
        self.number, self.changed = 0, threading.Condition()

    def __enter__(self):
        with self.changed:
            self.number += 1

    def __exit__(self, *_):
        with self.changed:
            self.number -= 1
            self.changed.notify_all()

    def wait(self, limit):
        """Waits until there is none, for at most `limit` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.number == 0, limit)


calls = Calls()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer are two writes: the second would wait for an ACK

    def setup(self):
        super().setup()
        self.rfile = Lines(self.rfile)

    def do_GET(self):
        if self.path.startswith(registry.PLACE):
            self.do_call()
            return
        self.close_connection |= any(name in self.headers for name in ("Content-Length", "Transfer-Encoding"))  # no one reads the body
        if self.command == "GET" and self.path == "/pair":
            page = PAGE.read_bytes()
            self.reply(200, page, "text/html; charset=utf-8", page_headers(page))
        else:
            self.reply(404, b"")

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def do_POST(self):
        if self.path == "/api/device/wait":  # not a call: it must not hold up the end
            self.answer()
        else:
            self.do_call()

    def do_call(self):
        with calls:
            self.answer()

    def answer(self):
        said, status, kind, body, more = None, 503, "text/plain", b"", {}
        try:
            said = self.ask_registry() or endpoints.answer(self)
            status, kind, body = said or (self.decide(), kind, body)
        except Refused as refused:
            status = refused.status
        except registry.Refused as refused:
            status, kind, body = refused.status, "application/json", refused.answer.encode()
            more = {"Allow": refused.allow} if refused.allow else {}
        except TooMany as refused:
            status, more = 429, {"Retry-After": str(refused.retry_after)}
        except Exception:  # an error never accepts a call
            pass
        if not said and status == 200:
            body = b"done\n"  # a real gateway passes the call on here
        self.reply(status, body, kind, more)

    def ask_registry(self):
        """(status, media type, body) of a call to the registry; None: the place is another one's."""
        if not self.path.startswith(registry.PLACE):
            return None
        body = read_body(self, registry.LONGEST_BODY)
        request = registry.route(self.command, self.path)
        claims = claims_of(self.headers)
        claimed = claims["agent_id"]
        decision = identify(self, body, **{**claims, "agent_id": request["own"] or claimed})
        if decision["ok"] and claimed not in (None, decision["agent_id"]):
            decision = {"ok": False, "reason": "agent_mismatch"}
        if not decision["ok"]:
            return 403 if decision["reason"] in FORBIDDEN else 401, "text/plain", b""
        limit_rate(decision)
        status, text = agents.answer(request, decision, self.headers.get("Content-Type"), body)
        return status, "application/json", text.encode()

    def reply(self, status, body, kind=None, more=None):
        self.send_response_only(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection and self.headers.get("Connection") != "close":  # the client does not expect it
            self.send_header("Connection", "close")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        if body and kind:
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def decide(self):
        call = read_body(self, LONGEST_CALL)
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        claims = claims_of(self.headers)
        origin = origin_of(self)
        if signed := check_signature(self, call, **claims):
            decision = signed
        elif scheme == "Bearer" and is_shared_secret(key):
            (decision,) = query(LEGACY, (*claims.values(), *origin.values()))
        elif scheme == "Bearer" and key.startswith("relay_dt_"):
            decision = devices.check(key, **claims, ip=origin["ip"])
        elif "Authorization" in self.headers:
            decision = check_key(self, **claims)
        else:  # only for calls without any key: a refused key stays refused
            (decision,) = query(ANONYMOUS, (*claims.values(), *origin.values()))
        if not decision["ok"]:
            return 403 if decision["reason"] in FORBIDDEN and (signed or "Authorization" in self.headers) else 401
        limit_rate(decision)
        alternatives = verifier.permit(decision, self.path[1:].partition("?")[0].replace("/", ":"), **origin)
        if alternatives is None:
            return 403
        if alternatives and not any(meets(one, json.loads(call)) for one in alternatives):
            return 403
        spend(decision["org_id"])
        return 200

    def log_message(self, *_):
        """Logs nothing: each gateway has its own log, and no key may be in it."""


class Server(ThreadingHTTPServer):
    def shutdown_request(self, request):
        """Ends a connection in two steps (RFC 9112, 9.6): if a client still sends, the system would discard the answer."""
        end = time.monotonic() + LONGEST_REST
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                request.settimeout(left)
                if not request.recv(2**16):
                    break
        self.close_request(request)


if __name__ == "__main__":
    threading.Thread(target=verifier.follow, daemon=True).start()
    server = Server(("127.0.0.1", 0), Gateway)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())  # it waits for the loop
    print(server.server_port, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    calls.wait(5)
    uses.close()
    quota.close()
    if lost := uses.status()["lost"]:
        print(f"{lost} uses of keys could not be reported", file=sys.stderr)
