"""rotate-key --org and --all: each agent of a fleet gets one new key, by the rules of one rotation, whatever fails."""

import errno
import json
import os
import threading

import pytest

from support import strace
from support.agents import key_id
from support.key_fleet import (
    FOLDER, LINES, assert_rotated_once, counts, keys_by_agent, make_fleet, make_older, rotate_fleet,
)  # fmt: skip
from support.legacy_issue import on_disk
from support.legacy_seal import OWNERS, open_sealed, write_seal_keys


def names(count, prefix="agent-"):
    return [f"{prefix}{n:04}" for n in range(count)]


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_every_agent_gets_one_new_key(relay, database, tmp_path, sink):
    make_fleet(database, 250)
    make_fleet(database, 3, org="p", prefix="other-")
    done = rotate_fleet(relay, "--org", "o", "--batch", "100", *sink)
    assert done["kind"] == "FleetRotationList" and done["changed"] and done["complete"]
    assert counts(done) == {"rotated": 250} and done["batches"] == 3
    assert_rotated_once(database, tmp_path, names(250))
    assert [item["agent_id"] for item in done["items"]] == names(250)
    keys = keys_by_agent(database)
    for item in done["items"]:
        assert list(keys[item["agent_id"]]) == [item["previous_key_id"], item["key_id"]]
        assert item["outcome"] == "rotated" and item["org_id"] == "o" and item["previous_works_until"] and item["reason"] is None
    assert all(list(states.values()) == ["active"] for agent, states in keys.items() if agent.startswith("other-"))
    events = database.rows("SELECT agent_id, key_id, detail FROM relay.auth_events WHERE action = 'key_rotated'")
    assert len(events) == 250 and {row["key_id"] for row in events} == {item["key_id"] for item in done["items"]}
    assert all(row["detail"]["grace_seconds"] == 86400 and row["detail"]["previous_key_id"] in keys[row["agent_id"]] for row in events)


