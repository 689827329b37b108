"""The drill: a live fleet moves off its shared secret while its agents continue to call. From the first import to
finish no honest call fails.

The relays are real: HTTP on loopback, the shared secret in their environment. The commands are killed at random points,
and two operators issue keys at the same time. Random choices come from the seed of the fault tests
(support/sampling.py)."""

import json
import signal
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest

from support import sampling
from support.agents import key_id
from support.gateways import HttpGateway
from support.legacy_fleet import PERMISSION, SECRET, Fleet, Line, OldRelay, make_agents
from support.legacy_past import grow_old
from support.processes import wait_until
from support.relay import Result

FLEET = 2000 if sampling.FULL else 600
KILLS = {"import": 4, "start": 3, "issue": 8, "extend": 2, "finish": 3}
SWITCHED_ON = {"AGENT_SECRET": SECRET, "ALLOW_LEGACY_GLOBAL_AGENT_SECRET": "true"}
OFF = ("--confirm", "legacy-off")
IMPOSTOR = "127.0.250.1"


@pytest.fixture
def dice():
    """The dice; the end of the run shows their seed."""
    return sampling.dice("drill")


# ---- the operators


class Killer:
    """Runs commands, and kills the given number of them at a random point."""

    def __init__(self, relay, dice):
        self.relay, self.dice, self.killed = relay, dice, 0
        self.usual = {}  # how long a command takes if it is not killed
        self._lock = threading.Lock()

    def run(self, *words):
        """The Result of a run; None: it was killed."""
        process = self.relay.start(*words)
        began = time.monotonic()
        try:
            out, err = process.communicate(timeout=self.dice.uniform(0, self.usual.get(words[1], 0.4)))
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        with self._lock:
            if process.returncode == -signal.SIGKILL:
                self.killed += 1
                return None
            self.usual[words[1]] = 0.8 * (time.monotonic() - began)
        return Result(tuple(process.args), process.returncode, out, err)

    def kill(self, times, *words, after=lambda: None):
        """Repeats a command until it was killed that many times; each run has its full effect or none."""
        wanted = self.killed + times
        for _ in range(12 * times):
            if self.killed == wanted:
                return
            self.run(*words)
            after()
        raise AssertionError(f"{words} ends too fast to be killed")


def dirty_inventory(path, agents, dice):
    """A CSV of all agents with broken rows among them, empty rows, and one agent twice; returns {line number} of the
    broken ones, which an import refuses."""
    broken = [",north,no id,,", "two words,north,x,,", "has-no-org,,x,,", "bad-permission,north,x,,nothing", "short,north",
              "control,north,a\x07b,,", "bidi,north,a\u202eb,,", "long,north,x,,,,more", "\u00fc,north,x,,"]  # fmt: skip
    rows = [f'{agent.agent_id},{agent.org_id},"Agent, {agent.agent_id}",{agent.owner},{PERMISSION}' for agent in agents]
    rows.append(rows[0])
    for row in [*broken, "", ",,,,"] * 10:
        rows.insert(dice.randrange(len(rows)), row)
    path.write_text("\ufeffagent_id,org_id,name,owner,permissions\r\n" + "\r\n".join(rows) + "\r\n")
    return {number for number, row in enumerate(rows, 2) if row in broken}


class Operator:
    """Issues keys to its own folder, batch by batch, sometimes killed, until no agent waits for a key."""

    def __init__(self, killer, folder, *sink, kills=0):
        self.killer, self.folder, self.kills = killer, folder, kills
        self.words = ("migrate-legacy", "issue", "--next", "120", "--batch", "20", *sink)
        self.problem = None
        folder.mkdir(mode=0o700, exist_ok=True)

    def work(self):
        try:
            while self.kills:
                done = self.killer.run(*self.words)
                assert done is None or done.code == 0, done
                self.kills -= done is None
            while self.killer.relay.json(*self.words)["data"]["waiting"]:
                pass
        except BaseException as error:
            self.problem = error

    def keys(self):
        """Returns {agent: key} of its files; checks that nothing is unfinished, and no agent is there twice."""
        found = {}
        for path in self.folder.rglob("*"):
            assert path.suffix not in (".new", ".batch"), path
            if path.suffix == ".jsonl":
                made = [(line["agent_id"], line["api_key"]) for line in map(json.loads, path.read_text().splitlines())]
            elif path.is_file():
                made = [(path.name.removesuffix(".key"), path.read_text())]
            else:
                continue
            assert not found.keys() & {agent for agent, _ in made}
            found.update(made)
        return found


