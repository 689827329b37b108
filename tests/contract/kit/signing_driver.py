"""Lets a test drive signing.py: JSON lines on stdin and stdout, see README.md."""

import base64
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import psycopg2
import psycopg2.extras
from signatures import Signatures
from signing import Ed25519, Malformed, Proof, Request, digest_of, proves, read, seed_of, sign, verifies
from verifier import Verifier

CLAIMS = ("agent_id", "org_id", "ip", "trace_id")
NAMES = ["relay.example.com"]

local = threading.local()
queries = 0


def connect():
    connection = psycopg2.connect("", connect_timeout=5)
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


@lru_cache(maxsize=None)
def verifier():
    return Verifier(query, connect, os.environ["GATEWAY_ID"])


@lru_cache(maxsize=None)
def signatures():
    return Signatures(query, verifier(), NAMES)


def request_of(said):
    headers = [tuple(one) for one in said["headers"]]
    return Request(said["method"], said["target"], headers, said["body"].encode(), said.get("authority"), said.get("peer"))


def signer_of(said):
    if "key" in said:
        return Proof(said["key"])
    return Ed25519(said["key_id"], seed_of(said["pem"]) if "pem" in said else bytes.fromhex(said["seed"]))


def reading(said):
    """What a request says about itself, and whether it has the body that was signed."""
    request = request_of(said["request"])
    try:
        signed = read(request, set(said["names"]), scheme=said.get("scheme", "https"), proxies=set(said.get("proxies", ())))
    except Malformed as error:
        return {"malformed": str(error)}
    if signed is None:
        return {"unsigned": True}
    found = {**signed._asdict(), "signature": signed.signature.hex(), "base": signed.base.decode(), "message": signed.message.hex()}
    return {**found, "has_body": digest_of(request.body) == signed.digest}


def describe(decision):
    """The columns of the contract, and the names of all that the decision has."""
    if decision is None:
        return {"unsigned": True}
    return {name: decision.get(name) for name in ("ok", "reason", "agent_id", "org_id", "permissions")} | {"names": sorted(decision)}


def answer(said):
    """Returns the answer to one request."""
    global queries
    claims = {name: said.get(name) for name in CLAIMS}
    if said["op"] == "check":
        return describe(signatures().check(request_of(said["request"]), **claims))
    if said["op"] == "crowd":
        with ThreadPoolExecutor(len(said["requests"])) as callers:
            decisions = callers.map(lambda one: signatures().check(request_of(one), **claims), said["requests"])
            return {"reasons": sorted(decision["reason"] for decision in decisions)}
    if said["op"] == "bearer":
        return describe(verifier().check(said["key"], **claims))
    if said["op"] == "follow":
        threading.Thread(target=verifier().follow, daemon=True).start()
        return {}
    if said["op"] == "report":
        told, queries = {"queries": queries}, 0
        return told
    if said["op"] == "read":
        return reading(said)
    if said["op"] == "sign":
        signed_at = {"created": said.get("created"), "nonce": said.get("nonce")}
        return {"headers": sign(signer_of(said["signer"]), said["method"], said["url"], said["body"].encode(), **signed_at)}
    signature = base64.b64decode(said["signature"])
    if said["op"] == "proves":
        return {"good": proves(bytes.fromhex(said["verifier"]), bytes.fromhex(said["message"]), signature)}
    return {"good": verifies(bytes.fromhex(said["public_key"]), said["base"].encode(), signature)}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)
