"""The speed of `revoke --scan`, as a ratio to `grep -c` of the key's prefix in the same run: a plain log, and JSON lines.

grep looks for nine bytes; the scanner also looks for them behind every encoding. The program is the release build, and the texts hold
no key, so no database is asked."""

import json
import os
import random
import shutil

import pytest

from pairing import compare

ROUNDS = 5
SIZE = 64 << 20
# What a core does, in MB/s, is printed; the promise is a ratio, because the speed of a machine is not known.
PLAIN_MUST = 120
JSON_MUST = 240

WORDS = "request handled by worker after retry of the order for customer with status and total in region upstream timeout".split()


def plain_line(made):
    words = " ".join(made.choices(WORDS, k=9))
    return f"2026-11-29T{made.randrange(24):02}:{made.randrange(60):02}:07.{made.randrange(1000):03}Z INFO [worker-{made.randrange(16)}] {words}"


def json_line(made):
    return json.dumps(
        {
            "ts": f"2026-11-29T10:{made.randrange(60):02}:07.{made.randrange(10**6):06}Z",
            "level": "info",
            "service": "payments-api",
            "trace_id": f"{made.getrandbits(128):032x}",
            "msg": " ".join(made.choices(WORDS, k=8)),
            "path": f"/v1/charges?limit=20&cursor={made.randrange(10**6)}",
            "error": 'line one\nline "two"' if made.random() < 0.2 else None,
        }
    )


@pytest.mark.parametrize("name, line, must", [("plain log", plain_line, PLAIN_MUST), ("JSON lines", json_line, JSON_MUST)])
def test_scanning_is_near_grep(capsys, tmp_path, name, line, must):
    made = random.Random(1)
    block = "\n".join(line(made) for _ in range(10_000)) + "\n"
    path = tmp_path / "app.log"
    # With its output thrown away, grep stops at the first line that it finds: so that is the last one.
    path.write_text(block * (SIZE // len(block)) + "a key begins with relay_sk_ here\n")
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(tmp_path)}
    ours = [os.environ["RELAY_ADMIN"], "revoke", "--scan", str(path)]
    peer = [shutil.which("grep"), "-c", "relay_sk_", str(path)]
    comparison = compare(lambda _: (ours, env), lambda _: (peer, env), rounds=ROUNDS, warmup=1)
    speed = path.stat().st_size / 1e6 / min(timing.cpu for timing in comparison.ours)
    with capsys.disabled():
        print(f"\n{comparison.line('revoke --scan, ' + name, must)}; {speed:.0f} MB/s of a core")
    assert comparison.ratio <= must
