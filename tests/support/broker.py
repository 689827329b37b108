"""A private RabbitMQ: a broker of the test alone, on loopback, with its own home, its own cookie and its own epmd."""

import random
import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import pika

from . import processes
from .account import as_server_account, server_environment, short_folder

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on the PATH runs as the user rabbitmq only
SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users.guest = true
log.console = true
log.file = false
"""


def quiet_port():
    """A free port of 127.0.0.1 that no one gets for an outgoing connection: the broker takes seconds until it listens."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(first // 2, first)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Broker:
    """Listens on 127.0.0.1:`port`; `url` is for clients. Queues and persistent messages survive `restart`. A context manager."""

    def __init__(self):
        self.folder = short_folder("rly-mq-")
        self.port, self.names_port, self.cluster_port = quiet_port(), quiet_port(), quiet_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        (self.folder / "rabbitmq.conf").write_text(SETTINGS.format(port=self.port))
        (self.folder / "plugins").write_text("[].\n")
        self.environment = {
            **server_environment(),
            "HOME": str(self.folder),  # the cookie is made there
            "RABBITMQ_NODENAME": f"rly{self.port}@localhost",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self.cluster_port),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        self.names = self.server = None
        self.begin = 0  # of what the server says, in its output

    def __enter__(self):
        try:
            # If none answers, Erlang starts an epmd that outlives it.
            self.names = self._run(["epmd", "-address", "127.0.0.1", "-port", str(self.names_port)])
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _run(self, argv):
        with open(self.folder / "output", "ab") as output:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/",
                                    env=self.environment, **as_server_account())  # fmt: skip

    def _start(self):
        self.begin = (self.folder / "output").stat().st_size
        self.server = self._run([str(SERVER)])
        # Erlang needs 5 s of CPU for it, which is a minute and more on a busy machine.
        processes.wait_until(self._has_started, timeout=4 * processes.LONG, what="the broker to start")

    def _has_started(self):
        said = (self.folder / "output").read_bytes()[self.begin :].decode("utf-8", "replace")
        for process in (self.names, self.server):
            if process.poll() is not None:
                raise RuntimeError(f"the broker ended: {said[-3000:]}")
        return "Server startup complete" in said

    def connect(self):
        """A connection of pika, which one thread may use."""
        return pika.BlockingConnection(pika.URLParameters(self.url))

    @contextmanager
    def channel(self):
        """A channel on a new connection."""
        connection = self.connect()
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def declare(self, *names):
        """Makes durable queues."""
        with self.channel() as channel:
            for name in names:
                channel.queue_declare(name, durable=True)

    def publish(self, queue, body):
        """Puts a message into a queue that exists, so that it survives a restart; returns when the broker has it."""
        with self.channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)

    def ready(self, queue):
        """How many messages wait that no consumer has."""
        with self.channel() as channel:
            return channel.queue_declare(queue, passive=True).method.message_count

    def consumers(self, queue):
        """How many take messages from it."""
        with self.channel() as channel:
            return channel.queue_declare(queue, passive=True).method.consumer_count

    def restart(self):
        """Ends it orderly and starts it again: clients lose their connections."""
        self._end(self.server)
        self._start()

    @staticmethod
    def _end(process):
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(processes.LONG)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __exit__(self, *_):
        self._end(self.server)
        self._end(self.names)
        shutil.rmtree(self.folder, ignore_errors=True)