def test_all_means_the_whole_relay(relay, database, tmp_path):
    make_fleet(database, 4)
    make_fleet(database, 3, org="p", prefix="other-")
    assert counts(rotate_fleet(relay, "--all", *LINES)) == {"rotated": 7}
    lines = [json.loads(line) for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert {line["org_id"] for line in lines} == {"o", "p"} and len(lines) == 7


def test_a_daily_run_rotates_what_is_due(relay, database, tmp_path):
    make_fleet(database, 6)
    make_older(database, 85, like="agent-000[01]")
    database.execute("SET session_replication_role = replica; UPDATE relay.agent_keys SET due_at = now() + interval '5 days',"
                     " created_at = now() - interval '85 days' WHERE agent_id IN ('agent-0001', 'agent-0004')")  # fmt: skip
    done = rotate_fleet(relay, "--all", "--due-within", "10d", "--secrets-dir", "a")
    assert {item["agent_id"] for item in done["items"]} == {"agent-0001", "agent-0004"} and done["left_out"]["not_due"] == 4
    again = rotate_fleet(relay, "--all", "--due-within", "10d", "--secrets-dir", "b")
    assert again["changed"] is False and again["items"] == [] and not (tmp_path / "b").exists()
    database.execute("SET session_replication_role = replica; UPDATE relay.agent_keys SET created_at = now() - interval '81 days'"
                     " WHERE agent_id = 'agent-0002'")  # fmt: skip
    done = rotate_fleet(relay, "--all", "--if-older-than", "80d", "--secrets-dir", "c")
    assert [item["agent_id"] for item in done["items"]] == ["agent-0002"]


def test_the_second_rotation_of_a_fleet_retires_what_the_first_one_left(relay, database, tmp_path):
    make_fleet(database, 20)
    rotate_fleet(relay, "--all", "--secrets-dir", "a")
    make_older(database, 2)
    done = rotate_fleet(relay, "--all", "--secrets-dir", "b")
    assert counts(done) == {"rotated": 20} and done["batches"] == 1
    for states in keys_by_agent(database).values():
        assert list(states.values()) == ["retired", "retiring", "active"]
    retired = database.value("SELECT count(DISTINCT key_id) FROM relay.auth_events WHERE action = 'key_retired' AND reason IS DISTINCT FROM 'by SQL'")
    assert retired == 20


def test_an_agent_in_grace_fails_as_one_rotation_does(relay, database, tmp_path):
    make_fleet(database, 5)
    relay("rotate-key", "agent-0003", "--secret-file", tmp_path / "one", check=0)
    one = relay.error("rotate-key", "agent-0003", "--secret-file", tmp_path / "two", check=5)
    done = rotate_fleet(relay, "--all", "--secrets-dir", "a", check=7)
    assert counts(done) == {"rotated": 4, "failed": 1} and done["changed"]
    (failed,) = [item for item in done["items"] if item["outcome"] == "failed"]
    assert failed["agent_id"] == "agent-0003" and failed["org_id"] == "o"
    assert one["message"].startswith(failed["reason"]) and "has a rotation in grace" in failed["reason"]


@pytest.mark.parametrize("flag", [("--grace", "0"), ("--force",)], ids=["grace-0", "force"])
def test_a_key_in_grace_ends_if_one_says_so(relay, database, tmp_path, flag):
    make_fleet(database, 3)
    relay("rotate-key", "agent-0001", "--secret-file", tmp_path / "one", check=0)
    done = rotate_fleet(relay, "--all", *flag, "--secrets-dir", "a")
    assert counts(done) == {"rotated": 3}
    old = "retired" if flag[0] == "--grace" else "retiring"
    keys = keys_by_agent(database)
    assert list(keys["agent-0001"].values()) == ["retired", old, "active"]
    assert list(keys["agent-0000"].values()) == list(keys["agent-0002"].values()) == [old, "active"]
    if flag[0] == "--grace":
        assert all(item["previous_works_until"] is None for item in done["items"])


def test_blocked_and_revoked_agents_are_left_out(relay, database, tmp_path):
    make_fleet(database, 6)
    make_fleet(database, 2, org="p", prefix="other-")
    relay("block", "agent-0001", check=0)
    relay("revoke", "agent-0002", "agent-0003", check=0)
    relay("block", "--org", "p", "--confirm", "p", check=0)
    done = rotate_fleet(relay, "--all", *FOLDER)
    assert counts(done) == {"rotated": 3} and done["complete"]
    assert done["left_out"] == {"not_due": 0, "blocked": 3, "revoked": 2, "without_key": 0, "done_before": 0}
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"agent-0000", "agent-0004", "agent-0005"}


def test_owner_label_and_match_narrow_it(relay, database, tmp_path):
    make_fleet(database, 9)
    relay("agent", "update", "agent-0001", "--label", "env=prod", check=0)
    assert counts(rotate_fleet(relay, "--all", "--owner", "team-2", "--secrets-dir", "a")) == {"rotated": 3}
    assert counts(rotate_fleet(relay, "--org", "o", "--label", "env=prod", "--secrets-dir", "b")) == {"rotated": 1}
    assert counts(rotate_fleet(relay, "--all", "--match", "agent-000[", "--secrets-dir", "c")) == {}
    assert counts(rotate_fleet(relay, "--all", "--match", "*-0003", "--secrets-dir", "d")) == {"rotated": 1}
    relay.error("rotate-key", "--all", "--owner", "team-1", "--no-owner", *FOLDER, check=2)


def test_missing_means_agents_without_a_working_key(relay, database, tmp_path):
    make_fleet(database, 4)
    relay("key", "retire", list(keys_by_agent(database)["agent-0001"])[0], "--force", "--yes", check=0)
    relay("revoke", "--key", list(keys_by_agent(database)["agent-0002"])[0], check=0)
    database.execute("INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('never', 'o', 'Never', 'test')")
    done = rotate_fleet(relay, "--all", "--if-older-than", "1d", "--dry-run", *FOLDER)
    assert done["left_out"]["without_key"] == 1 and {item["agent_id"] for item in done["items"]} == {"agent-0001", "agent-0002"}
    done = rotate_fleet(relay, "--all", "--missing", *FOLDER)
    assert {item["agent_id"] for item in done["items"]} == {"agent-0001", "agent-0002", "never"}
    assert rotate_fleet(relay, "--all", "--missing", *FOLDER)["changed"] is False
    one = relay.json("rotate-key", "never", "--missing", "--secret-file", tmp_path / "k")
    assert one["changed"] is False and "works" in one["data"]["unchanged_because"]


