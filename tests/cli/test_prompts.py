"""The questions: which ones are asked on real terminals, what each answer does, and the state of the terminal
afterwards."""

import os
import signal

import pexpect
import pytest
from support import binaries
from support.agents import first_agent, key_id
from support.prepared import prepared
from support.relay import finish_terminal
from support.untouched import offline  # noqa: F401

PROGRAM = "dev"  # secrets are typed and wiped

PROMPT = "$> "


@prepared
def key(relay, tmp_path):
    """Org `acme` with the agents bot (live), held (blocked) and gone (revoked); `lost` is an organization that is revoked."""
    key = first_agent(relay, tmp_path / "bot.key")
    for agent in ("held", "gone"):
        relay("agent", "create", agent, "--org", "acme", "--name", agent, "--secret-file", f"{agent}.key", check=0)
    relay("block", "held", "--ticket", "INC-1", check=0)
    relay("revoke", "gone", check=0)
    relay("org", "create", "lost", "--name", "Lost", check=0)
    relay("revoke", "--org", "lost", "--confirm", "lost", check=0)
    (tmp_path / "leak.log").write_text(f"oops: {key}\n")
    return key


def snapshot(database):
    tables = ("organizations", "agents", "agent_keys", "revocations", "operations", "auth_events", "org_tokens")
    return {table: database.rows(f"SELECT t::text AS row FROM relay.{table} t ORDER BY 1") for table in tables}


def words_for(name, key):
    """The command lines of a level, by name; KEY is the id of the agent's key."""
    return [key_id(key) if word == "KEY" else word for word in {**UNDO, **END, **WIDE}[name]]


# Commands that accept a subject again, and `key retire`: people are asked, and a script must use --yes.
UNDO = {
    "unblock": ["unblock", "held"],
    "unblock two": ["unblock", "held", "bot"],
    "unblock org": ["unblock", "--org", "acme"],
    "unblock ticket": ["unblock", "--ticket", "INC-1"],
    "restore": ["restore", "gone", "--secret-file", "k"],
    "key retire": ["key", "retire", "KEY", "--force"],
}
# Commands that end keys in a hurry: a person is asked; a script, which makes no typing errors, is not.
END = {
    "revoke": ["revoke", "bot"],
    "revoke two": ["revoke", "bot", "held"],
    "revoke key": ["revoke", "--key", "KEY"],
    "revoke scan": ["revoke", "--scan", "leak.log"],
    "rotate-key": ["rotate-key", "bot", "--grace", "0", "--secret-file", "k"],
}
WIDE = {
    "block org": ["block", "--org", "acme"],
    "revoke org": ["revoke", "--org", "acme"],
    "restore org": ["restore", "--org", "lost"],
}
WIDE_ID = {"block org": "acme", "revoke org": "acme", "restore org": "lost"}
ASKED = [name for name in {**UNDO, **END} if name != "unblock org"]


# --- yes or no


@pytest.mark.parametrize("name", ASKED)
def test_yes_does_it(relay, database, key, name):
    before = snapshot(database)
    session = relay.terminal(*words_for(name, key), columns=250)
    session.expect_exact("? [y/N] " if name not in ("rotate-key", "revoke", "revoke two") else " [y/N] ")
    session.sendline("y")
    assert finish_terminal(session)[0] == 0 and snapshot(database) != before


@pytest.mark.parametrize("name", ASKED)
def test_any_other_answer_and_ctrl_d_decline_and_ctrl_c_kills(relay, database, key, tmp_path, name):
    before = snapshot(database)
    for answer, ends in (("n\r", 13), ("\r", 13), ("yess\r", 13), ("\x04", 13), ("\x03", -signal.SIGINT)):
        session = relay.terminal(*words_for(name, key), columns=250)
        session.expect_exact(" [y/N] ")
        session.send(answer)
        code, text = finish_terminal(session)
        assert code == ends and ("nothing was changed" in text) is (ends == 13), (answer, text)
    assert snapshot(database) == before and not (tmp_path / "k").exists()


