"""What a responder reads first, whom to call, and the answer that helps: whether gateways accept the agent now, the owner,
the right command for a wrong id, and the undo per agent, organization and ticket."""

import pytest

from support.agents import decide, first_agent, key_id, read_key
from support.prepared import prepared
from support.relay import finish_terminal


@prepared
def key(relay, tmp_path):
    """The key of the agent `bot` of `team ops`, in organization acme."""
    made = first_agent(relay, tmp_path / "bot.key")
    relay("agent", "update", "bot", "--owner", "team ops", check=0)
    return made


@prepared
def other(relay, key, tmp_path):
    """The key of a second agent, `crm`."""
    relay("agent", "create", "crm", "--org", "acme", "--name", "CRM", "--secret-file", "crm.key", check=0)
    return read_key(tmp_path / "crm.key")


def play(scene):
    scene.relay("agent", "create", "calm", "--org", "acme", "--name", "Calm", "--secret-file", "calm.key", check=0)
    scene.relay("revoke", "calm", "--ticket", "INC-77", check=0)
    scene.write("restore", "--ticket", "INC-77", "--yes", "--secrets-dir", "calm")
    scene.fail(3, "restore", "--ticket", "INC-78", "--yes")


def first_line(result):
    return " ".join(result.out.splitlines()[0].split())


# --- the first line


def test_the_first_line_says_whether_the_agent_is_accepted_now(relay, database, key):
    def shown():
        return first_line(relay("agent", "show", "bot", check=0))

    assert shown() == "Gateways: accepted now" and decide(database, key) == "ok"
    assert first_line(relay("block", "bot", check=0)) == "Gateways: REFUSED now: it is blocked" == shown()
    assert first_line(relay("unblock", "bot", "--yes", check=0)) == "Gateways: accepted now" == shown()
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    assert shown() == "Gateways: REFUSED now: its organization is blocked" and decide(database, key) == "blocked"
    assert first_line(relay("unblock", "bot", "--yes", check=0)) == "Gateways: REFUSED now: its organization is blocked"
    assert first_line(relay("unblock", "--org", "acme", "--yes", check=0)).startswith("Gateways: its agents are accepted now")
    assert first_line(relay("revoke", "bot", check=0)) == "Gateways: REFUSED now: it is revoked" == shown()
    assert first_line(relay("restore", "bot", "--yes", "--secret-file", "2.key", check=0)) == "Gateways: accepted now" == shown()
    relay("revoke", "--scan", "2.key", check=0)
    assert shown() == "Gateways: REFUSED now: it has no working key"


def test_the_first_line_about_a_key_and_an_organization(relay, key):
    assert first_line(relay("revoke", "--key", key_id(key), check=0)) == "Gateways: REFUSED now: it is revoked"
    result = relay("revoke", "--org", "acme", "--confirm", "acme", check=0)
    assert first_line(result) == "Gateways: its agents are REFUSED now: the organization is revoked"


def test_a_way_in_without_a_key_is_in_the_first_line(relay, database, key, tmp_path):
    """The first line against what a gateway is answered: calls without a key, and the shared secret of a migration."""
    def answer(function):
        return database.value(f"SELECT (relay_api.{function}('bot', 'acme', '192.0.2.7')).reason")

    relay("org", "update", "acme", "--auth-mode", "optional", "--yes", check=0)
    result = relay("revoke", "--key", key_id(key), check=0)
    assert first_line(result).endswith("but its agent is accepted without a key") and answer("authenticate_anonymous") == "unauthenticated"
    assert first_line(relay("agent", "show", "bot")) == "Gateways: accepted now, without a key: it has no working key"
    relay("org", "update", "acme", "--auth-mode", "required", "--yes", check=0)
    assert first_line(relay("agent", "show", "bot")) == "Gateways: REFUSED now: it has no working key"
    (tmp_path / "old.csv").write_text("agent_id,org_id\nold-1,acme\n")
    relay("migrate-legacy", "import", "old.csv", check=0)
    relay("migrate-legacy", "start", "--deadline", "9d", check=0)
    assert database.value("SELECT (relay_api.authenticate_legacy('old-1', 'acme', '192.0.2.7')).reason") == "ok"
    assert first_line(relay("agent", "show", "old-1")) == "Gateways: accepted now, with the shared secret: it has no working key"
    relay("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off", check=0)
    assert first_line(relay("agent", "show", "old-1")) == "Gateways: REFUSED now: it has no working key"


@pytest.mark.parametrize("words", [("block", "bot"), ("revoke", "bot"), ("block", "--org", "acme"), ("revoke", "--org", "acme"), ("revoke", "--key", None)])
def test_the_first_line_of_a_dry_run_is_about_now(relay, database, key, words):
    line = first_line(relay(*[word or key_id(key) for word in words], "--dry-run", check=0))
    assert "accepted now" in line and "REFUSED" not in line and "dry run: nothing was changed" in line
    assert decide(database, key) == "ok"


def test_a_dry_run_says_what_would_be(relay, key):
    result = relay("block", "bot", "--dry-run", check=0)
    assert "BLOCKED" in result.out and "dry run: nothing was changed" in result.err


# --- whom to call


def test_a_block_shows_the_owner(relay, key, other):
    assert "team ops" in relay("block", "bot", check=0).out
    out = relay("revoke", "bot", "crm", check=0).out
    assert "OWNER" in out.splitlines()[0] and "team ops" in out


