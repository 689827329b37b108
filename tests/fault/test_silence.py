"""A network that swallows every answer: each command ends within 45 s, wherever the silence begins."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from onward import OnLater
from scenes import BATCH, CREATE, INCIDENTS, LIFTS, ROTATE
from support import sampling
from support.proxy import Fault, Proxy, commit

SECONDS = 140
WAITS = True

LONGEST = 45.0
KINDS = (CREATE[0], ROTATE[0], BATCH[1], *INCIDENTS, *LIFTS)
SHORT = ("--timeout", "2s")


class Silence:
    """One run whose answers are swallowed from a chosen message on; `everywhere`: later connections get no answer at
    all."""

    def __init__(self, stage, scene, fault, *, flags=SHORT, everywhere=False, mode=None):
        self.scene = scene
        self.fault = fault
        self.flags = flags
        faults = [fault] if fault else []
        if everywhere:
            faults.append(OnLater("deaf", direction="F", number=1))
        self.proxy = Proxy(stage.cluster.socket_path, *faults)
        self.proxy.mode = mode or "forward"

    def run(self):
        """Runs it; returns (the Result, how many seconds it took)."""
        with self.proxy:
            begin = time.monotonic()
            result = self.scene.run(dsn=self.proxy.dsn(self.scene.database), flags=self.flags, timeout=80)
            return result, time.monotonic() - begin


def run_all(silences, workers=24):
    """Runs many at the same time: nearly all of their time is waiting."""
    with ThreadPoolExecutor(workers) as pool:
        return list(zip(silences, pool.map(Silence.run, silences), strict=True))


def messages_of(stage, kind):
    """Returns what a plain run sends and gets, in order."""
    scene = stage.scene(kind)
    with Proxy(stage.cluster.socket_path) as proxy:
        result = scene.run(dsn=proxy.dsn(scene.database))
    assert result.code == 0, f"{result}"
    return [message for message in proxy.sent("F", 1) if message.name != "Terminate"]


@pytest.mark.parametrize("kind", KINDS)
def test_silence_from_any_message_on_ends_in_time(stage, kind, tally):
    """One connection falls silent, the others work: the program finds out the outcome of the lost COMMIT."""
    asked = [message for message in messages_of(stage, kind) if message.name in ("Startup", "Query", "Sync")]
    asked = sampling.sample(f"silence from a message on: {kind}", asked, lambda message: [message.name], times=3, always=commit)
    places = [Fault("swallow", direction="F", number=message.number) for message in asked]
    places.append(Fault("deaf", match=commit))
    silences = [Silence(stage, stage.scene(kind), place) for place in places]
    for silence, (result, seconds) in run_all(silences):
        told = f"{silence.fault} after {seconds:.1f} s\n{result}"
        assert seconds < LONGEST, told
        assert result.code in (0, 8), told
        silence.scene.assert_told_truly(result)
        silence.scene.assert_converges(told)
    tally(f"answers swallowed on one connection: {kind}", len(silences))


def test_silence_everywhere_ends_in_time(stage, tally):
    """COMMIT is sent, and from then on the server does not answer, with short and with the default time-outs."""

    def silence_of(kind, action, flags):
        return Silence(stage, stage.scene(kind), Fault(action, match=commit), flags=flags, everywhere=True)

    cases = list(itertools.product(KINDS, ("swallow", "deaf"), (SHORT, ())))
    tried = run_all([silence_of(*case) for case in cases])
    for case, (silence, (result, seconds)) in zip(cases, tried, strict=True):
        if not silence.fault.fired:  # a busy machine: the short time was over before COMMIT
            silence.scene.assert_told_truly(result)
            [(silence, (result, seconds))] = run_all([silence_of(*case)])
        told = f"{silence.scene.kind} {silence.fault} {silence.flags} after {seconds:.1f} s\n{result}"
        assert seconds < LONGEST, told
        assert result.code == 9, told
        silence.scene.assert_told_truly(result)
        silence.scene.assert_converges(told)
    tally("answers swallowed everywhere after COMMIT", len(cases))


def test_the_default_patience_ends_in_time_wherever_the_silence_begins(stage, tally):
    silences = []
    for kind in KINDS:
        messages = messages_of(stage, kind)
        until_commit = messages[: next(at for at, message in enumerate(messages) if message.is_commit)]
        asked = [message for message in until_commit if message.name in ("Startup", "Query", "Sync")]
        # A change that is one message has no second one before its COMMIT.
        for message in {asked[at % len(asked)].number: asked[at % len(asked)] for at in (0, 1, len(asked) // 2)}.values():
            fault = Fault("swallow", direction="F", number=message.number, connection=None)
            silences.append(Silence(stage, stage.scene(kind), fault, flags=()))
    for silence, (result, seconds) in run_all(silences):
        told = f"{silence.scene.kind} {silence.fault} after {seconds:.1f} s\n{result}"
        assert seconds < 30 and result.code == 8, told
        silence.scene.assert_told_truly(result)
        silence.scene.assert_converges(told)
    tally("answers swallowed, default patience", len(silences))


@pytest.mark.parametrize("mode", ("silent", "refuse"))
def test_a_server_that_never_answers_or_hangs_up_is_exit_8(stage, mode, tally):
    silences = [Silence(stage, stage.scene(kind), None, mode=mode) for kind in KINDS]
    silences += [Silence(stage, stage.scene(kind), None, mode=mode, flags=()) for kind in KINDS]
    for silence, (result, seconds) in run_all(silences):
        told = f"{silence.scene.kind} {silence.flags} after {seconds:.1f} s\n{result}"
        assert seconds < 30 and result.code == 8, told
        assert "cannot reach the database" in result.err, told
        silence.scene.assert_told_truly(result)
        silence.scene.assert_converges(told)
    tally(f"server that is there but would {'hang up' if mode == 'refuse' else 'not answer'}", len(silences))


def test_reading_commands_end_in_time_too(stage, tally):
    """Each kind of read, silent from its connection on and from its first statement on."""
    scene = stage.scene("block")
    reads = (
        ["org", "list"],
        ["agent", "show", scene.agent],
        ["key", "list"],
        ["schema", "status"],
        ["schema", "verify"],
    )
    for words in reads:
        for number in (1, 2):
            fault = Fault("swallow", direction="F", number=number, connection=None)
            with Proxy(stage.cluster.socket_path, fault) as proxy:
                begin = time.monotonic()
                result = stage.relay.with_(dsn=proxy.dsn(stage.database))(*words, *SHORT)
                assert time.monotonic() - begin < 10 and result.code == 8, f"{fault}\n{result}"
            tally("answers swallowed: reads")


def test_two_silent_hosts_are_given_up_in_time(stage, tally):
    """With several hosts, libpq moves from one to the next."""
    scenes = [stage.scene(kind) for kind in KINDS]
    with Proxy(stage.cluster.socket_path) as first, Proxy(stage.cluster.socket_path) as second:
        first.mode = second.mode = "silent"
        dsn = f"host={first.host},{second.host} port={first.port},{second.port}"
        dsn += f" dbname={stage.database.name} user=postgres"

        def run(scene):
            begin = time.monotonic()
            return scene, scene.run(dsn=dsn), time.monotonic() - begin

        with ThreadPoolExecutor(len(scenes)) as pool:
            for scene, result, seconds in pool.map(run, scenes):
                assert seconds < LONGEST and result.code == 8, f"{seconds:.1f} s\n{result}"
                scene.assert_told_truly(result)
    tally("two silent hosts", len(scenes))


def test_a_port_where_nobody_listens_is_exit_8_at_once(stage):
    scene = stage.scene("rotate")
    with Proxy(stage.cluster.socket_path) as proxy:
        dsn = proxy.dsn(scene.database)
    begin = time.monotonic()
    result = scene.run(dsn=dsn)
    assert result.code == 8 and time.monotonic() - begin < 9, f"{result}"
    scene.assert_told_truly(result)
