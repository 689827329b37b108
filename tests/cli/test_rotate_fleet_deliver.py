"""rotate-key --all --deliver: one agent's key at a time is staged, delivered and confirmed, and what the store holds works."""

import signal

import pytest

from support.agents import decide, key_id
from support.key_fleet import counts, keys_by_agent, make_fleet, make_older, rotate_fleet
from support.processes import wait_until
from support.store import pass_time, use

PUT = 'cat > "got/$RELAY_AGENT_ID.tmp" && mv "got/$RELAY_AGENT_ID.tmp" "got/$RELAY_AGENT_ID"'
READ_BACK = 'cat "got/$RELAY_AGENT_ID" || true'


@pytest.fixture
def got(tmp_path):
    """Returns what the store has: {agent: its key}."""
    (tmp_path / "got").mkdir()
    return lambda: {path.name: path.read_text() for path in (tmp_path / "got").iterdir() if path.suffix != ".tmp"}


def assert_store_works(database, held):
    assert all(decide(database, key) == "ok" for key in held.values())


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_each_agent_gets_one_key_into_the_store(relay, database, tmp_path, got, jobs):
    make_fleet(database, 10)
    done = rotate_fleet(relay, "--all", "--deliver", PUT, "--deliver-jobs", jobs)
    assert counts(done) == {"rotated": 10} and done["delivered_to"] == "command" and done["complete"]
    held = got()
    keys = keys_by_agent(database)
    assert {agent: key_id(key) for agent, key in held.items()} == {agent: list(states)[1] for agent, states in keys.items()}
    assert all(list(states.values()) == ["retiring", "active"] for states in keys.values())
    assert all(item["previous_works_until"] for item in done["items"])
    assert_store_works(database, held)


def test_while_one_agent_is_delivered_no_other_has_a_staged_key(relay, database, tmp_path, got):
    make_fleet(database, 5)
    look = "psql -X -qAt -d \"$DSN\" -c \"SELECT agent_id FROM relay.agent_keys WHERE state = 'staged'\" >> staged"
    asking = relay.with_(env={"DSN": database.dsn()})
    assert counts(rotate_fleet(asking, "--all", "--deliver", f"{look}; {PUT}")) == {"rotated": 5}
    assert (tmp_path / "staged").read_text().split() == sorted(got())


def test_a_delivery_that_fails_leaves_both_keys(relay, database, tmp_path, got):
    make_fleet(database, 5)
    fail = f'test "$RELAY_AGENT_ID" != agent-0002 || exit 3; {PUT}'
    done = rotate_fleet(relay, "--all", "--deliver", fail, check=7)
    assert counts(done) == {"rotated": 4, "failed": 1}
    assert list(keys_by_agent(database)["agent-0002"].values()) == ["active", "staged"]
    again = rotate_fleet(relay, "--all", "--deliver", PUT)
    assert counts(again) == {"rotated": 1} and again["left_out"]["done_before"] == 4
    assert_store_works(database, got())


def test_on_error_stop(relay, database, tmp_path, got):
    make_fleet(database, 5)
    fail = f'test "$RELAY_AGENT_ID" != agent-0002 || exit 3; {PUT}'
    done = rotate_fleet(relay, "--all", "--on-error", "stop", "--deliver", fail, check=7)
    assert done["failed"] == 1 and not done["complete"] and set(got()) >= {"agent-0000", "agent-0001"}
    assert list(keys_by_agent(database)["agent-0004"].values()) == ["active"]
    assert_store_works(database, got())


def test_an_agent_in_grace_fails_alone(relay, database, tmp_path, got):
    make_fleet(database, 5)
    relay("rotate-key", "agent-0001", "--secret-file", tmp_path / "k", check=0)
    relay("rotate-key", "agent-0002", "--secret-file", tmp_path / "l", check=0)
    for jobs in ("1", "3"):
        done = rotate_fleet(relay, "--all", "--deliver", PUT, "--deliver-jobs", jobs, check=7)
        failed = [item["agent_id"] for item in done["items"] if item["outcome"] == "failed"]
        assert failed == ["agent-0001", "agent-0002"], done
    assert len(got()) == 3
    assert_store_works(database, got())


def test_a_key_that_was_used_is_confirmed_first(relay, database, tmp_path, got):
    make_fleet(database, 3, age_days=85)
    rotate_fleet(relay, "--all", "--due-within", "10d", "--deliver", f"{PUT}; exit 3", check=7)
    pass_time(database, minutes=2)
    assert [use(database, key) for key in got().values()] == ["ok"] * 3
    done = rotate_fleet(relay, "--all", "--due-within", "10d", "--deliver", "exit 1")
    assert counts(done) == {"confirmed": 3}
    assert all(list(states.values())[-1] == "active" for states in keys_by_agent(database).values())
    assert_store_works(database, got())


def test_read_back_decides(relay, database, tmp_path, got):
    make_fleet(database, 3)
    words = ("--all", "--settle", "0", "--read-back", READ_BACK)
    done = rotate_fleet(relay, *words, "--deliver", f"{PUT}; exit 3")
    assert counts(done) == {"rotated": 3}
    done = rotate_fleet(relay, *words, "--grace", "0", "--deliver", "cat > /dev/null", check=7)
    assert counts(done) == {"failed": 3} and "the store does not show its new key" in done["items"][0]["reason"]
    assert_store_works(database, got())