def test_expect_limit_and_dry_run(relay, database, tmp_path):
    make_fleet(database, 12)
    error = relay.error("rotate-key", "--all", "--expect", "11", *FOLDER, check=5)
    assert error["changed"] == "no" and "12 agents would get a new key, not 11" in error["message"]
    dry = rotate_fleet(relay, "--all", "--expect", "12", "--dry-run", *FOLDER)
    assert dry["dry_run"] and counts(dry) == {"rotated": 12} and dry["delivered_to"] is None
    assert not (tmp_path / "out").exists() and all(len(keys) == 1 for keys in keys_by_agent(database).values())
    done = rotate_fleet(relay, "--all", "--limit", "5", "--expect", "5", *FOLDER)
    assert counts(done) == {"rotated": 5} and not done["complete"]
    done = rotate_fleet(relay, "--all", "--limit", "5", *FOLDER)
    assert counts(done) == {"rotated": 5} and done["left_out"]["done_before"] == 5
    done = rotate_fleet(relay, "--all", *FOLDER)
    assert counts(done) == {"rotated": 2} and done["complete"] and done["left_out"]["done_before"] == 10
    assert_rotated_once(database, tmp_path, names(12))


def test_an_agent_that_the_database_refuses_fails_alone(relay, database, tmp_path):
    make_fleet(database, 40)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT not_these CHECK (agent_id NOT IN ('agent-0013', 'agent-0031')) NOT VALID")
    stopped = rotate_fleet(relay, "--all", "--batch", "10", "--on-error", "stop", *FOLDER, check=7)
    assert counts(stopped) == {"rotated": 19, "failed": 1} and not stopped["complete"]
    done = rotate_fleet(relay, "--all", "--batch", "10", *FOLDER, check=7)
    assert [item["agent_id"] for item in done["items"] if item["outcome"] == "failed"] == ["agent-0013", "agent-0031"]
    assert counts(done) == {"rotated": 19, "failed": 2} and done["left_out"]["done_before"] == 19
    database.execute("ALTER TABLE relay.agent_keys DROP CONSTRAINT not_these")
    assert counts(rotate_fleet(relay, "--all", *FOLDER)) == {"rotated": 2}
    assert_rotated_once(database, tmp_path, names(40))


def test_a_finished_rotation_is_not_continued(relay, database, tmp_path):
    make_fleet(database, 3)
    rotate_fleet(relay, "--all", "--grace", "0", "--secrets-dir", "a")
    done = rotate_fleet(relay, "--all", "--grace", "0", "--secrets-dir", "b")
    assert counts(done) == {"rotated": 3}
    assert database.value("SELECT count(*) FROM relay.fleet_rotations WHERE ended_at IS NOT NULL") == 2


def test_no_text_poses_as_another_request(relay, database, tmp_path):
    """A label with a comma is not two labels: the second request begins its own rotation."""
    make_fleet(database, 3)
    one, two = ("--label", "k=1,z=2"), ("--label", "k=1", "--label", "z=2")
    for agent, labels in (("agent-0000", one), ("agent-0001", one), ("agent-0002", two)):
        relay("agent", "update", agent, *labels, check=0)
    assert counts(rotate_fleet(relay, "--all", *one, "--limit", "1", *FOLDER)) == {"rotated": 1}
    assert counts(rotate_fleet(relay, "--all", *two, *FOLDER)) == {"rotated": 1}
    assert database.value("SELECT count(DISTINCT request) FROM relay.fleet_rotations") == 2


