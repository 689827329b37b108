"""Three PostgreSQL servers that Patroni manages, with one etcd, all on loopback and under the account of the servers.

Each Patroni reaches etcd through its own wire, which a test can cut: then it is partitioned, and nothing else is."""

import atexit
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from functools import lru_cache

import psycopg2

from . import processes
from .account import as_server_account, server_environment, short_folder
from .binaries import postgres_bin, tool
from .cluster import FAST_SETTINGS, TRUST_HBA, free_port, release_segment
from .unpacked import unpacked

PACKAGES = (
    "etcd-server", "patroni", "python3-cdiff", "python3-click", "python3-dateutil", "python3-dnspython", "python3-etcd",
    "python3-prettytable", "python3-psutil", "python3-six", "python3-urllib3",
)  # fmt: skip
# The smallest that Patroni takes, so that the drill is short: a leader that is gone is replaced after 20 s.
TTL, LOOP_WAIT, RETRY = 20, 1, 3
NODES = 3


@lru_cache(maxsize=None)
def programs():
    """The folder with etcd, Patroni and the modules that it needs."""
    return unpacked("patroni", *PACKAGES)


def start(argv, folder, name):
    """Starts a server in the background; it ends when the tests end, even if they are killed."""
    with open(folder / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            [tool("setpriv"), "--pdeathsig", "KILL", *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**server_environment(), "PYTHONPATH": str(programs() / "usr/lib/python3/dist-packages")},
            **as_server_account(),
        )


class Wire:
    """Passes the bytes of TCP connections on to a port of loopback, until it is cut."""

    def __init__(self, target):
        self.target, self.is_cut, self.ends = target, False, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                if self.listener.fileno() < 0:
                    return
                near.close()
                continue
            for one, other in ((near, far), (far, near)):
                self.ends.add(one)
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            self.ends.discard(end)
            end.close()

    def cut(self):
        """Ends all connections, and refuses new ones until `mend`."""
        self.is_cut = True
        for end in list(self.ends):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.close()


