"""What a rotation of a fleet and an import cost, in counts: memory that does not grow, and few messages per batch."""

import pytest

from support.key_fleet import counts, make_fleet, rotate_fleet
from support.proxy import Proxy
from support.wire import BACKEND

PEAK = 24 * 1024  # KiB
MESSAGES = 9  # per batch: find the next agents, begin and lock, write and read back, COMMIT; and the fence's record


@pytest.fixture
def proxy(database):
    with Proxy(database.cluster.socket_path, unix=True) as running:
        yield running


def waits(proxy, relay, database, org, batch):
    """How many answers a rotation of the organization waits for."""
    before = len([message for message in proxy.sent(BACKEND) if message.name == "ReadyForQuery"])
    relay.with_(dsn=proxy.dsn(database))(
        "rotate-key", "--org", org, "--batch", batch, "--secret-file", f"{org}.jsonl", "--secret-format", "json", check=0
    )
    return len([message for message in proxy.sent(BACKEND) if message.name == "ReadyForQuery"]) - before


def test_a_batch_waits_for_few_answers(relay, database, proxy):
    make_fleet(database, 40, org="few", prefix="few-")
    make_fleet(database, 40, org="many", prefix="many-")
    few, many = waits(proxy, relay, database, "few", "20"), waits(proxy, relay, database, "many", "5")
    assert (many - few) / 6 <= MESSAGES, (few, many)


def peak_of(relay, tmp_path, *words):
    """The most KiB that a run had in memory."""
    result = relay.with_(prefix=("/usr/bin/python3", "-c", WATCH))(*words, check=0)
    return int(result.err.splitlines()[-1])


WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def test_memory_does_not_grow_with_the_fleet(relay, database, tmp_path):
    make_fleet(database, 100, org="small", prefix="small-")
    make_fleet(database, 6000, org="large", prefix="large-")
    lines = ("--secret-format", "json", "-o", "jsonl")
    small = peak_of(relay, tmp_path, "rotate-key", "--org", "small", "--secret-file", "a", *lines)
    large = peak_of(relay, tmp_path, "rotate-key", "--org", "large", "--secret-file", "b", *lines)
    (tmp_path / "rows.csv").write_text("agent_id\n" + "".join(f"row-{n}\n" for n in range(6000)))
    made = peak_of(relay, tmp_path, "agent", "import", "rows.csv", "--org", "small", "--secret-file", "c", *lines)
    assert max(small, large, made) <= PEAK, (small, large, made)
    assert counts(rotate_fleet(relay, "--org", "large", "--dry-run", "--grace", "0", "--limit", "1", "--secrets-dir", "d")) == {"rotated": 1}


WAL = 2260  # bytes per key, without the images of whole pages; 2210 were measured, 300 of them for the indexes by which the trail is read


def test_a_key_writes_little_to_the_log(relay, database):
    """The server of the tests writes no images of whole pages, so this is a count that repeats."""
    assert database.value("SELECT current_setting('full_page_writes')") == "off"
    make_fleet(database, 1000, org="log", prefix="log-")
    before = database.value("SELECT pg_current_wal_insert_lsn()")
    relay("rotate-key", "--org", "log", "--secret-file", "keys", "--secret-format", "json", check=0)
    written = int(database.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before))
    assert 0 < written / 1000 <= WAL, written / 1000
