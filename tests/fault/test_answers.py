"""What answers is not PostgreSQL, or a proxy interferes: an answer of another form, or one without end.

The program says what is true: before COMMIT nothing was changed, and another answer in place of that to COMMIT is settled by
the fence. And whatever is sent to it, it stays small.
"""

import itertools
import struct
import subprocess
import threading

import pytest
from onward import OnLater
from scenes import BATCH, CREATE, INCIDENTS, LIFTS, ROTATE
from support import processes, sampling
from support.hostile_server import HostileServer, ask, message
from support.proxy import Answer, Fault, Proxy, commit

KINDS = (CREATE[0], ROTATE[1], BATCH[1], *INCIDENTS, *LIFTS)
READY = message(b"Z", b"T")
BOUND = struct.pack("!i", 0)
PARSED = message(b"1", b"") + message(b"2", b"")
SCHEMA, UNAVAILABLE, SINK = 11, 8, 12


def column(name):
    """The description of a column of type text."""
    return name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)


def described(*names):
    """A RowDescription."""
    return message(b"T", struct.pack("!h", len(names)) + b"".join(map(column, names)))


def row(*values):
    """A DataRow."""
    return message(b"D", struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(value)) + value for value in values))


def complete(tag):
    """A CommandComplete."""
    return message(b"C", tag + b"\0")


NO_COLUMNS = struct.pack("!bh", 0, 0)
STRANGE = {
    "copy in": message(b"G", NO_COLUMNS),
    "copy out": message(b"H", NO_COLUMNS) + READY,
    "copy both": message(b"W", NO_COLUMNS) + READY,
    "empty query": message(b"I", b"") + READY,
    "nothing": READY,
    "no columns": message(b"n", b"") + complete(b"SELECT 1") + READY,
    "another column": described("x") + row(b"1") + complete(b"SELECT 1") + READY,
    "too few values": described("x", "y") + row(b"1") + complete(b"SELECT 1") + READY,
    "rows of nothing": row(b"1") + complete(b"SELECT 1") + READY,
    "the tag of something else": complete(b"LISTEN") + READY,
    "an error without a code": message(b"E", b"SERROR\0VERROR\0Moh no\0\0") + READY,
}


def strange(answer):
    """The answer after what the extended protocol answers first; a plain Query is answered with it, too."""
    return Answer(lambda: [PARSED + answer])


def statements(stage, kind):
    """The messages of a plain run that the server answers with a result, of the first connection."""
    scene = stage.scene(kind)
    with Proxy(stage.cluster.socket_path) as proxy:
        result = scene.run(dsn=proxy.dsn(scene.database))
    assert result.code == 0, f"{result}"
    stage.strike(scene)
    return [sent for sent in proxy.sent("F", 1) if sent.name in ("Query", "Parse")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_strange_answer_to_any_statement_is_told_truly(stage, kind, tally):
    """Before COMMIT it ends the command, and nothing was changed. In place of the answer to COMMIT, it says nothing."""
    sent = statements(stage, kind)
    assert any(map(commit, sent))
    places = [(statement, name) for statement in sent for name in STRANGE]
    places = sampling.sample(
        f"strange answers: {kind}",
        places,
        lambda place: [(commit(place[0]), place[1]), place[0].number],
        always=lambda place: commit(place[0]),
    )
    refused = 0
    for statement, name in places:
        scene = stage.scene(kind)
        fault = Fault(strange(STRANGE[name]), direction="F", number=statement.number)
        with Proxy(stage.cluster.socket_path, fault) as proxy:
            result = scene.run(dsn=proxy.dsn(scene.database), flags=("--timeout", "3s"))
        told = f"{name} in answer to {statement.place} {statement.sql[:60]}\n{result}"
        assert proxy.fired and result.code in (0, UNAVAILABLE, SCHEMA), told
        scene.assert_told_truly(result, refusals=(UNAVAILABLE, SCHEMA))
        refused += result.code != 0
        if commit(statement):
            assert result.code == 0, told
        scene.assert_converges(told, times=1)
        stage.strike(scene)
    # These are one message with its COMMIT: whichever answer in it is lost, the fence finds out what became of it.
    assert refused or kind in (*INCIDENTS, *LIFTS), "no answer was strange enough to be refused"
    tally(f"strange answers: {kind}", len(places))


# --- answers without end


MEGABYTE = b"x" * 1_048_576


def without_end(first, part):
    """`first`, and then `part` again and again."""
    return Answer(lambda: itertools.chain([first], itertools.repeat(part)))


def one_message(kind, head=b""):
    """A single message of two gigabytes."""
    return without_end(kind + struct.pack("!i", 0x7FFFFFFF) + head, MEGABYTE)


MANY_ROWS = row(b"y" * 1000) * 1000
FLOODS = {
    "rows": without_end(PARSED + described("x"), MANY_ROWS),
    "small rows": without_end(PARSED + described("x"), row(b"") * 10_000),
    "one long row": one_message(b"D", struct.pack("!hi", 1, 0x7FFFFF00)),
    "a long notice": one_message(b"N", b"SNOTICE\0M"),
    "a long error": one_message(b"E", b"SERROR\0M"),
    "notices": without_end(b"", message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"n" * 1000 + b"\0\0") * 100),
    "results": without_end(b"", (PARSED + described("x") + row(b"1") + complete(b"SELECT 1")) * 1000),
    "notifications": without_end(b"", message(b"A", BOUND + b"relay_key_changes\0" + b"p" * 7000 + b"\0") * 100),
}
MOST_GROWTH = 64  # MiB
PLACES = {
    "BEGIN": lambda sent: sent.sql.startswith("BEGIN"),
    "INSERT": lambda sent: "INSERT INTO relay.revocations" in sent.sql,
    "COMMIT": commit,
}