class Node:
    """One PostgreSQL with its Patroni."""

    def __init__(self, number, folder, etcd_port):
        self.name = f"node{number}"
        self.folder, self.data = folder / self.name, folder / self.name / "data"
        self.wire = Wire(etcd_port)
        self.port, self.rest = free_port(), free_port()
        self.process = None
        self.folder.mkdir()
        if owner := as_server_account():
            shutil.chown(self.folder, owner["user"], owner["group"])
        self._dog = processes.watchdog(self.data, self.folder)
        (self.folder / "patroni.json").write_text(json.dumps(self._settings()))

    def _settings(self):
        login = {"username": "postgres", "password": "postgres"}
        parameters = {**FAST_SETTINGS, "unix_socket_directories": str(self.folder), "max_wal_senders": "10"}
        parameters["full_page_writes"] = "on"  # for pg_rewind, by which a former leader can follow
        hba = [*TRUST_HBA, "host replication all 127.0.0.1/32 trust"]
        cluster_wide = {
            "ttl": TTL, "loop_wait": LOOP_WAIT, "retry_timeout": RETRY, "synchronous_mode": True, "check_timeline": True,
            "postgresql": {"use_pg_rewind": True, "remove_data_directory_on_diverged_timelines": True},
        }  # fmt: skip
        return {
            "scope": "drill",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "etcd3": {"hosts": [f"127.0.0.1:{self.wire.port}"], "use_proxies": True},
            "bootstrap": {"dcs": cluster_wide, "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C.UTF-8"}]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.data),
                "bin_dir": str(postgres_bin()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": login, "replication": login},
                "parameters": parameters,
                "pg_hba": hba,
            },
        }

    def start(self):
        """Starts Patroni, which makes or starts its PostgreSQL."""
        main = "import patroni.__main__ as program; program.main()"
        argv = [sys.executable, "-B", "-c", main, self.folder / "patroni.json"]
        self.process = start(argv, self.folder, "patroni")
        return self

    def log(self):
        return (self.folder / "patroni.log").read_text(errors="replace")[-3000:]

    def postmaster(self):
        """The process id of its PostgreSQL; None if there is none."""
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def kill(self):
        """kill -9 of Patroni and PostgreSQL with all its backends, as a power cut would do."""
        for pid in filter(None, (self.process and self.process.pid, self.postmaster())):
            for one in [pid, *processes.children_of(pid)]:
                processes.kill(one)
        if self.process:
            self.process.wait(processes.LONG)
            self.process = None

    def stop(self):
        """Ends Patroni, which stops its PostgreSQL."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        self.kill()
        release_segment(self.data)
        self.wire.close()
        processes.dismiss(self._dog)

    def query(self, sql, parameters=None, *, dbname="postgres"):
        """The rows of one statement, as superuser."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": dbname, "connect_timeout": 5}
        with closing(psycopg2.connect(**where)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []

    def accepts_writes(self):
        try:
            return not self.query("SELECT pg_is_in_recovery()")[0][0]
        except psycopg2.Error:
            return False

    def ask(self, path, document=None):
        """Calls Patroni's own interface; returns (status, text)."""
        data = None if document is None else json.dumps(document).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/{path}", data, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return None, str(error)


class PatroniCluster:
    """A context manager: within it, three nodes run, one of which accepts writes."""

    def __init__(self):
        self.folder = short_folder(prefix="rly-patroni-")
        self.etcd, self.nodes = None, []
        self._dog = processes.watchdog(self.folder / "etcd", self.folder)
        atexit.register(self.close)

    def __enter__(self):
        client, peer = free_port(), free_port()
        urls = {"client": f"http://127.0.0.1:{client}", "peer": f"http://127.0.0.1:{peer}"}
        self.etcd = start(
            [programs() / "usr/bin/etcd", "--name", "only", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
             "--listen-client-urls", urls["client"], "--advertise-client-urls", urls["client"],
             "--listen-peer-urls", urls["peer"], "--initial-advertise-peer-urls", urls["peer"],
             "--initial-cluster", f"only={urls['peer']}"],
            self.folder, "etcd",
        )  # fmt: skip
        self.nodes = [Node(number, self.folder, client).start() for number in range(1, NODES + 1)]
        try:
            processes.wait_until(self.is_whole, step=0.2, timeout=180, what="three nodes, one of them in sync with the leader")
        except TimeoutError as error:
            logs = "\n".join(f"--- {node.name}\n{node.log()}" for node in self.nodes)
            self.close()
            raise RuntimeError(f"{error}\n{logs}") from None
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends everything that it started, and removes its folder."""
        for node in reversed(self.nodes):
            node.stop()
        self.nodes = []
        if self.etcd:
            self.etcd.kill()
            self.etcd.wait()
            self.etcd = None
            processes.dismiss(self._dog)
        shutil.rmtree(self.folder, ignore_errors=True)

    def leader(self):
        """The node that accepts writes; None if there is none now."""
        return next((node for node in self.nodes if node.accepts_writes()), None)

    def switch_over(self):
        """Moves the lead to another node, as planned; returns the former leader."""
        leader = self.leader()
        # Patroni refuses until it has written down which node is in sync.
        processes.wait_until(lambda: leader.ask("switchover", {"leader": leader.name})[0] == 200, step=1, what="a switchover")
        return leader

    def is_whole(self):
        """Whether a leader sends to all others, and commits with one of them."""
        leader = self.leader()
        if leader is None:
            return False
        sql = "SELECT count(*), count(*) FILTER (WHERE sync_state = 'sync') FROM pg_stat_replication WHERE state = 'streaming'"
        return leader.query(sql) == [(NODES - 1, 1)]

    def conninfo(self, dbname):
        """All nodes: the program finds the one that accepts writes."""
        ports = ",".join(str(node.port) for node in self.nodes)
        return f"host={','.join(['127.0.0.1'] * NODES)} port={ports} dbname={dbname} user=postgres sslmode=disable"
