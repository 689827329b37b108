"""Lets a test drive quota.py: JSON lines on stdin and stdout, see README.md."""

import json
import os
import sys
import threading

import psycopg2
import psycopg2.extras
from quota import Quota

errors, queries, local, lock = [], 0, threading.local(), threading.Lock()


def query(sql, arguments):
    """Runs a statement on the connection of this thread; after an error, the next call makes a new connection."""
    global queries
    with lock:
        queries += 1
    if getattr(local, "connection", None) is None or local.connection.closed:
        local.connection = psycopg2.connect("", connect_timeout=5, tcp_user_timeout=5000)
        local.connection.autocommit = True
    with local.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def on_error(error):
    """Fails after its work, as a full log does: that must end nothing."""
    errors.append(str(error))
    raise OSError("the log is full")


quota = Quota(query, blocks={"ai_tokens": 10_000}, idle=float(os.environ["IDLE"]), on_error=on_error)


def spend(request):
    """Returns an answer with how many calls were accepted, refused and failed."""
    said = {"accepted": 0, "refused": 0, "failed": 0}
    for _ in range(request.get("times", 1)):
        try:
            last = quota.spend(request.get("org", "acme"), request.get("meter", "messages"), request.get("amount", 1))
            said = {**said, **last}
            said["accepted" if last["ok"] else "refused"] += 1
        except psycopg2.Error as error:
            said["failed"], said["error_text"] = said["failed"] + 1, str(error)
    return said


def crowd(request):
    """Several threads that spend at the same time; the sums of their answers."""
    said = []
    threads = [threading.Thread(target=lambda: said.append(spend(request))) for _ in range(request["callers"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: sum(one[name] for one in said) for name in ("accepted", "refused", "failed")}


def answer(request):
    """Returns the answer to one request."""
    global queries
    op = request["op"]
    if op == "spend":
        return spend(request)
    if op == "crowd":
        return crowd(request)
    if op == "give":
        quota.give(request.get("org", "acme"), request.get("meter", "messages"), request["amount"], request["day"])
    if op == "close":
        quota.close(request["limit"])
    if op == "report":
        said, queries = {"queries": queries, "errors": list(errors)}, 0
        return said
    return {}


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