# --- the answer that helps


def test_unblocking_what_is_revoked_names_restore(relay, key):
    relay("revoke", "bot", check=0)
    result = relay("unblock", "bot", "--yes", check=0)
    assert "nothing changed: agent bot was not blocked" in result.err and "agent bot is revoked" in result.err
    assert "next:  relay-admin restore bot --secret-file bot.key" in result.err


def test_unblocking_what_its_organization_keeps_out_names_the_organization(relay, database, key):
    relay("block", "bot", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", check=0)
    result = relay("unblock", "bot", "--yes", check=0)
    line = next(line for line in result.err.splitlines() if line.startswith("next:"))
    assert line == "next:  relay-admin unblock --org acme"
    relay(*line.split()[2:], "--yes", check=0)
    assert decide(database, key) == "ok"


@pytest.mark.parametrize("command", ["block", "unblock", "revoke"])
def test_another_kind_of_id_gets_the_right_command(relay, database, key, command):
    flags = ("--yes",) if command == "unblock" else ()
    error = relay.error(command, "acme", *flags, check=3)
    assert error["why"].startswith("acme is an organization") and error["next"].startswith(f"relay-admin {command} --org acme")
    error = relay.error(command, key_id(key), *flags, check=3)
    assert "is a key of agent bot" in error["why"] and "bot" in error["next"] + error["why"]
    assert decide(database, key) == "ok"


def test_an_unknown_id_gets_similar_ones(relay, key):
    for words in (("block", "bott"), ("unblock", "bott", "--yes"), ("revoke", "bott")):
        assert relay.error(*words, check=3)["suggestions"] == ["bot"]


def test_an_organization_and_the_database_are_typed(relay, database, key):
    relay("config", "name", "main", "--production", check=0)
    for command in ("block", "revoke"):
        session = relay.terminal(command, "--org", "acme")
        session.expect_exact("Type acme to continue: ")
        session.sendline("acme")
        session.expect_exact("main")
        session.sendline("other")
        assert finish_terminal(session)[0] == 13 and decide(database, key) == "ok"


# --- undo


def test_the_undo_of_a_ticket_restores_agents_and_organizations(relay, database, key, other, tmp_path):
    relay("org", "create", "globex", "--name", "Globex", check=0)
    relay("agent", "create", "gx", "--org", "globex", "--name", "Gx", "--secret-file", "gx.key", check=0)
    relay("revoke", "bot", "crm", "--ticket", "INC-9", check=0)
    relay("revoke", "--org", "globex", "--confirm", "globex", "--ticket", "INC-9", check=0)
    error = relay.error("restore", "--ticket", "INC-9", "--yes", check=2)
    assert "--secrets-dir" in error["message"]
    relay.error("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--confirm", "globex", check=2)
    for confirm in ((), ("--confirm", "acme")):  # of an organization, --yes is not enough
        relay.error("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes", *confirm, check=2 if not confirm else 13)
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 3
    document = relay.json("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes", "--confirm", "globex")
    assert [(item["subject_id"], item["changed"], item["status"]) for item in document["items"]] == [
        ("globex", True, "active"), ("bot", True, "active"), ("crm", True, "active")]  # fmt: skip
    for agent in ("bot", "crm"):
        assert decide(database, read_key(tmp_path / "fresh" / f"{agent}.key")) == "ok"
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 0 and decide(database, key) == "revoked"
    again = relay.json("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes")
    assert again["changed"] is False and again["items"] == []
    assert "no revocation was ever made under ticket INC-1" in relay.error("restore", "--ticket", "INC-1", "--yes", check=3)["message"]


def test_a_ticket_is_restored_in_part_and_a_repeat_does_the_rest(relay, database, key, other, tmp_path):
    relay("revoke", "bot", "crm", "--ticket", "INC-9", check=0)
    (tmp_path / "fresh").mkdir(mode=0o700)
    (tmp_path / "fresh" / "bot.key").write_text("in the way")
    document = relay.json("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes", check=7)
    assert [item["result"] for item in document["items"]] == ["sink", "done"]
    (tmp_path / "fresh" / "bot.key").unlink()
    assert [item["subject_id"] for item in relay.json("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes")["items"]] == ["bot"]
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 0


def test_an_id_that_no_agent_has_is_restored_with_its_ticket(relay, database, key, tmp_path):
    relay("revoke", "bot", "ghost", "--force", "--ticket", "INC-9", check=0)
    document = relay.json("restore", "--ticket", "INC-9", "--secrets-dir", "fresh", "--yes")
    assert {(item["subject_id"], item["changed"], item["known"]) for item in document["items"]} == {("bot", True, True), ("ghost", True, False)}
    assert database.value("SELECT count(*) FROM relay.standing_revocations") == 0
    assert [file.name for file in (tmp_path / "fresh").iterdir()] == ["bot.key"]


def test_the_undo_of_blocks_per_agent_organization_and_ticket(relay, database, key, other):
    relay("block", "bot", "--ticket", "INC-1", check=0)
    relay("block", "--org", "acme", "--confirm", "acme", "--ticket", "INC-1", check=0)
    relay("block", "crm", "--ticket", "INC-2", check=0)
    document = relay.json("unblock", "--ticket", "INC-1", "--yes")
    assert [item["subject_id"] for item in document["items"]] == ["acme", "bot"]
    assert decide(database, key) == "ok" and decide(database, other) == "blocked"
