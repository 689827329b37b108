"""rotate-key --wait-used and --expires: the old key ends only after the new one was seen, and the new one when it must."""

import pytest

from support.agents import decide, first_agent, read_key
from support.processes import wait_until
from support.rotation import old  # noqa: F401
from support.store import states, use

WORDS = ("rotate-key", "bot", "--secret-file", "new")


def end_of_old(database):
    """How long the old key still works, in hours; None: it has ended."""
    return database.value("SELECT max(extract(epoch FROM expires_at - now()) / 3600)::float FROM relay.agent_keys WHERE state = 'retiring'")


@pytest.mark.parametrize("grace, left", [("0", None), ("2h", 2)])
def test_the_grace_begins_when_the_new_key_is_used(relay, database, old, tmp_path, grace, left):  # noqa: F811
    running = relay.start(*WORDS, "--wait-used", "60s", "--grace", grace, "--json")
    wait_until((tmp_path / "new").exists)
    wait_until(lambda: states(database) == ["retiring", "active"])
    assert decide(database, old) == "ok" and end_of_old(database) > 24 * 29
    assert use(database, read_key(tmp_path / "new")) == "ok"
    running.communicate()
    assert running.returncode == 0
    assert states(database) == ["retiring" if left else "retired", "active"]
    assert (end_of_old(database) is None) if left is None else abs(end_of_old(database) - left) < 0.1
    reasons = database.rows("SELECT reason FROM relay.auth_events WHERE action IN ('key_retired', 'key_retiring')")
    assert reasons and all(row["reason"] != "by SQL" for row in reasons)


def test_a_key_that_is_not_used_leaves_the_old_one(relay, database, old, tmp_path):  # noqa: F811
    result = relay(*WORDS, "--wait-used", "1s", "--grace", "0", check=10)
    assert "was not used within 1s: the old key is kept until" in result.err
    assert states(database) == ["retiring", "active"] and decide(database, old) == "ok"
    assert decide(database, read_key(tmp_path / "new")) == "ok" and end_of_old(database) > 24 * 29


def test_wait_used_does_not_go_with(relay, database, old, tmp_path):  # noqa: F811
    relay.error("rotate-key", "--all", "--wait-used", "1s", "--secrets-dir", "d", check=2)
    relay.error("rotate-key", "bot", "--revert", "--wait-used", "1s", check=2)
    dry = relay.json(*WORDS, "--wait-used", "60s", "--dry-run")
    assert dry["dry_run"] and states(database) == ["active"]


def test_the_new_key_ends_when_it_must(relay, database, tmp_path):
    first_agent(relay, tmp_path / "old")
    done = relay.json(*WORDS, "--expires", "2031-01-01T00:00:00Z")
    assert done["data"]["expires_at"].startswith("2031-01-01T00:00:00")
    later = ("rotate-key", "bot", "--grace", "0", "--expires", "2032-01-01T00:00:00Z")
    assert "ends at 2031-01-01T00:00:00Z, as set before" in relay.error(*later, "--secret-file", "b", check=5)["message"]
    relay(*later, "--force", "--secret-file", "b", check=0)
    done = relay.json("rotate-key", "bot", "--grace", "0", "--secret-file", "c")
    assert done["data"]["expires_at"].startswith("2032-01-01T00:00:00")  # a rotation neither extends nor removes it
    relay.error("rotate-key", "bot", "--grace", "0", "--expires", "2020-01-01T00:00:00Z", "--secret-file", "d", check=2)
    assert not (tmp_path / "d").exists()
