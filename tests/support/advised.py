"""A sandbox for tests of advice: the four ways to name it, and databases to return to."""

import re
import shutil
import tempfile
from pathlib import Path

import psycopg2
import pytest

from .database import Database
from .pasting import folder_on_path
from .relay import Runner

NOWHERE = "host=/nowhere-at-all dbname=none"
SERVICE = "it's a relay"


class SandboxDatabase(Database):
    """The sandbox's database, made anew from its own template."""

    def __init__(self, dsn):
        self.text = dsn
        self._connection = None

    def connect(self, dbname="relay"):
        connection = psycopg2.connect(f"{self.text} dbname={dbname}")
        connection.autocommit = True
        return connection

    def remake(self, template):
        if self._connection is not None:
            self._connection.close()
        connection = self.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS relay WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE relay TEMPLATE {template}")
        connection.close()

    def keep_as(self, name):
        if self._connection is not None:
            self._connection.close()
        connection = self.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE relay")
        connection.close()


class World:
    """One sandbox, four ways to name it, and a folder to work in."""

    def __init__(self, top):
        self.folder = top / "work"
        self.folder.mkdir()
        (top / "state").mkdir()
        env = {"XDG_STATE_HOME": top / "state", "PGSERVICEFILE": top / "services", "PATH": folder_on_path(top / "bin")}
        self.run = Runner(dsn=NOWHERE, env=env, home=top, cwd=self.folder)
        dsn = self.run.json("sandbox", "start")["data"]["dsn"]
        keywords = dict(re.findall(r"(\w+)='?([^' ]+)'?", dsn))
        (top / "services").write_text(f"[{SERVICE}]\n" + "".join(f"{key}={value}\n" for key, value in keywords.items()))
        file = top / "the relay's dsn"
        file.write_text(dsn)
        file.chmod(0o600)
        self.places = [("--service", SERVICE), ("--dsn", dsn), ("--dsn-file", str(file)), ("--sandbox",)]
        self.database = SandboxDatabase(dsn)
        self.database.keep_as("bare")
        self.make_baseline()
        self.database.keep_as("baseline")

    def relay(self, *words, check=0, **options):
        """Runs a command against the sandbox, for its effect."""
        return self.run("--sandbox", *words, check=check, **options)

    def make_baseline(self):
        self.relay("init", "--org-id", "acme", "--org-name", "Acme", "--agent-id", "bot", "--agent-name", "Bot", "--plan", "paid",
                   "--secret-file", "bot.key")  # fmt: skip
        self.relay("org", "create", "small", "--name", "Small")
        self.relay("org", "create", "tiny", "--name", "Tiny", "--plan", "paid", "--max-agents", "1")
        for org in ("small", "tiny"):
            self.relay("agent", "create", f"{org}-1", "--org", org, "--name", "One", "--secret-file", f"{org}.key")
        self.relay("role", "create", "ops", "--org", "acme", "--name", "Ops")
        self.relay("agent", "assign-role", "bot", "ops")

    def destroy(self):
        self.run("sandbox", "destroy", "--yes", check=0)


@pytest.fixture(scope="module")
def world():
    top = Path(tempfile.mkdtemp(prefix="rly-advice-", dir="/tmp"))
    top.chmod(0o755)  # the server may run as another user
    made = World(top)
    yield made
    made.destroy()
    shutil.rmtree(top)
