"""The sessions of the README are real: replayed at a terminal, they print what it shows.

A session is a ```console block. The sessions of one `##` section share a database and a folder. A command whose output
is shown must print exactly that, except key ids, times and ages. A command that is directly followed by the next one may
print anything. `<!-- 81 days later -->` before a session makes every key that much older. With RELAY_README_RECORD=1 the
test writes the present output into the README.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest
from support.binaries import relay_admin
from support.relay import clean_environment

PATH = Path(os.environ["RELAY_SOURCE_DIR"]) / "README.md"
README = PATH.read_text()
DAYS_LATER = r"(\d+) days? later"
KEY_ID, BLANK_ID = r"\b[0-9a-hjkmnp-tv-z]{12}\b", "·" * 12  # a word of such letters is blanked on both sides


@dataclass
class Command:
    """One command of a session: its text, and the lines that the README shows under it."""

    text: str
    shown: list = field(default_factory=list)


def read_session(block):
    """The commands of a console block; a line that ends in a backslash continues."""
    commands = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        elif commands[-1].text.endswith("\\") and not commands[-1].shown:
            commands[-1].text += "\n" + line
        else:
            commands[-1].shown.append(line)
    return commands


def sections():
    """(heading, [days that pass | commands of a session]...) of each section that has a session."""
    for part in re.split(r"^## ", README, flags=re.MULTILINE):
        steps = []
        for days, block in re.findall(rf"<!-- {DAYS_LATER} -->|^```console\n(.*?)^```$", part, re.M | re.S):
            steps.append(days or read_session(block))
        if steps:
            yield part.partition("\n")[0], steps


SECTIONS = list(sections())


def shape(text):
    """The lines of a text without what differs from run to run, and without the widths that follow from it."""
    text = re.sub(r"relay_sk_(\w{62}|\w{13}…)", "KEY", text)  # the README keeps the secret part to itself
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"\bjust now\b|\b\d+ (day|hour|minute|second)s?( ago)?\b", "AGE", text)
    return [re.sub(r"  +", "  ", re.sub(KEY_ID, BLANK_ID, line)).rstrip() for line in text.splitlines()]


class Terminal:
    """The terminal of ana, 110 columns wide, with relay-admin on the PATH; she says yes to what she is asked."""

    def __init__(self, database, folder):
        programs = folder / "programs"
        programs.mkdir()
        (programs / "relay-admin").symlink_to(relay_admin())
        self.folder = folder / "work"
        self.folder.mkdir()
        self.environment = clean_environment(folder, {
            "RELAY_ADMIN_DSN": database.dsn(user=database.cluster.login("ana", member_of="relay_provisioner")),
            "PATH": f"{programs}:/usr/bin:/bin", "TERM": "xterm", "NO_COLOR": "1", "SUDO_USER": "ana",
        })  # fmt: skip

    def run(self, command):
        """Runs one line of the README in a shell; returns its exit code and all that the terminal showed."""
        shell = pexpect.spawn(
            "/bin/bash", ["--norc", "-c", command], env=self.environment, cwd=str(self.folder), encoding="utf-8",
            timeout=60, dimensions=(50, 110),
        )  # fmt: skip
        seen = ""
        while shell.expect([pexpect.EOF, r"\[y/N\] "]) == 1:
            seen += shell.before + shell.after
            shell.sendline("y")
        shell.wait()
        return shell.exitstatus, (seen + shell.before).replace("\r\n", "\n")


def record(command, seen):
    """Writes what a command printed into the README, in place of what is shown there."""
    seen = re.sub(r"(relay_sk_\w{13})\w{49}", r"\1…", seen)
    lines = [line.rstrip() for line in seen.rstrip("\n").splitlines()]
    before = "\n".join([f"$ {command.text}", *command.shown])
    text = PATH.read_text()
    at = text.index(before + "\n", record.behind)
    record.behind = at + len(command.text)
    PATH.write_text(text[:at] + "\n".join([f"$ {command.text}", *lines]) + text[at + len(before) :])


record.behind = 0  # the same command may be shown twice


def let_pass(database, days):
    """Makes every key older."""
    ago = f"- interval '{int(days)} days'"
    database.rows(  # as time does it: without an event
        f"SET LOCAL session_replication_role = replica; UPDATE relay.agent_keys SET created_at = created_at {ago}, due_at = due_at {ago}"
    )


@pytest.mark.parametrize("steps", [steps for _, steps in SECTIONS], ids=[heading for heading, _ in SECTIONS])
def test_a_session_is_as_it_is_shown(steps, database, tmp_path):
    terminal = Terminal(database, tmp_path)
    for step in steps:
        if isinstance(step, str):
            let_pass(database, step)
            continue
        for command in step:
            if command.text.startswith("export RELAY_ADMIN_DSN="):
                continue
            code, seen = terminal.run(command.text)
            assert code == 0, f"$ {command.text}\nexit {code}\n{seen}"
            if command.shown and os.environ.get("RELAY_README_RECORD"):
                record(command, seen)
            elif command.shown:
                assert shape(seen) == shape("\n".join(command.shown)), f"$ {command.text}\n{seen}"


def test_the_three_jobs_are_shown():
    sessions = [step for _, steps in SECTIONS for step in steps if isinstance(step, list)]
    text = "\n".join(command.text for session in sessions for command in session)
    for job in ("init", "rotate-key", "block", "revoke", "unblock"):
        assert re.search(rf"^relay-admin {job}\b", text, re.MULTILINE), job


def test_the_tests_that_keep_the_promises_are_there():
    """The table of promises names its witnesses: each `tests/...` of the README is a file."""
    named = set(re.findall(r"\btests/[\w./-]+\.(?:py|cpp|json)\b", README))
    source = Path(os.environ["RELAY_SOURCE_DIR"])
    assert len(named) >= 8
    assert not [name for name in named if not (source / name).is_file()]


def test_links_lead_somewhere():
    source = Path(os.environ["RELAY_SOURCE_DIR"])
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (source / target).exists(), target
