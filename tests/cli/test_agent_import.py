"""agent import: each row of a file becomes an agent with its first key, once, whatever fails."""

import json
import signal
import threading
import time

import pytest

from support import sampling, strace
from support.agents import decide, key_id
from support.held_up import HeldUp
from support.key_fleet import FOLDER, LINES, keys_by_agent
from support.legacy_issue import on_disk
from support.prepared import prepared
from support.processes import wait_until
from support.strace import Tracer

PUT = 'cat > "got/$RELAY_AGENT_ID.tmp" && mv "got/$RELAY_AGENT_ID.tmp" "got/$RELAY_AGENT_ID"'


@prepared
def org(relay):
    relay("org", "create", "o", "--name", "O", "--plan", "paid", check=0)


def write(path, count, *, prefix="bot-", org="o"):
    path.write_text("agent_id,org_id,name,permissions,owner,labels,key_max_age\n" + "".join(
        f'{prefix}{n},{org},"Bot ""{n}"", the","stripe:create_payment,crm:*",team-{n % 3},"env=prod,tier={n % 2}",30d\n' for n in range(count)
    ))  # fmt: skip
    return path


def load(relay, *words, check=0):
    return relay.json("agent", "import", *words, check=check)


def totals(document):
    return {name: document[name] for name in ("created", "unchanged", "failed") if document[name]}


def assert_one_key_each(database, folder, count):
    keys = keys_by_agent(database)
    assert len(keys) == count and all(list(states.values()) == ["active"] for states in keys.values())
    held = {key_id(key) for key in on_disk(folder)}
    assert held == {key for states in keys.values() for key in states}
    assert all(decide(database, key) == "ok" for key in list(on_disk(folder))[:5])


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_each_row_is_an_agent_with_a_key(relay, database, tmp_path, org, sink):
    done = load(relay, write(tmp_path / "a.csv", 250), "--batch", "100", *sink)
    assert done["kind"] == "AgentImportList" and totals(done) == {"created": 250} and done["batches"] == 3 and done["complete"]
    assert_one_key_each(database, tmp_path, 250)
    agent = relay.json("agent", "show", "bot-7")["data"]
    assert agent["name"] == 'Bot "7", the' and set(agent["permissions"]) == {"stripe:create_payment", "crm:*"}
    assert agent["owner"] == "team-1" and agent["labels"] == {"env": "prod", "tier": "1"} and agent["key_max_age_seconds"] == 30 * 86400
    due = database.value("SELECT due_at - created_at = interval '30 days' FROM relay.agent_keys WHERE agent_id = 'bot-7'")
    assert due
    told = database.rows("SELECT action, count(*) AS n FROM relay.auth_events WHERE agent_id LIKE 'bot-%%' GROUP BY action")
    assert {row["action"]: row["n"] for row in told} == {"agent_created": 250, "key_issued": 250}
    assert [item["line"] for item in done["items"]] == list(range(2, 252))
    again = load(relay, tmp_path / "a.csv", *sink)
    assert totals(again) == {"unchanged": 250} and again["changed"] is False and again["items"] == []
    assert_one_key_each(database, tmp_path, 250)


