"""No reader keeps more of its input than it says: a line of a gigabyte and 100,000 brackets are refused, without memory."""

import base64
import json
import subprocess
import threading

import pytest
from support import processes
from support.agents import first_agent

PROGRAM = "dev"  # size and depth of hostile input
SECONDS = 90
GIGABYTE, PIECE = 1_000_000_000, b"x" * 1_000_000
DEEP = 100_000
MOST_GROWTH = 64  # MiB
USAGE, PARTIAL, NOT_FOUND, CHECK_NO = 2, 7, 3, 10

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


@pytest.fixture
def agent(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    return relay


@pytest.mark.parametrize("reader", READERS)
def test_a_line_of_a_gigabyte_takes_no_memory(agent, reader):
    words, head, code = READERS[reader]
    _, usual = peak(agent, ("whoami",), b"")
    # What a list of ids may be long is its own bound, 128 MiB.
    bound = MOST_GROWTH if reader != "ids" else 3 * 128
    result, most = peak(agent, words, head)
    assert result == code
    assert most < usual + bound, f"{most:.0f} MiB, usually {usual:.0f}"


NESTED = {
    "lists": "[" * DEEP + "]" * DEEP,
    "open lists": "[" * DEEP,
    "objects": '{"a":' * (DEEP // 4) + "1" + "}" * (DEEP // 4),
    "open objects": '[{"a":' * (DEEP // 4),
}
PUBLIC = base64.b64encode(bytes(31) + b"\x09").decode()


@pytest.mark.parametrize("nested", NESTED)
def test_no_input_chooses_the_depth_of_a_recursion(agent, database, tmp_path, nested):
    deep = NESTED[nested]
    (tmp_path / "deep.jsonl").write_text('{"agent_id":"one"}\n{"agent_id":"x","permissions":' + deep + '}\n{"agent_id":"two"}\n')
    result = agent("migrate-legacy", "import", "deep.jsonl", "--org", "acme", "-o", "json", check=PARTIAL).json()
    assert [fault["line"] for fault in result["data"]["faults"]] == [2] and result["data"]["imported"] == 2
    key = {"key_id": "1", "key": PUBLIC}
    (tmp_path / "pk.json").write_text(json.dumps(key)[:-1] + ',"more":' + deep + "}")
    agent(*CREATE, "--seal-key", "pk.json", check=USAGE)
    (tmp_path / "pks.jsonl").write_text(json.dumps({"owner": "*", **key})[:-1] + ',"more":' + deep + "}\n")
    agent("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--secret-format", "sealed", "--seal-keys", "pks.jsonl", check=USAGE)
    error = agent.error("agent", "grant", "bot", "a:b", "--conditions", '{"a":' + deep[: 120_000] + "}", check=USAGE)
    assert "too long" in error["message"]
    short = '{"a":' + deep[:2000] + deep[-2000:] + "}"
    assert "levels" in agent.error("agent", "grant", "bot", "a:b", "--conditions", short, check=USAGE)["message"]


def test_an_unfinished_file_of_a_gigabyte_is_not_read(agent, tmp_path):
    """FILE.new is found by its name. It has the beginning of a key, and a hole."""
    with open(tmp_path / "big.key.new", "wb") as file:
        file.write(b"relay_sk_")
        file.truncate(GIGABYTE)
    (tmp_path / "big.key.new").chmod(0o600)
    _, usual = peak(agent, ("whoami",), b"")
    result, most = peak(agent, ("rotate-key", "bot", "--grace", "0", "--secret-file", "big.key"), b"")
    assert result == 12 and most < usual + MOST_GROWTH, f"{most:.0f} MiB, usually {usual:.0f}"
