"""A login that has only relay_responder: every command of an incident works with it, every command that reads does, and no
other command changes anything. Walks the table of commands, so a new command must be put on one of the lists."""

import pytest

from support import command_table, reading_lines
from support.agents import decide, first_agent, key_id, read_key
from support.exit_codes import snapshot
from support.prepared import prepared
from support.reading_lines import make_readable

ACME = ("--confirm", "acme")

# What a responder may do: one line for each form. They run in this order.
MAY = {
    "block": [("bot",), ("--org", "acme", *ACME), ("stranger", "--force")],
    "unblock": [("bot", "--yes"), ("--org", "acme", "--yes"), ("--ticket", "INC-1", "--yes")],
    "revoke": [("crm",), ("--key", "{key}"), ("--scan", "leak.log"), ("--scan", "small.token"), ("--org", "small", "--confirm", "small")],
    "restore": [("--org", "small", "--confirm", "small")],
    "policy set": [("bot", "--window", "30s", "--require-nonce", "yes", "--until", "6h")],
    "policy undo": [("--ticket", "INC-1", "--yes")],
    "audit seal": [()],
    "registry unregister": [("bot",)],
    "migrate-legacy abort": [("--deny-all", "--confirm", "legacy-off")],
}
# What changes something else: each must be refused, with exit 4.
MAY_NOT = {
    "agent assign-role": ("bot", "ops"),
    "agent create": ("new", "--org", "acme", "--name", "New", "--secret-file", "new.key"),
    "agent grant": ("bot", "a:b"),
    "agent import": ("import.csv", "--secrets-dir", "imported", "--yes"),
    "agent keep": ("bot",),
    "agent revoke-permission": ("bot", "x:y"),
    "agent unassign-role": ("bot", "held"),
    "agent update": ("bot", "--name", "Other"),
    "audit maintain": ("--ahead", "9"),
    "config name": ("main",),
    "key retire": ("{key}", "--yes", "--force"),
    "migrate-legacy extend": ("--deadline", "20d", "--reason", "x"),
    "migrate-legacy import": ("more.csv",),
    "migrate-legacy issue": ("old-one", "--secrets-dir", "issued"),
    "org create": ("other", "--name", "Other"),
    "org update": ("acme", "--name", "Other"),
    "plan create": ("team", "--name", "Team"),
    "plan update": ("free", "--name", "Gratis"),
    "restore": ("gone", "--yes", "--secret-file", "gone.key"),
    "role create": ("new", "--org", "acme", "--name", "New"),
    "role delete": ("ops", "--org", "acme", "--yes"),
    "role grant": ("ops", "a:b", "--org", "acme"),
    "role revoke-permission": ("ops", "x:y", "--org", "acme"),
    "rotate-key": ("bot", "--secret-file", "rotated.key"),
    "subscription set": ("acme", "--state", "active"),
    "usage release": ("acme", "vms", "vm-1"),
}
# They change no rows of the relay, or need a state that excludes the one of this test.
ELSEWHERE = {"init", "schema apply", "sandbox run", "sandbox start", "sandbox stop", "sandbox destroy", "recover",
             "migrate-legacy start", "migrate-legacy finish"}  # fmt: skip
NO_DATABASE = {"agent keygen", "completion", "help", "version", "registry check", "schema json", "schema print", "sandbox status"}
OTHERWISE_TESTED = {"doctor", "schema verify"}


@prepared
def key(relay, database, tmp_path):
    """A relay with all that the lines name; returns the key of `bot`."""
    made = first_agent(relay, tmp_path / "bot.key")
    relay("agent", "update", "bot", "--add-permission", "x:y", check=0)
    for agent in ("crm", "gone", "leaky"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.key", check=0)
    relay("org", "create", "small", "--name", "Small", "--admin-token", "small.token", check=0)
    for role in ("ops", "held"):
        relay("role", "create", role, "--org", "acme", "--name", role, "--permissions", "x:y", check=0)
    relay("agent", "assign-role", "bot", "held", check=0)
    relay("revoke", "gone", "--ticket", "INC-0", check=0)
    (tmp_path / "gone.key").unlink()
    (tmp_path / "leak.log").write_text(read_key(tmp_path / "leaky.key"))
    for name in ("old", "more"):
        (tmp_path / f"{name}.csv").write_text(f"agent_id,org_id\n{name}-one,acme\n")
    (tmp_path / "import.csv").write_text("agent_id,org_id,name\nimported,acme,Imported\n")
    relay("migrate-legacy", "import", "old.csv", check=0)
    relay("migrate-legacy", "start", "--deadline", "14d", check=0)
    make_readable(relay, database)
    return made


@pytest.fixture
def responder(relay, database, key):
    """The program with a login that has relay_responder and nothing else."""
    login = database.cluster.login("only_responder", member_of="relay_responder")
    return relay.with_(dsn=database.dsn(user=login))


def filled(words, key):
    return [word.format(key=key_id(key)) for word in words]


def test_every_command_is_on_a_list():
    changing = {" ".join(command.path) for command in command_table.commands() if command.effect != "reads"}
    assert changing == {*MAY, *MAY_NOT, *ELSEWHERE}
    reading_lines.assert_each_has_a_line()


def test_what_a_responder_reads(relay, responder, key):
    for name in reading_lines.LINES.keys() - NO_DATABASE - OTHERWISE_TESTED:
        assert responder(*reading_lines.line(name, key), stdin=key).code in (0, 10), name


def test_what_a_responder_must_not_change_is_denied(responder, database, key):
    before = snapshot(database)
    for path, words in MAY_NOT.items():
        error = responder.error(*path.split(), *filled(words, key), check=4)
        assert error["changed"] == "no", path
    assert snapshot(database) == before and decide(database, key) == "ok"


def test_what_a_responder_may_do_works(responder, database, key, tmp_path):
    for path, lines in MAY.items():
        for words in lines:
            ticket = () if "--ticket" in words else ("--ticket", "INC-1")
            document = responder.json(*path.split(), *filled(words, key), *ticket)
            assert document["changed"] is True or "--ticket" in words, (path, words)
            assert not any(item["error"] for item in document.get("items", [])), (path, words)
    assert decide(database, key) == decide(database, read_key(tmp_path / "crm.key")) == decide(database, read_key(tmp_path / "leaky.key")) == "revoked"
    assert database.value("SELECT count(*) FROM relay.org_tokens WHERE revoked_at IS NULL") == 0


def test_a_responder_cannot_bring_a_token_back(database, responder):
    connection = database.connect(user="only_responder")
    with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied"):
        cursor.execute("UPDATE relay.org_tokens SET revoked_at = NULL")
    connection.close()
