"""A gateway's cache beside the change feed: a refill that races a revocation cannot bring the old decision back.

The rule for gateway authors: note the number of the last read of the feed before you call authenticate, and use the
answer from the cache only if nothing that concerns it has changed since. And never keep a refusal. The verifier is the
kit's own, held up between the answer and the cache; test_verifier_kit.py runs all of them.
"""

import sys
import threading

import psycopg2.extras
import pytest
from support.gateways import KIT
from support.processes import wait_until

sys.path.insert(0, str(KIT))
from verifier import Verifier  # noqa: E402


class Heedless(Verifier):
    """Without the rule: it notes the number when the answer has come."""

    def ask(self, *question, **claims):
        return {**super().ask(*question, **claims), "asked": self.changes.number}


@pytest.fixture(params=[Verifier, Heedless], ids=["by the rule", "without it"])
def verifier(request, database):
    """A cache that follows the feed; `answered` waits for its `go_on` after each answer of the database."""
    connection = database.connect(user=database.gateway_login())

    def query(sql, arguments):
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, arguments)
            rows = cursor.fetchall()
        made.answered.set()
        assert made.go_on.wait(20)
        return rows

    made = request.param(query, lambda: database.connect(user=database.gateway_login()), "one")
    made.answered, made.go_on = threading.Event(), threading.Event()
    follower = threading.Thread(target=made.follow)
    follower.start()
    wait_until(made.hears, what="it to follow")
    yield made
    made.go_on.set()
    made.stopped.set()
    follower.join()
    connection.close()


def test_an_answer_from_before_the_revocation_is_not_kept_after_it(relay, database, key, verifier):
    worker = threading.Thread(target=verifier.check, args=(key,))
    worker.start()
    assert verifier.answered.wait(10)
    relay("revoke", "bot", "--wait-ack", "10s", check=0)
    verifier.go_on.set()
    worker.join()
    # Without the rule the dead key lives on in the cache.
    assert verifier.check(key)["ok"] is isinstance(verifier, Heedless)


def test_a_refusal_is_never_kept(relay, key, verifier):
    verifier.go_on.set()
    relay("block", "bot", check=0)
    assert verifier.check(key)["reason"] == "blocked"
    relay("unblock", "bot", "--yes", check=0)
    assert verifier.check(key)["ok"]