def test_a_rotation_of_half_a_day_ago_is_not_continued(relay, database, tmp_path):
    make_fleet(database, 4)
    rotate_fleet(relay, "--all", "--grace", "0", "--limit", "2", "--secrets-dir", "a")
    database.execute("UPDATE relay.fleet_rotations SET last_at = now() - interval '13 hours'")
    assert counts(rotate_fleet(relay, "--all", "--grace", "0", "--secrets-dir", "b")) == {"rotated": 4}


def test_another_end_of_the_old_keys_is_another_rotation(relay, database, tmp_path):
    make_fleet(database, 4)
    rotate_fleet(relay, "--all", "--limit", "2", "--secrets-dir", "a")
    done = rotate_fleet(relay, "--all", "--grace", "0", "--secrets-dir", "b")
    assert counts(done) == {"rotated": 4}
    assert all(list(keys.values()).count("active") == 1 and "retiring" not in keys.values() for keys in keys_by_agent(database).values())


def test_hard_expiry(relay, database, tmp_path):
    make_fleet(database, 3)
    database.execute("UPDATE relay.agent_keys SET expires_at = '2030-01-01T00:00:00Z' WHERE agent_id = 'agent-0001'")
    done = rotate_fleet(relay, "--all", "--expires", "2031-01-01T00:00:00Z", "--secrets-dir", "a", check=7)
    assert counts(done) == {"rotated": 2, "failed": 1}
    (failed,) = [item for item in done["items"] if item["outcome"] == "failed"]
    assert failed["agent_id"] == "agent-0001" and "ends at 2030-01-01T00:00:00Z, as set before" in failed["reason"]
    assert database.value("SELECT count(*) FROM relay.agent_keys WHERE state = 'active' AND expires_at = '2031-01-01T00:00:00Z'") == 2


def test_sealed_to_the_owners(relay, database, tmp_path):
    make_fleet(database, 6)
    private = {owner: OWNERS[owner] for owner in ("team-0", "team-1")}
    write_seal_keys(tmp_path / "owners", private)
    words = ("--secret-file", "sealed.jsonl", "--secret-format", "sealed", "--seal-keys", "owners")
    done = rotate_fleet(relay, "--all", *words, check=7)
    assert counts(done) == {"rotated": 4, "failed": 2}
    assert {item["owner"] for item in done["items"] if item["outcome"] == "failed"} == {"team-2"}
    for line in map(json.loads, (tmp_path / "sealed.jsonl").read_text().splitlines()):
        (item,) = [item for item in done["items"] if item["agent_id"] == line["agent_id"]]
        assert key_id(open_sealed(private[item["owner"]], line["encrypted_value"])) == item["key_id"]
    grouped = rotate_fleet(relay, "--all", "--grace", "0", "--secrets-dir", "out", "--group-by", "owner")
    assert counts(grouped) == {"rotated": 6} and (tmp_path / "out/team-2/agent-0002.key").exists()


def test_what_does_not_go_together(relay, database, tmp_path):
    make_fleet(database, 1)
    for words in (("--all", "--org", "o"), ("agent-0000", "--all"), ("agent-0000", "--org", "o"), ()):
        relay.error("rotate-key", *words, *FOLDER, check=2)
    for flag in (("--revert",), ("--request-id", "6f0c7a52-7c7c-4e02-8a4e-2d0a7d9a7a11"), ("--key-from", "k"), ("--secret-stdout",),
                 ("--if-older-than", "1d", "--due-within", "1d"), ("--missing", "--due-within", "1d")):  # fmt: skip
        relay.error("rotate-key", "--all", *flag, *FOLDER, check=2)
    for flag in (("--owner", "x"), ("--limit", "1"), ("--expect", "1"), ("--batch", "1"), ("--on-error", "stop"), ("--group-by", "org")):
        error = relay.error("rotate-key", "agent-0000", *flag, *FOLDER, check=2)
        assert "needs --org ORG or --all" in error["message"], error
    relay.error("rotate-key", "--all", check=2)
    relay.error("rotate-key", "--org", "nosuch", *FOLDER, check=3)
    assert len(on_disk(tmp_path)) == 0


