"""Starts the verifiers of tests/contract/kit, in each of their languages, against a database of a test."""

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
KIT = CONTRACT / "kit"
LANGUAGES = ("node", "python", "cpp")


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


def command(language, part="verifier"):
    """(command line, environment) of the driver, written in `language`, of the verifier or another part of the kit."""
    driver = "driver" if part == "verifier" else f"{part}_driver"
    environment = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ} | {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "TZ": "UTC",
    }
    if language == "node":
        return [binaries.tool("node"), str(KIT / f"{driver}.mjs")], {**environment, "NODE_PATH": str(node_modules())}
    if language == "cpp":
        return [str(binaries.built(f"{part}_kit"))], environment
    return [sys.executable, "-B", str(KIT / f"{driver}.py")], environment


def connection_variables(database, *, host=None, port=None, user=None, server=None):
    """The PG* variables of a gateway: its login is a member of relay_gateway only."""
    server = server or database.cluster
    return {
        "PGHOST": str(host or server.host),
        "PGPORT": str(port or server.port),
        "PGDATABASE": database.name,
        "PGUSER": user or database.gateway_login(),
        "PGSSLMODE": "disable",
    }


def parse(language, texts):
    """Returns what the offline check of a verifier says of each text."""
    with Gateway(language) as gateway:
        return [gateway.call("parse", text=text) for text in texts]


def check(language, database, key, **where):
    """One decision by a gateway that starts, checks the key that it reads, and ends. `key`: bytes."""
    with Gateway(language, database, **where) as gateway:
        return gateway.ask(key.decode("latin-1"))


HTTP_LANGUAGES = ("python", "node")


class HttpGateway:
    """The whole gateway of the kit, in a separate process, on the loopback port `port`. `env`: its settings."""

    def __init__(self, database, *, language="python", env=None):
        argv, environment = command(language)
        argv[-1] = str(KIT / f"http_gateway{Path(argv[-1]).suffix}")
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, **connection_variables(database), **(env or {})},
        )
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class Gateway:
    """A gateway that stays, in a separate process: it answers request after request (tests/contract/kit/README.md).

    `feed`: (host, port) where it listens, if that is elsewhere than where it asks. `gateway_id`: none on a standby.
    `reports`: the seconds from report to report of the uses; `most`: the entries that it keeps; `primary`: (host, port) where it reports.
    `part`: of the kit; `env`: its further settings.
    """

    def __init__(self, language, database=None, *, feed=None, gateway_id=None, reports=None, most=100_000, primary=None,
                 part="verifier", env=None, **where):  # fmt: skip
        argv, environment = command(language, part)
        environment |= env or {}
        self.language = language
        if database is not None:
            environment |= connection_variables(database, **where)
        if feed is not None:
            environment |= {"FEED_HOST": str(feed[0]), "FEED_PORT": str(feed[1])}
        if gateway_id is not None:
            environment["GATEWAY_ID"] = gateway_id
        if reports is not None:
            environment |= {"REPORT_INTERVAL": str(reports), "MOST_ENTRIES": str(most)}
        if primary is not None:
            environment |= {"PRIMARY_HOST": str(primary[0]), "PRIMARY_PORT": str(primary[1])}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
        )

    def call(self, op, **request):
        """Returns the driver's answer to one request; an error there is an error here."""
        try:
            self.process.stdin.write(json.dumps({"op": op, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the {self.language} gateway ended: {self.process.stderr.read()}")
        said = json.loads(line)
        if "error" in said:
            raise RuntimeError(f"the {self.language} gateway failed: {said['error']}")
        return said

    def ask(self, key, **claims):
        """The database's decision for a key; `agent_id`, `org_id`, `ip`, `trace_id` as its caller claims."""
        return self.call("ask", key=key, **claims)

    def reason(self, key, **claims):
        """Only the reason of the decision; `ok` exactly when the key was accepted."""
        decision = self.ask(key, **claims)
        assert decision["ok"] is (decision["reason"] == "ok"), decision
        return decision["reason"]

    def close(self):
        """Ends it."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
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
