"""kill -9 and cut connections in the middle of `rotate-key --org`: no agent is locked out or rotated twice, no live key is
lost, and the same command again finishes the fleet."""

import pytest

from support import processes, sampling, strace
from support.agents import decide, key_id
from support.key_fleet import FOLDER, LINES, assert_rotated_once, keys_by_agent, make_fleet
from support.legacy_issue import on_disk
from support.proxy import AFTER, BEFORE, Fault, Proxy
from support.strace import Tracer

AGENTS, BATCH = 5, 2
PUT = 'cat > "got/$RELAY_AGENT_ID.tmp" && mv "got/$RELAY_AGENT_ID.tmp" "got/$RELAY_AGENT_ID"'
CALLS = ("write", "fsync", "linkat", "unlinkat", "renameat", "sendto", "recvfrom", "openat", "mkdir")


class Round:
    """A fleet in an organization, and a folder for its keys."""

    def __init__(self, relay, database, folder, number, sink):
        self.org, self.folder, self.database = f"f{number}", folder / f"f{number}", database
        make_fleet(database, AGENTS, org=self.org, prefix=f"{self.org}-")
        self.agents = [f"{self.org}-{n:04}" for n in range(AGENTS)]
        (self.folder / "got").mkdir(parents=True)
        self.relay = relay.with_(cwd=self.folder)
        batch = () if "--deliver" in sink else ("--batch", str(BATCH))
        self.words = ("rotate-key", "--org", self.org, *batch, *sink)

    def run(self, **changes):
        return self.relay.with_(**changes)(*self.words)

    def keys(self):
        return {agent: list(states.items()) for agent, states in keys_by_agent(self.database).items() if agent in self.agents}

    def held(self):
        return {key_id(key) for key in on_disk(self.folder)}

    def assert_safe(self, told):
        for agent, keys in self.keys().items():
            first, *new = keys
            live = {key for key, status in new if status in ("active", "retiring")}
            assert live <= self.held(), f"a live key that nobody holds\n{told}"
            assert len(new) <= 1 and first[1] in ("active", "retiring"), f"{agent}: {keys}\n{told}"

    def assert_finished(self, told, reported=False):
        """`reported`: the run has said that all is done, and ended the rotation; the same command would begin another one."""
        if not reported:
            result = self.run()
            assert result.code == 0, f"{result}\n=== after\n{told}"
        assert_rotated_once(self.database, self.folder, self.agents)
        unfinished = [path for path in self.folder.rglob("*") if path.suffix in (".new", ".batch")]
        assert not unfinished, f"{unfinished}\n{told}"


class StoreRound(Round):
    """The same, into a store: the agent of the delivery that was under way may get another key."""

    def assert_safe(self, told):
        staged = [agent for agent, keys in self.keys().items() if "staged" in dict(keys).values()]
        assert len(staged) <= 1, f"{staged}\n{told}"
        for path in (self.folder / "got").iterdir():
            if path.suffix != ".tmp":
                assert decide(self.database, path.read_text()) == "ok", f"{path}\n{told}"

    def assert_finished(self, told, reported=False):
        if not reported:
            result = self.run()
            assert result.code == 0, f"{result}\n=== after\n{told}"
        more = 0
        for agent, keys in self.keys().items():
            active = [key for key, status in keys if status == "active"]
            assert active == [key_id((self.folder / "got" / agent).read_text())], f"{agent}: {keys}\n{told}"
            more += len(keys) - 2
        assert more <= 1, f"{self.keys()}\n{told}"


SINKS = {"lines": (Round, LINES), "folder": (Round, FOLDER), "store": (StoreRound, ("--deliver", PUT))}


@pytest.mark.parametrize("name", SINKS)
def test_a_kill_at_any_step(relay, database, tmp_path, tally, name):
    kind, sink = SINKS[name]
    tracer = Tracer()
    plain = kind(relay, database, tmp_path, "plain", sink)
    result, calls = tracer.record(lambda prefix: plain.run(prefix=prefix))
    assert result.code == 0, result
    points = tracer.points(calls, names=CALLS)
    commits = [(call.name, call.number) for call in calls if call.sends_commit]
    assert len(commits) >= (AGENTS + 1 if name == "store" else AGENTS // BATCH + 1)
    chosen = sampling.sample(
        f"kill -9: rotate a fleet, {name}", points, lambda point: [(point.name, (point.name, point.number) in commits)], times=3
    )
    reached = 0
    for number, point in enumerate(chosen):
        round_ = kind(relay, database, tmp_path, number, sink)
        result, happened = tracer.inject(lambda prefix, round_=round_: round_.run(prefix=prefix), point.kill())
        assert result.was_killed == happened, f"{point}\n{result}"
        reached += happened
        round_.assert_safe(f"{point}\n{result}")
        round_.assert_finished(f"{point}\n{result}", reported=f"rotated {AGENTS} agents\n" in result.err)
    assert reached >= 0.6 * len(chosen)
    tally(f"kill -9: rotate a fleet, {name}", reached)


@pytest.mark.parametrize("name", SINKS)
def test_a_cut_at_any_message(relay, cluster, database, tmp_path, tally, name):
    kind, sink = SINKS[name]

    def through_proxy(round_, *faults):
        with Proxy(cluster.socket_path, *faults) as proxy:
            result = round_.run(dsn=proxy.dsn(database))
            for pair in proxy.pairs:
                processes.wait_until(lambda pair=pair: not (pair.pid and processes.is_alive(pair.pid)), what="its end")
        return result, proxy

    result, proxy = through_proxy(kind(relay, database, tmp_path, "plain", sink))
    assert result.code == 0, result
    messages = [message for message in proxy.sent(connection=1) if message.name != "EncryptionRequest"]
    cuts = sampling.sample(
        f"connection cut: rotate a fleet, {name}",
        [(message, when, how) for message in messages for when, how in ((BEFORE, "rst"), (AFTER, "fin"))],
        lambda cut: [(cut[0].direction, cut[0].name, *cut[1:])],
    )
    codes = set()
    for number, (message, when, how) in enumerate(cuts):
        round_ = kind(relay, database, tmp_path, number, sink)
        fault = Fault(how, direction=message.direction, number=message.number, when=when)
        result, _ = through_proxy(round_, fault)
        told = f"{fault}\n{result}"
        codes.add(result.code)
        assert result.code in (0, 8, 12), told
        round_.assert_safe(told)
        if result.code:
            round_.assert_finished(told)
    assert 8 in codes, codes
    tally(f"connection cut: rotate a fleet, {name}", len(cuts))
