"""A PostgreSQL proxy that does harm at a chosen message: cuts, swallows, delays, or runs something while it waits.

Messages are counted by direction ("F" from the client, "B" from the server) from 1 for each connection, and connections
are counted from 1: a fault can hit the first connection while the later ones, which settle it, pass.
"""

import os
import select
import socket
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Optional

from .wire import BACKEND, FRONTEND, Framer, Message, backend_pid

BEFORE, MIDDLE, AFTER = "before", "middle", "after"


@dataclass(frozen=True)
class Answer:
    """Parts, bytes, that the client gets instead of the server's answer, up to and with its ReadyForQuery.

    The server does what it was asked to. `parts` may have no end: they are sent until the client hangs up."""

    parts: Callable[[], Iterable[bytes]]


@dataclass
class Fault:
    """A fault: what happens, and at which message.

    The place: `direction` and `number`, or `match`, a predicate over Message; on connection `connection` (None: each).
    `when`: before the message is forwarded, after it, or in its middle (half of its bytes are forwarded).
    `do`: "fin" or "rst" end the connection to the client that way (the server sees an orderly end, and reads what was
    forwarded); "swallow" drops everything from the server from then on, and "deaf" both directions, without a word;
    a number delays by that many seconds; an Answer replaces what the server answers; a callable gets the message and
    may do anything.
    """

    do: object
    direction: Optional[str] = None
    number: Optional[int] = None
    match: Optional[Callable[[Message], bool]] = None
    when: str = BEFORE
    connection: Optional[int] = 1
    fired: int = 0

    def hits(self, message):
        """True when `message` is the place."""
        if self.connection is not None and message.connection != self.connection:
            return False
        if self.direction is not None and message.direction != self.direction:
            return False
        if self.number is not None and message.number != self.number:
            return False
        return self.match is None or self.match(message)


def commit(message):
    """For Fault(match=...): the client sends COMMIT."""
    return message.direction == FRONTEND and message.is_commit


def answer_to_commit(message):
    """For Fault(match=...): the server says that it has committed."""
    return message.direction == BACKEND and message.name == "CommandComplete" and message.payload.startswith(b"COMMIT")


