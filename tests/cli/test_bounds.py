"""No reader keeps more of its input than it says: a line of a gigabyte is refused, without memory."""

import subprocess
import threading

import pytest
from support import processes
from support.agents import first_agent
from support.prepared import prepared

PROGRAM = "release"  # the sanitizer keeps freed memory for a while, so its memory is not what a user's program takes
SECONDS = 15
GIGABYTE, PIECE = 1_000_000_000, b"x" * 1_000_000
MOST_GROWTH = 4  # MiB
USAGE, PARTIAL = 2, 7

IMPORT = ("migrate-legacy", "import", "-", "--org", "acme", "--dry-run")
CREATE = ("agent", "create", "x", "--org", "acme", "--name", "X", "--secret-file", "x.sealed", "--secret-format", "sealed")
# Each reader: the command, what comes before the long line, and the exit code.
READERS = {
    "inventory, no header": (IMPORT, b"", USAGE),
    "inventory, CSV": (IMPORT, b"agent_id,name\ngood,Good\n", PARTIAL),
    "inventory, a quoted field": (IMPORT, b'agent_id,name\ngood,Good\n"', PARTIAL),
    "inventory, JSON": (IMPORT, b'{"agent_id":"good"}\n{"agent_id":"', PARTIAL),
    "ids": (("block", "--file", "-"), b"", USAGE),
    "scan": (("revoke", "--scan", "-"), b"", 0),
    "a key": (("rotate-key", "bot", "--key-from", "-"), b"relay_sk_", USAGE),
    "a key to verify": (("key", "verify"), b"relay_sk_", USAGE),
    "a public key": ((*CREATE, "--seal-key", "-"), b'{"key":"', USAGE),
    "settings": (("doctor", "--env-file", "-"), b"AGENT_SECRET=", USAGE),
    "a connection string": (("org", "list", "--dsn-file", "/dev/stdin"), b"host=", USAGE),
}


def feed(process, head):
    """Writes the head, a gigabyte without a line end, and a last line, until the program reads no more."""
    try:
        process.stdin.write(head)
        for _ in range(GIGABYTE // len(PIECE)):
            process.stdin.write(PIECE)
        process.stdin.write(b"\nlast,Last\n")
        process.stdin.close()
    except BrokenPipeError:
        pass


def peak(relay, words, head):
    """The exit code, and the most memory in MiB."""
    process = relay.start(*words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    writer = threading.Thread(target=feed, args=(process, head), daemon=True)
    writer.start()
    most = processes.peak_memory(process)
    return process.returncode, most


@prepared
def agent(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    return relay


def usual_peak(relay):
    """The most memory of a command that reads nothing: of several, since a short one may end between two looks."""
    return max(peak(relay, ("whoami",), b"")[1] for _ in range(5))


@pytest.mark.parametrize("reader", READERS)
def test_a_line_of_a_gigabyte_takes_no_memory(agent, reader):
    words, head, code = READERS[reader]
    usual = usual_peak(agent)
    # What a list of ids may be long is its own bound, 128 MiB.
    bound = MOST_GROWTH if reader != "ids" else 2 * 128
    result, most = peak(agent, words, head)
    assert result == code
    assert most < usual + bound, f"{most:.0f} MiB, usually {usual:.0f}"


def test_an_unfinished_file_of_a_gigabyte_is_not_read(agent, tmp_path):
    """FILE.new is found by its name. It has the beginning of a key, and a hole."""
    with open(tmp_path / "big.key.new", "wb") as file:
        file.write(b"relay_sk_")
        file.truncate(GIGABYTE)
    (tmp_path / "big.key.new").chmod(0o600)
    usual = usual_peak(agent)
    result, most = peak(agent, ("rotate-key", "bot", "--grace", "0", "--secret-file", "big.key"), b"")
    assert result == 12 and most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"
