"""What a gateway asks while it follows the feed: one question for each wake-up, and few acknowledgements."""

import time
from contextlib import closing

import pytest
from support.gateways import Gateway
from support.processes import wait_until
from support.proxy import Proxy

BLOCKS = """
    INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor)
    SELECT 'agent', 'agent-' || n, 'block', 't' FROM generate_series({first}, {last}) AS n"""
ALL_HAVE_READ = "SELECT every(changes_behind = 0) FROM relay.gateway_status"
POLL, ACKNOWLEDGE, PAGE = 1, 0.1, 1000


@pytest.fixture
def proxy(cluster):
    with Proxy((cluster.tcp_host, cluster.port)) as running:
        yield running


class Asked:
    """What a gateway has sent through a proxy since this was made."""

    def __init__(self, proxy):
        self.proxy, self.before, self.began = proxy, len(proxy.sent("F")), time.monotonic()

    def count(self, function):
        return sum(function in message.raw for message in self.proxy.sent("F")[self.before :])

    def seconds(self):
        return time.monotonic() - self.began


@pytest.fixture
def follower(language, database, proxy):
    """A gateway that follows the feed through the proxy, and has read all there is."""
    with Gateway(language, database, feed=(proxy.host, proxy.port), gateway_id="one") as running:
        running.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="it to follow")
        yield running


def wait_read(database):
    wait_until(lambda: database.value(ALL_HAVE_READ), what="it to acknowledge the last change")


def test_a_wake_up_is_one_question_and_acknowledgements_are_few(follower, database, proxy):
    number = 30
    asked = Asked(proxy)
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for one in range(number):
            cursor.execute(BLOCKS.format(first=one, last=one))
            time.sleep(0.03)  # longer than from read to read
    wait_read(database)
    reads, acknowledgements, seconds = asked.count(b"changes_since"), asked.count(b"acknowledge"), asked.seconds()
    assert acknowledgements <= seconds / ACKNOWLEDGE + 1
    # It also reads when nothing wakes it, and when an acknowledgement is due; a second question for each would be 60.
    assert reads <= number + seconds / POLL + seconds / ACKNOWLEDGE + 1


def test_a_full_page_is_followed_by_the_next_at_once(follower, database, proxy):
    asked = Asked(proxy)
    database.execute(BLOCKS.format(first=1, last=2 * PAGE + 1))
    wait_read(database)
    reads, seconds = asked.count(b"changes_since"), asked.seconds()
    assert 3 <= reads <= 3 + seconds / POLL + 1 and asked.count(b"acknowledge") <= seconds / ACKNOWLEDGE + 1