def test_every_format_of_the_output(relay, database, tmp_path):
    make_fleet(database, 3)
    relay("rotate-key", "agent-0001", "--secret-file", tmp_path / "one", check=0)
    result = relay("rotate-key", "--all", "--secrets-dir", "a", "-o", "jsonl", check=7)
    *rows, summary = [json.loads(line) for line in result.out.splitlines()]
    assert [row["kind"] for row in rows] == ["FleetRotation"] * 3 and summary["kind"] == "Summary"
    assert (summary["count"], summary["rotated"], summary["failed"], summary["changed"]) == (3, 2, 1, True)
    make_older(database, 2)
    table = relay("rotate-key", "--all", "--secrets-dir", "b", check=0)
    assert "OUTCOME" in table.out and table.out.count("rotated") == 3
    assert "rotating the keys of 3 agents of the whole relay" in table.err and "rotated 3 agents" in table.err
    assert all(key_id(key) in table.out and key not in table.out + table.err for key in on_disk(tmp_path / "b"))
    make_older(database, 2)
    csv = relay("rotate-key", "--all", "--secrets-dir", "c", "-o", "csv", check=0).out
    assert csv.splitlines()[0].startswith("agent_id,org_id,owner,outcome,key_id") and len(csv.splitlines()) == 4
    make_older(database, 2)
    assert relay("rotate-key", "--all", "--secrets-dir", "d", "-o", "id", check=0).out.split() == names(3)


def test_two_runs_share_the_work(relay, database, tmp_path):
    make_fleet(database, 600)
    results = []

    def run(number):
        results.append(rotate_fleet(relay, "--all", "--grace", "0", "--batch", "20", "--secrets-dir", f"out{number}"))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["rotated"] for result in results) == 600 and all(result["complete"] for result in results)
    assert_rotated_once(database, tmp_path, names(600), old="retired")


@pytest.mark.parametrize("sink", [("--secret-file", "keys", "--secret-format", "json"), ("--secrets-dir", "out"), ("--secrets-dir", "out", "--replace")])
def test_runs_with_the_very_same_words_share_the_work(relay, database, tmp_path, sink):
    """As when a timer starts the command again before it has ended."""
    make_fleet(database, 300)
    results = []

    def run():
        results.append(relay("rotate-key", "--all", "--grace", "0", "--batch", "10", *sink, "-o", "json"))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.code for result in results] == [0, 0, 0], [result.err for result in results]
    assert sum(result.json()["rotated"] for result in results) == 300
    assert_rotated_once(database, tmp_path, names(300), old="retired")


def play(scene):
    """For the golden documents: see every_command.py."""
    make_fleet(scene.database, 3, org="fleet", prefix="fleet-")
    scene.fail(5, "rotate-key", "--org", "fleet", "--expect", "2", "--secrets-dir", "fleet")
    scene.shoot("rotate-key", "fleet-0001", "--secret-file", "fleet.one")
    scene.shoot("rotate-key", "--org", "fleet", "--secrets-dir", "fleet", "--dry-run", code=7)
    scene.shoot("rotate-key", "--org", "fleet", "--secrets-dir", "fleet", form="jsonl", code=7)
    scene.shoot("rotate-key", "--org", "fleet", "--grace", "0", "--secrets-dir", "fleet-2")
    scene.shoot("rotate-key", "--org", "fleet", "--if-older-than", "1d", "--secrets-dir", "fleet-3", form="jsonl")


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_named_at_once_and_keeps_nothing(relay, database, tmp_path, error):
    make_fleet(database, 3)
    (tmp_path / "keys").mkdir(mode=0o700)
    words = ("rotate-key", "--all", "--secret-file", "keys/new", "--secret-format", "json")
    result, happened = strace.Tracer().inject(lambda prefix: relay.with_(prefix=prefix)(*words), f"inject=flock:error={error}")
    assert happened and result.code == 12, result
    assert os.strerror(getattr(errno, error)).lower() in result.err.lower() and "another run" not in result.err, result
    assert list((tmp_path / "keys").iterdir()) == [] and all(list(states.values()) == ["active"] for states in keys_by_agent(database).values())
