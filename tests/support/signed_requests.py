"""Agents that sign their requests, as the kit signs them, and the requests that they send, byte by byte."""

import importlib.util
import secrets
import socket
import sys

from .agents import key_hash, key_id
from .gateways import KIT
from .own_key import KEY_ID_ALPHABET, make_key

HOST, OTHER_HOST = "relay.example.com", "other.example.com"  # the names of the gateway


def kit_module(name):
    """A module of the kit in Python, under its own name."""
    spec = importlib.util.spec_from_file_location(f"kit_{name}", KIT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


signing = kit_module("signing")


def make_agent(database, name, org="acme"):
    """A new agent that may call everything, and its key."""
    key = make_key()
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES (%s, %s, 'paid', 'test') ON CONFLICT DO NOTHING", org, org)
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by) VALUES (%s, %s, %s, '[\"*:*\"]', 'test')", name, org, name
    )
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)"
        " VALUES (%s, %s, %s, %s, now() + interval '90 days', 'test')", key_id(key), name, org, key_hash(key),
    )  # fmt: skip
    return key


def ed25519(database, agent, *, org="acme", state="staged", grace="0"):
    """A new Ed25519 signer whose public key is registered for an agent."""
    seed, identity = secrets.token_bytes(32), "".join(secrets.choice(KEY_ID_ALPHABET) for _ in range(12))
    signer = signing.Ed25519(identity, seed)
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, hash_algorithm, state, confirm_grace, deliver_until, settle_until,"
        " created_by) VALUES (%s, %s, %s, %s, 'ed25519', %s, %s, now(), now(), 'test')",
        identity, agent, org, signer.key.verify_key.encode(), state, grace,
    )  # fmt: skip
    return signer


def set_policy(database, setting, value, *, scope="org", name="acme", until=None):
    database.execute(
        "INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, until, actor) VALUES (%s, %s, %s, %s, %s, %s, 'test')",
        scope, name, None if scope == "platform" else "acme", setting, value, until,
    )  # fmt: skip


def keep_nonces(database):
    """As if a gateway had started long ago: a new store refuses what was signed before it began."""
    database.execute("SELECT relay.keep_nonces()")
    database.execute("UPDATE relay.nonces_kept SET since = now() - interval '1 hour'")


class Call:
    """One request: what is signed, and what is sent, which is the same unless a test changes it."""

    def __init__(self, signer, method="POST", target="/stripe/refund", body=b'{"amount": 1}', *, host=HOST, created=None, nonce=None):
        made = signing.sign(signer, method, f"https://{host}{target}", body, created=created, nonce=nonce)
        self.method, self.target, self.body = method, target, body
        self.headers = [("Host", host), *made.items()]

    def without(self, name):
        self.headers = [one for one in self.headers if one[0] != name]
        return self

    def with_header(self, name, value):
        """Replaces a header, or adds one."""
        return self.without(name).and_header(name, value)

    def and_header(self, name, value):
        self.headers.append((name, value))
        return self

    def header(self, name):
        return next(value for header, value in self.headers if header == name)

    def changed(self, **changes):
        """Changes what is sent, after it was signed."""
        self.__dict__.update(changes)
        return self

    def request(self):
        """The structured form that the drivers of the kit read."""
        return {"method": self.method, "target": self.target, "headers": self.headers, "body": self.body.decode()}

    def bytes(self, *, chunked=False, trace=None):
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.body), self.body) if chunked else self.body
        length = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(body))
        headers = [*self.headers, length, ("Connection", "close"), *([("X-Request-Id", trace)] if trace else [])]
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode() + body


def send(port, call, **how):
    """The status of one request."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(call.bytes(**how))
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    return int(answer.split()[1])


def violations(database):
    """{reason: how many calls were refused for it}, as recorded."""
    rows = database.rows("SELECT reason, sum(times)::int AS times FROM relay.recorded_events WHERE outcome = 'failed' GROUP BY 1")
    return {row["reason"]: row["times"] for row in rows}


def proof(key):
    return signing.Proof(key)
