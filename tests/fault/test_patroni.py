"""Agents are made, keys are rotated and ids are blocked all the time, while the leader of a Patroni cluster dies, hands over
or is partitioned from etcd: nothing that was promised is lost, and nothing stays unknown.

Prints the longest time without a success of each kind."""

import re
import threading
import time
from collections import Counter

import pytest
from support import processes
from support.agents import digest, first_agent, key_id, read_key
from support.patroni import PatroniCluster

FULL = True
SECONDS = 240
OK, UNAVAILABLE, UNKNOWN, NO = 0, 8, 9, 10
LATER = 3  # successes of each kind after a fault


@pytest.fixture(scope="module")
def cluster():
    with PatroniCluster() as running:
        yield running


class Worker(threading.Thread):
    """Runs one kind of command again and again until `stop`; notes how each ended and when one succeeded."""

    def __init__(self, relay, folder):
        super().__init__(daemon=True)
        self.relay, self.folder, self.stopping = relay, folder, threading.Event()
        self.successes, self.codes, self.settled, self.failure = [time.monotonic()], Counter(), Counter(), None
        self.start()

    def run(self):
        number = 0
        try:
            while not self.stopping.is_set():
                number += 1
                while not self.stopping.is_set():
                    if self.attempt(number):
                        self.successes.append(time.monotonic())
                        break
        except Exception as error:  # shown by the test
            self.failure = error

    def command(self, *words):
        """Runs a command, and finds out its outcome; returns whether it is done."""
        result = self.relay(*words, "--timeout", "5s")
        self.codes[result.code] += 1
        assert result.code in (OK, UNAVAILABLE, UNKNOWN, NO), result
        if result.code == UNKNOWN:
            return self.settle(result)
        time.sleep(0.2 if result.code else 0)
        return result.code == OK

    def settle(self, result):
        """Runs the command that the message names until it knows the outcome; returns whether the change is done."""
        (operation,) = set(re.findall(r"relay-admin recover (op_\w+)", result.err)) or {None}
        assert operation, result
        while True:
            found = self.relay("recover", operation, "-o", "json")
            if found.code == OK:
                (item,) = found.json()["items"]
                self.settled[item["verdict"]] += 1
                return item["verdict"] == "done"
            assert found.code in (UNAVAILABLE, UNKNOWN), found
            time.sleep(0.5)

    def blindness(self):
        """The longest time without a success, in seconds."""
        return max(later - earlier for earlier, later in zip(self.successes, self.successes[1:]))

    def succeeded_since(self, moment):
        assert self.failure is None, self.failure
        return sum(at > moment for at in self.successes) >= LATER


class Keys(Worker):
    """A worker whose commands deliver keys: `kept` are the files of those that must work, by agent."""

    def __init__(self, *arguments):
        self.kept, self.undone = {}, []
        super().__init__(*arguments)

    def deliver(self, agent, *words):
        """Runs a command that delivers a key, each time to another file; returns whether it is done."""
        file = self.folder / f"{agent}-{len(self.successes)}-{len(self.undone)}.key"
        done = self.command(*words, "--secret-file", file)
        if done:
            self.kept[agent] = file
        else:
            self.undone.append(file)
        return done


class Issue(Keys):
    def attempt(self, number):
        return self.deliver(f"made-{number}", "agent", "create", f"made-{number}", "--org", "acme", "--name", "Made")


class Rotate(Keys):
    def attempt(self, number):
        return self.deliver("bot", "rotate-key", "bot", "--grace", "1h", "--force")


class Block(Worker):
    """Blocks ids that no agent has; only those that a standby has, too, are promised."""

    def __init__(self, *arguments):
        self.promised = []
        super().__init__(*arguments)

    def attempt(self, number):
        done = self.command("block", f"shut-{number}", "--force", "--durable")
        if done:
            self.promised.append(f"shut-{number}")
        return done


def kill_leader(cluster):
    leader = cluster.leader()
    leader.kill()
    return leader, leader.start


def switch_over(cluster):
    return cluster.switch_over(), lambda: None


def partition_leader(cluster):
    leader = cluster.leader()
    leader.wire.cut()
    return leader, leader.wire.mend


