"""The drill: a live fleet moves from bearer keys to proofs and to Ed25519 while its agents continue to call. No honest call fails.

The gateways are real: one in Python and one in Node, over HTTP on loopback. An impostor has copied bearer keys, a replayer sends again what
it has seen, and the clock of one agent is five minutes off. The fleet has 2,000 agents if RELAY_FAULT_FULL is set, and otherwise fewer."""

import secrets
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from support import sampling
from support.agents import key_hash, key_id
from support.gateways import Gateway, HttpGateway
from support.own_key import KEY_ID_ALPHABET, make_key
from support.processes import wait_until
from support.signed_requests import HOST, Call, keep_nonces, proof, signing, violations

FLEET, CALLERS = 2000 if sampling.FULL else 300, 4
IMPOSTOR, REPLAYER = "127.0.250.1", "127.0.250.2"
FIVE_MINUTES = 300


class Agent:
    """`signers`: how it may call, the newest last; it uses the last one from its next call on. None: with its bearer key."""

    def __init__(self, number):
        self.agent_id, self.key, self.signer = f"agent-{number:04}", make_key(), None
        seed, identity = secrets.token_bytes(32), "".join(secrets.choice(KEY_ID_ALPHABET) for _ in range(12))
        self.pair = signing.Ed25519(identity, seed)
        self.drift = 0  # seconds by which its clock is wrong

    def call(self, number):
        target = f"/ledger/read?n={number}"
        if self.signer is not None:
            return Call(self.signer, target=target, created=int(time.time()) + self.drift).bytes()
        call = Call(proof(self.key), target=target)
        for name in ("Signature", "Signature-Input", "Content-Digest"):
            call.without(name)
        return call.and_header("Authorization", f"Bearer {self.key}").bytes()


def make_fleet(database):
    agents = [Agent(number) for number in range(FLEET)]
    ids = [agent.agent_id for agent in agents]
    database.execute("INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'test')")
    database.execute(
        "INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)"
        " SELECT id, 'acme', id, '[\"ledger:read\"]', 'test' FROM unnest(%s) AS id", ids,
    )  # fmt: skip
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by)"
        " SELECT k, a, 'acme', h, now() + interval '90 days', 'test' FROM unnest(%s, %s, %s::bytea[]) AS made (k, a, h)",
        [key_id(agent.key) for agent in agents], ids, [key_hash(agent.key) for agent in agents],
    )  # fmt: skip
    keep_nonces(database)
    return agents


def register_public_keys(database, agents):
    database.execute(
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, hash_algorithm, state, confirm_grace, deliver_until, settle_until,"
        " created_by) SELECT k, a, 'acme', h, 'ed25519', 'staged', '1 hour', now(), now(), 'test'"
        " FROM unnest(%s, %s, %s::bytea[]) AS made (k, a, h)",
        [agent.pair.key_id for agent in agents], [agent.agent_id for agent in agents], [agent.pair.key.verify_key.encode() for agent in agents],
    )  # fmt: skip


