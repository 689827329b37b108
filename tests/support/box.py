"""A sandbox for a test: its own state home, and the program run by the user who owns it."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import pytest

from . import contract

AS_ROOT = os.geteuid() == 0
NOBODY = 65534


def server_user():
    """The user that runs the server when root runs the tests."""
    found = subprocess.run(["id", "-u", "postgres"], capture_output=True, text=True, check=False)
    return int(found.stdout.strip() or NOBODY)


class Box:
    """A separate state home, and the program run by the user who owns it."""

    def __init__(self, top, user):
        self.top = top
        self.user = user
        self.program = top / "relay-admin"
        shutil.copy(os.environ["RELAY_ADMIN"], self.program)  # the build tree may be closed to other users
        self.state = top / "state"
        self.state.mkdir()
        if user is not None:
            os.chown(self.state, user, user)
        self.short = top / "tmp"  # for a socket whose path would be too long
        self.short.mkdir()
        self.short.chmod(0o1777)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(top), "XDG_STATE_HOME": str(self.state), "TMPDIR": str(self.short)}

    def with_(self, **env):
        """The same box with other variables (None removes one); nothing of it is removed at the end."""
        made = Box.__new__(Box)
        made.__dict__ |= self.__dict__
        made.env = {name: str(value) for name, value in {**self.env, **env}.items() if value is not None}
        return made

    @property
    def folder(self):
        return Path(self.env["XDG_STATE_HOME"]) / "relay-admin" / "sandbox"

    def _identity(self):
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}

    def popen(self, *words, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen([self.program, *words], env=self.env, cwd="/", text=True, **self._identity(), **options)

    def run(self, *words, expect=0, **options):
        with self.popen(*words, **options) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == expect, f"{words}: {process.returncode}\n{out}\n{err}"
        contract.check_run(words, process.returncode, out, err)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def json(self, *words, **options):
        done = self.run("sandbox", *words, "-o", "json", **options)
        return json.loads(done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1])

    def status(self):
        return self.json("status")["data"]

    def query(self, sql):
        connection = psycopg2.connect(self.status()["dsn"])
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()


EACH_USER = ["root", "ordinary user"] if AS_ROOT else ["ordinary user"]
# For tests of privileges, ownership or signals; for others, one of the users is enough.
each_user = pytest.mark.parametrize("box", EACH_USER, indirect=True)


@pytest.fixture
def box(request):
    top = Path(tempfile.mkdtemp(prefix="box", dir="/tmp"))
    top.chmod(0o755)
    made = Box(top, NOBODY if AS_ROOT and getattr(request, "param", "") != "root" else None)
    try:
        yield made
    finally:
        made.run("sandbox", "destroy", "--yes")
        left = [str(path) for path in made.state.rglob("*") if "relay-admin" in str(path.relative_to(made.state))]
        sockets = os.listdir(made.short)
        shutil.rmtree(top)
    assert left == []
    assert sockets == []
