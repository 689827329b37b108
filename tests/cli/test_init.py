"""init: from an empty database to the first working agent."""

import os
import re

import pytest
from support import relay as relay_support
from support import tmpfs

FLAGS = ("--org-id", "acme-corp", "--org-name", "Acme Corp", "--agent-name", "Payment Processor")
INIT_KEYS = {
    "org_id", "agent_id", "key_id", "secret", "delivered_to", "due_at", "expires_at", "name", "status", "permissions",
    "key_max_age_seconds", "effective_key_max_age_seconds", "owner_user_id", "created_at", "created_by", "last_used_at", "org_name", "plan",
    "applied_migrations", "owner", "labels",
}  # fmt: skip


@pytest.fixture
def relay(empty_database, home, tmp_path):
    """The program on a database without our schema."""
    return relay_support.Runner(dsn=empty_database.dsn(), home=home, cwd=tmp_path)


@pytest.fixture
def database(empty_database):
    return empty_database


def has_schema(database):
    return database.value("SELECT to_regnamespace('relay') IS NOT NULL")


def test_one_command_makes_schema_org_agent_and_key(relay, database, tmp_path):
    document = relay.json("init", *FLAGS, "--permissions", "stripe:create_payment", "--secret-file", "p.env", "--secret-format", "env")
    assert document["kind"] == "Init" and document["changed"] is True
    data = document["data"]
    assert set(data) == INIT_KEYS
    assert data["org_id"] == "acme-corp" and data["agent_id"].startswith("agent_") and data["permissions"] == ["stripe:create_payment"]
    assert data["applied_migrations"] and data["secret"] is None and data["delivered_to"] == "file:p.env"
    relay("schema", "verify", check=0)
    assert relay.json("key", "verify", stdin=(tmp_path / "p.env").read_bytes())["data"]["agent_id"] == data["agent_id"]
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action IN ('org_created', 'agent_created', 'key_issued')") == 3


def test_people_read_what_was_made(relay):
    out = relay("init", *FLAGS, "--agent-id", "payments", "--secret-file", "p.key", check=0).out
    assert "Org ID:    acme-corp\nAgent ID:  payments\nKey ID:    " in out
    assert "API Key:   written to p.key (mode 0600)\n" in out and re.search(r"^Due:       \S+Z$", out, re.M)


def test_the_same_again_changes_nothing(relay, database, tmp_path):
    command = ("init", *FLAGS, "--secret-file", "p.key")
    first = relay.json(*command)["data"]
    key = (tmp_path / "p.key").read_text()
    again = relay.json(*command)
    assert again["changed"] is False and again["data"]["agent_id"] == first["agent_id"] and again["data"]["key_id"] == first["key_id"]
    assert again["data"]["applied_migrations"] == [] and again["data"]["delivered_to"] is None
    assert (tmp_path / "p.key").read_text() == key and database.value("SELECT count(*) FROM relay.agent_keys") == 1
    assert "rotate-key" in relay(*command, check=0).err


def test_a_re_run_re_enables_nothing(relay, database):
    relay("init", *FLAGS, "--agent-id", "payments", "--secret-file", "p.key", check=0)
    database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('agent', 'payments', 'block', 'ana')")
    assert relay("init", *FLAGS, "--agent-id", "payments", "--secret-file", "q.key").code in (0, 5)
    assert relay.json("agent", "show", "payments")["data"]["status"] == "blocked"


def test_on_a_schema_that_is_there(relay, database):
    relay("schema", "apply", check=0)
    assert relay.json("init", *FLAGS, "--secret-file", "p.key")["data"]["applied_migrations"] == []


def test_other_content_and_other_orgs_are_conflicts(relay, database, tmp_path):
    relay("init", *FLAGS, "--secret-file", "p.key", check=0)
    other = ("--org-name", "Acme Corp", "--agent-name", "Payment Processor", "--secret-file", "q.key")
    assert relay.error("init", "--org-id", "second-corp", *other, check=5)["changed"] == "no"
    error = relay.error("init", "--org-id", "acme-corp", "--org-name", "Other", "--agent-name", "X", "--secret-file", "q.key", check=5)
    assert "name" in error["message"] and not (tmp_path / "q.key").exists()
    assert database.value("SELECT count(*) FROM relay.organizations") == 1


