"""What was revoked stays dead: every pair of revoke, rotate and restore, of an agent and its organization, with transactions that are held open
and clocks that are moved."""

import itertools
import tempfile
from pathlib import Path

import pytest

from support.agents import decide, read_key, rotate
from support.clock import MovedClock
from support.cluster import Cluster
from support.database import Database, make_template
from support.held_up import HeldUp

SUBJECTS = ("agent", "org")


@pytest.fixture(scope="module")
def clock():
    """The clock of the server of this module, in a folder that is open to the account of the server."""
    with tempfile.TemporaryDirectory(prefix="rly-clock-", dir="/tmp") as folder:
        yield MovedClock(Path(folder))


@pytest.fixture(scope="module")
def server(clock):
    """A server whose clock can be moved."""
    cluster = Cluster(name="moved")
    cluster.environment = clock.environment
    with cluster as running:
        yield running


@pytest.fixture
def database(server, clock):
    clock.move(0)
    made = Database(server, template=make_template(server))
    yield made
    clock.move(0)
    made.drop()


def about(verb, subject, *more):
    if subject == "org":
        return (verb, "--org", "acme", "--confirm", "acme", *more)
    return (verb, "bot", *more)


def revoke(relay, subject):
    relay(*about("revoke", subject), check=0)


def restore(relay, subject, folder, name="restored.key"):
    """Returns the fresh key; none for an organization."""
    if subject == "org":
        relay(*about("restore", "org", "--yes"), check=0)
        return None
    relay("restore", "bot", "--yes", "--secret-file", folder / name, check=0)
    return read_key(folder / name)


def hold_revocation(database, subject):
    """A revocation that is made, and not committed yet."""
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES (%s, %s, 'revoke', 'held')",
            (subject, "acme" if subject == "org" else "bot"),
        )
    return connection


def dead(database, *keys):
    return all(decide(database, each) in ("revoked", "retired") for each in keys)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("shift", [0, -600, 600])
def test_a_key_that_was_made_in_the_shadow_of_a_revocation_stays_dead(relay, database, clock, key, subject, shift, tmp_path):
    """The revocation is made, a rotation comes and goes, and only then the revocation is committed."""
    holder = hold_revocation(database, subject)
    clock.move(shift)
    shadow = rotate(relay, tmp_path / "shadow.key", "--grace", "0")
    assert decide(database, shadow) == "ok", "nobody can see the revocation yet"
    clock.move(0)
    holder.commit()
    assert dead(database, key, shadow)
    fresh = restore(relay, subject, tmp_path)
    assert dead(database, key, shadow)
    if fresh is None:
        fresh = rotate(relay, tmp_path / "fresh.key")
    assert decide(database, fresh) == "ok" and dead(database, key, shadow)
    holder.close()


@pytest.mark.parametrize("made, revoked, restored", itertools.product([0, 600], [0, 600], [0, 600, -600]))
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_step_of_the_clock_revives_a_key_or_kills_a_fresh_one(
    relay, database, clock, key, subject, made, revoked, restored, tmp_path
):
    clock.move(made)
    old = rotate(relay, tmp_path / "old.key", "--grace", "0")
    clock.move(revoked)
    revoke(relay, subject)
    clock.move(restored)
    assert dead(database, key, old)
    fresh = restore(relay, subject, tmp_path)
    assert dead(database, key, old)
    fresh = fresh or rotate(relay, tmp_path / "fresh.key", "--grace", "0")
    assert decide(database, fresh) == "ok", "a key that is made after the restore works, whatever the clock says"
    for shift in (0, 1200, -1200):
        clock.move(shift)
        assert dead(database, key, old)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_rotation_that_is_held_at_its_commit_gives_no_key_that_outlives_the_revocation(relay, database, key, subject, tmp_path):
    """It has begun before the revocation, which comes and is lifted before it commits."""
    with HeldUp(relay, database, "rotate-key", "bot", "--grace", "0", "--secret-file", tmp_path / "held.key") as held:
        revoke(relay, subject)
        if subject == "org":  # an agent's restore waits for the rotation
            restore(relay, subject, tmp_path)
    assert held.result.code == 0
    late = read_key(tmp_path / "held.key")
    if subject == "agent":
        assert dead(database, key, late)
        restore(relay, subject, tmp_path)
    assert dead(database, key, late), "it was made before the restore"
    assert decide(database, rotate(relay, tmp_path / "fresh.key")) == "ok"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_second_revocation_at_the_time_of_a_restore_wins(relay, database, key, subject, tmp_path):
    revoke(relay, subject)
    holder = hold_revocation(database, subject)
    fresh = restore(relay, subject, tmp_path) or rotate(relay, tmp_path / "fresh.key")
    assert decide(database, fresh) == "ok"
    holder.commit()
    assert dead(database, key, fresh)
    newest = restore(relay, subject, tmp_path, "newest.key") or rotate(relay, tmp_path / "newest.key", "--force")
    assert dead(database, key, fresh) and decide(database, newest) == "ok"
    holder.close()


def test_both_revoked_and_both_restored_in_each_order(relay, database, key, tmp_path):
    keys = [key]
    for number, (first, second) in enumerate(itertools.product(SUBJECTS, SUBJECTS)):
        if first == second:
            continue
        revoke(relay, first)
        revoke(relay, second)
        assert dead(database, *keys)
        restore(relay, "org", tmp_path)
        assert dead(database, *keys)
        keys.append(restore(relay, "agent", tmp_path, f"agent{number}.key"))
        assert dead(database, *keys[:-1]) and decide(database, keys[-1]) == "ok"


def test_the_cut_off_cannot_be_chosen(database, relay, key):
    """Neither which number a key gets, nor from when on a revocation counts, nor when it was lifted."""
    revoke(relay, "agent")
    for role in ("relay_responder", "relay_provisioner"):
        connection = database.connect(user=database.cluster.login(f"a_{role}", member_of=role))
        with connection.cursor() as cursor:
            for statement in (
                "UPDATE relay.revocations SET cut_off = 0",
                "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, cut_off) VALUES ('agent', 'x', 'revoke', 'x', 0)",
                "UPDATE relay.agent_keys SET made_order = 9999999",
                "SELECT setval('relay.act_order', 1)",
            ):
                with pytest.raises(Exception, match="permission denied"):
                    cursor.execute(statement)
        connection.close()
    connection = database.connect(user=database.cluster.login("a_relay_responder", member_of="relay_responder"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE relay.revocations SET lifted_at = '1999-01-01', lifted_by = 'nobody'")
    connection.close()
    assert database.value("SELECT lifted_at > now() - interval '1 minute' FROM relay.revocations") is True
    assert dead(database, key)
