"""A person with a sandbox, a service file and a password file in the usual places: a test must not find them."""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2

from . import binaries, processes


class Newcomer:
    """A throw-away home folder, as it is after the sandbox was started in there. Everything that `env` says leads to that sandbox."""

    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="rly-newcomer-", dir="/tmp"))
        self.home.chmod(0o711)  # so that the default place of the sandbox is in there for root, too
        self.folder = self.home / ".local/state/relay-admin/sandbox"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GIT_CONFIG_GLOBAL"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    @property
    def key_file(self):
        """Where cli/quickstart puts the key when there is no terminal."""
        return self.folder.parent / "payment-processor.key"

    def run(self, *words, stdin=""):
        """Runs relay-admin as this person does; returns its document."""
        command = [binaries.relay_admin(), *words, "-o", "json"]
        options = {"env": self.env, "cwd": self.home, "input": stdin, "timeout": 180}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def settle(self):
        """Makes services, passwords and every variable of this person lead to the sandbox."""
        sandbox = self.run("sandbox", "status")["data"]
        assert sandbox["folder"] == str(self.folder) and sandbox["state"] == "running"
        place = {"host": sandbox["socket_dir"], "port": "5432", "dbname": "relay", "user": "relay"}
        lines = "\n".join(f"{name}={value}" for name, value in place.items())
        (self.home / ".pg_service.conf").write_text(f"[newcomer]\n{lines}\n")
        (self.home / ".pgpass").write_text("*:*:*:*:newcomer\n")
        (self.home / ".pgpass").chmod(0o600)
        self.env |= {
            "PGHOST": place["host"],
            "PGPORT": place["port"],
            "PGDATABASE": place["dbname"],
            "PGUSER": place["user"],
            "PGSERVICE": "newcomer",
            "PGSERVICEFILE": str(self.home / ".pg_service.conf"),
            "PGPASSFILE": str(self.home / ".pgpass"),
            "RELAY_ADMIN_DSN": sandbox["dsn"],
            "RELAY_ADMIN_OUTPUT": "id",
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "SUDO_USER": "newcomer",
            "AGENT_SECRET": "newcomer",
        }

    def _connect(self):
        connection = psycopg2.connect(host=str(self.folder / "socket"), port=5432, dbname="relay", user="relay")
        connection.autocommit = True
        return connection

    def execute(self, sql):
        """Runs a statement in the sandbox, past the program."""
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def _log(self):
        return (self.folder / "server.log").read_text("utf-8", "replace")

    def watch(self):
        """Makes the server log every connection; from now on, `traces` reports what has changed."""
        connection = self._connect()
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET log_connections = on")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()

        def is_written_down():
            self._connect().close()
            return "connection authorized" in self._log()

        processes.wait_until(is_written_down, timeout=60, what="the server to write down who connects")
        self._log_before = len(self._log())
        self._state_before = self._state()

    def _state(self):
        """The server's process and all files but the server's own."""
        pid = (self.folder / "data/postmaster.pid").read_text().split("\n", 1)[0]
        files = (path for path in self.home.rglob("*") if self.folder / "data" not in path.parents)
        return pid, sorted((str(path), path.lstat().st_mtime if path.name != "server.log" else 0) for path in files)

    def traces(self):
        """Returns the traces of any access since `watch`: lines about connections, a different server, files."""
        visits = [line for line in self._log()[self._log_before :].splitlines() if "connection" in line]
        return visits + [repr(both) for both in zip(self._state_before, self._state()) if both[0] != both[1]]

    def remove(self):
        """Ends the server and removes the home folder."""
        if self.folder.exists():
            for name in [name for name in self.env if name.startswith(("PG", "RELAY_ADMIN_"))]:
                del self.env[name]
            self.run("sandbox", "destroy", "--yes")
        shutil.rmtree(self.home)
