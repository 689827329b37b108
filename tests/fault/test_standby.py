"""A synchronous standby that is dead: COMMIT waits for it without end, is invisible meanwhile, and lands later. And a
standby where a primary is expected."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from onward import OnLater
from scenes import INCIDENTS, LIFTS, Stage
from support import agents, processes
from support import relay as relay_support
from support.database import Database, cluster_with_template, make_template
from support.proxy import Fault, Proxy, answer_to_commit, commit

SECONDS = 200
WAITS = True

LONGEST = 45.0
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = %s"


@pytest.fixture(scope="module")
def pair():
    """A separate primary and its standby `standby1`; no COMMIT waits for it yet."""
    with cluster_with_template(tcp=True, name="primary") as primary:
        make_template(primary)
        standby = primary.make_standby()
        yield primary, standby


@pytest.fixture
def held(pair, tmp_path, home):
    """Scenes on a separate primary; `hold()` kills the standby that COMMIT waits for, `release()` brings it back."""
    primary, standby = pair
    stage = HeldStage(primary, standby, tmp_path, home)
    yield stage
    primary.require_standby(None)
    if not standby.is_running():
        standby.start()
    stage.database.drop()


class HeldStage(Stage):
    def __init__(self, primary, standby, folder, home):
        self.standby = standby
        database = Database(primary, template="relay_template")
        super().__init__(primary, database, relay_support.Runner(dsn=database.dsn(), home=home, cwd=folder), folder)

    def hold(self):
        """Makes COMMIT wait from now on."""
        self.standby.wait_streaming()
        self.cluster.require_standby("standby1")
        self.standby.kill()

    def release(self):
        """Brings the standby back; every COMMIT that waited is done."""
        self.standby.start().wait_streaming()
        processes.wait_until(lambda: not self.waiting(), what="the held COMMITs to end")

    def waiting(self):
        """The backends whose COMMIT waits for the standby."""
        return [pid for (pid,) in self.cluster.query(WAITING, (self.database.name,))]

    def wait_for_waiting(self, count=1):
        return processes.wait_until(lambda: len(self.waiting()) >= count and self.waiting(), what="COMMIT to wait")


def timed(scene, **options):
    begin = time.monotonic()
    result = scene.run(timeout=80, **options)
    return scene, result, time.monotonic() - begin


def operation_in(result):
    return re.search(r"relay-admin recover (op_[0-9a-z]+)", result.err)[1]


def test_a_held_commit_is_exit_9_and_recover_settles_it(held, tally):
    """Commands that issue keys give up and keep everything; their changes land later, and `recover` says so."""
    kinds = ("create", "create into a folder", "rotate", "rotate at once", "rotate in a folder")
    scenes = [held.scene(kind) for kind in kinds]
    held.hold()
    with ThreadPoolExecutor(len(scenes)) as pool:
        outcomes = list(pool.map(timed, scenes))
    assert len(held.waiting()) == len(scenes)
    for scene, result, seconds in outcomes:
        told = f"{scene.kind} after {seconds:.1f} s\n{result}"
        assert result.code == 9 and seconds < LONGEST, told
        assert operation_in(result) and scene.unfinished(), told
        scene.assert_told_truly(result)
        assert scene.times_done() == 0, "the change is visible already"
    held.release()
    for scene, result, _ in outcomes:
        assert scene.times_done() == 1, f"{result}"
        scene.assert_safe(result)
        assert scene.verdict(operation_in(result)) == "done"
        scene.relay("recover", "--dir", scene.file.parent, check=0)
        scene.assert_delivered(result)
        scene.assert_converges(result)
        tally("COMMIT held up by a dead standby")


def test_a_held_commit_is_found_by_the_same_command_again(held, tally):
    """While COMMIT is held, the retry also ends with 9 and changes nothing; later, the retry finishes the work."""
    scenes = [held.scene(kind) for kind in ("create", "rotate", "rotate at once")]
    held.hold()
    with ThreadPoolExecutor(len(scenes)) as pool:
        first = list(pool.map(timed, scenes))
        again = list(pool.map(timed, scenes))
    for scene, result, seconds in first + again:
        assert result.code in (8, 9) and seconds < LONGEST, f"{scene.kind} after {seconds:.1f} s\n{result}"
        assert scene.unfinished(), f"the file of a commit in flight is gone\n{result}"
    held.release()
    for scene, result, _ in first:
        scene.assert_safe(result)
        scene.assert_converges(result)
        tally("COMMIT held up, retried meanwhile")


def test_block_and_revoke_wait_for_no_standby(held, tally):
    """Incident commands do not wait: they commit on the primary, where gateways ask."""
    scenes = [held.scene(kind) for kind in INCIDENTS for _ in range(3)]
    held.hold()
    for scene in scenes:
        _, result, seconds = timed(scene)
        assert result.code == 0 and seconds < 9, f"{scene.kind} after {seconds:.1f} s\n{result}"
        assert agents.decide(scene.database, scene.old) in ("blocked", "revoked")
        _, result, seconds = timed(scene)
        assert result.code == 0 and seconds < 9, f"{scene.kind} again after {seconds:.1f} s\n{result}"
        tally("incident with a dead standby")


def test_block_and_revoke_wait_for_no_rotation_in_flight(held, tally):
    """A rotation's COMMIT hangs and holds its locks; the incident command does not wait, and the new key is dead,
    too."""
    for kind in INCIDENTS:
        scene = held.scene("rotate")
        held.hold()
        outcome = []
        rotation = threading.Thread(target=lambda scene=scene, outcome=outcome: outcome.append(scene.run(timeout=80)))
        rotation.start()
        held.wait_for_waiting()
        begin = time.monotonic()
        result = scene.relay(kind, scene.agent)
        assert result.code == 0 and time.monotonic() - begin < 9, f"{result}"
        held.release()
        rotation.join()
        assert outcome[0].code == 0, f"{outcome[0]}"
        for key in scene.keys_on_disk():
            assert agents.decide(scene.database, key) in ("blocked", "revoked")
        held.cluster.require_standby(None)
        tally("incident beside a held rotation")


@pytest.mark.parametrize("how", ("pg_cancel_backend", "pg_terminate_backend"))
def test_a_cancelled_wait_is_committed_on_the_primary_only(held, how, tally):
    """The server only sends a warning: exit 9, and the file is finished, because its key is live."""
    for kind in ("create", "rotate", "rotate at once"):
        scene = held.scene(kind)
        held.hold()
        outcome = []
        thread = threading.Thread(target=lambda scene=scene, outcome=outcome: outcome.append(scene.run(timeout=80)))
        thread.start()
        (pid,) = held.wait_for_waiting()
        held.cluster.query(f"SELECT {how}(%s)", (pid,))
        thread.join()
        (result,) = outcome
        assert result.code == 9, f"{result}"
        assert "committed on the primary only" in result.err, f"{result}"
        assert scene.times_done() == 1
        scene.assert_delivered(result)
        held.release()
        scene.assert_converges(result)
        held.cluster.require_standby(None)
        tally(f"wait for the standby ended by {how}")


def terminated_in_commit(held, scene, place):
    """SIGTERM at `place`, and from then on the server does not answer: neither on that connection nor on a later
    one."""
    sent = threading.Event()

    def fall_silent(_):
        proxy.pairs[0].swallow = {"F": True, "B": True}
        sent.set()

    with Proxy(
        held.cluster.socket_path, Fault(fall_silent, match=place), OnLater("deaf", direction="F", number=1)
    ) as proxy:
        process = scene.relay.with_(dsn=proxy.dsn(scene.database)).start(*scene.words, "--timeout", "2s")
        assert sent.wait(60)
        process.terminate()
        out, err = process.communicate(timeout=80)
    return relay_support.Result(tuple(map(str, scene.words)), process.returncode, out, err)


def test_a_signal_while_the_commit_is_out_takes_nothing_back(held, tally):
    """SIGTERM during COMMIT, then the network fails: the outcome is not known, so the file stays."""
    tries = [(held.scene(kind), place) for kind in ("create", "rotate at once") for place in (commit, answer_to_commit)]
    with ThreadPoolExecutor(len(tries)) as pool:
        results = list(pool.map(lambda attempt: terminated_in_commit(held, *attempt), tries))
    for (scene, _), result in zip(tries, results, strict=True):
        assert result.code == 9, f"{result}"
        scene.assert_told_truly(result)
        scene.assert_converges(result)
        tally("SIGTERM during COMMIT, then silence")


def test_a_standby_takes_no_writes_and_answers_reads(held, tally):
    """Every writing command refuses cleanly; the reading ones work."""
    scenes = [held.scene(kind) for kind in ("create", "rotate", "rotate when due", *INCIDENTS, *LIFTS)]
    held.standby.wait_caught_up()
    dsn = held.standby.dsn(held.database.name)
    for scene in scenes:
        result = scene.run(dsn=dsn)
        assert result.code == 8 and "standby" in result.err, f"{result}"
        scene.assert_told_truly(result)
        tally("a standby instead of a primary")
    reader = held.relay.with_(dsn=dsn)
    for words in (
        ["org", "list"], ["org", "show", "acme"], ["agent", "list"], ["agent", "show", scenes[1].agent],
        ["key", "list"],
        ["schema", "status"], ["schema", "verify"],
    ):  # fmt: skip
        reader(*words, check=0)
    verified = reader("key", "verify", stdin=scenes[1].old)
    assert verified.code == 0, f"{verified}"


def test_several_hosts_find_the_primary(held):
    scene = held.scene("rotate")
    held.standby.wait_caught_up()
    hosts, ports = f"{held.standby.host},{held.cluster.host}", f"{held.standby.port},{held.cluster.port}"
    result = scene.run(dsn=f"host={hosts} port={ports} dbname={held.database.name} user=postgres")
    assert result.code == 0, f"{result}"
    scene.assert_told_truly(result)
