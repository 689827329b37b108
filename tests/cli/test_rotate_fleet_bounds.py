"""rotate-key --all: how far a run goes, which rotation it continues, and the time at which the new keys end."""

import json

import pytest

from support.agents import key_id
from support.key_fleet import FOLDER, assert_rotated_once, counts, keys_by_agent, make_fleet, rotate_fleet
from support.legacy_seal import OWNERS, open_sealed, write_seal_keys
from support.processes import wait_until


def names(count):
    return [f"agent-{n:04}" for n in range(count)]


@pytest.mark.parametrize("place", [FOLDER, ("--deliver", "cat > /dev/null")], ids=["folder", "deliver"])
def test_an_end_in_the_past_changes_nothing(relay, database, tmp_path, place):
    make_fleet(database, 3)
    error = relay.error("rotate-key", "--all", "--grace", "0", "--expires", "2020-01-01T00:00:00Z", *place, check=2)
    assert error["changed"] == "no" and "2020-01-01T00:00:00Z, which has passed" in error["message"]
    assert all(list(states.values()) == ["active"] for states in keys_by_agent(database).values())
    assert database.value("SELECT count(*) FROM relay.fleet_rotations") == 0 and not (tmp_path / "out").exists()


def test_an_agent_that_is_rotated_alone_is_sealed_to_its_owner_too(relay, database, tmp_path):
    make_fleet(database, 2)
    relay("rotate-key", "agent-0001", "--secret-file", tmp_path / "one", check=0)
    private = {owner: OWNERS[owner] for owner in ("team-0", "team-1")}
    write_seal_keys(tmp_path / "owners", private)
    done = rotate_fleet(relay, "--all", "--force", "--secret-file", "s", "--secret-format", "sealed", "--seal-keys", "owners")
    assert counts(done) == {"rotated": 2}
    for line in map(json.loads, (tmp_path / "s").read_text().splitlines()):
        (item,) = [item for item in done["items"] if item["agent_id"] == line["agent_id"]]
        assert key_id(open_sealed(private[item["owner"]], line["encrypted_value"])) == item["key_id"]
    rotate_fleet(relay, "--all", "--force", "--secrets-dir", "by-owner", "--group-by", "owner")
    assert {path.parent.name for path in (tmp_path / "by-owner").rglob("*.key")} == {"team-0", "team-1"}


def test_a_limit_of_all_agents_ends_the_rotation(relay, database):
    make_fleet(database, 5)
    done = rotate_fleet(relay, "--all", "--limit", "5", *FOLDER)
    assert counts(done) == {"rotated": 5} and done["complete"]
    assert database.value("SELECT count(*) FROM relay.fleet_rotations WHERE ended_at IS NULL") == 0


def test_agents_that_fail_do_not_use_up_the_limit(relay, database, tmp_path):
    make_fleet(database, 8)
    for name in names(3):
        relay("rotate-key", name, "--secret-file", tmp_path / name, check=0)
    done = rotate_fleet(relay, "--all", "--limit", "3", *FOLDER, check=7)
    assert counts(done) == {"rotated": 3, "failed": 3} and not done["complete"]


def test_the_same_words_with_expect_continue(relay, database, tmp_path):
    make_fleet(database, 6)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT not_this CHECK (agent_id <> 'agent-0003') NOT VALID")
    words = ("--all", "--expect", "6", *FOLDER)
    assert counts(rotate_fleet(relay, *words, "--on-error", "stop", "--batch", "2", check=7))["failed"] == 1
    database.execute("ALTER TABLE relay.agent_keys DROP CONSTRAINT not_this")
    relay.error("rotate-key", "--all", "--expect", "5", *FOLDER, check=5)
    done = rotate_fleet(relay, *words)
    assert done["complete"] and done["left_out"]["done_before"] + done["rotated"] == 6
    assert_rotated_once(database, tmp_path, names(6))


def test_a_rotation_at_work_is_continued_however_long_ago_it_began(relay, database, tmp_path):
    make_fleet(database, 4)
    rotate_fleet(relay, "--all", "--grace", "0", "--limit", "2", *FOLDER)
    database.execute("UPDATE relay.fleet_rotations SET began_at = now() - interval '28 hours'")
    assert counts(rotate_fleet(relay, "--all", "--grace", "0", *FOLDER)) == {"rotated": 2}
    assert_rotated_once(database, tmp_path, names(4), old="retired")


def test_a_run_that_another_one_overtakes_rotates_no_agent_again(relay, database, tmp_path):
    """It is held when it opens its rotation, while the other one begins and ends."""
    make_fleet(database, 4)
    words = ("rotate-key", "--all", "--grace", "0", "--json")
    database.execute("""CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF pg_try_advisory_xact_lock(78) THEN PERFORM pg_advisory_xact_lock(77); END IF; RETURN NULL; END $$;
        CREATE TRIGGER hold BEFORE UPDATE ON relay.fleet_rotations FOR EACH STATEMENT EXECUTE FUNCTION public.hold()""")
    holder = database.connect()
    holder.cursor().execute("SELECT pg_advisory_lock(77)")
    held = relay.start(*words, "--secrets-dir", "b")
    wait_until(lambda: database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
    assert counts(rotate_fleet(relay, "--all", "--grace", "0", *FOLDER)) == {"rotated": 4}
    holder.close()
    out, _ = held.communicate()
    assert held.returncode == 0 and counts(json.loads(out)) == {} and not (tmp_path / "b").exists()
    assert_rotated_once(database, tmp_path, names(4), old="retired")


def test_a_key_that_another_session_has_locked_fails_alone(relay, database, tmp_path):
    make_fleet(database, 8)
    other = database.connect()
    other.autocommit = False
    other.cursor().execute("SELECT FROM relay.agent_keys WHERE agent_id = 'agent-0002' FOR UPDATE")
    done = rotate_fleet(relay, "--all", *FOLDER, "--timeout", "60s", check=7)
    other.close()
    assert counts(done) == {"rotated": 7, "failed": 1}
    assert [item["agent_id"] for item in done["items"] if item["outcome"] == "failed"] == ["agent-0002"]
    assert counts(rotate_fleet(relay, "--all", *FOLDER)) == {"rotated": 1}


def test_the_deadline_of_a_delivery_does_not_pass_during_after(relay, database, tmp_path):
    make_fleet(database, 3)
    words = ("--deliver", "cat > /dev/null", "--deliver-timeout", "2s", "--after", "sleep 3")
    assert counts(rotate_fleet(relay, "--all", *words)) == {"rotated": 3}