@pytest.mark.parametrize("name", {**UNDO, **END})
def test_yes_beforehand_and_a_dry_run_are_not_asked(relay, database, key, name):
    for flag in ("--dry-run", "--yes"):
        before = snapshot(database)
        code, text = finish_terminal(relay.terminal(*words_for(name, key), flag, columns=250))
        assert code == 0 and "[y/N]" not in text
        assert (snapshot(database) == before) is (flag == "--dry-run" or name == "unblock org")


@pytest.mark.parametrize("name", {**UNDO, **WIDE})
def test_where_nobody_can_be_asked_nobody_asks_and_no_database_is_touched(offline, tmp_path, name):
    words = words_for(name, "relay_sk_0123456789ab")
    answer = ["--confirm", WIDE_ID[name]] if name in WIDE else ["--yes"]
    for flags in ([], ["--no-input"], ["--yes"] if name in WIDE else []):
        error = offline.error(*words, *flags, check=2)
        assert error["message"].startswith("this needs a confirmation: ") and answer[0] in error["next"]
        assert error["why"] and error["changed"] == "no"
    code, text = finish_terminal(offline.terminal(*words, "--no-input", columns=250))
    assert code == 2 and answer[0] in text
    assert offline.listener.accepted == 0 and not (tmp_path / "k").exists()
    offline(*words, *answer, check=4)  # it knocked, and the login was refused
    assert offline.listener.accepted > 0


# --- the whole organization


@pytest.mark.parametrize("name", WIDE)
def test_the_id_and_nothing_else_does_it(relay, database, key, name):
    before = snapshot(database)
    words, right = words_for(name, key), WIDE_ID[name]
    for answer, ends in (
        ("y\r", 13),
        ("\r", 13),
        (f"{right}x\r", 13),
        (f"{right.upper()}\r", 13),
        ("\x04", 13),
        ("\x03", -signal.SIGINT),
    ):
        session = relay.terminal(*words, "--yes", columns=250)
        session.expect_exact(f"Type {right} to continue: ")
        session.send(answer)
        code, text = finish_terminal(session)
        assert code == ends and ("nothing was changed" in text) is (ends == 13), (answer, text)
    assert relay.error(*words, "--confirm", f"{right}x", check=13)["changed"] == "no"
    assert snapshot(database) == before
    session = relay.terminal(*words, columns=250)
    session.expect_exact(f"Type {right} to continue: ")
    session.sendline(f" {right} ")
    assert finish_terminal(session)[0] == 0 and snapshot(database) != before


# --- never


@pytest.mark.parametrize(
    "words",
    [
        ["block", "bot"],
        ["block", "bot", "--until", "2h"],
        ["block", "bot", "held"],
        ["org", "create", "new", "--name", "New"],
        ["agent", "create", "new", "--org", "acme", "--name", "New", "--secret-file", "k"],
        ["agent", "update", "bot", "--name", "New"],
        ["rotate-key", "bot", "--secret-file", "k"],
    ],
)
def test_what_shuts_out_or_can_be_undone_never_asks(relay, database, key, words):
    code, text = finish_terminal(relay.terminal(*words, columns=250))
    assert code == 0 and "[y/N]" not in text and "Type " not in text


def test_what_is_asked_shows_no_hostile_text(relay, database, key):
    """The actor of a block comes from the database, and is named in the question before the block is lifted."""
    with database.connect() as connection:
        connection.cursor().execute("SET session_replication_role = replica")
        connection.cursor().execute("UPDATE relay.revocations SET actor = E'a\\x1b[2J\\u202eb' WHERE subject_id = 'held'")
    session = relay.terminal("unblock", "held", columns=250)
    session.expect_exact(" [y/N] ")
    assert "\x1b" not in session.before and "\u202e" not in session.before and "\\x1b[2J" in session.before
    session.send("\x03")
    finish_terminal(session)


# --- what becomes of the terminal: in a real shell