def peak(relay, *words):
    """The most memory that a run needs, in MiB, and its exit code."""
    process = subprocess.Popen(
        relay.argv(words), env=relay.environment(), cwd=relay.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return processes.peak_memory(process), process.returncode


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("place", PLACES)
def test_an_answer_without_end_takes_no_memory(stage, flood, place):
    """The command ends, and says what is true. A flood instead of the answer to COMMIT is a lost answer."""
    scene = stage.scene("block")
    usual, _ = peak(scene.relay, "whoami")
    fault = Fault(FLOODS[flood], match=PLACES[place])
    with Proxy(stage.cluster.socket_path, fault) as proxy:
        relay = scene.relay.with_(dsn=proxy.dsn(scene.database))
        most, code = peak(relay, *scene.words, "--timeout", "3s")
    assert proxy.fired
    assert most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"
    # The whole block is one message, so the server may have committed it, whichever answer the flood replaces.
    assert code in ((0,) if place == "COMMIT" else (0, UNAVAILABLE, SCHEMA))
    assert scene.times_done() == (code == 0)


@pytest.mark.parametrize("command", [("org", "list"), ("agent", "list"), ("doctor",), ("gateway", "list")], ids=" ".join)
def test_a_reading_command_takes_no_memory_either(stage, command):
    usual, _ = peak(stage.relay, "whoami")
    later = OnLater(FLOODS["rows"], match=lambda sent: sent.direction == "F" and sent.name == "Parse")
    first = Fault(FLOODS["rows"], match=lambda sent: sent.direction == "F" and sent.name == "Parse")
    with Proxy(stage.cluster.socket_path, first, later) as proxy:
        most, code = peak(stage.relay.with_(dsn=proxy.dsn(stage.database)), *command, "--timeout", "3s")
    assert proxy.fired and code != 0
    assert most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"


@pytest.mark.parametrize(
    "place, flood",
    [
        (lambda sent: sent.sql.startswith("BEGIN") and sent.number > 8, "rows"),  # a later look at the feed
        (lambda sent: sent.sql.startswith("LISTEN"), "a long notice"),
    ],
    ids=["feed", "listener"],
)
def test_a_command_without_end_takes_no_memory_either(stage, place, flood):
    """watch connects again and again, and listens on another connection."""
    usual, _ = peak(stage.relay, "whoami")
    with Proxy(stage.cluster.socket_path, Fault(FLOODS[flood], match=place, connection=None)) as proxy:
        process = stage.relay.with_(dsn=proxy.dsn(stage.database)).start(
            "watch", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        threading.Timer(8, process.terminate).start()
        most = processes.peak_memory(process)
    assert proxy.fired
    assert most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"


def settings(number):
    """A ParameterStatus with a new name each time, which libpq keeps."""
    return message(b"S", b"name%d\0" % number + b"v" * 20_000 + b"\0")


LOGINS = {
    "settings": lambda: (settings(number) for number in itertools.count()),
    "one notice": lambda: itertools.chain([b"N" + struct.pack("!i", 0x7FFFFFFF)], itertools.repeat(MEGABYTE)),
    "notices": lambda: itertools.repeat(message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"n" * 1000 + b"\0\0") * 100),
}


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_without_end_takes_no_memory(relay_without_database, login):
    def answer(connection, _):
        connection.settimeout(30)
        connection.sendall(ask(0))
        for part in LOGINS[login]():
            connection.sendall(part)

    usual, _ = peak(relay_without_database, "--version")
    with HostileServer(answer) as server:
        most, code = peak(relay_without_database.with_(dsn=server.dsn), "org", "list", "--timeout", "3s")
    assert code == UNAVAILABLE
    assert most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"
