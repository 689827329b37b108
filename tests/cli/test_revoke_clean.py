"""revoke --clean DIR: revoked first, then a fresh key for each agent; a repeat finishes what a kill has left."""

import os

import pytest

from support import strace
from support.agents import decide, first_agent, key_id, read_key, rotate
from support.own_key import make_key
from support.prepared import prepared
from support.sampling import sample

SECONDS = 120


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot`, in organization acme."""
    return first_agent(relay, tmp_path / "bot.key")


@prepared
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
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE reason = 'by SQL'") == 0


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


def test_agents_of_which_no_working_key_was_ended_get_none(relay, database, key, other, tmp_path):
    """One that was retired, one whose expiry has passed, and one that someone else had revoked: by id, list and organization."""
    for agent in ("late", "gone", "foreign"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.key", check=0)
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 day' WHERE agent_id = 'late'")
    relay("key", "retire", key_id(read_key(tmp_path / "gone.key")), "--force", "--yes", check=0)
    relay("revoke", "foreign", "--actor", "eve", check=0)
    (tmp_path / "leak").write_text(" ".join(read_key(tmp_path / f"{agent}.key") for agent in ("bot", "late", "gone", "foreign")))
    relay("revoke", "--scan", "leak", "--clean", "scanned", check=0)
    assert set(fresh(tmp_path / "scanned")) == {"bot"}
    result = relay("revoke", "--org", "acme", "--confirm", "acme", "--clean", "whole", check=0)
    assert set(fresh(tmp_path / "whole")) == {"bot", "crm"}, result
    result = relay("revoke", "bot", "late", "gone", "foreign", "--clean", "named", "-o", "json", check=7)
    assert set(fresh(tmp_path / "named")) == {"bot"}
    errors = {one["agent_id"]: one["error"] for one in result.json()["fresh_keys"] if one["error"]}
    assert set(errors) == {"foreign"} and errors["foreign"]["message"] == "agent foreign was revoked by eve before, so it stays revoked"
    assert "agent late gets no fresh key" in result.err and "agent gone gets no fresh key" in result.err
    standing = database.rows("SELECT subject_id FROM relay.standing_revocations WHERE subject_kind = 'agent' ORDER BY 1")
    assert [row["subject_id"] for row in standing] == ["foreign", "gone", "late"]


@pytest.mark.parametrize("words", [("temp",), ("--scan", "temp.key"), ("--org", "acme", "--confirm", "acme")])
def test_a_fresh_key_keeps_the_expiry(relay, database, key, tmp_path, words):
    relay("agent", "create", "temp", "--org", "acme", "--name", "Temp", "--expires", "2099-01-01T00:00:00Z", "--secret-file", "temp.key", check=0)
    before = database.value("SELECT expires_at FROM relay.agent_keys WHERE agent_id = 'temp'")
    relay("revoke", *words, "--clean", "fresh", check=0)
    assert database.value("SELECT expires_at FROM relay.key_status WHERE agent_id = 'temp' AND status = 'active'") == before
    assert before is not None and decide(database, read_key(tmp_path / "fresh/temp.key")) == "ok"


def test_an_organization_that_someone_else_had_revoked_stays_revoked(relay, database, key, tmp_path):
    relay("revoke", "--org", "acme", "--confirm", "acme", "--actor", "eve", check=0)
    result = relay("revoke", "--org", "acme", "--confirm", "acme", "--clean", "fresh", "-o", "json", check=7)
    assert result.json()["items"][0]["status"] == "revoked" and "org acme was revoked by eve before" in result.err
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 1 and not (tmp_path / "fresh" / "bot.key").exists()


def test_a_repeat_revokes_what_leaked_again(relay, database, key, other, tmp_path):
    """The first run could not finish; then a fresh key leaked, too. No run that says `revoke` leaves it live."""
    (tmp_path / "fresh").mkdir(mode=0o700)
    (tmp_path / "fresh" / "crm.key.new").mkdir()
    assert relay("revoke", "bot", "crm", "--clean", "fresh").code in (7, 12)
    (tmp_path / "fresh" / "crm.key.new").rmdir()
    leaked = [key, other]
    for _ in range(2):
        result = relay("revoke", "bot", "crm", "--clean", "fresh", "-o", "json", check=0)
        assert len(result.json()["fresh_keys"]) == 2 and is_clean(database, tmp_path / "fresh", leaked, ["bot", "crm"])
        leaked += fresh(tmp_path / "fresh").values()


def test_what_was_not_done_is_named_with_its_command(relay, database, key, other, tmp_path):
    login = database.cluster.login("responder_login", member_of="relay_responder")
    result = relay.with_(dsn=database.dsn(user=login))("revoke", "bot", "crm", "--clean", "fresh", "-o", "json", check=7)
    assert [one["error"]["code"] for one in result.json()["fresh_keys"]] == ["denied", "denied"]
    assert "restore bot --secret-file fresh/bot.key" in result.err and "restore crm --secret-file fresh/crm.key" in result.err
    relay("revoke", "bot", "crm", "--clean", "fresh", check=0)
    assert is_clean(database, tmp_path / "fresh", [key, other], ["bot", "crm"])


def test_what_cannot_be_read_about_the_files_does_not_stop_the_revocation(relay, database, key, tmp_path):
    """As when the login may not read keys: it is revoked, and the fresh key follows with a repeat."""
    (tmp_path / "fresh").mkdir(mode=0o700)
    (tmp_path / "fresh" / "crm.key").write_text(key)
    login = database.cluster.login("responder_login", member_of="relay_responder")
    database.execute("REVOKE ALL ON relay.agent_keys FROM relay_responder")
    result = relay.with_(dsn=database.dsn(user=login))("revoke", "bot", "--clean", "fresh", check=7)
    assert "cannot read whose files are in fresh" in result.err and decide(database, key) == "revoked"
    relay("revoke", "bot", "--clean", "fresh", check=0)
    assert decide(database, read_key(tmp_path / "fresh" / "bot.key")) == "ok"


# --- killed


@pytest.mark.parametrize("words", [("bot", "crm"), ("--scan", "leak"), ("--org", "acme", "--confirm", "acme"), ("bot", "crm", "ghost", "--force")])
def test_killed_between_its_commits_a_repeat_finishes_it(relay, database, key, other, tmp_path, words):
    """Killed as it sends to the server, and as it names its files: so each COMMIT has happened, or has not. The organization is
    blocked, one agent has an expiry, and one id has no agent."""
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    expiry = database.value("UPDATE relay.agent_keys SET expires_at = now() + interval '9 days' WHERE agent_id = 'crm' RETURNING expires_at")
    (tmp_path / "leak").write_text(f"{key} {other}")
    tracer = strace.Tracer()
    command = ("revoke", *words, "--clean")
    result, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*command, "plain", timeout=120))
    assert result.code == 0, result
    interesting = [point for point in tracer.points(calls) if point.name in ("linkat", "renameat", "unlinkat", "sendto")]
    assert len(interesting) >= 10 and {point.name for point in interesting} >= {"linkat", "sendto"}
    committed, commits = {}, 0
    for call in calls:
        commits += call.sends_commit
        committed[call.name, call.number] = commits, call.sends_commit
    drawn = sample(f"kill -9: revoke {' '.join(words)} --clean", interesting, lambda point: [(point.name, *committed[point.name, point.number])])
    for number, point in enumerate(drawn):
        for agent in ("bot", "crm"):
            (tmp_path / f"{agent}.{number}").unlink(missing_ok=True)
            relay("rotate-key", agent, "--grace", "0", "--secret-file", f"{agent}.{number}", check=0)
        old = [read_key(tmp_path / f"{agent}.{number}") for agent in ("bot", "crm")]
        (tmp_path / "leak").write_text(" ".join(old))
        folder = f"fresh{number}"
        result, _ = tracer.inject(lambda prefix, folder=folder: relay.with_(prefix=prefix)(*command, folder, timeout=120), point.kill())
        if not result.out:  # else it has done and reported everything
            relay(*command, folder, check=0)
        keys = fresh(tmp_path / folder)
        assert set(keys) == {"bot", "crm"} and {decide(database, each) for each in keys.values()} == {"blocked"}, f"{point}\n{result}"
        assert {decide(database, each) for each in old} <= {"revoked", "retired"}
        live = "SELECT key_id, expires_at FROM relay.key_status WHERE status IN ('staged', 'active', 'retiring') ORDER BY agent_id"
        assert [(row["key_id"], row["expires_at"]) for row in database.rows(live)] == [(key_id(keys["bot"]), None), (key_id(keys["crm"]), expiry)]