@pytest.fixture
def shell(relay):
    """An interactive bash with job control."""
    environment = relay.environment({"PS1": PROMPT, "TERM": "dumb", "PROGRAM": os.fspath(binaries.relay_admin())})
    session = pexpect.spawn(
        "/bin/bash", ["--norc", "--noprofile", "--noediting", "-i"], env=environment, cwd=relay.cwd, timeout=20,
        encoding="utf-8", dimensions=(40, 200), echo=True,
    )  # fmt: skip
    session.expect_exact(PROMPT)
    yield session
    session.close(force=True)


def run(shell, line):
    """Runs a line to its end; returns what it printed."""
    shell.sendline(line)
    shell.expect_exact(line)
    shell.expect_exact(PROMPT)
    return shell.before.strip()


def test_a_question_that_is_not_shown_gives_the_echo_back(shell):
    modes = run(shell, "stty -g")
    for key, code in (("\x03", 130), ("\x1c", 131), ("\x04", 13)):
        shell.sendline('"$PROGRAM" key verify')
        shell.expect_exact("(not shown): ")
        assert shell.getecho() is False
        shell.send(key)
        shell.expect_exact(PROMPT)
        assert run(shell, "echo code $?") == f"code {code}"
        assert run(shell, "stty -g") == modes


def test_ctrl_c_at_a_shown_question_dies_of_it_on_a_line_of_its_own(shell, key):
    modes = run(shell, "stty -g")
    shell.sendline('"$PROGRAM" revoke bot')
    shell.expect_exact(" [y/N] ")
    shell.send("\x03")
    shell.expect_exact(PROMPT)
    assert shell.before.endswith("\r\n")
    assert run(shell, "echo code $?") == "code 130" and run(shell, "stty -g") == modes


def test_a_stopped_question_is_asked_again(shell, key):
    modes = run(shell, "stty -g")
    shell.sendline('"$PROGRAM" key verify')
    shell.expect_exact("(not shown): ")
    shell.send("\x1a")
    shell.expect_exact("Stopped")
    shell.expect_exact(PROMPT)
    assert run(shell, "stty -g") == modes
    shell.sendline("fg")
    shell.expect_exact("(not shown): ")
    assert shell.getecho() is False
    shell.sendline(key)
    shell.expect_exact("accepted")
    shell.expect_exact(PROMPT)
    assert key[22:] not in shell.before and run(shell, "stty -g") == modes
    shell.sendline('"$PROGRAM" unblock held')
    shell.expect_exact(" [y/N] ")
    shell.send("\x1a")
    shell.expect_exact("Stopped")
    shell.expect_exact(PROMPT)
    shell.sendline("fg")
    shell.expect_exact(" [y/N] ")
    shell.sendline("y")
    shell.expect_exact(PROMPT)
    assert run(shell, "echo code $?") == "code 0"


def test_one_stream_that_is_no_terminal_is_enough_not_to_ask(shell, relay, database, key):
    before = snapshot(database)
    for line in ('"$PROGRAM" unblock held < /dev/null', '"$PROGRAM" unblock held 2> errors', 'yes | "$PROGRAM" unblock held'):
        assert "[y/N]" not in run(shell, line)
        assert run(shell, "echo code $?") == "code 2"
    assert snapshot(database) == before
    shell.sendline('"$PROGRAM" unblock held > out')  # the question does not go to stdout
    shell.expect_exact(" [y/N] ")
    shell.sendline("y")
    shell.expect_exact(PROMPT)
    assert run(shell, "echo code $?") == "code 0"


def test_what_is_ignored_stays_ignored(relay, key):
    """nohup: the program does not die when the terminal's session ends."""
    argv = ["/bin/sh", "-c", 'trap "" INT; exec "$0" revoke bot', *relay.argv([])]
    session = pexpect.spawn(argv[0], argv[1:], env=relay.environment(), cwd=relay.cwd, timeout=20, encoding="utf-8")
    session.expect_exact(" [y/N] ")
    session.send("\x03")
    with pytest.raises(pexpect.TIMEOUT):
        session.expect(pexpect.EOF, timeout=0.5)
    session.sendline("n")
    assert finish_terminal(session)[0] == 13