class _Pair:
    """A client connection and its server connection, served by one thread: so close() takes effect immediately."""

    def __init__(self, proxy, number, client):
        self.proxy = proxy
        self.number = number
        self.client = client
        self.server = proxy.connect_upstream()
        self.pid = None
        self.swallow = {FRONTEND: False, BACKEND: False}
        self.ended = False
        self._instead = None
        self._framers = {FRONTEND: Framer(number, FRONTEND), BACKEND: Framer(number, BACKEND)}
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        """Forwards until both sides are done. After `end`, the server is still read to the end, so it sees no reset."""
        open_sides = {self.client: FRONTEND, self.server: BACKEND}
        while open_sides:
            try:
                ready, _, _ = select.select(list(open_sides), [], [])
            except (OSError, ValueError):
                break
            for side in ready:
                direction = open_sides.get(side)
                if direction is None:
                    continue
                if self._read(side, direction):
                    if self.ended:
                        open_sides.pop(self.client, None)
                    continue
                del open_sides[side]
                if direction == FRONTEND:
                    self._finish_writing(self.server)
                elif not self.swallow[BACKEND]:
                    self.end("fin")
                    open_sides.pop(self.client, None)
        self.client.close()
        self.server.close()

    def _read(self, side, direction):
        """One recv and what follows from it; False at the end of the stream."""
        try:
            data = side.recv(65536)
        except OSError:
            return False
        for message in self._framers[direction].feed(data):
            try:
                self._handle(message)
            except OSError:  # the receiver is gone: its data is lost, the other direction continues
                continue
        return bool(data)

    def _handle(self, message):
        target = self.server if message.direction == FRONTEND else self.client
        if message.name == "EncryptionRequest":
            self.client.sendall(b"N")
            return
        if self.ended:
            return
        if message.name == "BackendKeyData":
            self.pid = backend_pid(message)
        self.proxy.note(message)
        if self.swallow[message.direction]:
            return
        if self._instead and message.direction == BACKEND:
            if message.name == "ReadyForQuery":
                answer, self._instead = self._instead, None
                for part in answer.parts():
                    self.client.sendall(part)
            return
        fault = self.proxy.fault_for(message)
        if fault is None:
            target.sendall(message.raw)
            return
        if fault.when == MIDDLE:
            target.sendall(message.raw[: len(message.raw) // 2])
        elif fault.when == AFTER:
            target.sendall(message.raw)
        self._do(fault.do, message)
        if fault.when == BEFORE and not self.ended and not self.swallow[message.direction]:
            target.sendall(message.raw)

    def _do(self, action, message):
        if action in ("fin", "rst"):
            self.end(action)
        elif action == "swallow":
            self.swallow[BACKEND] = True
        elif isinstance(action, Answer):
            self._instead = action
        elif action == "deaf":
            self.swallow[BACKEND] = self.swallow[FRONTEND] = True
        elif callable(action):
            action(message)
        else:
            time.sleep(action)

    def end(self, how):
        """Ends the client's connection by FIN or RST, and the server's in order: it reads everything that was sent."""
        if self.ended:
            return
        self.ended = True
        if how == "rst":
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.client.close()
        else:
            self._finish_writing(self.client)
        self._finish_writing(self.server)

    @staticmethod
    def _finish_writing(sock):
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        """Ends both connections; called by the thread that runs the test."""
        for sock in (self.client, self.server):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(5)


class Proxy:
    """Listens on 127.0.0.1, or with `unix=True` on a socket in its own folder, and forwards to `upstream`.

    `upstream`: (host, port) or the path of a socket. As a context manager it is running. `mode` may be changed at any
    time: "forward", "refuse" (ends each new connection immediately), "silent" (accepts, and never answers)."""

    def __init__(self, upstream, *faults, unix=False):
        self.upstream = upstream
        self.faults = list(faults)
        self.mode = "forward"
        self.messages = []
        self.pairs = []
        self.accepted = 0
        self._silent = []
        self._lock = threading.Lock()
        self._folder = None
        self._listener = self._listen(unix)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def _listen(self, unix):
        if not unix:
            listener = socket.create_server(("127.0.0.1", 0))
            self.host, self.port = listener.getsockname()
            return listener
        self._folder = tempfile.mkdtemp(prefix="rly-px-", dir="/tmp")
        self.host, self.port = self._folder, 5432
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{self.host}/.s.PGSQL.{self.port}")
        listener.listen(64)
        return listener

    def dsn(self, database, **more):
        """The conninfo of a support.database.Database, or of a (cluster, name) pair, by way of this proxy."""
        cluster, name = (database.cluster, database.name) if hasattr(database, "cluster") else database
        return cluster.dsn(name, **{"host": self.host, "port": self.port, **more})

    def connect_upstream(self):
        """A new connection to the real server."""
        if isinstance(self.upstream, tuple):
            made = socket.create_connection(self.upstream)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a message is not held up for the next one
            return made
        made = socket.socket(socket.AF_UNIX)
        made.connect(self.upstream)
        return made

    def note(self, message):
        """Adds a message to the log."""
        with self._lock:
            self.messages.append(message)

    def fault_for(self, message):
        """Returns the first fault whose place this is."""
        with self._lock:
            for fault in self.faults:
                if fault.hits(message):
                    fault.fired += 1
                    return fault
        return None

    @property
    def fired(self):
        """How many times a fault has happened so far."""
        return sum(fault.fired for fault in self.faults)

    def backend_pid(self, connection=1):
        """The server's process for a connection; None before the server has sent it."""
        return self.pairs[connection - 1].pid

    def sent(self, direction=None, connection=None):
        """The messages seen so far, of one direction and one connection if given."""
        with self._lock:
            return [
                message
                for message in self.messages
                if direction in (None, message.direction) and connection in (None, message.connection)
            ]

    def bytes_sent(self, direction=None):
        """Returns everything that passed, in one piece: to search it for texts that must never be on the wire."""
        return b"".join(message.raw for message in self.sent(direction))

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.mode == "silent":
                self._silent.append(client)
                continue
            try:
                if self.mode == "refuse":
                    raise OSError("refused by the test")
                if client.family == socket.AF_INET:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = _Pair(self, len(self.pairs) + 1, client)
            except OSError:  # the server is down: the kernel would refuse, too
                client.close()
                continue
            self.pairs.append(pair)
            pair.thread.start()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # close() alone does not wake a thread in accept().
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(5)
        for pair in self.pairs:
            pair.close()
        for client in self._silent:
            client.close()
        if self._folder:
            os.unlink(f"{self.host}/.s.PGSQL.{self.port}")
            os.rmdir(self._folder)
