"""A private PostgreSQL: its own data, its own unix socket in a short temporary folder, on request a loopback TCP port.

A cluster that cannot be made is an error. It is stopped by its process id, and everything of it is removed, even if the
test process is killed."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psycopg2
import psycopg2.extensions

from . import initdb, kept, processes
from .account import as_server_account, quick_place, server_environment, short_folder
from .binaries import postgres_bin

FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # files in its data folder, so that a server that was killed leaves none elsewhere
    "max_connections": "60",
    "max_wal_senders": "6",
    "wal_level": "replica",
    "wal_keep_size": "1GB",  # a standby that a test stopped finds everything that it missed
    "autovacuum": "off",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d/%a ",
    "unix_socket_permissions": "0777",
}

# Huge pages for each process's own memory. That saves a quarter of the page faults of a command's session, which are dear in a virtual
# machine.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

TRUST_HBA = (
    "local all all trust",
    "local replication all trust",
    "host all all 127.0.0.1/32 trust",
)


def free_port():
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def release_segment(data):
    """Removes the System V segment by which a server keeps others away from its data, and which it leaves if it is killed."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        segment = (data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        subprocess.run(["ipcrm", "-m", segment], stderr=subprocess.DEVNULL, check=False)


class Server:
    """One postgres process over one data folder, with its own socket folder; base of a cluster and of a standby."""

    def __init__(self, *, tcp=False, settings=None, hba=(), log_statements=False, name="node"):
        self.name = name
        settings = settings or {}
        self.folder = short_folder(place="/tmp" if settings.get("fsync") == "on" else quick_place())
        self.data = self.folder / "data"
        self.log_path = self.folder / "log"
        self.host = str(self.folder)
        self.tcp_host = "127.0.0.1" if tcp else None
        self.port = free_port() if tcp else 5432
        self.settings = {**FAST_SETTINGS, **settings}
        if log_statements:
            self.settings.update({"log_statement": "all", "log_min_duration_statement": "-1"})
        self.hba = (*hba, *TRUST_HBA)
        self.environment = {**HUGE_PAGES, **self._quick_exit()}  # more for the server's own, from its next start on
        self.process = None
        self._dog = processes.watchdog(self.data, self.folder)
        atexit.register(self.remove)

    @property
    def socket_path(self):
        """The unix socket itself, for a proxy to connect to."""
        return f"{self.host}/.s.PGSQL.{self.port}"

    def write_hba(self, lines):
        """Replaces pg_hba.conf by `lines` (first match wins); a running server reads it again."""
        (self.data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        if self.is_running():
            self.reload()

    def start(self, *, wait=True):
        """Starts postgres; returns when it answers. A TCP port that was taken meanwhile is replaced by another."""
        if self.is_running():
            return self
        self.write_hba(self.hba)
        for attempt in range(5):
            self._launch()
            if not wait:
                return self
            try:
                processes.wait_until(self._answers_or_died, timeout=60, step=0.02, what=f"PostgreSQL in {self.data}")
            except TimeoutError:
                self.kill()
                raise RuntimeError(f"PostgreSQL did not come up:\n{self.log()[-4000:]}") from None
            if self.is_running():
                return self
            if self.tcp_host and "could not bind" in self.log() and attempt < 4:
                self.port = free_port()
                continue
            break
        raise RuntimeError(f"PostgreSQL ended at its start:\n{self.log()[-4000:]}")

    def _launch(self):
        options = {**self.settings, "unix_socket_directories": self.host, "port": str(self.port)}
        options["listen_addresses"] = self.tcp_host or ""
        argv = [str(postgres_bin() / "postgres"), "-D", str(self.data)]
        for key, value in options.items():
            argv += ["-c", f"{key}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={**server_environment(), **self.environment},
                **as_server_account(),
            )

    def _quick_exit(self):
        """Makes the server's processes end quickly (quick_exit.cpp), if that is built, from a folder that its account can read."""
        built = Path(os.environ.get("RELAY_BUILD_DIR", "/nonexistent")) / "tests" / "libquick_exit.so"
        if not built.exists():
            return {}
        shutil.copy(built, self.folder)
        return {"LD_PRELOAD": os.fspath(self.folder / built.name)}

    def _answers_or_died(self):
        if self.process.poll() is not None:
            return True
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def is_running(self):
        """True while our postgres process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self, mode="fast", timeout=60):
        """Stops it: `fast` disconnects clients, `immediate` is a crash with a recovery at the next start."""
        if not self.is_running():
            return
        self.process.send_signal({"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """kill -9 of the server and of all its backends, as a power cut would do."""
        if self.process is None:
            return
        backends = processes.children_of(self.process.pid)
        if self.is_running():
            self.process.kill()
        for pid in backends:
            processes.kill(pid)
        self.process.wait(timeout=20)
        processes.wait_until(lambda: not any(map(processes.is_alive, backends)), what="the backends to be gone")

    def kill_backend(self, pid):
        """kill -9 of one backend: the server ends all other sessions and recovers. A busy server notices late, and until then
        answers as if nothing had happened. So another session waits until the server ends it."""

        def is_thrown_out():
            try:
                witness.cursor().execute("SELECT 1")
            except psycopg2.DatabaseError:
                return True
            return False

        with contextlib.closing(self.connect()) as witness:
            processes.kill(pid)
            processes.wait_until(is_thrown_out, what="the server to notice")

    def restart(self, mode="fast"):
        """Stops and starts it again, on the same port."""
        self.stop(mode)
        return self.start()

    def reload(self):
        """Makes the server read pg_hba.conf and its settings again; returns when it has."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_conf_load_time()")
            before = cursor.fetchone()[0]
            self.process.send_signal(signal.SIGHUP)

            def has_reloaded():
                cursor.execute("SELECT pg_conf_load_time()")
                return cursor.fetchone()[0] != before

            processes.wait_until(has_reloaded, what="the server to read its settings again")
        connection.close()

    def remove(self):
        """Stops it and removes all that it left; safe to call twice."""
        if self._dog is None:
            return
        if self.is_running():
            self.stop("immediate", timeout=10)
        release_segment(self.data)
        processes.dismiss(self._dog)
        self._dog = None
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.remove)

    def dsn(self, dbname="postgres", *, user="postgres", tcp=False, password=None, **more):
        """A libpq conninfo string for this server; more keywords may be given (`sslmode="disable"`)."""
        words = {"host": self.tcp_host if tcp else self.host, "port": self.port, "dbname": dbname, "user": user}
        if password is not None:
            words["password"] = password
        return psycopg2.extensions.make_dsn(**{**words, **more})

    def connect(self, dbname="postgres", *, user="postgres", autocommit=True, **more):
        """A psycopg2 connection to this server."""
        connection = psycopg2.connect(self.dsn(dbname, user=user, **more), connection_factory=_Connection)
        connection.autocommit = autocommit
        return connection

    def query(self, sql, parameters=None, *, dbname="postgres", user="postgres"):
        """Runs one statement on its own connection; returns its rows, or [] if it gives none."""
        connection = self.connect(dbname, user=user)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def log(self):
        """All that the server has written so far."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()


class _Connection(psycopg2.extensions.connection):
    """A connection whose locks are free when close() returns. A server notices a closed connection only some time later."""

    def close(self):
        if not self.closed:
            with contextlib.suppress(psycopg2.Error):
                self.rollback()
        super().close()


class Cluster(Server):
    """A primary with its databases, logins and standbys."""

    def __init__(self, *, data=None, **options):
        """`data`: what to begin with, instead of what initdb makes; see kept.copy()."""
        super().__init__(**options)
        self.standbys = []
        self.templates = set()  # the names of databases that are ready to be copied
        self._logins = set()
        self._upkeep = None
        kept.copy(data or initdb.template(), self.data)

    def has_database(self, name):
        """True if there is a database of this name."""
        return self._keep_up("SELECT count(*) FROM pg_database WHERE datname = %s", (name,)) == [(1,)]

    def create_database(self, name, template="template0"):
        """Makes a database as a copy of `template`."""
        major = int((self.data / "PG_VERSION").read_text())
        strategy = "STRATEGY FILE_COPY" if major >= 15 else ""  # before, it is the only way
        self._keep_up(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')

    def drop_database(self, name):
        """Drops a database, and ends the sessions that are still connected to it."""
        self._keep_up(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _keep_up(self, sql, parameters=None):
        """One statement about databases. All of them share one connection: a new one costs as much as a new database."""
        try:
            return self._run_upkeep(sql, parameters)
        except psycopg2.Error as error:
            if error.pgcode is not None and not error.pgcode.startswith("57P"):
                raise
            # The connection is lost: the server was restarted, or has crashed, meanwhile.
            if self._upkeep is not None:
                self._upkeep.close()
            processes.wait_until(self._answers_or_died, what="the server to answer again")
            return self._run_upkeep(sql, parameters)

    def _run_upkeep(self, sql, parameters):
        if self._upkeep is None or self._upkeep.closed:
            self._upkeep = self.connect()
        with self._upkeep.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def stop(self, mode="fast", timeout=60):
        if self._upkeep is not None:
            self._upkeep.close()  # `smart` waits for all sessions
        super().stop(mode, timeout)

    def login(self, name, *, member_of=(), password=None):
        """A LOGIN role, no superuser, in the given groups only; made once, returned by name."""
        if name not in self._logins:
            connection = self.connect()
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE ROLE "{name}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE')
                if password is not None:
                    cursor.execute(f'ALTER ROLE "{name}" PASSWORD %s', (password,))
                for group in [member_of] if isinstance(member_of, str) else member_of:
                    cursor.execute(f'GRANT "{group}" TO "{name}"')
            connection.close()
            self._logins.add(name)
        return name

    def backends(self, dbname, *, application=None):
        """The process ids of the client backends of a database."""
        rows = self.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND (%s::text IS NULL OR application_name = %s)",
            (dbname, application, application),
        )
        return [pid for (pid,) in rows]

    def make_standby(self, *, sync=False, name="standby1", commit="on", **options):
        """A streaming standby, started. `sync`: every COMMIT here then waits for it (synchronous_commit = `commit`)."""
        from .standby import Standby

        standby = Standby(self, name=name, **options).start()
        self.standbys.append(standby)
        standby.wait_streaming()
        if sync:
            self.require_standby(name, commit=commit)
        return standby

    def require_standby(self, name, *, commit="on"):
        """Makes each COMMIT wait for the standby `name`; with None, for no standby."""
        wanted = f"FIRST 1 ({name})" if name else ""
        connection = self.connect()
        with connection.cursor() as cursor:
            # Each of these commits locally: a dead standby must not hold up the switch back.
            cursor.execute("SET synchronous_commit = local")
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = %s", (wanted,))
            cursor.execute("ALTER SYSTEM SET synchronous_commit = %s", (commit,))
        connection.close()
        self.reload()
        if name:
            sql = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND sync_state = 'sync'"
            processes.wait_until(lambda: self.query(sql, (name,)), what=f"{name} to be the synchronous standby")

    def remove(self):
        for standby in self.standbys:
            standby.remove()
        self.standbys = []
        super().remove()
