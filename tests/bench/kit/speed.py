"""Measures verifier.py: JSON lines on stdin and stdout, see README.md."""

import hashlib
import json
import os
import random
import sys
import threading
import time

import psycopg2

sys.path.insert(0, os.environ["KIT"])
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
         "expires_at": None, "conditions": None, "seconds_left": None, "report_now": False}
    ]  # fmt: skip


def record(sql, arguments):
    """Answers as report_uses would answer."""
    return [{"again": []}]


def connect():
    connection = psycopg2.connect("")
    connection.autocommit = True
    return connection


verifier = Verifier(query, connect, "speed", Uses(record, interval=1))
with open(os.environ["KEYS"]) as file:
    keys = file.read().split()


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
    said = {"fill": fill, "rate": rate, "stalls": stalls, "share": share, "crowd": crowd}[op](*arguments)
    print(json.dumps(said), flush=True)
