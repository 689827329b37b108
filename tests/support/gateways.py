"""Starts the gateways of tests/contract, in Node and in Python, against a database of a test."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from . import binaries

CONTRACT = Path(__file__).resolve().parents[1] / "contract"
LANGUAGES = ("node", "python")


@lru_cache(maxsize=None)
def node_modules():
    """The folder with `pg`: $RELAY_NODE_MODULES, else one that `npm ci` makes for this test process."""
    given = os.environ.get("RELAY_NODE_MODULES")
    if given:
        if not (Path(given) / "pg").is_dir():
            raise RuntimeError(f"RELAY_NODE_MODULES={given} has no module pg")
        return Path(given)
    folder = Path(tempfile.mkdtemp(prefix="rly-npm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(CONTRACT / name, folder)
    argv = [binaries.tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
    return folder / "node_modules"


def command(language):
    """(command line, environment) of the gateway written in `language`."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "TZ": "UTC",
    }
    if language == "node":
        return [binaries.tool("node"), str(CONTRACT / "gateway.js")], {**environment, "NODE_PATH": str(node_modules())}
    return [sys.executable, "-B", str(CONTRACT / "gateway.py")], environment


def connection_variables(database, *, host=None, port=None, user=None, server=None):
    """The PG* variables of a gateway: its login is a member of relay_gateway and of nothing else."""
    server = server or database.cluster
    return {
        "PGHOST": str(host or server.host),
        "PGPORT": str(port or server.port),
        "PGDATABASE": database.name,
        "PGUSER": user or database.gateway_login(),
        "PGSSLMODE": "disable",
    }


def parse(language, texts):
    """What the offline check of a gateway says of each text."""
    argv, environment = command(language)
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([*argv, "parse"], input=lines, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(language, database, key, **where):
    """One decision by a gateway that starts, checks the key that it reads, and ends. `key`: bytes."""
    argv, environment = command(language)
    environment = {**environment, **connection_variables(database, **where)}
    done = subprocess.run([*argv, "check"], input=key, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the {language} gateway failed: {done.stderr.decode()}")
    return json.loads(done.stdout)


class Gateway:
    """A gateway that stays: it has one connection, and answers request after request."""

    def __init__(self, language, database, **where):
        argv, environment = command(language)
        self.language = language
        self.process = subprocess.Popen(
            [*argv, "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, **connection_variables(database, **where)},
            text=True,
        )

    def ask(self, key, **claims):
        """The decision for a key; `agent_id`, `org_id`, `ip`, `trace_id` as the caller of the gateway claims them."""
        try:
            self.process.stdin.write(json.dumps({"key": key, **claims}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the {self.language} gateway ended: {self.process.stderr.read()}")
        return json.loads(line)

    def reason(self, key, **claims):
        """Only the reason of the decision; `ok` exactly when the key was accepted."""
        decision = self.ask(key, **claims)
        assert decision["ok"] is (decision["reason"] == "ok"), decision
        return decision["reason"]

    def close(self):
        """Ends it."""
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
