"""rotate-key --all: how far a run goes, which rotation it continues, and the time at which the new keys end."""

import hashlib
import json

import pytest

from support.agents import key_id
from support.key_fleet import FOLDER, LINES, assert_rotated_once, counts, keys_by_agent, make_fleet, rotate_fleet
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


def test_two_batches_are_written_at_the_same_time(relay, database, tmp_path):
    make_fleet(database, 5)
    done = rotate_fleet(relay, "--all", "--batch", "3", *LINES)
    assert counts(done) == {"rotated": 5} and done["batches"] == 2 and [item["agent_id"] for item in done["items"]] == names(5)
    began = [row["began"] for row in database.rows("SELECT min(created_at) AS began FROM relay.agent_keys WHERE state = 'active' GROUP BY agent_id ORDER BY agent_id")]
    assert began[0] == began[2] < began[3] == began[4]
    in_file = [json.loads(line)["agent_id"] for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert in_file == names(5)[3:] + names(5)[:3], "the second batch ends before the first one"
    assert_rotated_once(database, tmp_path, names(5))


@pytest.mark.parametrize("refused", ["agent-0001", "agent-0004"])
def test_of_two_batches_at_the_same_time_one_agent_fails_alone(relay, database, tmp_path, refused):
    make_fleet(database, 6)
    database.execute(f"ALTER TABLE relay.agent_keys ADD CONSTRAINT not_this CHECK (agent_id <> '{refused}') NOT VALID")
    done = rotate_fleet(relay, "--all", "--batch", "3", *FOLDER, check=7)
    assert counts(done) == {"rotated": 5, "failed": 1} and [item["agent_id"] for item in done["items"] if item["outcome"] == "failed"] == [refused]
    database.execute("ALTER TABLE relay.agent_keys DROP CONSTRAINT not_this")
    assert counts(rotate_fleet(relay, "--all", "--batch", "3", *FOLDER)) == {"rotated": 1}
    assert_rotated_once(database, tmp_path, names(6))


def test_a_role_that_may_have_one_connection_rotates_a_fleet(relay, database, tmp_path):
    make_fleet(database, 9)
    login = database.cluster.login("one_connection", member_of="relay_provisioner")
    database.execute(f"ALTER ROLE {login} CONNECTION LIMIT 1")
    done = rotate_fleet(relay.with_(dsn=database.dsn(user=login)), "--all", "--batch", "2", *LINES)
    assert counts(done) == {"rotated": 9}
    assert_rotated_once(database, tmp_path, names(9))


def test_a_rotation_that_could_be_continued_is_begun_anew(relay, database, tmp_path):
    make_fleet(database, 4)
    words = ("--all", "--grace", "0", *FOLDER, "--replace")
    assert counts(rotate_fleet(relay, *words, "--limit", "2")) == {"rotated": 2}
    first = keys_by_agent(database)
    done = rotate_fleet(relay, *words, "--limit", "1")
    assert counts(done) == {"rotated": 1} and done["left_out"]["done_before"] == 2 and done["continued_since"]
    done = rotate_fleet(relay, *words, "--restart")
    assert counts(done) == {"rotated": 4} and done["continued_since"] is None
    assert not set(list(first["agent-0000"])[:2]) & {key for key, state in keys_by_agent(database)["agent-0000"].items() if state == "active"}
    relay.error("rotate-key", "agent-0000", "--restart", "--secret-stdout", check=2)


def test_a_rotation_that_0_1_0_has_begun_is_continued(relay, database, tmp_path):
    """0.1.0 wrote an owner, labels and a pattern as they are, without quotes."""
    make_fleet(database, 6)
    words = ("--all", "--owner", "team-0", "--match", "agent-*", *FOLDER)
    assert counts(rotate_fleet(relay, *words, "--limit", "1")) == {"rotated": 1}
    request = database.value("SELECT request FROM relay.fleet_rotations")
    plain = request.replace('"', "")
    assert plain != request
    bits = int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=16, key=b"relay-admin operation").digest()[:15], "big")
    request_id = "op_" + "".join("0123456789abcdefghjkmnpqrstvwxyz"[bits >> 5 * n & 31] for n in reversed(range(24)))
    database.execute("UPDATE relay.fleet_rotations SET request = %s, request_id = %s", plain, request_id)
    done = rotate_fleet(relay, *words)
    assert counts(done) == {"rotated": 1} and done["left_out"]["done_before"] == 1
    assert database.value("SELECT array_agg(request) FROM relay.fleet_rotations WHERE ended_at IS NOT NULL") == [plain]
