"""A fleet with one shared secret, and the relays that it calls: real HTTP on loopback, the calls of an agent one after the other."""

import random
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Optional

SECRET = "correct horse battery staple"
PERMISSION = "ledger:read"


@dataclass
class Agent:
    """One agent: `patience` is the number of calls that it makes before it looks for a key that was sent to it (None:
    never)."""

    agent_id: str
    org_id: str
    owner: str
    wave: int
    address: str  # it calls from here
    patience: Optional[int]
    key: Optional[str] = None  # sent to it, maybe not yet taken
    uses_key: bool = False
    proven: bool = False
    on_call: bool = True  # whether the fleet makes it call
    calls: int = 0


def make_agents(dice, count, orgs=("north", "south"), never=0.03):
    """Agents of two waves; each `owner` has a few dozen."""
    made = []
    for number in range(count):
        org = orgs[number % len(orgs)]
        made.append(
            Agent(
                agent_id=dice.choice(("agent-", "Agent.", "svc_")) + f"{number:05}",
                org_id=org,
                owner=f"{org}-team-{number % 23}",
                wave=1 + dice.randrange(2),
                address=f"127.0.{1 + number % 200}.{1 + number // 200}",
                patience=None if dice.random() < never else dice.randrange(3),
            )
        )
    return made


class OldRelay:
    """The old relay: it accepts any caller that shows the shared secret, as the agent that it claims to be."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                knows = self.headers.get("Authorization") == f"Bearer {SECRET}" and self.headers.get("X-Agent-Id")
                self.send_response_only(200 if knows else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Line:
    """Connections that are kept: one for each relay and source address that was used last."""

    def __init__(self):
        self._sockets = {}

    def call(self, port, agent_id, credential, *, trace="", address="127.0.0.1", org_id=None):
        """The HTTP status of one call."""
        connection = self._sockets.get((port, address))
        if connection is None:
            if len(self._sockets) > 30:
                self.close()
            connection = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[(port, address)] = connection
        lines = [
            f"POST /{PERMISSION.replace(':', '/')} HTTP/1.1",
            "Host: relay",
            f"Authorization: Bearer {credential}",
            f"X-Agent-Id: {agent_id}",
            f"X-Request-Id: {trace}",
            "Content-Length: 2",
        ]
        if org_id is not None:
            lines.append(f"X-Org-Id: {org_id}")
        connection.sendall("\r\n".join([*lines, "", "{}"]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"done\n" if b"Length: 5\r" in answer else b"\r\n\r\n"):
            more = connection.recv(4096)
            if not more:
                raise ConnectionError(f"the relay hung up: {answer!r}")
            answer += more
        return int(answer.split(b" ", 2)[1])

    def close(self):
        for connection in self._sockets.values():
            connection.close()
        self._sockets = {}


@dataclass
class Refusal:
    """An honest call that was refused."""

    agent: Agent
    credential: str  # "key" or "secret"
    status: object
    trace: str


@dataclass
class Fleet:
    """Makes its agents call, again and again, in an order that changes, until the block is left. `ports`: where the relay of
    each wave is."""

    agents: list
    ports: dict
    dice: random.Random
    callers: int = 8
    pause: float = 0.01  # of each caller, between two calls
    resting: float = 0.0  # the share of the agents on their own key that is silent in a round
    secret_is_closed: bool = False  # from then on, callers that still show the secret may be refused
    refusals: list = field(default_factory=list)
    last_by_secret: float = 0.0  # when the last call began that was accepted by the secret: time.time()

    def __enter__(self):
        self._stop = threading.Event()
        self._rounds = [0] * self.callers
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.callers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        line, mine = Line(), self.agents[number :: self.callers]
        dice = random.Random(f"{self.dice.random()}{number}")
        try:
            while not self._stop.is_set():
                for agent in dice.sample(mine, len(mine)):
                    if self._stop.is_set():
                        return
                    if agent.on_call and not (agent.proven and dice.random() < self.resting):
                        self._call(line, agent)
                        time.sleep(self.pause)
                self._rounds[number] += 1
        except BaseException as error:
            self.refusals.append(Refusal(self.agents[number], "line", repr(error), ""))
            raise
        finally:
            line.close()

    def _call(self, line, agent):
        if agent.key and not agent.uses_key and agent.patience is not None:
            agent.patience -= 1
            agent.uses_key = agent.patience < 0
        used = "key" if agent.uses_key else "secret"
        agent.calls += 1
        trace, began = f"{agent.agent_id}/{agent.calls}", time.time()
        closed = self.secret_is_closed
        credential = agent.key if agent.uses_key else SECRET
        try:
            # Like a host with many agents: a connection for each address would be as many connections as agents.
            status = line.call(self.ports[agent.wave], agent.agent_id, credential, trace=trace, org_id=agent.org_id)
        except OSError as error:
            status = repr(error)
        if status != 200:
            closed = (closed or self.secret_is_closed) and used == "secret" and status == 401
            if agent.on_call and not closed:
                self.refusals.append(Refusal(agent, used, status, trace))
        elif used == "key":
            agent.proven = True
        else:
            self.last_by_secret = max(self.last_by_secret, began)

    def wait_for_rounds(self, count=1, timeout=60):
        """Waits until each agent has called `count` times more."""
        before, deadline = list(self._rounds), time.monotonic() + timeout
        while any(now <= then + count for now, then in zip(self._rounds, before)):
            self.check()
            if time.monotonic() > deadline or not all(thread.is_alive() for thread in self._threads):
                raise TimeoutError(f"rounds: {self._rounds}, before: {before}")
            time.sleep(0.02)

    def check(self, database=None):
        """Fails if an honest call was refused, with what the database says of it."""
        if not self.refusals:
            return
        first = self.refusals[0]
        reason = database and database.rows(
            "SELECT action, reason, detail FROM relay.recorded_events WHERE trace_id = %s", first.trace
        )
        raise AssertionError(f"{len(self.refusals)} honest calls were refused; the first: {first} {reason or ''}")

    def send_keys(self, keys):
        """Sends each agent its key: {agent id: key}."""
        for agent in self.agents:
            agent.key = agent.key or keys.get(agent.agent_id)

    @property
    def calls(self):
        """How many were made."""
        return sum(agent.calls for agent in self.agents)
