"""What the help promises: each command has a summary and examples that work as written, each flag a description."""

import re
import shlex

import pytest
from support import command_line
from support.agents import first_agent, rotate
from support.command_line import commands, globals_, page
from support.own_key import make_key
from support.relay import Runner

ALL = commands()
EACH_COMMAND = pytest.mark.parametrize("found", ALL, ids=[" ".join(found.path) for found in ALL])
GROUPS = [page(word) for word in command_line.words() if page(word).is_group]

AGENTS = ("billing-bot", "payments")


def invocations(example):
    """The words of each relay-admin in a line of shell: `gh api ... && relay-admin rotate-key ...` has one."""
    words = shlex.split(example, comments=True)
    found, ends = [], {"|", "<", ">", "2>", ">>", "&&", "||", ";", "&"}
    for at, word in enumerate(words):
        if word == "relay-admin":
            tail = words[at + 1 :]
            stop = next((place for place, other in enumerate(tail) if other in ends), len(tail))
            found.append(tail[:stop])
    return found


EXAMPLES = [(found, example) for found in ALL for example in found.examples]


@EACH_COMMAND
def test_a_command_is_described(found):
    assert 0 < len(found.summary) <= 60 and not found.summary.endswith(".") and found.summary[0].islower()
    assert found.examples, "it has no example"
    assert any(words[: len(path)] == list(path) for example in found.examples for words in invocations(example)
               for path in (found.path, found.alias or found.path)), "no example shows the command itself"  # fmt: skip
    assert found.usage.startswith(f"Usage: relay-admin {' '.join(found.path)}")
    for name, text in found.arguments:
        assert name.rstrip(".").isupper() or name.replace("-", "").rstrip(".").isupper(), name
        assert text, f"{name} is not described"
        assert name in found.usage
    for flag in found.flags:
        assert len(flag.text) > 5 and not flag.text.endswith("."), f"{flag.names} is not described"
        assert not flag.type or re.fullmatch(r"[A-Z][A-Z|,.-]*|[a-z0-9|-]+", flag.type), f"{flag.names}: {flag.type}"
    assert max(map(len, found.text.split("\nExamples:")[0].splitlines())) <= 80


def test_global_flags_are_described():
    for flag in globals_():
        assert len(flag.text) > 5 and (not flag.type or flag.type.isupper() or "|" in flag.type), flag


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: " ".join(group.path))
def test_a_group_lists_commands_with_their_own_summaries(group):
    assert 0 < len(group.summary) <= 60
    for name, summary in group.commands:
        assert page(*name.split()).summary == summary


def test_the_overview_fits_on_a_screen_and_names_each_command_with_its_summary():
    overview = Runner()("help", check=0).out
    assert len(overview.split("Global flags")[0].splitlines()) <= 24
    for word in command_line.words():
        assert page(word).summary in overview


def test_every_flag_in_a_usage_and_text_exists():
    """A flag that the manual text speaks of is there: of the command, a global one, or of another command."""
    everywhere = {name for found in ALL for flag in (*found.flags, *globals_()) for name in flag.names}
    for found in ALL:
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", found.text.split("\nExamples:")[0]):
            assert word in everywhere, f"{' '.join(found.path)} speaks of {word}"


# `sandbox` itself starts and removes servers, and `recover` asks for half a minute: their own tests run those.
OFFLINE = [example for found, example in EXAMPLES if found.path[0] not in ("sandbox", "recover")]


@pytest.mark.parametrize("example", OFFLINE, ids=[example[:70] for example in OFFLINE])
def test_an_example_parses(example, tmp_path):
    """Against a server that is not there, with the files that it names: what is wrong with the line itself is exit 2."""
    relay = Runner(dsn="host=/nowhere-at-all dbname=none", home=tmp_path, cwd=tmp_path)
    for words in invocations(example):
        place_files(words, tmp_path)
        result = relay(*[word for word in words if word != "--sandbox"], stdin=make_key(), timeout=30)
        # A sink, a confirmation, or the terminal is all that a script may be asked for.
        needs = "standard output is not a terminal" in result.err or "this needs a confirmation" in result.err
        assert result.code != 2 or needs, result


def place_files(words, folder):
    """Makes the files that an example reads; paths that start at / are moved into `folder`."""
    for flag, content in (
        ("--key-from", make_key()),
        ("--scan", make_key()),
        ("-f", "bot\n"),
        ("--file", "bot\n"),
        ("--dsn-file", "host=/nowhere-at-all"),
    ):
        if flag in words and words[words.index(flag) + 1] != "-":
            (folder / words[words.index(flag) + 1]).write_text(content)
    for at, word in enumerate(words):
        if word.startswith("/"):
            words[at] = str(folder / word.rpartition("/")[2])
    if "--seal-key" in words:
        (folder / words[words.index("--seal-key") + 1]).write_text('{"key_id":"1","key":"' + "A" * 43 + '="}')


def test_the_examples_of_reading_commands_run_as_they_are(relay, database, tmp_path):
    """On a database with the org and the agents of the examples, each example of a command that only reads succeeds."""
    first_agent(relay, tmp_path / "k", org="acme-corp", agent=AGENTS[0])
    for agent in AGENTS[1:]:
        relay("agent", "create", agent, "--org", "acme-corp", "--name", agent, "--secret-file", agent, check=0)
    rotate(relay, tmp_path / "k2", agent=AGENTS[0])
    key = database.value("SELECT key_id FROM relay.agent_keys WHERE state = 'retiring'")
    readers = {("org", "list"), ("org", "show"), ("agent", "list"), ("agent", "show"), ("key", "list"), ("schema",
    "status"), ("schema", "verify"),
               ("schema", "print"), ("version",), ("help",)}  # fmt: skip
    ran = 0
    for found, example in EXAMPLES:
        if found.path not in readers:
            continue
        for words in invocations(example):
            words = [word for word in words if word != "--sandbox"]
            relay(*[key if re.fullmatch(r"[0-9a-hjkmnp-tv-z]{12}", word) else word for word in words], check=0)
            ran += 1
    assert ran >= len(readers)