def issue_at_once(first, second):
    """Two operators at the same time; returns {agent: key} of the files of both, which have no agent in common."""
    threads = [threading.Thread(target=operator.work) for operator in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for operator in (first, second):
        if operator.problem:
            raise operator.problem
    mine, theirs = first.keys(), second.keys()
    assert not mine.keys() & theirs.keys(), "two operators made a key for the same agent"
    return {**mine, **theirs}


def assert_one_live_key_each(database, keys):
    """The files taken together hold, of each agent that has one, exactly its one live key."""
    live = database.rows("SELECT agent_id, key_id FROM relay.key_status WHERE status IN ('staged', 'active', 'retiring')")
    assert len(live) == len({row["agent_id"] for row in live}), "an agent has two keys"
    assert {row["agent_id"]: row["key_id"] for row in live} == {agent: key_id(key) for agent, key in keys.items()}
    told = database.rows("SELECT key_id FROM relay.auth_events WHERE action = 'key_issued'")
    assert sorted(row["key_id"] for row in told) == sorted(row["key_id"] for row in live)


# ---- the thief


class Impostor:
    """Has the shared secret, and claims to be agents that have their own key by now."""

    def __init__(self, fleet):
        self.fleet, self.tried, self.let_in = fleet, set(), []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        line, dice = Line(), sampling.dice("drill, agents without keys")
        while not self._stop.wait(0.03):
            proven = [agent for agent in self.fleet.agents if agent.proven]
            if proven:
                agent = dice.choice(proven)
                status = line.call(self.fleet.ports[agent.wave], agent.agent_id, SECRET, address=IMPOSTOR)
                self.tried.add(agent.agent_id)
                if status != 401:
                    self.let_in.append((agent.agent_id, status))
        line.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def assert_refused_and_told(self, database):
        assert self.tried and self.let_in == []
        told = database.rows(
            "SELECT agent_id, reason, host(ip_address) AS ip FROM relay.recorded_events WHERE action = 'legacy_denied'"
            " AND ip_address = %s", IMPOSTOR
        )  # fmt: skip
        assert {row["reason"] for row in told} - {"legacy_closed"} == {
            "own_key"
        }, "and at the end there is only one answer"
        assert {row["agent_id"] for row in told} == self.tried


def status(relay):
    return relay.json("migrate-legacy", "status")["data"]


def answers(fleet, agents, credential):
    """{status: agents}, each with the secret or with its own key."""
    line = Line()
    got = {}
    for agent in agents:
        shown = SECRET if credential == "secret" else agent.key
        got.setdefault(
            line.call(fleet.ports[agent.wave], agent.agent_id, shown, trace=f"probe/{agent.agent_id}"), []
        ).append(agent.agent_id)
    line.close()
    return got


def assert_answers(fleet, agents, credential, expected):
    got = answers(fleet, agents, credential)
    assert got.keys() == {expected}, got


def test_a_fleet_leaves_its_shared_secret_and_no_honest_call_fails(relay, database, tmp_path, dice):
    agents = make_agents(dice, FLEET)
    killer = Killer(relay, dice)
    with ExitStack() as stack:
        old = {wave: stack.enter_context(OldRelay()) for wave in (1, 2)}
        new = {wave: stack.enter_context(HttpGateway(database, env=SWITCHED_ON)) for wave in (1, 2)}
        fleet = stack.enter_context(Fleet(agents, {wave: relay.port for wave, relay in old.items()}, dice))
        with Impostor(fleet) as impostor:
            run_the_migration(relay, database, tmp_path, dice, fleet, killer, new)
        fleet.check(database)
        impostor.assert_refused_and_told(database)
        assert killer.killed == sum(KILLS.values()) == 20
        assert min(agent.calls for agent in agents) >= 3
        print(f"{fleet.calls} calls, {len(impostor.tried)} impersonations")


def run_the_migration(relay, database, folder, dice, fleet, killer, new):
    """From the first import until the shared secret is no longer accepted."""
    agents = fleet.agents
    import_inventory(relay, database, folder, dice, fleet, killer)

    # The first relay and its agents.
    (folder / "wave-1").write_text("".join(f"{agent.agent_id}\n" for agent in agents if agent.wave == 1))
    start = ("migrate-legacy", "start", "--deadline", "14d", "--agents", folder / "wave-1")
    killer.kill(KILLS["start"] - 1, *start)
    relay(*start, check=0)
    fleet.ports[1] = new[1].port
    keys = issue(killer, database, folder, fleet, KILLS["issue"] - 3)
    assert keys.keys() == {agent.agent_id for agent in agents if agent.wave == 1}
    fleet.send_keys(keys)

    # The other one, while the first agents take their keys.
    killer.kill(1, "migrate-legacy", "start")
    relay("migrate-legacy", "start", check=0)
    fleet.ports[2] = new[2].port
    killer.kill(KILLS["extend"], "migrate-legacy", "extend", "--deadline", "20d", "--reason", "holidays")
    relay("migrate-legacy", "extend", "--deadline", "20d", "--reason", "holidays", check=0)
    keys = issue(killer, database, folder, fleet, 3)
    assert len(keys) == FLEET
    fleet.send_keys(keys)

    wait_until_taken(relay, fleet)
    block_and_unblock(relay, database, fleet)
    finish(relay, database, fleet, killer)


def import_inventory(relay, database, folder, dice, fleet, killer):
    bad = dirty_inventory(folder / "agents.csv", fleet.agents, dice)
    words = ("migrate-legacy", "import", folder / "agents.csv", "--create-orgs")
    killer.kill(KILLS["import"], *words)
    done = relay.json(*words, check=7)["data"]
    assert {fault["line"] for fault in done["faults"]} == bad and done["refused"] == len(done["faults"])
    assert database.value("SELECT count(*) FROM relay.legacy_agents") == FLEET
    assert relay.json(*words, check=7)["changed"] is False
    fleet.wait_for_rounds()


def issue(killer, database, folder, fleet, kills):
    first = Operator(killer, folder / "a", "--secrets-dir", folder / "a", kills=kills // 2)
    lines = ("--secret-file", folder / "b" / "keys.jsonl", "--secret-format", "json")
    second = Operator(killer, folder / "b", *lines, kills=kills - kills // 2)
    keys = issue_at_once(first, second)
    assert_one_live_key_each(database, keys)
    fleet.check(database)
    return keys


def wait_until_taken(relay, fleet):
    """Each agent that will ever take its key has used it."""
    fleet.pause, fleet.resting = 0, 0.9
    left, since = FLEET, time.monotonic()
    while missing := sum(not agent.proven for agent in fleet.agents if agent.patience is not None or agent.uses_key):
        fleet.check()
        if missing < left:
            left, since = missing, time.monotonic()
        assert time.monotonic() < since + 60, "agents do not take their keys"
        time.sleep(0.05)
    fleet.pause, fleet.resting = 0.01, 0.5
    stay = [agent for agent in fleet.agents if not agent.proven]
    counts = status(relay)["counts"]
    assert (counts["proven"], counts["issued"], counts["listed"]) == (FLEET - len(stay), len(stay), 0)
    assert counts["on_shared_secret"] == len(stay) > 0


def block_and_unblock(relay, database, fleet):
    """One agent that still shows the secret, and one that shows its key: both are refused immediately, and later
    accepted again."""
    out = [next(agent for agent in fleet.agents if agent.proven is proven) for proven in (False, True)]
    for agent in out:
        agent.on_call = False
    relay("block", *(agent.agent_id for agent in out), check=0)
    assert_answers(fleet, out[:1], "secret", 401)
    wait_until(lambda: answers(fleet, out[1:], "key").keys() == {401}, step=0.1, what="the gateways to have read the change")
    assert (
        database.value("SELECT reason FROM relay.auth_events WHERE trace_id = %s", f"probe/{out[0].agent_id}")
        == "blocked"
    )
    relay("unblock", *(agent.agent_id for agent in out), "--yes", check=0)
    assert_answers(fleet, out[:1], "secret", 200)
    assert_answers(fleet, out[1:], "key", 200)
    for agent in out:
        agent.on_call = True


def finish(relay, database, fleet, killer):
    stay = [agent for agent in fleet.agents if not agent.proven]
    grow_old(database)
    refused = relay.error("migrate-legacy", "finish", *OFF, check=5)
    assert any(agent.agent_id in refused["message"] for agent in stay)
    told = relay("migrate-legacy", "finish", *OFF, check=5).err
    assert f"next: relay-admin migrate-legacy finish --allow-active {len(stay)} --allow-never-seen 0  #" in told
    relay.error("migrate-legacy", "finish", "--allow-active", str(len(stay) + 1), *OFF, check=5)
    fleet.check(database)
    fleet.secret_is_closed = True
    words = ("migrate-legacy", "finish", "--allow-active", str(len(stay)), *OFF)

    def all_or_nothing():
        """Killed, it has finished or it has not."""
        state = status(relay)["state"]
        assert_answers(fleet, stay[:3], "secret", 200 if state == "open" else 401)

    killer.kill(KILLS["finish"], *words, after=all_or_nothing)
    relay(*words, check=0)
    # The relays still have the switch on.
    assert_answers(fleet, stay, "secret", 401)
    assert_answers(fleet, fleet.agents[:50], "secret", 401)
    assert_answers(fleet, [*stay[:20], *fleet.agents[:200]], "key", 200)


def test_a_deadline_and_the_emergency_stop_close_it_at_once(relay, database, tmp_path, dice, record_property):
    agents = make_agents(dice, 120, never=1)
    (tmp_path / "agents.csv").write_text(
        "agent_id,org_id,owner,permissions\n"
        + "".join(f"{a.agent_id},{a.org_id},{a.owner},{PERMISSION}\n" for a in agents)
    )
    relay("migrate-legacy", "import", tmp_path / "agents.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", "--deadline", "8s", check=0)
    deadline = database.value("SELECT extract(epoch FROM deadline)::float8 FROM relay.legacy_migrations")
    with HttpGateway(database, env=SWITCHED_ON) as gateway, Fleet(
        agents, {1: gateway.port, 2: gateway.port}, dice, pause=0
    ) as fleet:
        time.sleep(max(0.0, deadline - 0.5 - time.time()))
        fleet.check(database)
        fleet.secret_is_closed = True
        time.sleep(max(0.0, deadline + 0.5 - time.time()))
        assert deadline - 1 < fleet.last_by_secret <= deadline, "by the database's clock, to the moment"

        relay("migrate-legacy", "extend", "--deadline", "9d", "--reason", "nobody looked", check=0)
        extended = time.time()
        fleet.secret_is_closed = False
        fleet.wait_for_rounds()
        assert fleet.last_by_secret > extended
        fleet.secret_is_closed = True
        began = time.time()
        relay("migrate-legacy", "abort", "--deny-all", *OFF, check=0)
        ended = time.time()
        time.sleep(0.3)
        stopped = database.value("SELECT extract(epoch FROM stopped_at)::float8 FROM relay.legacy_stops")
        assert fleet.last_by_secret < ended, "no call that began after the command had ended was let in"
        record_property("last accepted, ms after the stop", round(1000 * (fleet.last_by_secret - stopped)))
        print(
            f"stopped {stopped - began:.3f} s after the command began; last accepted {fleet.last_by_secret - stopped:+.3f} s from then"
        )
