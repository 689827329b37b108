"""Any login may notify on our channel, as often as it likes: that costs whoever reads the feed at most one read in 20 ms, and
hides no change."""

import json
import threading
import time
from contextlib import closing

import pytest

from support.agents import first_agent
from support.gateways import LANGUAGES, Gateway
from support.prepared import prepared
from support.processes import wait_until

BLOCK = "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'bot', 'block', 't')"
READS = "SELECT COALESCE(sum(calls), 0)::int FROM pg_stat_user_functions WHERE funcname = 'read_changes'"
PACE = 0.02  # seconds
SECONDS = 3


@prepared
def key(relay, tmp_path):
    return first_agent(relay, tmp_path / "bot.key")


@pytest.fixture
def stranger(database):
    """Notifies in a loop, as a login without any right of ours, while it is entered."""
    login = database.cluster.login("stranger")
    stop = threading.Event()
    sent = []

    def notify():
        with closing(database.connect(user=login)) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT pg_notify('relay_key_changes', '')")
                sent.append(time.monotonic())

    thread = threading.Thread(target=notify)
    yield lambda: (thread.start(), sent)[1]
    stop.set()
    if thread.ident is not None:
        thread.join()


def reads(database):
    """Backends report once per second; so the figure may lag by a second, and by no more."""
    return database.value(READS)


def judge(database, sent, run):
    """Counts the reads while the stranger notifies."""
    time.sleep(1.2)
    before, began = reads(database), time.monotonic()
    run()
    time.sleep(SECONDS)
    made, seconds = reads(database) - before, time.monotonic() - began + 1.2
    assert len(sent) > 10 * SECONDS / PACE / 4, "the stranger was too slow to show anything"
    assert 1 <= made <= seconds / PACE + 10, (made, seconds, len(sent))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gateway_reads_at_a_bounded_pace_and_hears_at_once(database, key, stranger, language):
    database.execute(f'ALTER DATABASE "{database.name}" SET track_functions = "all"')
    with Gateway(language, database, gateway_id="one") as gateway:
        gateway.call("follow")
        wait_until(lambda: database.value("SELECT count(*) FROM relay.gateway_acks") == 1, what="it to follow")

        def block():
            gateway.call("hold", key=key, name="call")
            database.execute(BLOCK)
            began = time.monotonic()
            wait_until(lambda: "call" in gateway.call("report")["ended"], timeout=10, step=0.01, what="the call to be ended")
            assert time.monotonic() - began < 0.9, "without waiting for the next poll"
            database.execute("UPDATE relay.revocations SET lifted_at = now(), lifted_by = 't' WHERE lifted_at IS NULL")

        time.sleep(3 * PACE)
        block()  # when it is quiet
        judge(database, stranger(), block)


def test_watch_does_the_same(relay, database, key, stranger):
    database.execute(f'ALTER DATABASE "{database.name}" SET track_functions = "all"')
    process = relay.start("watch")
    try:
        assert "watching from" in process.stderr.readline().decode()

        def block():
            database.execute(BLOCK)
            began = time.monotonic()
            assert json.loads(process.stdout.readline())["change"] == "agent_blocked"
            assert time.monotonic() - began < 1, "the next poll would be 3 seconds later"

        time.sleep(3 * PACE)
        block()
        judge(database, stranger(), block)
    finally:
        process.kill()
        process.communicate()
