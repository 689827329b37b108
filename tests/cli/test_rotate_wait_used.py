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


SINKS = (("--secret-file", "new"), ("--replace", "--secret-file", "new"), ("--deliver", "cat > new", "--settle", "0"))


@pytest.mark.parametrize("sink", SINKS, ids=["file", "replace", "deliver"])
def test_a_run_that_was_killed_is_continued(relay, database, old, tmp_path, sink):  # noqa: F811
    words = ("rotate-key", "bot", *sink, "--wait-used", "60s", "--grace", "0")
    killed = relay.start(*words)
    wait_until(lambda: states(database) == ["retiring", "active"])
    killed.kill()
    killed.communicate()
    waited = relay(*words[:-3], "1s", *words[-2:], check=10)
    assert "--force makes another key" in waited.err and "was not used within 1s" in waited.err
    database.execute("UPDATE relay.agent_keys SET deliver_until = now() - interval '1 s', settle_until = now() - interval '1 s' WHERE deliver_until IS NOT NULL")
    running = relay.start(*words, "--json")
    assert states(database) == ["retiring", "active"] and decide(database, old) == "ok"
    new = read_key(tmp_path / "new")
    assert use(database, new) == "ok"
    out, _ = running.communicate()
    assert running.returncode == 0, out
    assert states(database) == ["retired", "active"] and decide(database, old) != "ok" and decide(database, new) == "ok"


def test_what_was_continued_once_is_done(relay, database, old, tmp_path):  # noqa: F811
    """A grace that has begun is an ordinary one; --force and a rotation without a wait make another key."""
    relay(*WORDS, "--wait-used", "1s", "--grace", "2h", check=10)
    document = relay.json(*WORDS, "--wait-used", "60s", "--grace", "2h", "--dry-run")
    assert document["changed"] is False and states(database) == ["retiring", "active"]
    assert use(database, read_key(tmp_path / "new")) == "ok"
    document = relay.json(*WORDS, "--wait-used", "60s", "--grace", "2h")
    assert document["changed"] is True and document["data"]["previous"]["status"] == "retiring" and abs(end_of_old(database) - 2) < 0.1
    third = ("rotate-key", "bot", "--secret-file", "third")
    assert "has a rotation in grace" in relay.error(*third, "--wait-used", "1s", "--grace", "2h", check=5)["message"]
    relay(*third, "--wait-used", "1s", "--force", check=10)
    assert states(database) == ["retired", "retiring", "active"]


def test_a_repeat_that_is_not_due_waits_on(relay, database, old, tmp_path):  # noqa: F811
    words = ("--if-older-than", "1d", "--wait-used", "1s", "--grace", "0")
    database.execute("UPDATE relay.agent_keys SET created_at = created_at - interval '2 days'")
    relay(*WORDS, *words, check=10)
    request = ("--request-id", "0b8f3c2e-5d0a-4c5e-9a51-0f3c6a1d2e4f")
    relay(*WORDS, *words, check=10)
    assert use(database, read_key(tmp_path / "new")) == "ok"
    assert relay.json(*WORDS, *words)["changed"] is True and states(database) == ["retired", "active"]
    assert relay.json(*WORDS, *words)["changed"] is False
    again = ("rotate-key", "bot", "--secret-file", "second", "--wait-used", "1s", "--grace", "0", *request)
    relay(*again, check=10)
    relay(*again, check=10)
    assert states(database) == ["retired", "retiring", "active"]


def test_grace_0_ends_a_key_in_grace_also_with_a_wait(relay, database, old, tmp_path):  # noqa: F811
    relay("rotate-key", "bot", "--secret-file", "a", check=0)
    relay("rotate-key", "bot", "--secret-file", "b", "--wait-used", "1s", "--grace", "0", check=10)
    assert states(database) == ["retired", "retiring", "active"]


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
