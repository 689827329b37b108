"""revoke --clean DIR: revoked first, then a fresh key for each agent; a repeat finishes what a kill has left."""

import os
import subprocess

import pytest

from support import strace
from support.agents import decide, first_agent, key_id, read_key, rotate
from support.own_key import make_key

SECONDS = 120

UNFINISHED = ".relay-admin-clean"


@pytest.fixture
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@pytest.fixture
def other(relay, key, tmp_path):
    """The key of a second agent, `crm`."""
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    return read_key(tmp_path / "crm.key")


def fresh(folder):
    """{agent: its key} of the files in DIR; nothing else is in it."""
    assert all(name.endswith(".key") for name in os.listdir(folder)), os.listdir(folder)
    return {name.removesuffix(".key"): read_key(folder / name) for name in sorted(os.listdir(folder))}


def is_clean(database, folder, old, agents):
    """Every old key is dead, and each agent has one live key, the one in DIR."""
    keys = fresh(folder)
    assert set(keys) == set(agents) and {decide(database, each) for each in keys.values()} == {"ok"}
    assert {decide(database, each) for each in old} <= {"revoked", "retired"}
    live = database.rows("SELECT key_id FROM relay.key_status WHERE status IN ('staged', 'active', 'retiring')")
    assert {key_id(each) for each in keys.values()} <= {row["key_id"] for row in live}
    return True


# --- each form


def test_keys_that_leaked(relay, database, key, other, tmp_path):
    (tmp_path / "leak").write_text(f"{key} {other} {make_key()}")
    result = relay("revoke", "--scan", "leak", "--clean", "fresh", "-o", "json", check=7)
    assert is_clean(database, tmp_path / "fresh", [key, other], ["bot", "crm"])
    document = result.json()
    assert [(one["agent_id"], one["file"], one["error"]) for one in document["fresh_keys"]] == [
        ("bot", "fresh/bot.key", None), ("crm", "fresh/crm.key", None)]  # fmt: skip
    assert document["without_key"] == [] and read_key(tmp_path / "fresh/bot.key") not in result.out + result.err
    assert oct(os.stat(tmp_path / "fresh").st_mode & 0o777) == "0o700"


def test_an_agent_that_has_another_key_gets_none(relay, database, key, other, tmp_path):
    second = rotate(relay, tmp_path / "2.key", "--grace", "2h")
    (tmp_path / "leak").write_text(f"{key} {other}")
    result = relay("revoke", "--scan", "leak", "--clean", "fresh", check=0)
    assert set(fresh(tmp_path / "fresh")) == {"crm"} and decide(database, second) == "ok"
    assert "fresh key of agent crm: fresh/crm.key" in result.err and "next:" not in result.err


def test_the_active_key_leaked_while_the_old_one_is_in_grace(relay, database, key, tmp_path):
    second = rotate(relay, tmp_path / "2.key", "--grace", "2h")
    relay("revoke", "--scan", "2.key", "--clean", "fresh", check=0)
    assert is_clean(database, tmp_path / "fresh", [key, second], ["bot"])


def test_agents_by_id_and_from_a_list(relay, database, key, other, tmp_path):
    (tmp_path / "ids").write_text("bot\ncrm\n")
    document = relay.json("revoke", "-f", "ids", "--clean", "fresh", "--ticket", "INC-9")
    assert is_clean(database, tmp_path / "fresh", [key, other], ["bot", "crm"])
    assert [item["status"] for item in document["items"]] == ["active", "active"]
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 0
    events = [row["action"] for row in database.rows("SELECT action FROM relay.auth_events WHERE ticket = 'INC-9' ORDER BY event_id")]
    assert events == ["agent_revoked", "agent_revoked", "agent_restored", "key_issued", "agent_restored", "key_issued"]


def test_one_agent_is_shown_as_accepted_again(relay, key, tmp_path):
    result = relay("revoke", "bot", "--clean", "fresh", check=0)
    assert "REVOKED" not in result.out and "undo:" not in result.err


def test_key_ids(relay, database, key, other, tmp_path):
    relay("revoke", "--key", key_id(key), "--clean", "fresh", check=0)
    assert is_clean(database, tmp_path / "fresh", [key], ["bot"]) and decide(database, other) == "ok"


def test_an_organization(relay, database, key, other, tmp_path):
    relay("agent", "create", "gone", "--org", "acme", "--name", "Gone", "--secret-file", "gone.key", check=0)
    relay("revoke", "gone", check=0)
    document = relay.json("revoke", "--org", "acme", "--confirm", "acme", "--clean", "fresh")
    assert is_clean(database, tmp_path / "fresh", [key, other], ["bot", "crm"])
    assert len(document["fresh_keys"]) == 2 and database.value("SELECT count(*) FROM relay.standing_revocations") == 1


