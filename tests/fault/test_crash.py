"""The server crashes, or a backend does, before, during and after COMMIT: the exit code agrees with what came back."""

import itertools

import pytest
from scenes import BATCH, Stage
from support import sampling
from support import relay as relay_support
from support.database import Database, cluster_with_template, make_template
from support.proxy import AFTER, Fault, Proxy, answer_to_commit, commit

SECONDS = 300

KINDS = ("create", "rotate", "rotate at once", "issue as lines", "block", "revoke")


@pytest.fixture(scope="module")
def own_cluster():
    """A server that may be crashed. Without fsync: it is processes that die here, and the kernel keeps what they have written."""
    with cluster_with_template(settings={"restart_after_crash": "on"}) as running:
        make_template(running)
        yield running


@pytest.fixture
def crash_stage(own_cluster, tmp_path, home):
    database = Database(own_cluster, template="relay_template")
    yield Stage(own_cluster, database, relay_support.Runner(dsn=database.dsn(), home=home, cwd=tmp_path), tmp_path)
    database.drop()


def bind_of_operation(message):
    """The statement before COMMIT: the row that the fence depends on."""
    return "INSERT INTO relay.operations" in message.sql


PLACES = {
    "before the last statement": dict(match=bind_of_operation),
    "before COMMIT": dict(match=commit),
    "as COMMIT arrives": dict(match=commit, when=AFTER),
    "after COMMIT, whose answer is lost": dict(match=answer_to_commit),
    "after the answer": dict(match=answer_to_commit, when=AFTER),
}


def strike_server(stage, proxy):
    """Crash and immediate restart, on the same port."""
    del proxy
    stage.cluster.stop("immediate")
    stage.cluster.start()


def kill_server(stage, proxy):
    """kill -9 of everything, as a power cut, and restart."""
    del proxy
    stage.cluster.kill()
    stage.cluster.start()


def kill_backend(stage, proxy):
    stage.cluster.kill_backend(proxy.backend_pid())


def terminate_backend(stage, proxy):
    """An administrator ends the session."""
    stage.cluster.query("SELECT pg_terminate_backend(%s)", (proxy.backend_pid(),))


BLOWS = {
    "server stopped -m immediate": strike_server,
    "server killed -9": kill_server,
    "backend killed -9": kill_backend,
    "pg_terminate_backend": terminate_backend,
}


def strike(stage, proxy, blow, place):
    """The blow. If requested, the answers that the server had already sent are lost, too."""
    BLOWS[blow](stage, proxy)
    if "lost" in place:
        proxy.pairs[0].end("rst")


# In a sample, every pair of a command, a blow and a place occurs; in the whole grid, every triple.
CRASHES = sampling.sample(
    "crash around COMMIT",
    itertools.product(KINDS, BLOWS, PLACES),
    lambda crash: itertools.combinations(enumerate(crash), 2),
)


@pytest.mark.whole
@pytest.mark.parametrize("kind, blow, place", CRASHES)
def test_a_crash_around_commit_is_told_truly(crash_stage, kind, blow, place, tally):
    stage = crash_stage
    scene = stage.scene(kind)
    with Proxy(stage.cluster.socket_path) as proxy:
        proxy.faults.append(Fault(lambda _: strike(stage, proxy, blow, place), **PLACES[place]))
        result = scene.run(dsn=proxy.dsn(scene.database), timeout=80)
        fired = proxy.fired
    stage.database.wait_until_back()
    told = f"{blow} {place}\n{result}"
    assert fired == 1, told
    assert result.code in (0, 8), told
    if place.startswith("after"):
        assert result.code == 0 or (place == "after the answer" and kind in BATCH), told  # it counts waiting sessions
    elif place.startswith("before"):
        assert result.code == 8, told
    scene.assert_told_truly(result)
    scene.assert_converges(told)
    tally(f"{blow} around COMMIT")


def test_a_server_that_stays_down_after_commit_is_exit_9_and_can_be_settled(crash_stage, tally):
    """The server does not answer for 30 s; when it is back, `recover` and the same command both settle it."""
    stage = crash_stage
    scene = stage.scene("rotate at once")

    def kill(_):
        stage.cluster.kill()
        proxy.pairs[0].end("fin")

    with Proxy(stage.cluster.socket_path, Fault(kill, match=answer_to_commit)) as proxy:
        result = scene.run(dsn=proxy.dsn(scene.database), timeout=80)
    stage.cluster.start()
    stage.database.wait_until_back()
    assert result.code == 9, f"{result}"
    scene.assert_told_truly(result)
    scene.relay("recover", "--dir", scene.folder, check=0)
    scene.assert_delivered(result)
    scene.assert_converges(result)
    tally("server down from COMMIT on")


def test_a_server_that_is_down_is_exit_8(crash_stage):
    stage = crash_stage
    scene = stage.scene("rotate")
    stage.cluster.stop("immediate")
    result = scene.run()
    assert result.code == 8 and "cannot reach the database" in result.err, f"{result}"
    stage.cluster.start()
    stage.database.wait_until_back()
    scene.assert_told_truly(result)
    scene.assert_converges(result)