def test_missing_flags_are_named_all_at_once(relay, database):
    error = relay.error("init", "--secret-file", "p.key", check=2)
    assert all(flag in error["message"] for flag in ("--org-id", "--org-name", "--agent-name"))
    error = relay.error("init", "--org-id", "acme", "--agent-name", "A", "--secret-file", "p.key", check=2)
    assert error["message"] == "missing: --org-name"
    assert has_schema(database) is False


def test_bad_values_leave_an_empty_database(relay, database, tmp_path):
    good = {"--org-id": "acme", "--org-name": "Acme", "--agent-name": "Bot", "--secret-file": "k"}
    for flag, value in (("--org-id", "Acme"), ("--org-name", "A\x1bB"), ("--agent-name", ""), ("--agent-id", "\u0430"), ("--permissions", "x")):
        words = [word for pair in {**good, flag: value}.items() for word in pair]
        relay("init", *words, check=2)
    assert has_schema(database) is False and not (tmp_path / "k").exists()


def test_without_a_place_for_the_key_nothing_is_made(relay, database):
    assert "terminal" in relay.error("init", *FLAGS, check=2)["message"]
    assert has_schema(database) is False


def test_a_place_that_takes_nothing_leaves_an_empty_database(relay, database, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert relay.error("init", *FLAGS, "--secret-file", "taken", check=12)["changed"] == "no"
    assert relay("init", *FLAGS, "--secret-stdout", stdout="/dev/full").code == 12
    assert has_schema(database) is False and (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("occupy", ["file", "empty file", "symlink", "folder", "fifo"])
def test_a_name_that_is_taken_stays_as_it_is(relay, database, tmp_path, occupy):
    taken = tmp_path / "k"
    {"file": lambda: taken.write_text("mine"), "empty file": taken.touch, "symlink": lambda: taken.symlink_to("elsewhere"),
     "folder": taken.mkdir, "fifo": lambda: os.mkfifo(taken)}[occupy]()  # fmt: skip
    before = taken.lstat()
    assert "nothing was changed" in relay("init", *FLAGS, "--secret-file", "k", check=12).err
    assert (taken.lstat().st_ino, taken.lstat().st_mode, taken.lstat().st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert has_schema(database) is False


def test_a_full_disk_leaves_an_empty_database(relay, database):
    with tmpfs.small_disk("16k") as disk:
        tmpfs.fill(disk)
        assert "No space left" in relay.error("init", *FLAGS, "--secret-file", disk / "k", check=12)["message"]
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert has_schema(database) is False


def test_a_dry_run_leaves_an_empty_database(relay, database, tmp_path):
    document = relay.json("init", *FLAGS, "--secret-file", "p.key", "--dry-run")
    assert document["dry_run"] is True and document["changed"] is True and document["data"]["applied_migrations"]
    assert has_schema(database) is False and not (tmp_path / "p.key").exists()


def test_two_at_once_make_one_agent(relay, database):
    started = [relay.start("init", *FLAGS, "--secret-file", f"{number}.key", "-o", "json") for number in range(3)]
    ends = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, code in ends] == [0, 0, 0], ends
    assert database.value("SELECT count(*) FROM relay.agents") == 1
    assert database.value("SELECT count(*) FROM relay.agent_keys") == 1


def test_what_a_killed_run_left_is_settled_also_without_a_schema(relay, tmp_path):
    """FILE.new of a run that was killed before its transaction could make the schema: its key never was live."""
    made = relay.json("init", *FLAGS, "--secret-file", "p.key", "--dry-run")
    assert made["dry_run"] is True
    left = "relay_sk_000000000000_" + "0" * 43
    (tmp_path / "p.key.new").write_text(left)
    (tmp_path / "p.key.new").chmod(0o600)
    result = relay("init", *FLAGS, "--secret-file", "p.key", check=0)
    assert "p.key.new" in result.err and not (tmp_path / "p.key.new").exists()
    assert relay.json("key", "verify", stdin=(tmp_path / "p.key").read_bytes())["data"]["ok"] is True


def test_at_a_terminal_it_asks_for_what_is_missing_and_ends_with_the_next_commands(relay, database):
    session = relay.terminal("init", "--agent-name", "Bot", columns=200)
    session.expect("in one transaction")
    session.expect(r"Database  (\S+) at (\S+), as postgres\r\n")
    assert session.match.group(1) == database.name
    session.expect(r"Schema    will be created \(version \d+\)")
    session.expect(r"Organization id \[acme-corp\]: ")
    session.sendline("Bad Id")
    session.expect("has a space")
    session.expect(r"Organization id \[acme-corp\]: ")
    session.sendline("")
    session.expect(r"Organization name \[acme-corp\]: ")
    session.sendline("Acme Corp")
    session.expect(r"Organization  acme-corp \(Acme Corp\)")
    session.expect(r"Agent         generated id \(Bot\)")
    session.expect(r"Its key       shown here once")
    session.expect_exact("Create them? [y/N] ")
    assert has_schema(database) is False
    session.sendline("y")
    session.expect(r"API Key:   (relay_sk_\w{62})\r\n")
    key = session.match.group(1)
    code, rest = relay_support.finish_terminal(session)
    commands = re.findall(r"^  relay-admin (.*?)\r?$", rest, re.MULTILINE)
    agent = database.value("SELECT agent_id FROM relay.agents")
    assert code == 0 and commands == ["key verify", f"agent show {agent}", f"rotate-key {agent}"]
    assert relay.json("key", "verify", stdin=key)["data"]["ok"] is True
    relay(*commands[1].split(), check=0)


@pytest.mark.parametrize("answer, code", [("n\r", 13), ("\r", 13), ("\x04", 13), ("\x03", -2)])
def test_the_last_question_is_not_answered_with_yes(relay, database, tmp_path, answer, code):
    session = relay.terminal("init", "--org-id", "acme", "--org-name", "Acme", "--secret-file", "k", columns=200)
    session.expect(r"first agent \[First agent\]: ")
    session.sendline("Bot")
    session.expect("written to k")
    session.expect_exact("Create them? [y/N] ")
    session.send(answer)
    assert relay_support.finish_terminal(session)[0] == code
    assert has_schema(database) is False and not (tmp_path / "k").exists()


def test_what_is_wrong_with_a_flag_or_with_the_database_is_said_before_anything_is_asked(relay, database, tmp_path):
    (tmp_path / "taken").write_text("mine")
    for words, code in (
        (["--org-id", "Bad Id"], 2),
        (["--permissions", "x"], 2),
        (["--secret-fd", "77"], 12),
        (["--dsn", "host=127.0.0.1 port=1"], 8),
    ):
        found, text = relay_support.finish_terminal(relay.terminal("init", *words, columns=200))
        assert found == code and "Organization id [" not in text, text
    assert has_schema(database) is False


def test_a_walk_through_on_a_schema_that_is_there_says_so(relay, database):
    relay("schema", "apply", check=0)
    session = relay.terminal("init", columns=200)
    session.expect(r"Schema    version \d+ is installed and stays as it is")
    session.send("\x03")
    relay_support.finish_terminal(session)


def test_with_all_names_given_a_person_is_not_asked(relay):
    code, text = relay_support.finish_terminal(relay.terminal("init", *FLAGS, columns=200))
    assert code == 0 and "[y/N]" not in text and "API Key:   relay_sk_" in text


def test_at_a_terminal_ctrl_d_declines(relay, database):
    session = relay.terminal("init")
    session.expect("Organization id")
    session.sendeof()
    assert relay_support.finish_terminal(session)[0] == 13
    assert has_schema(database) is False
