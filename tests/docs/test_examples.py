"""Every `relay-admin ...` that a reader can paste from a manual page, the README or a guide is true: it parses, and if it changes
nothing, it also runs."""

import json
import os
import re
from pathlib import Path

import pytest
from support import command_line, command_table
from support.agents import first_agent, rotate
from support.cards import card
from support.command_line import globals_, page
from support.relay import Runner
from support.shell_lines import invocations, markdown_lines, page_lines, place_files, stdin_of

SOURCE = Path(os.environ.get("RELAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
PAGES = sorted((SOURCE / "man").glob("*.[17]"))
# All other documents for people who use the program. man/md repeats the pages; what npm installs is not ours.
NOT_GUIDES = {"node_modules", "build", "man"}
GUIDES = sorted(path for path in SOURCE.rglob("*.md") if not NOT_GUIDES & set(path.relative_to(SOURCE).parts))

# The ids in the documents.
ORG = "acme-corp"
ROLE = "accounting"
AGENTS = ("billing-bot", "payments")


def lines_of(path):
    return page_lines(path.read_text()) if path.suffix in (".1", ".7") else markdown_lines(path.read_text())


def page_file(found):
    names = ["-".join(("relay-admin", *path)) for path in (found.path, found.alias)]
    return next(SOURCE / f"man/{name}.1" for name in names if (SOURCE / f"man/{name}.1").exists())


LINES = [(path, line) for path in (*PAGES, *GUIDES) for line in lines_of(path)]
EACH_LINE = pytest.mark.parametrize("line", dict.fromkeys(line for _, line in LINES), ids=lambda line: line[:70])


def command_of(words):
    """The command's page and its words; the global flags before it are skipped."""
    values = {name for flag in globals_() if flag.takes_value for name in flag.names}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        rest = rest[2 if rest[0] in values else 1 :]
    for length in (3, 2, 1):
        if tuple(rest[:length]) in PATHS:
            return page(*rest[:length]), rest[length:]
    return None, rest


# They change nothing, and come to an end: they are run as they are.
READERS = [
    page(*command.path) for command in command_table.commands() if command.effect == "reads" and command.prints != "stream"
]

PATHS = {found for one in command_line.commands() for found in (one.path, one.alias) if found} | {
    (word,) for word in command_line.words()
}


def changes_nothing(words):
    found, _ = command_of(words)
    if found is None:
        return bool({"--help", "-h", "--version", "-V"} & set(words))
    dry = bool({"--dry-run", "-n"} & set(words)) and found.path[0] == "schema"
    return found in READERS or dry


def test_there_are_documents_with_lines():
    with_lines = {path.name for path, _ in LINES}
    assert len(PAGES) > 30 and {"relay-admin.1", "relay-admin-rotate-key.1", "README.md"} <= with_lines
    for found in command_line.commands():
        assert page_file(found).name in with_lines, f"the page of {found.path} shows nothing"


def test_a_page_shows_the_examples_of_the_help():
    """With its long lines broken, but word for word."""
    for found in command_line.commands():
        shown = page_lines(page_file(found).read_text())
        words = [invocations(line) for line in shown]
        assert words == [invocations(line) for line in found.examples], found.path


@EACH_LINE
def test_a_line_names_commands_and_flags_that_exist(line):
    for words in invocations(line):
        if not words:
            continue
        found, rest = command_of(words)
        assert found or changes_nothing(words), f"no such command: {words}"
        known = {name for flag in (*(found.flags if found else ()), *globals_()) for name in flag.names}
        stop = rest.index("--") if "--" in rest else len(rest)
        for word in rest[:stop]:
            assert not re.match(r"--?[a-z]", word) or word.partition("=")[0] in known, f"{word} in {line}"


# `sandbox` itself starts and removes servers, and `recover` asks for half a minute: their own tests run those.
def starts_something(words):
    found, _ = command_of(words)
    return found and found.path[0] in ("sandbox", "recover")


@EACH_LINE
def test_a_line_parses(line, tmp_path):
    """Against a server that is not there, with the files that it names: what is wrong with the line itself is exit 2."""
    relay = Runner(dsn="host=/nowhere-at-all dbname=none", home=tmp_path, cwd=tmp_path)
    for words in invocations(line):
        if starts_something(words):
            continue
        place_files(words, tmp_path)
        result = relay(*[word for word in words if word != "--sandbox"], stdin=stdin_of(words), timeout=30)
        # A sink, a confirmation, or the terminal is all that a script may be asked for.
        needs = "standard output is not a terminal" in result.err or "this needs a confirmation" in result.err
        assert result.code != 2 or needs, result


def test_what_changes_nothing_runs_as_it_is(relay, database, tmp_path):
    """On a database with the organization and the agents of the documents each such line succeeds."""
    first_agent(relay, tmp_path / "k", org=ORG, agent=AGENTS[0])
    for agent in AGENTS[1:]:
        relay("agent", "create", agent, "--org", ORG, "--name", agent, "--secret-file", agent, check=0)
    relay("role", "create", ROLE, "--org", ORG, "--name", ROLE, check=0)
    rotate(relay, tmp_path / "k2", agent=AGENTS[0])
    database.execute("SELECT relay_api.register(%s, %s)", AGENTS[1], json.dumps(card()))
    relay("block", AGENTS[1], "--ticket", "INC-42", check=0)
    key = database.value("SELECT key_id FROM relay.agent_keys WHERE state = 'retiring'")
    device = database.value(
        "INSERT INTO relay.devices (device_id, org_id, agent_id, name, token_hash, token_ttl, expires_at)"
        " SELECT '16j3vydw98vz', org_id, agent_id, 'Browser', sha256('x'), '1 day', now() + interval '1 day'"
        " FROM relay.agents WHERE agent_id = %s RETURNING device_id", AGENTS[0])  # fmt: skip
    ran = set()
    for line in dict.fromkeys(line for _, line in LINES):
        for words in invocations(line):
            if not words or not changes_nothing(words):
                continue
            words = [word for word in words if word != "--sandbox"]
            known = device if words[0] == "device" else key
            words = [known if re.fullmatch(r"[0-9a-hjkmnp-tv-z]{12}", word) else word for word in words]
            if words[:2] == ["key", "wait"]:
                words[words.index("--timeout") + 1] = "0"
            place_files(words, tmp_path)
            result = relay(*words, stdin=stdin_of(words))
            assert result.code in (0, 10), result  # 10: what it asks about is not so, as doctor of a server without fsync
            found, _ = command_of(words)
            ran.add(found.path if found else ())
    readers = {one.path for one in READERS}
    assert readers <= ran, f"never shown: {readers - ran}"
