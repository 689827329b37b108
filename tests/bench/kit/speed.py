"""Measures verifier.py: JSON lines on stdin and stdout, see README.md."""

import hashlib
import hmac
import json
import os
import random
import sys
import threading
import time

import psycopg2

sys.path.insert(0, os.environ["KIT"])
from signatures import Signatures  # noqa: E402
from signing import Ed25519, Proof, Request, sign  # noqa: E402
from uses import Uses  # noqa: E402
from verifier import Verifier  # noqa: E402

questions, delay, counting = 0, 0, threading.Lock()


def query(sql, arguments):
    """Answers as authenticate would answer for a good key, after `delay` seconds."""
    global questions
    with counting:
        questions += 1
    if delay:
        time.sleep(delay)
    key_id = arguments[0]
    return [
        {"ok": True, "reason": "ok", "org_id": f"org-{key_id[:2]}", "agent_id": f"agent-{key_id}", "permissions": [],
         "expires_at": None, "conditions": None, "seconds_left": None, "report_now": False, "qps": None, "addresses": None,
         "window_seconds": 300.0, "require_nonce": False, "now": time.time(), **secrets}
    ]  # fmt: skip


def record(sql, arguments):
    """Answers as report_uses would answer."""
    return [{"again": []}]


def connect():
    connection = psycopg2.connect("")
    connection.autocommit = True
    return connection


secrets = {}  # what an answer about a signed call has, too
verifier = Verifier(query, connect, "speed", Uses(record, interval=1))
with open(os.environ["KEYS"]) as file:
    keys = file.read().split()
BODY = b'{"amount": 100, "currency": "EUR"}'


def fill(count):
    for key in keys[:count]:
        assert verifier.check(key)["ok"]
    return questions


def per_second(function, texts, seconds):
    began, done = time.monotonic(), 0
    while (now := time.monotonic()) < began + seconds:
        for text in texts:
            function(text)
        done += len(texts)
    return done / (now - began)


def rate(seconds):
    """Returns [cached checks per second, SHA-256 of the same keys per second]."""
    few = keys[:1000]
    digest = lambda text: hashlib.sha256(text.encode()).digest()  # noqa: E731
    check = lambda text: verifier.check(text, ip="192.0.2.1")  # noqa: E731
    return [per_second(check, few, seconds), per_second(digest, few, seconds)]


def signed(seconds):
    """Returns [cached checks of proofs per second, of Ed25519, HMAC-SHA-256 of 400 bytes per second, Ed25519 alone per second]."""
    proof, pair = Proof(keys[0]), Ed25519("0123456789ab", bytes(32))
    secrets.update(verifier=proof.verifier, public_key=pair.key.verify_key.encode())
    signatures = Signatures(query, verifier, ["relay.example.com"])
    found, floors = [], []
    for signer in (proof, pair):
        headers = sign(signer, "POST", "https://relay.example.com/v1/run?dry=1", BODY)
        request = Request("POST", "/v1/run?dry=1", [("Host", "relay.example.com"), *headers.items()], BODY)
        before = questions
        found.append(per_second(lambda _, request=request: signatures.check(request, ip="192.0.2.1"), keys[:100], seconds))
        assert questions - before <= 2 and signatures.check(request)["ok"]
    text, shown = b"x" * 400, pair.sign(b"x" * 400)
    floors.append(per_second(lambda _: hmac.digest(proof.verifier, text, "sha256"), keys[:100], seconds))
    floors.append(per_second(lambda _: pair.key.verify_key.verify(text, shown), keys[:100], seconds))
    return found + floors


def stalls(seconds):
    """Returns the longest check in each 100 ms, in microseconds."""
    found, worst, at = [], 0, time.monotonic()
    end, turn = at + seconds, at + 0.1
    while at < end:
        verifier.check(keys[random.randrange(1000)])
        before, at = at, time.monotonic()
        worst = max(worst, at - before)
        if at >= turn:
            found.append(1e6 * worst)
            worst, turn = 0, at + 0.1
    return found


def share(seconds, count):
    """Returns [checks, questions] of four threads that check one of `count` keys at random every millisecond, while an
    answer of the database takes 20 ms."""
    global delay
    delay, before, checks, end = 0.02, questions, [], time.monotonic() + seconds

    def work():
        while time.monotonic() < end:
            verifier.check(keys[random.randrange(count)])
            checks.append(1)
            time.sleep(0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    delay = 0
    return [len(checks), questions - before]


def crowd(callers, count):
    """Returns the number of questions of that many threads that check each of `count` keys at the same time."""
    global delay
    delay, before = 0.02, questions
    for key in keys[-count:]:
        threads = [threading.Thread(target=verifier.check, args=(key,)) for _ in range(callers)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    delay = 0
    return questions - before


def wait_for_the_feed():
    """Returns once the cache answers, so that the feed is followed."""
    threading.Thread(target=verifier.follow, daemon=True).start()
    before = -1
    while before != questions:
        before = questions
        verifier.check(keys[0])
        time.sleep(0.01)


wait_for_the_feed()
for line in sys.stdin:
    op, *arguments = json.loads(line)
    said = {"fill": fill, "rate": rate, "signed": signed, "stalls": stalls, "share": share, "crowd": crowd}[op](*arguments)
    print(json.dumps(said), flush=True)