def test_a_dry_run_makes_nothing(relay, database, key, tmp_path):
    for words in (("bot",), ("--scan", "bot.key"), ("--org", "acme"), ("--key", key_id(key))):
        assert relay.json("revoke", *words, "--clean", "fresh", "--dry-run")["fresh_keys"] is None
    assert not (tmp_path / "fresh").exists() and decide(database, key) == "ok"


# --- what is in the way


@pytest.mark.parametrize("words", [("bot",), ("--scan", "bot.key"), ("--org", "acme", "--confirm", "acme"), ("--key", None)])
def test_a_file_that_may_hold_the_leaked_key_is_refused_before_anything(relay, database, key, tmp_path, words):
    words = [word or key_id(key) for word in words]
    (tmp_path / "fresh").mkdir(mode=0o700)
    (tmp_path / "fresh" / "bot.key").write_text(key)
    error = relay.error("revoke", *words, "--clean", "fresh", check=12)
    assert "fresh/bot.key exists already; nothing was changed" in error["message"] and error["changed"] == "no"
    assert decide(database, key) == "ok" and (tmp_path / "fresh" / "bot.key").read_text() == key


def test_a_folder_that_others_may_write_to_is_refused_before_anything(relay, database, key, tmp_path):
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh").chmod(0o777)
    relay.error("revoke", "bot", "--clean", "fresh", check=12)
    assert decide(database, key) == "ok"


def test_what_fails_afterwards_does_not_undo_the_revocation(relay, database, key, other, tmp_path):
    """Here the login may revoke, but not make keys."""
    login = database.cluster.login("responder_login", member_of="relay_responder")
    result = relay.with_(dsn=database.dsn(user=login))("revoke", "--scan", "bot.key", "--clean", "fresh", "-o", "json", check=7)
    document = result.json()
    assert document["changed"] is True and document["fresh_keys"][0]["error"]["code"] == "denied"
    assert [one["agent_id"] for one in document["without_key"]] == ["bot"] and decide(database, key) == "revoked"
    relay("revoke", "--scan", "bot.key", "--clean", "fresh", check=0)
    assert is_clean(database, tmp_path / "fresh", [key], ["bot"])


def test_the_mark_of_another_clean_up_is_refused(relay, database, key, other, tmp_path):
    login = database.cluster.login("responder_login", member_of="relay_responder")
    relay.with_(dsn=database.dsn(user=login))("revoke", "bot", "--clean", "fresh", check=7)
    mark = tmp_path / "fresh" / UNFINISHED
    assert mark.exists() and decide(database, key) == "revoked"
    error = relay.error("revoke", "crm", "--clean", "fresh", check=5)
    assert "another clean-up" in error["message"] and decide(database, other) == "ok"
    subprocess.run(["touch", "-d", "25 hours ago", mark], check=True)
    assert "more than a day old" in relay.error("revoke", "bot", "--clean", "fresh", check=5)["why"]
    subprocess.run(["touch", mark], check=True)
    result = relay("revoke", "bot", "--clean", "fresh", check=0)
    assert "an earlier run has revoked them" in result.err and is_clean(database, tmp_path / "fresh", [key], ["bot"])


# --- killed


@pytest.mark.parametrize("words", [("bot", "crm"), ("--scan", "leak"), ("--org", "acme", "--confirm", "acme")])
def test_killed_between_its_commits_a_repeat_finishes_it(relay, database, key, other, tmp_path, words):
    """Killed as it sends to the server, and as it names its files: so each COMMIT has happened, or has not."""
    (tmp_path / "leak").write_text(f"{key} {other}")
    tracer = strace.Tracer()
    command = ("revoke", *words, "--clean")
    result, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*command, "plain", timeout=120))
    assert result.code == 0, result
    interesting = [point for point in tracer.points(calls) if point.name in ("linkat", "renameat", "unlinkat", "sendto")]
    assert len(interesting) >= 15 and {point.name for point in interesting} >= {"linkat", "sendto"}
    interesting = interesting[::2]
    for number, point in enumerate(interesting):
        for agent in ("bot", "crm"):
            (tmp_path / f"{agent}.{number}").unlink(missing_ok=True)
            relay("rotate-key", agent, "--grace", "0", "--secret-file", f"{agent}.{number}", check=0)
        old = [read_key(tmp_path / f"{agent}.{number}") for agent in ("bot", "crm")]
        (tmp_path / "leak").write_text(" ".join(old))
        folder = f"fresh{number}"
        result, _ = tracer.inject(lambda prefix, folder=folder: relay.with_(prefix=prefix)(*command, folder, timeout=120), point.kill())
        if not result.out or (tmp_path / folder / UNFINISHED).exists():  # else it has done and reported everything
            relay(*command, folder, check=0)
        assert is_clean(database, tmp_path / folder, old, ["bot", "crm"]), f"{point}\n{result}"