def test_a_key_that_the_store_has_lost_is_found_although_none_is_due(relay, database, tmp_path, got):
    make_fleet(database, 6)
    rotate_fleet(relay, "--all", "--settle", "0", "--deliver", PUT)
    daily = ("--all", "--if-older-than", "80d", "--force", "--settle", "0", "--deliver", PUT, "--read-back", f'echo "$RELAY_AGENT_ID" >> asked; {READ_BACK}')
    done = rotate_fleet(relay, *daily)
    assert counts(done) == {} and done["items"] == [] and done["complete"] and done["changed"] is False
    assert (tmp_path / "asked").read_text().split() == sorted(got())
    (tmp_path / "got" / "agent-0002").unlink()
    (tmp_path / "got" / "agent-0004").write_text("something else")
    relay("block", "agent-0005", check=0)
    (tmp_path / "got" / "agent-0005").unlink()
    (tmp_path / "asked").unlink()
    assert counts(rotate_fleet(relay, *daily, "--expect", "0")) == {} and not (tmp_path / "asked").exists()
    first = rotate_fleet(relay, *daily, "--limit", "1")
    assert counts(first) == {"rotated": 1} and [item["agent_id"] for item in first["items"]] == ["agent-0002"]
    second = rotate_fleet(relay, *daily)
    assert counts(second) == {"rotated": 1} and [item["agent_id"] for item in second["items"]] == ["agent-0004"]
    assert counts(rotate_fleet(relay, *daily)) == {}
    held = got()
    assert sorted(held) == ["agent-0000", "agent-0001", "agent-0002", "agent-0003", "agent-0004"]
    assert_store_works(database, held)


def test_an_agent_that_is_not_due_and_fails_makes_no_room_below_the_limit(relay, database, tmp_path, got):
    make_fleet(database, 4)
    daily = ("--all", "--if-older-than", "20d", "--force", "--settle", "0", "--deliver", PUT)
    assert counts(rotate_fleet(relay, "--all", "--settle", "0", "--deliver", PUT)) == {"rotated": 4}
    for agent in ("agent-0002", "agent-0003"):
        make_older(database, 50, like=agent)
    (tmp_path / "got" / "agent-0000").unlink()
    other = database.connect()
    other.autocommit = False
    other.cursor().execute("SELECT FROM relay.agents WHERE agent_id = 'agent-0000' FOR UPDATE")
    done = rotate_fleet(relay, *daily, "--read-back", READ_BACK, "--limit", "1", "--timeout", "60s", check=7)
    other.close()
    assert counts(done) == {"rotated": 1, "failed": 1}, done
    assert {item["agent_id"]: item["outcome"] for item in done["items"]} == {"agent-0000": "failed", "agent-0002": "rotated"}


def test_after_runs_once_for_each_confirmed_agent(relay, database, tmp_path, got):
    make_fleet(database, 3)
    after = 'echo "$RELAY_AGENT_ID $RELAY_KEY_ID" >> after; test "$RELAY_AGENT_ID" != agent-0001'
    done = rotate_fleet(relay, "--all", "--deliver", PUT, "--after", after, check=7)
    assert counts(done) == {"rotated": 3}
    assert [line.split() for line in (tmp_path / "after").read_text().splitlines()] == [[item["agent_id"], item["key_id"]] for item in done["items"]]
    assert "the command of --after failed" in done["items"][1]["reason"]


def test_a_kill_leaves_one_staged_key(relay, database, tmp_path, got):
    make_fleet(database, 6)
    hang = f'{PUT}; test "$RELAY_AGENT_ID" != agent-0003 || {{ touch now; sleep 100; }}'
    process = relay.start("rotate-key", "--all", "--deliver", hang)
    wait_until((tmp_path / "now").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    staged = [agent for agent, states in keys_by_agent(database).items() if "staged" in states.values()]
    assert staged == ["agent-0003"]
    assert_store_works(database, got())
    done = rotate_fleet(relay, "--all", "--deliver", PUT)
    assert counts(done) == {"rotated": 3} and done["left_out"]["done_before"] == 3
    assert_store_works(database, got())
    for agent, states in keys_by_agent(database).items():
        assert len(states) == (3 if agent == "agent-0003" else 2)


def test_a_dry_run_goes_by_the_rules_of_the_store(relay, database, tmp_path, got):
    make_fleet(database, 2)
    for _ in range(5):
        rotate_fleet(relay, "--all", "--match", "agent-0001", "--force", "--deliver", "exit 3", check=7)
    before = keys_by_agent(database)
    words = ("--all", "--grace", "0", "--deliver", PUT)
    dry = rotate_fleet(relay, *words, "--dry-run", check=7)
    assert counts(dry) == {"rotated": 1, "failed": 1} and dry["delivered_to"] is None
    assert keys_by_agent(database) == before and got() == {}
    real = rotate_fleet(relay, *words, check=7)
    fields = ("agent_id", "outcome", "reason")
    assert [[item[field] for field in fields] for item in dry["items"]] == [[item[field] for field in fields] for item in real["items"]]
    assert all(item["previous_works_until"] for done in (dry, real) for item in done["items"] if item["outcome"] == "rotated")


def test_flags_of_the_delivery_need_it(relay, database, tmp_path):
    make_fleet(database, 1)
    for flag in (("--read-back", "x"), ("--after", "x"), ("--settle", "1m"), ("--deliver-timeout", "1m"), ("--deliver-jobs", "2")):
        relay.error("rotate-key", "--all", *flag, "--secrets-dir", "out", check=2)
    relay.error("rotate-key", "--all", "--batch", "2", "--deliver", PUT, check=2)
