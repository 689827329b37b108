"""A PgBouncer in front of one database."""

import shutil
import subprocess
from pathlib import Path

import psycopg2

from . import processes
from .account import as_server_account, server_environment, short_folder
from .binaries import tool
from .cluster import free_port


class PgBouncer:
    """Listens on 127.0.0.1; few server connections, so that clients really share them. A context manager."""

    def __init__(self, database, *, users=("postgres",), pool_size=1, mode="transaction", settings=()):
        self.database = database
        self.host, self.port = "127.0.0.1", free_port()
        self.folder = short_folder("rly-pb-")
        cluster = database.cluster
        (self.folder / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        (self.folder / "ini").write_text(
            f"[databases]\n{database.name} = host={cluster.host} port={cluster.port} dbname={database.name}\n"
            f"[pgbouncer]\nlisten_addr = {self.host}\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = trust\n"
            f"auth_file = {self.folder}/users\npool_mode = {mode}\ndefault_pool_size = {pool_size}\n"
            + "".join(f"{line}\n" for line in settings)
        )
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [_program(), "-q", self.folder / "ini"],
            stdin=subprocess.DEVNULL,
            stdout=open(self.folder / "log", "wb"),
            stderr=subprocess.STDOUT,
            env=server_environment(),
            **as_server_account(),
        )
        processes.wait_until(self._answers, what="PgBouncer to answer")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended: {(self.folder / 'log').read_text()}")
        try:
            psycopg2.connect(host=self.host, port=self.port, dbname="pgbouncer", user="pgbouncer").close()
            return True
        except psycopg2.OperationalError as error:
            return "refused" not in str(error)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def _program():
    """Debian puts it in sbin, which is not on an ordinary user's PATH."""
    sbin = Path("/usr/sbin/pgbouncer")
    return sbin if sbin.exists() else tool("pgbouncer")
