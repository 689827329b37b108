"""Two commands at the same time: revocation and rotation, two rotations, two creations, two blocks; and a server that
demands a retry."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import agents, processes
from support.proxy import Fault, Proxy, commit
from support.relay import Result

ROUNDS = 40


def together(*starts):
    """Starts processes at the same time; returns their Results."""
    started = [start() for start in starts]
    results = []
    for process in started:
        out, err = process.communicate(timeout=60)
        results.append(Result(tuple(process.args), process.returncode, out, err))
    return results


def starter(stage, *words):
    return lambda: stage.relay.start(*words)


def rotation(stage, scene, name, *flags):
    return starter(stage, "rotate-key", scene.agent, *flags, "--secret-file", scene.folder / name)


@pytest.mark.parametrize("grace", ("24h", "0"))
def test_a_revocation_beats_every_rotation_that_races_it(stage, grace, tally):
    """In whichever order the two run, no key that was made before is ever accepted again, not even after `restore`."""
    rotated = 0
    for number in range(ROUNDS):
        scene = stage.scene("revoke")
        pause = 0.0015 * (number % 20)

        def revoke(scene=scene, pause=pause):
            time.sleep(pause)
            return stage.relay.start("revoke", scene.agent)

        first, second = together(rotation(stage, scene, "raced", "--grace", grace), revoke)
        assert second.code == 0, f"{second}"
        assert first.code in (0, 5), f"{first}"
        rotated += first.code == 0
        before = scene.keys_on_disk()
        assert len(before) == (2 if first.code == 0 else 1)
        for key in before:
            assert agents.decide(stage.database, key) in ("revoked", "retired"), f"{first}\n{second}"
        stage.relay("restore", scene.agent, "--yes", "--secret-file", scene.folder / "fresh", check=0)
        fresh = agents.read_key(scene.folder / "fresh")
        assert agents.decide(stage.database, fresh) == "ok"
        for key in before:
            assert agents.decide(stage.database, key) in ("revoked", "retired"), "an old key lives again"
        assert scene.live() == {agents.key_id(fresh)}
    tally(f"revoke against rotate --grace {grace}", ROUNDS)
    print(f"the rotation came first in {rotated} of {ROUNDS} rounds")


@pytest.mark.parametrize("inner", ("rotate", "revoke"))
@pytest.mark.parametrize("place", ("at its first statement", "before its last statement", "at COMMIT"))
def test_one_that_runs_within_the_other_saves_no_key(stage, inner, place, tally):
    """The outer command is held at a statement while the whole inner one runs: this gives each order of their locks and
    commits."""
    scene = stage.scene("revoke")
    commands = {
        "rotate": ("rotate-key", scene.agent, "--secret-file", scene.folder / "raced"),
        "revoke": ("revoke", scene.agent),
    }
    outer = commands["revoke" if inner == "rotate" else "rotate"]
    where = {
        "at its first statement": lambda message: message.name == "Parse",
        "before its last statement": lambda message: "INTO relay.operations" in message.sql,
        "at COMMIT": commit,
    }[place]
    inside = []
    with Proxy(stage.cluster.socket_path) as proxy:
        fault = Fault(lambda _: (proxy.faults.clear(), inside.append(stage.relay(*commands[inner]))), match=where)
        proxy.faults.append(fault)
        result = stage.relay.with_(dsn=proxy.dsn(stage.database))(*outer)
    told = f"{result}\n{inside[0]}"
    assert fault.fired == 1 and result.code in (0, 5) and inside[0].code in (0, 5, 8), told
    assert "revoke" not in outer or result.code == 0, told
    assert inner != "revoke" or inside[0].code == 0, told
    before = scene.keys_on_disk()
    assert not any(agents.decide(stage.database, key) == "ok" for key in before), told
    stage.relay("restore", scene.agent, "--yes", "--secret-file", scene.folder / "fresh", check=0)
    fresh = agents.read_key(scene.folder / "fresh")
    assert scene.live() == {agents.key_id(fresh)}, f"an old key lives again\n{told}"
    tally("revoke within rotate, rotate within revoke")


def test_of_two_rotations_at_once_one_wins_for_each_grace(stage, tally):
    for _ in range(ROUNDS // 2):
        scene = stage.scene("block")
        results = together(rotation(stage, scene, "one"), rotation(stage, scene, "two"))
        assert sorted(result.code for result in results) == [0, 5], "\n".join(map(str, results))
        assert len(scene.live()) == 2 and scene.live() == {agents.key_id(key) for key in scene.keys_on_disk()}
        assert not scene.unfinished()
        tally("two rotations at once")


def test_two_rotations_at_once_to_one_file_or_with_one_request_make_one_key(stage, tally):
    for number in range(ROUNDS // 2):
        scene = stage.scene("block")
        same = number % 2 == 0
        flags = ("--request-id", str(uuid.uuid4())) if same else ("--force",)
        names = ("one", "two") if same else ("one", "one")
        results = together(*(rotation(stage, scene, name, *flags) for name in names))
        codes = sorted(result.code for result in results)
        told = "\n".join(map(str, results))
        assert codes[0] == 0 and codes[1] in ((0,) if same else (0, 12)), told
        held = {agents.key_id(key) for key in scene.keys_on_disk()}
        assert scene.live() <= held and not scene.unfinished(), told
        assert len(held) == 2, told
        tally("two rotations with one request or file")


def test_of_two_creations_of_one_id_one_makes_it(stage, tally):
    for number in range(ROUNDS // 2):
        scene = stage.scene("create")
        other = ("B", (0, 5)) if number % 2 else ("A", (0, 0))
        create = ("agent", "create", scene.agent, "--org", "acme", "--name")
        results = together(
            starter(stage, *create, "A", "--secret-file", scene.folder / "one"),
            starter(stage, *create, other[0], "--secret-file", scene.folder / "two"),
        )
        assert tuple(sorted(result.code for result in results)) == other[1], "\n".join(map(str, results))
        (key,) = scene.keys_on_disk()
        assert scene.live() == {agents.key_id(key)} and not scene.unfinished() and scene.times_done() == 1
        tally("two creations of one id")


@pytest.mark.parametrize(("kind", "undo"), (("block", "unblock"), ("revoke", "restore")))
def test_two_incidents_at_once_both_stand_and_are_undone_at_once(stage, kind, undo, tally):
    """Neither waits for the other, so there may be two rows, each with its event; one unblock lifts both."""
    for number in range(ROUNDS // 2):
        scene = stage.scene(kind)
        results = together(starter(stage, kind, scene.agent), starter(stage, kind, scene.agent))
        assert [result.code for result in results] == [0, 0], "\n".join(map(str, results))
        sql = "SELECT count(*) FROM relay.revocations WHERE subject_id = %s AND lifted_at IS NULL"
        assert stage.database.value(sql, scene.agent) == scene.times_done() >= 1 and not scene.live()
        sink = ("--secret-file", stage.folder / f"undone{number}") if undo == "restore" else ()
        stage.relay(undo, scene.agent, "--yes", *sink, check=0)
        assert stage.database.value(sql, scene.agent) == 0 and len(scene.live()) == 1
        tally(f"two of {kind} at once")


def test_creations_at_once_never_pass_the_limit_of_a_plan(stage, tally):
    stage.relay("org", "create", "small", "--name", "Small", "--plan", "paid", "--max-agents", "3", check=0)
    starts = [
        starter(
            stage, "agent", "create", f"s{n}", "--org", "small", "--name", "S", "--secret-file", stage.folder / f"s{n}"
        )
        for n in range(8)
    ]
    codes = sorted(result.code for result in together(*starts))
    assert codes == [0, 0, 0, 6, 6, 6, 6, 6]
    assert stage.database.value("SELECT count(*) FROM relay.agents WHERE org_id = 'small'") == 3
    tally("creations at once against a limit", len(starts))


FAIL_SOME_TIMES = """
CREATE SEQUENCE public.tries;
GRANT USAGE ON public.tries TO PUBLIC;
CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.tries') <= {times} THEN
        RAISE EXCEPTION 'again' USING ERRCODE = '{sqlstate}';
    END IF;
    RETURN NEW;
