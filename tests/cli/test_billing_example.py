"""The handler of Stripe's webhooks that comes with the program, on a real database: events as Stripe sends them, twice, late and forged."""

import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

HANDLER = Path(os.environ["RELAY_SOURCE_DIR"]) / "cli/examples/billing/stripe-webhook"
SECRET = "whsec_test"
T0 = 1_767_225_600  # 2026-01-01


def event(number, status, *, org="acme", kind="updated", **more):
    """A recorded shape: what Stripe sends of a subscription, `number` hours after T0."""
    subscription = {
        "id": "sub_1Pq", "object": "subscription", "status": status, "cancel_at": None, "cancel_at_period_end": False, "ended_at": None,
        "customer": "cus_9", "currency": "eur", "metadata": {"relay_org_id": org} if org else {},
        "items": {"object": "list", "data": [{"id": "si_1", "current_period_start": T0, "current_period_end": T0 + 30 * 86400, "price": {"id": "price_1"}}]}, **more,
    }  # fmt: skip
    return {"id": f"evt_{number}", "object": "event", "api_version": "2025-03-31.basil", "created": T0 + 3600 * number, "livemode": False,
            "type": f"customer.subscription.{kind}", "data": {"object": subscription}}  # fmt: skip


class Webhook:
    def __init__(self, port):
        self.port = port

    def post(self, body, *, secret=SECRET, at=None, header=None):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        at = int(time.time()) if at is None else at
        if header is None:
            header = f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()},v0=00"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/", body, {"Stripe-Signature": header, "Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def webhook(relay, database, tmp_path):
    """The handler, as a login that is in relay_billing only; the organization acme on plan free."""
    relay("org", "create", "acme", "--name", "Acme", check=0)
    (tmp_path / "secret").write_text(SECRET + "\n")
    login = database.cluster.login("stripe_login", member_of="relay_billing")
    place = {"PGHOST": str(database.cluster.host), "PGPORT": str(database.cluster.port), "PGDATABASE": database.name, "PGUSER": login}
    process = subprocess.Popen([sys.executable, HANDLER, "0"], stderr=subprocess.PIPE,
                               env={**os.environ, **place, "STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})  # fmt: skip
    port = re.search(rb":(\d+)$", process.stderr.readline().strip())
    yield Webhook(int(port[1]))
    process.terminate()
    process.wait(30)
    process.stderr.close()


def stored(database):
    return database.one("SELECT o.plan, s.state, extract(epoch FROM s.ends_at)::bigint AS ends, s.reference"
                        " FROM relay.organizations AS o LEFT JOIN relay.subscriptions AS s USING (org_id)")  # fmt: skip


@pytest.mark.parametrize(
    "body, state, ends",
    [
        (event(1, "active", kind="created"), "active", None),
        (event(1, "trialing"), "active", None),
        (event(1, "active", cancel_at_period_end=True), "cancelled", T0 + 30 * 86400),
        (event(1, "active", cancel_at=T0 + 86400), "cancelled", T0 + 86400),
        (event(1, "active", cancel_at_period_end=True, current_period_end=T0 + 5, items={}), "cancelled", T0 + 5),
        (event(1, "past_due"), "past_due", T0 + 14 * 86400),
        (event(1, "unpaid"), "past_due", T0 + 14 * 86400),
        (event(1, "unpaid", current_period_start=T0 + 5, items={}), "past_due", T0 + 5 + 14 * 86400),
        (event(1, "canceled", kind="deleted", ended_at=T0 + 7), "cancelled", T0 + 7),
        (event(1, "incomplete_expired"), "cancelled", T0 + 3600),
    ],
)
def test_each_status_has_its_state(webhook, database, body, state, ends):
    assert webhook.post(body) == 200
    assert stored(database) == {"plan": "paid", "state": state, "ends": ends, "reference": "sub_1Pq"}


def test_events_twice_and_in_any_order_end_in_the_newest(webhook, database):
    events = [event(1, "active", kind="created"), event(2, "past_due"), event(3, "active"), event(4, "canceled", kind="deleted", ended_at=T0 + 9)]
    for order in itertools.permutations(events):
        database.execute("DELETE FROM relay.subscriptions")
        database.execute("DELETE FROM relay.said_subscriptions")
        assert [webhook.post(one) for one in (*order, *order)] == [200] * 8
        assert stored(database)["state"] == "cancelled" and stored(database)["ends"] == T0 + 9


def test_neither_another_failed_payment_nor_its_end_begins_a_new_grace(webhook, database):
    for number, status in ((1, "active"), (2, "past_due"), (24 * 3, "past_due"), (24 * 21, "unpaid")):
        assert webhook.post(event(number, status)) == 200
    assert stored(database) == {"plan": "paid", "state": "past_due", "ends": T0 + 14 * 86400, "reference": "sub_1Pq"}


def test_the_end_of_a_subscription_that_was_replaced_does_not_end_the_next_one(webhook, database):
    assert [webhook.post(event(n, "active", id=f"sub_{n}")) for n in (1, 2)] == [200, 200]
    assert webhook.post(event(3, "canceled", kind="deleted", id="sub_1", ended_at=T0 + 9)) == 200
    assert stored(database) == {"plan": "paid", "state": "active", "ends": None, "reference": "sub_2"}


def test_while_the_organization_is_locked_stripe_is_answered_and_tries_again(webhook, database):
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.organizations FOR UPDATE")
        assert webhook.post(event(1, "active")) == 500
    assert webhook.post(event(1, "active")) == 200 and stored(database)["state"] == "active"


def test_what_is_not_ours_is_done_with_and_changes_nothing(webhook, database):
    for body in (event(1, "active", org=None), event(1, "incomplete"), event(1, "paused"), {**event(1, "active"), "type": "invoice.paid"}):
        assert webhook.post(body) == 200
    assert stored(database) == {"plan": "free", "state": None, "ends": None, "reference": None}


def test_what_stripe_has_not_signed_changes_nothing(webhook, database):
    good = event(1, "active")
    assert webhook.post(good, secret="whsec_other") == 400
    assert webhook.post(good, at=int(time.time()) - 4000) == 400
    for header in ("", "t=1", "t=x,v1=00", "v1=00", "t=1,t=2,v1=00", "t=" + 5000 * "1" + ",v1=00", "\xff=\xff"):
        assert webhook.post(good, header=header) == 400
    for body in (b"", b"{", b"[]", b'"x"', b"{}", b'{"type": "customer.subscription.updated"}'):
        assert webhook.post(body) == 400
    assert stored(database)["state"] is None


def test_what_the_database_refuses_is_tried_again(webhook, database):
    assert webhook.post(event(1, "active", org="nobody")) == 500
    assert webhook.post(event(1, "active", metadata={"relay_org_id": "acme", "relay_plan": "gold"})) == 500
    assert stored(database)["state"] is None
    assert webhook.post(event(1, "active")) == 200 and stored(database)["plan"] == "paid"