def test_json_lines_and_other_names(relay, database, tmp_path, org):
    rows = [{"id": "a", "title": "A", "labels": {"env": "prod"}, "permissions": ["x:y"]}, {"id": "b", "owner": None}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = load(relay, "a.jsonl", "--org", "o", "--map", "agent_id=id,name=title", *FOLDER)
    assert totals(done) == {"created": 2}
    assert relay.json("agent", "show", "a")["data"]["labels"] == {"env": "prod"}
    assert relay.json("agent", "show", "b")["data"]["name"] == "b"


def test_a_bad_row_fails_alone(relay, database, tmp_path, org):
    relay("org", "create", "free", "--name", "F", check=0)
    relay("org", "create", "shut", "--name", "S", "--plan", "paid", check=0)
    relay("block", "--org", "shut", "--confirm", "shut", check=0)
    relay("block", "tomb", "--force", check=0)
    relay("agent", "create", "there", "--org", "o", "--name", "There", "--secret-file", tmp_path / "there.key", check=0)
    (tmp_path / "a.csv").write_text(
        "agent_id,org_id,name,permissions,key_max_age\ngood,o,,,\nBad Id,o,,,\nlost,nosuch,,,\nfree-1,free,,,\nfree-2,free,,,\nin-shut,shut,,,\n"
        "tomb,o,,,\nthere,o,Other,,\ngood,o,,,\nperm,o,,nonsense,\nage,o,,,soon\n,o,,,\n"
    )
    done = load(relay, "a.csv", *FOLDER, check=7)
    assert totals(done) == {"created": 2, "failed": 10}
    reasons = {item["line"]: item["reason"] for item in done["items"] if item["outcome"] == "failed"}
    assert reasons[4] == "org nosuch does not exist" and reasons[6] == "org free is at its limit of agents"
    assert reasons[7] == "org shut is blocked" and reasons[8] == "the id is blocked"
    assert reasons[9] == "it exists with a different name" and reasons[10] == "the same agent as in line 2"
    assert set(reasons) == {3, 4, 6, 7, 8, 9, 10, 11, 12, 13}
    stopped = load(relay, "a.csv", "--on-error", "stop", *FOLDER, check=7)
    assert stopped["failed"] == 1 and not stopped["complete"]


def test_an_agent_that_the_database_refuses_fails_alone(relay, database, tmp_path, org):
    write(tmp_path / "a.csv", 40)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT not_these CHECK (agent_id NOT IN ('bot-13', 'bot-31'))")
    done = load(relay, "a.csv", "--batch", "10", *FOLDER, check=7)
    assert totals(done) == {"created": 38, "failed": 2}
    assert {item["agent_id"] for item in done["items"] if item["outcome"] == "failed"} == {"bot-13", "bot-31"}
    database.execute("ALTER TABLE relay.agent_keys DROP CONSTRAINT not_these")
    assert totals(load(relay, "a.csv", *FOLDER)) == {"created": 2, "unchanged": 38}
    assert_one_key_each(database, tmp_path, 40)


def test_seats_are_counted_for_the_whole_file(relay, database, tmp_path, org):
    """In a count and on a dry run every batch is rolled back, and its seats are not free again."""
    relay("org", "update", "o", "--max-agents", "7", check=0)
    write(tmp_path / "a.csv", 12)
    batches = ("--batch", "5", *FOLDER)
    assert totals(load(relay, "a.csv", "--dry-run", *batches, check=7)) == {"created": 7, "failed": 5}
    assert "7 agents would be created, not 12" in relay.error("agent", "import", "a.csv", "--expect", "12", *batches, check=5)["message"]
    assert totals(load(relay, "a.csv", "--expect", "7", *batches, check=7)) == {"created": 7, "failed": 5}
    assert_one_key_each(database, tmp_path, 7)


def test_no_more_agents_are_created_than_were_counted(relay, database, tmp_path, org):
    relay("org", "update", "o", "--max-agents", "7", check=0)
    write(tmp_path / "a.csv", 12)
    other = database.connect()
    with HeldUp(relay, database, "agent", "import", "a.csv", "--expect", "7", "--batch", "5", *FOLDER, "-o", "json") as held:
        raising = threading.Thread(target=lambda: other.cursor().execute("UPDATE relay.organizations SET name = name; UPDATE relay.limits SET amount = 60 WHERE owner_kind = 'org'"))
        raising.start()  # it gets the lock of the first batch, before the second one
        wait_until(lambda: database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"), what="the update to wait")
    raising.join()
    document = held.result.json()
    assert held.result.code == 7 and totals(document) == {"created": 7, "failed": 5}
    assert {item["reason"] for item in document["items"] if item["outcome"] == "failed"} == {"it is one more than the 7 agents that were expected"}
    assert_one_key_each(database, tmp_path, 7)
    other.close()


def test_expect_limit_and_dry_run(relay, database, tmp_path, org):
    write(tmp_path / "a.csv", 12)
    error = relay.error("agent", "import", "a.csv", "--expect", "11", *FOLDER, check=5)
    assert error["changed"] == "no" and "12 agents would be created, not 11" in error["message"]
    dry = load(relay, "a.csv", "--dry-run", "--expect", "12", *FOLDER)
    assert dry["dry_run"] and totals(dry) == {"created": 12} and dry["delivered_to"] is None
    assert keys_by_agent(database) == {} and not (tmp_path / "out").exists()
    part = load(relay, "a.csv", "--limit", "5", *FOLDER)
    assert totals(part) == {"created": 5} and not part["complete"]
    assert totals(load(relay, "a.csv", "--expect", "7", *FOLDER)) == {"created": 7, "unchanged": 5}
    assert_one_key_each(database, tmp_path, 12)
    relay.error("agent", "import", "-", "--expect", "1", *FOLDER, check=2, stdin="agent_id\n")
    relay.error("agent", "import", "a.csv", check=2)
    relay.error("agent", "import", "nosuch.csv", *FOLDER, check=2)


def test_two_batches_are_written_at_the_same_time_except_below_a_limit(relay, database, tmp_path, org):
    write(tmp_path / "a.csv", 6)
    done = load(relay, "a.csv", "--batch", "3", *LINES)
    assert totals(done) == {"created": 6} and [item["line"] for item in done["items"]] == [2, 3, 4, 5, 6, 7]
    in_file = [json.loads(line)["agent_id"] for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert in_file == [f"bot-{n}" for n in (3, 4, 5, 0, 1, 2)], "the second batch ends before the first one"
    assert_one_key_each(database, tmp_path, 6)
    relay("org", "create", "small", "--name", "S", "--max-agents", "5", check=0)
    write(tmp_path / "b.csv", 6, prefix="few-", org="small")
    done = load(relay, "b.csv", "--batch", "3", *FOLDER, check=7)
    assert totals(done) == {"created": 5, "failed": 1}
    (failed,) = [item for item in done["items"] if item["outcome"] == "failed"]
    assert failed["agent_id"] == "few-5" and "is at its limit of agents" in failed["reason"]


def test_into_a_store(relay, database, tmp_path, org):
    (tmp_path / "got").mkdir()
    write(tmp_path / "a.csv", 6)
    fail = f'test "$RELAY_AGENT_ID" != bot-2 || exit 3; {PUT}'
    done = load(relay, "a.csv", "--deliver", fail, "--after", 'echo "$RELAY_AGENT_ID" >> after', check=7)
    assert totals(done) == {"created": 5, "failed": 1}
    assert list(keys_by_agent(database)["bot-2"].values()) == ["staged"]
    again = load(relay, "a.csv", "--deliver", PUT)
    assert totals(again) == {"created": 1, "unchanged": 5}
    held = {path.name: path.read_text() for path in (tmp_path / "got").iterdir()}
    assert len(held) == 6 and all(decide(database, key) == "ok" for key in held.values())
    assert all(list(states.values()).count("active") == 1 for states in keys_by_agent(database).values())
    assert (tmp_path / "after").read_text().split() == [f"bot-{n}" for n in (0, 1, 3, 4, 5)]


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_killed_anywhere_it_continues_from_the_database(relay, database, tmp_path, org, sink):
    tracer = Tracer()
    write(tmp_path / "plain.csv", 6, prefix="plain-")
    words = ("agent", "import", "plain.csv", "--batch", "3", *sink)
    result, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
    assert result.code == 0, result
    points = tracer.points(calls, names=("write", "fsync", "linkat", "unlinkat", "sendto", "recvfrom", "openat"))
    reached = made = 0
    for number, point in enumerate(sampling.sample(f"kill -9: agent import {sink[0]}", points, lambda point: [point.name], times=2)):
        write(tmp_path / "a.csv", 6, prefix=f"k{number}-")
        words = ("agent", "import", "a.csv", "--batch", "3", *sink)
        result, happened = tracer.inject(lambda prefix, words=words: relay.with_(prefix=prefix)(*words), point.kill())
        assert result.was_killed == happened, f"{point}\n{result}"
        reached += happened
        done = load(relay, "a.csv", *sink)
        assert done["created"] + done["unchanged"] == 6, f"{point}\n{result}"
        made += 6
    assert reached
    assert_one_key_each(database, tmp_path, made + 6)


def test_ctrl_c_leaves_whole_batches(relay, database, tmp_path, org):
    write(tmp_path / "a.csv", 3000)
    process = relay.start("agent", "import", "a.csv", "--batch", "50", *LINES)
    while not (tmp_path / "keys.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate()
    load(relay, "a.csv", *LINES)
    assert_one_key_each(database, tmp_path, 3000)


def play(scene):
    """For the golden documents: see every_command.py."""
    scene.write("org", "create", "imported", "--name", "Imported", "--plan", "paid", again=False)
    (scene.folder / "import.csv").write_text("agent_id,owner\nimport-1,team\nimport-2,\nBad Id,\n")
    scene.fail(5, "agent", "import", "import.csv", "--org", "imported", "--expect", "3", "--secrets-dir", "import")
    scene.write("agent", "import", "import.csv", "--org", "imported", "--secrets-dir", "import", code=7)
    (scene.folder / "import.csv").write_text("agent_id,owner\nimport-1,team\nimport-2,\n")
    scene.shoot("agent", "import", "import.csv", "--org", "imported", "--secrets-dir", "import", form="jsonl")


def test_an_agent_without_an_active_key_is_named(relay, database, tmp_path, org):
    write(tmp_path / "a.csv", 2)
    assert totals(load(relay, tmp_path / "a.csv", "--deliver", "exit 1", check=7)) == {"failed": 2}
    done = load(relay, tmp_path / "a.csv", *FOLDER, check=7)
    assert totals(done) == {"failed": 2} and all("has no active key: rotate-key --missing" in item["reason"] for item in done["items"])


def test_an_agent_whose_store_must_be_looked_into_fails_alone(relay, database, tmp_path, org):
    (tmp_path / "got").mkdir()
    write(tmp_path / "one.csv", 1)
    for _ in range(5):
        load(relay, tmp_path / "one.csv", "--deliver", "exit 1", check=7)
    done = load(relay, write(tmp_path / "all.csv", 4), "--deliver", PUT, check=7)
    assert totals(done) == {"created": 3, "failed": 1} and done["complete"]
    (failed,) = [item for item in done["items"] if item["outcome"] == "failed"]
    assert failed["agent_id"] == "bot-0" and "staged" in failed["reason"]
    assert {path.name for path in (tmp_path / "got").iterdir()} == {"bot-1", "bot-2", "bot-3"}