END $$;
CREATE {constraint} TRIGGER fail AFTER INSERT ON relay.operations {deferred}
    FOR EACH ROW EXECUTE FUNCTION public.fail();
"""


@pytest.mark.parametrize("at_commit", (False, True))
@pytest.mark.parametrize("sqlstate", ("40001", "40P01"))
@pytest.mark.parametrize(("times", "code"), ((2, 0), (4, 0), (9, 8)))
def test_a_call_for_another_try_is_followed_at_most_five_times(stage, at_commit, sqlstate, times, code, tally):
    """With the same key and operation: after the tries there is one key and one event, or nothing at all."""
    for kind in ("create", "rotate", "rotate at once", "block", "revoke"):
        scene = stage.scene(kind)
        stage.database.execute(
            FAIL_SOME_TIMES.format(
                times=times,
                sqlstate=sqlstate,
                constraint="CONSTRAINT" if at_commit else "",
                deferred="DEFERRABLE INITIALLY DEFERRED" if at_commit else "",
            )
        )
        result = scene.run()
        tried = stage.database.value("SELECT last_value FROM public.tries")
        stage.database.execute("DROP FUNCTION public.fail CASCADE; DROP SEQUENCE public.tries")
        assert result.code == code and tried == min(times + 1, 5), f"{tried} tries\n{result}"
        scene.assert_told_truly(result)
        scene.assert_converges(result)
        tally("serialization failure or deadlock")


OTHER_ERRORS = {"53100": 8, "53200": 8, "57014": 8, "23514": 5, "P0001": 11, "XX000": 8}


@pytest.mark.parametrize("sqlstate", OTHER_ERRORS)
@pytest.mark.parametrize("at_commit", (False, True))
def test_another_error_is_not_tried_again(stage, sqlstate, at_commit, tally):
    scene = stage.scene("rotate at once")
    stage.database.execute(
        FAIL_SOME_TIMES.format(
            times=1,
            sqlstate=sqlstate,
            constraint="CONSTRAINT" if at_commit else "",
            deferred="DEFERRABLE INITIALLY DEFERRED" if at_commit else "",
        )
    )
    result = scene.run()
    assert result.code == OTHER_ERRORS[sqlstate] and stage.database.value("SELECT last_value FROM public.tries") == 1, f"{result}"
    stage.database.execute("DROP FUNCTION public.fail CASCADE; DROP SEQUENCE public.tries")
    scene.assert_safe(result)
    scene.assert_untouched(result)
    assert scene.times_done() == 0
    scene.assert_converges(result)
    tally("other errors of the server")


def test_a_lock_that_is_held_is_exit_8_and_never_holds_up_an_incident(stage, tally):
    scene = stage.scene("rotate")
    holder = stage.database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM relay.agents WHERE agent_id = %s FOR UPDATE", (scene.agent,))
    begin = time.monotonic()
    result = scene.run()
    assert result.code == 8 and time.monotonic() - begin < 30, f"{result}"
    scene.assert_told_truly(result)
    with processes.at_once(), ThreadPoolExecutor(2) as pool:
        incidents = list(pool.map(lambda kind: stage.relay(kind, scene.agent), ("block", "revoke")))
    assert [result.code for result in incidents] == [0, 0]
    holder.rollback()
    holder.close()
    assert agents.decide(stage.database, scene.old) == "revoked"
    tally("a lock held by another")