@pytest.fixture(params=[kill_leader, switch_over, partition_leader], ids=lambda fault: fault.__name__)
def fault(request):
    return request.param


@pytest.fixture
def database(cluster, fault):
    """The name of a new database; it is there on all nodes, because libpq asks no other one if one says that it is not."""
    name = fault.__name__
    processes.wait_until(cluster.is_whole, step=0.2, timeout=180, what="all nodes")
    cluster.leader().query(f"CREATE DATABASE {name}")
    there = "SELECT count(*) FROM pg_database WHERE datname = %s"
    processes.wait_until(
        lambda: all(node.query(there, (name,)) == [(1,)] for node in cluster.nodes), what="the database on all nodes"
    )
    return name


@pytest.fixture
def relay(cluster, database, relay_without_database, tmp_path):
    """The program with all nodes in its conninfo, and the agent `bot`."""
    made = relay_without_database.with_(dsn=cluster.conninfo(database))
    first_agent(made, tmp_path / "first.key")
    made("org", "update", "acme", "--max-agents", "100000", check=0)
    return made


def decisions(leader, database, files):
    """{name: the answer of a gateway to the key in its file}"""
    keys = {name: read_key(file) for name, file in files.items()}
    sql = "SELECT (relay.verify_key(%s, %s)).reason"
    return {name: leader.query(sql, (key_id(key), digest(key)), dbname=database)[0][0] for name, key in keys.items()}


def test_nothing_that_was_promised_is_lost_and_nothing_stays_unknown(cluster, database, relay, tmp_path, tally, capsys, fault):
    workers = {kind.__name__.lower(): kind(relay, tmp_path) for kind in (Issue, Rotate, Block)}
    issue, rotate, block = workers.values()
    began = time.monotonic()

    def all_succeeded_since(moment):
        return all([worker.succeeded_since(moment) for worker in workers.values()])

    try:
        processes.wait_until(lambda: all_succeeded_since(began), step=0.2, timeout=120, what="the work before the fault")
        former, repair = fault(cluster)
        processes.wait_until(lambda: cluster.leader() not in (None, former), step=0.1, timeout=180, what="another leader")
        taken_over = time.monotonic()
        processes.wait_until(lambda: all_succeeded_since(taken_over), step=0.2, timeout=180, what="the work after the fault")
        repair()
        processes.wait_until(cluster.is_whole, step=0.2, timeout=180, what="the former leader to follow")
        repaired = time.monotonic()
        processes.wait_until(lambda: all_succeeded_since(repaired), step=0.2, timeout=120, what="the work after the repair")
    finally:
        for worker in workers.values():
            worker.stopping.set()
        for worker in workers.values():
            worker.join(120)

    leader = cluster.leader()
    assert {worker.failure for worker in workers.values()} == {None}
    for keys in (issue, rotate):
        assert set(decisions(leader, database, keys.kept).values()) == {"ok"}
    agents = {name for (name,) in leader.query("SELECT agent_id FROM relay.agents", dbname=database)}
    assert agents == {"bot", *issue.kept}, "an agent without a key, or a key without an agent"
    # A block that was not durable when the test ended may be in force, too.
    shut = {name for (name,) in leader.query("SELECT subject_id FROM relay.revocations WHERE lifted_at IS NULL", dbname=database)}
    assert set(block.promised) <= shut and len(shut) <= len(block.promised) + 1
    # Of a key that was not activated, no file is left, or a file that `recover` removes.
    relay("recover", "--dir", tmp_path, check=0)
    assert [file for file in [*issue.undone, *rotate.undone] if file.exists()] == []
    with capsys.disabled():
        print(f"\n{fault.__name__}:")
        for name, worker in workers.items():
            print(f"  {name}: {len(worker.successes) - 1} done, exit codes {dict(sorted(worker.codes.items()))}, settled by recover"
                  f" {dict(worker.settled)}, longest without a success {worker.blindness():.1f} s")  # fmt: skip
    tally(f"Patroni: {fault.__name__}", sum(sum(worker.codes.values()) for worker in workers.values()))