def send(port, request, source="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as connection:
        connection.sendall(request)
        return int(b"".join(iter(lambda: connection.recv(4096), b"")).split()[1])


class Fleet:
    """Calls: each agent one call after the other, in several threads. `seen` has the last requests, as a thief on the way sees them."""

    def __init__(self, agents, ports, dice):
        self.agents, self.ports, self.dice = agents, ports, dice
        self.calls, self.failures, self.seen, self.lock = 0, [], [], threading.Lock()

    def round(self, agents):
        """One call of each of these agents."""
        waiting = list(agents)
        self.dice.shuffle(waiting)

        def work():
            while True:
                with self.lock:
                    if not waiting:
                        return
                    agent, number = waiting.pop(), self.calls
                    self.calls += 1
                request = agent.call(number)
                status = send(self.ports[number % len(self.ports)], request)
                with self.lock:
                    if status != 200:
                        self.failures.append((agent.agent_id, type(agent.signer).__name__, status))
                    elif agent.signer is not None:
                        self.seen.append(request)

        threads = [threading.Thread(target=work) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Thief(threading.Thread):
    """Sends what `request()` gives, until it ends; `accepted` has the statuses that it got, by the time."""

    def __init__(self, ports, request, address):
        super().__init__(daemon=True)
        self.ports, self.request, self.address = ports, request, address
        self.answers, self.ended = [], threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            request = self.request()
            if request is not None:
                self.answers.append((time.monotonic(), send(self.ports[len(self.answers) % len(self.ports)], request, self.address)))

    def statuses(self, since=0):
        return {status for at, status in self.answers if at >= since}

    def end(self):
        self.ended.set()
        self.join()


@pytest.fixture
def dice():
    return sampling.dice("signing drill")


def test_a_fleet_moves_to_signatures_and_no_honest_call_fails(relay, database, dice):
    agents = make_fleet(database)
    with ExitStack() as stack:
        python = stack.enter_context(HttpGateway(database, env={"GATEWAY_NAMES": HOST}))
        node = stack.enter_context(Gateway("node", database, part="signing", gateway_id="node"))
        node.call("follow")
        ports = [python.port, node.call("serve")["http1"]]
        fleet = Fleet(agents, ports, dice)
        stolen = dice.sample(agents, 20)  # their bearer keys were copied
        impostor = Thief(ports, lambda: bearer_call(dice.choice(stolen)), IMPOSTOR)
        impostor.start()

        # Bearer keys; then agents sign with the key that they have, wave by wave, while others still show it.
        fleet.round(agents[: FLEET // 4])
        relay("policy", "set", "--org", "acme", "--signing", "either", "--ticket", "MOVE-7", check=0)
        for wave in range(4):
            for agent in agents[wave::4]:
                agent.signer = proof(agent.key)
            fleet.round(agents[wave::4] + dice.sample(agents, FLEET // 40))
        assert impostor.statuses() == {200}, "a copied key is as good as the key"

        # Now only signatures.
        relay("policy", "set", "--org", "acme", "--signing", "required", "--ticket", "MOVE-7", check=0)
        wait_until(lambda: {send(port, bearer_call(stolen[0]), IMPOSTOR) for port in ports} == {401}, what="the gateways to have read it")
        required_at, fleet.seen = time.monotonic() + 0.5, []
        fleet.round(agents[:50])  # their nonces are taken
        replayer = Thief(ports, lambda: dice.choice(fleet.seen[-200:]) if fleet.seen else None, REPLAYER)
        replayer.start()

        # Public keys, while proofs are accepted.
        register_public_keys(database, agents)
        fleet.round(dice.sample(agents, FLEET // 10))
        for wave in range(2):
            for agent in agents[wave::2]:
                agent.signer = agent.pair
            fleet.round(agents[wave::2] + dice.sample(agents, FLEET // 40))

        # The clock of an agent is wrong, and is put right.
        slow = agents[7]
        slow.drift = -FIVE_MINUTES
        assert [send(port, slow.call(0)) for port in ports] == [401, 401]
        slow.drift = -30
        fleet.round([slow])

        wait_until(lambda: len(replayer.answers) >= 10, what="some replays")
        impostor.end()
        replayer.end()
        check(database, fleet, impostor.statuses(required_at), replayer)


def bearer_call(agent):
    """The call of someone who has copied the key of an agent."""
    copy = Agent.__new__(Agent)
    copy.key, copy.signer = agent.key, None
    return copy.call(0)


def check(database, fleet, impostor, replayer):
    assert fleet.failures == [] and fleet.calls > 2.4 * FLEET
    assert impostor == {401} and replayer.statuses() == {401} and len(replayer.answers) >= 10
    assert set(violations(database)) == {"signature_required", "replayed", "too_old"}
    states = database.rows("SELECT hash_algorithm, state, count(*)::int AS keys FROM relay.agent_keys GROUP BY 1, 2 ORDER BY 1, 2")
    assert [tuple(row.values()) for row in states] == [("ed25519", "active", FLEET), ("sha256d", "retiring", FLEET)]
    thieves = database.rows("SELECT DISTINCT host(ip_address) AS ip FROM relay.recorded_events WHERE reason IN ('signature_required', 'replayed')")
    assert {row["ip"] for row in thieves} >= {IMPOSTOR, REPLAYER}
    print(f"{fleet.calls} calls, {len(replayer.answers)} replays")
