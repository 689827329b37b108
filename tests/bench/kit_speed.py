"""Starts the programs of tests/bench/kit, which measure the verifiers."""

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
import zlib
from contextlib import closing, contextmanager

from support import binaries
from support.gateways import KIT, connection_variables, node_modules
from support.own_key import BASE62, KEY_ID_ALPHABET, base62

SOURCE = KIT.parents[2]
FOLDER = SOURCE / "tests/bench/kit"


def make_keys(file, count):
    """Writes `count` good keys to a file, one per line."""
    random_ = random.Random(1)
    with open(file, "w") as out:
        for _ in range(count):
            key_id = "".join(random_.choices(KEY_ID_ALPHABET, k=12))
            body = f"relay_sk_{key_id}_0{''.join(random_.choices(BASE62, k=42))}"
            out.write(body + base62(zlib.crc32(body.encode()), 6) + "\n")


def compile_cpp(folder):
    """Builds speed.cpp with the kit, optimized, as a gateway would; returns the program."""
    library = f"{os.environ['RELAY_RELEASE_DIR']}/librelay.a"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libpq", "libpqxx", "libsodium", "libutf8proc"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    names = ("verifier", "feed", "uses", "nonces", "fields", "signing", "signatures")
    sources = [FOLDER / "speed.cpp", *(KIT / f"{name}.cpp" for name in names)]
    includes = [f"-I{SOURCE}/lib", f"-I{SOURCE}"]
    subprocess.run(
        ["c++", "-std=c++20", "-O2", *includes, *sources, library, *flags, "-pthread", "-o", folder / "speed"], check=True
    )
    return str(folder / "speed")


class Speed:
    """One program, in its own process; `call` runs one operation of its README."""

    def __init__(self, argv, database, keys):
        environment = {
            "PATH": "/usr/bin:/bin",
            "KIT": str(KIT),
            "KEYS": str(keys),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NODE_PATH": str(node_modules()),
            "NODE_OPTIONS": "--max-old-space-size=4096",
            **connection_variables(database),
        }
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def call(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def command(language, folder):
    """The command line of a language's program; `folder`: for the one that must be built."""
    if language == "cpp":
        return [compile_cpp(folder)]
    if language == "node":
        return [binaries.tool("node"), str(FOLDER / "speed.mjs")]
    return [sys.executable, str(FOLDER / "speed.py")]


@contextmanager
def changes(database, *, per_second, at_once):
    """Agents that no gateway has seen are blocked meanwhile, `at_once` of them in a transaction."""
    stop, numbers = threading.Event(), itertools.count()
    insert = (
        "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor)"
        " SELECT 'agent', 'other-' || %s || '-' || n, 'block', 't' FROM generate_series(1, %s) AS n"
    )

    def work():
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            began = time.monotonic()
            for number in numbers:
                if stop.wait(max(0, began + number * at_once / per_second - time.monotonic())):
                    return
                cursor.execute(insert, (number, at_once))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
