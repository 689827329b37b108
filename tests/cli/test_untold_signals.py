"""A signal after COMMIT was sent: the change is made, so the program writes its result, or says that it is committed (14)."""

import contextlib
import fcntl
import json
import os
import signal
import threading

import pytest
from support import processes
from support.a_change import WRITES, prepare
from support.prepared import prepared
from support.proxy import Fault, Proxy, commit

PROGRAM = "dev"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@prepared
def key(relay, tmp_path):
    return prepare(relay, tmp_path)


@contextlib.contextmanager
def full_pipe():
    """A pipe with no room for a byte: (reading end, writing end, what fills it)."""
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writing, b"." * size)
    try:
        yield reading, writing, size
    finally:
        for end in (reading, writing):
            with contextlib.suppress(OSError):
                os.close(end)


def read_all(end):
    text = b""
    while part := os.read(end, 65536):
        text += part
    return text


def is_writing(pid):
    """True if the process waits in a write, or for a descriptor that it can write to."""
    with open(f"/proc/{pid}/wchan") as file:
        return "pipe_write" in file.read()


@contextlib.contextmanager
def committed_but_not_told(relay, database, name, *more):
    """Starts a command of WRITES whose stdout is full, and waits until its change is in the database."""
    words, is_done = WRITES[name]
    with full_pipe() as (reading, writing, size):
        process = relay.start(*name.split(), *words, *more, stdout=writing)
        os.close(writing)
        processes.wait_until(lambda: database.value(is_done) is True, what="the commit")
        yield process, reading, size
        process.stderr.close()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", ["org update", "rotate-key", "block"])
def test_the_result_is_still_written(relay, database, key, name, number):
    with committed_but_not_told(relay, database, name, "-o", "json") as (process, reading, size):
        process.send_signal(number)
        said = read_all(reading)[size:]
        err = process.stderr.read()
        assert process.wait(60) == 0, err
        assert json.loads(said)["changed"] is True
        assert b"interrupted" not in err


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_it_and_says_that_the_change_is_committed(relay, database, key, form, number):
    with committed_but_not_told(relay, database, "org update", "-o", form) as (process, _, _):
        processes.wait_until(lambda: is_writing(process.pid), what="the write of the result")
        for _ in range(40):  # two of the same kind may become one
            if process.poll() is not None:
                break
            process.send_signal(number)
            with contextlib.suppress(Exception):
                process.wait(0.25)
        err = process.stderr.read().decode()
        assert process.wait(60) == 14, err
        assert "interrupted; the change itself is committed" in err and "rolled back" not in err
        if form == "json":
            error = json.loads(err.splitlines()[-1])["error"]
            assert (error["code"], error["changed"], error["retryable"]) == ("untold", "yes", False)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_commit_is_under_way_changes_nothing_of_it(relay, database, key, number):
    reached, go_on = threading.Event(), threading.Event()

    def hold(_):
        reached.set()
        assert go_on.wait(40)

    with Proxy(database.cluster.socket_path, Fault(hold, match=commit)) as proxy:
        process = relay.with_(dsn=proxy.dsn(database)).start("org", "update", "acme", "--name", "New", "-o", "json")
        assert reached.wait(20)
        process.send_signal(number)
        go_on.set()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["changed"] is True and database.value("SELECT name FROM relay.organizations") == "New"


LOOKS = """SELECT query_start::text FROM pg_stat_activity
    WHERE application_name = 'relay-admin' AND query LIKE '%relay.gateway_acks%'"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_wait_after_the_commit_is_ended_and_what_was_done_is_said(relay, database, key, number):
    database.value("SELECT relay_api.acknowledge('gw', next_cursor) FROM relay_api.changes_since(NULL)")
    process = relay.start("block", "bot", "--wait-ack", "50s", "-o", "json")
    processes.wait_until(lambda: database.value("SELECT count(*) FROM relay.revocations") == 1, what="the block")
    looked = set()  # the second look begins when the answer to the first was read

    def looked_twice():
        looked.update(row["query_start"] for row in database.rows(LOOKS))
        return len(looked) > 1

    processes.wait_until(looked_twice, what="the second look at the gateways")
    process.send_signal(number)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 14, err
    error = json.loads(err.decode().splitlines()[-1])["error"]
    assert error["changed"] == "yes" and "committed" in error["message"]
    assert json.loads(out)["items"][0]["gateways"]["missing"] == ["gw"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_the_first_look_at_the_gateways_does_not_say_that_there_are_none(relay, database, key, number):
    database.value("SELECT relay_api.acknowledge('gw', next_cursor) FROM relay_api.changes_since(NULL)")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.connect(autocommit=False) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE relay.gateway_acks")
        process = relay.start("block", "bot", "--wait-ack", "50s", "-o", "json")
        processes.wait_until(lambda: database.rows(waiting), what="the first look at the gateways")
        process.send_signal(number)
        out, err = process.communicate(timeout=40)
    holder.close()
    assert process.returncode == 14, err
    gateways = json.loads(out)["items"][0]["gateways"]
    assert not gateways["complete"] and "a signal ended the wait" in gateways["error"]
    assert b"cannot read the acknowledgements of the gateways" in err and b"0 gateways" not in err


def test_a_signal_between_two_transactions_of_a_change_says_that_a_part_is_made(relay, empty_database):
    """Each migration is a transaction; the proxy holds up the COMMIT of the second."""
    seen, reached, go_on = [], threading.Event(), threading.Event()

    def second_commit(message):
        if commit(message):
            seen.append(message)
        return len(seen) == 2 and commit(message)

    def hold(_):
        reached.set()
        assert go_on.wait(40)

    with Proxy(empty_database.cluster.socket_path, Fault(hold, match=second_commit)) as proxy:
        process = relay.with_(dsn=proxy.dsn(empty_database)).start("schema", "apply", "-o", "json")
        assert reached.wait(20)
        process.send_signal(signal.SIGINT)
        go_on.set()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 14, err
    error = json.loads(err.decode().splitlines()[-1])["error"]
    assert error["changed"] == "partly" and "a part of the change is committed" in error["message"]
    assert "run the same command again" in error["next"]
    assert relay.with_(dsn=empty_database.dsn()).json("schema", "apply")["changed"] is True


# --- a batch of which some rows failed, and whose result cannot be written


@pytest.mark.parametrize(
    "words",
    [("block", "bot", "no-such-agent"), ("migrate-legacy", "import", "mixed.csv", "--org", "acme")],
    ids=["block", "import"],
)
def test_a_batch_that_failed_in_part_is_not_told_as_done(relay, database, key, words):
    (relay.cwd / "mixed.csv").write_text("agent_id\nold-1\n-bad id-\n")
    error = relay(*words, "-o", "json", stdout="/dev/full", check=14).error()
    assert error["changed"] == "partly" and "a part of the change is committed" in error["message"]
