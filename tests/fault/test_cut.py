"""The connection is cut at every message, in both directions, before and after it passes, by FIN and by RST: the exit
code says what the database holds, and the same command, run again, finishes the work."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from onward import OnLater
from scenes import BATCH, CREATE, INCIDENTS, INIT, ROTATE
from support import processes, sampling
from support.proxy import AFTER, BEFORE, MIDDLE, Fault, Proxy, answer_to_commit, commit

SECONDS = 300

WAYS = ((BEFORE, "fin"), (AFTER, "rst"), (BEFORE, "rst"), (AFTER, "fin"))
KINDS = (CREATE[0], ROTATE[0], ROTATE[1], *INIT, *BATCH, *INCIDENTS)


def matters(message):
    """True for COMMIT and its answer: here it is decided what is true afterwards."""
    return commit(message) or answer_to_commit(message)


def through_proxy(stage, scene, *faults, flags=()):
    """Runs a scene by way of a proxy; waits until the server has dealt with all that it was sent."""
    with Proxy(stage.cluster.socket_path, *faults) as proxy:
        result = scene.run(dsn=proxy.dsn(scene.database), flags=flags)
        for pair in proxy.pairs:
            processes.wait_until(lambda pair=pair: not (pair.pid and processes.is_alive(pair.pid)), what="its end")
    return result, proxy


def places(stage, kind):
    """Faults at the messages of a plain run, as (message, when, how): each way of cutting at each message, or a sample.

    In a sample are each way for COMMIT and its answer; each type of message, before COMMIT and after it; and each way in each direction.
    """
    scene = stage.scene(kind)
    result, proxy = through_proxy(stage, scene)
    assert result.code == 0, f"{result}"
    stage.strike(scene)
    messages = [message for message in proxy.sent(connection=1) if message.name != "EncryptionRequest"]
    assert any(map(commit, messages)) and any(map(answer_to_commit, messages))
    committing = next(at for at, message in enumerate(messages) if commit(message))
    cuts = [
        (message, at > committing, when, how)
        for at, message in enumerate(messages)
        for when, how in (*WAYS, (MIDDLE, "rst")) if when != MIDDLE or matters(message)
    ]  # fmt: skip
    drawn = sampling.sample(
        f"connection cut: {kind}",
        cuts,
        lambda cut: [(cut[0].direction, cut[0].name, cut[1]), (cut[0].direction, *cut[2:])],
        always=lambda cut: matters(cut[0]),
    )
    return [Fault(how, direction=message.direction, number=message.number, when=when) for message, _, when, how in drawn]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_at_any_message_is_told_truly(stage, kind, tally):
    cut, codes = 0, set()
    for fault in places(stage, kind):
        scene = stage.scene(kind)
        result, proxy = through_proxy(stage, scene, fault)
        told = f"{fault}\n{result}"
        cut += proxy.fired
        codes.add(result.code)
        assert result.code != 9, f"the database could be asked\n{told}"
        if not proxy.fired:
            assert result.code == 0, told
        scene.assert_told_truly(result)
        scene.assert_converges(told, times=1)
        stage.strike(scene)
    assert codes == {0, 8}
    tally(f"connection cut: {kind}", cut)


def test_a_cut_of_every_connection_leaves_it_open_and_says_so(stage, tally):
    """COMMIT or its answer is lost, and the server is gone: exit 9, everything is kept, and it can be settled later."""
    kinds = ("create", "rotate at once", *INCIDENTS)
    tries = [(stage.scene(kind), place) for kind in kinds for place in (commit, answer_to_commit)]

    def lose(attempt):
        scene, place = attempt
        return through_proxy(stage, scene, Fault("rst", match=place), OnLater("fin", direction="F", number=1))[0]

    with ThreadPoolExecutor(len(tries)) as pool:
        results = list(pool.map(lose, tries))
    for (scene, place), result in zip(tries, results, strict=True):
        assert result.code == 9, f"{result}"
        scene.assert_told_truly(result)
        assert scene.times_done() == (1 if place is answer_to_commit else 0)
        if scene.kind in INCIDENTS:
            last_line = result.err.rstrip().splitlines()[-1]
            assert last_line == f"NOT CONFIRMED: agent {scene.agent} may still be live", result.err
        operation = result.err.split("relay-admin recover ")[1].split()[0]
        verdict = "done" if place is answer_to_commit else "aborted"
        assert scene.verdict(operation) == verdict
        assert scene.verdict(operation) == verdict
        scene.assert_converges(result)
        tally(f"every connection cut: {scene.kind}")
