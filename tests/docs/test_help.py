"""The promises of the help: each command has a summary and an example, each flag a description."""

import re

import pytest
from support import command_line, command_table
from support.command_line import commands, globals_, page
from support.relay import Runner
from support.shell_lines import invocations

ALL = commands()
EACH_COMMAND = pytest.mark.parametrize("found", ALL, ids=[" ".join(found.path) for found in ALL])
GROUPS = [page(word) for word in command_line.words() if page(word).is_group]


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
        assert not flag.type or re.fullmatch(r"[A-Z][A-Z|,.=-]*(\|none)?|[a-z0-9|-]+", flag.type), f"{flag.names}: {flag.type}"
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
    assert Runner()(check=0).out.splitlines() == overview.split("\nGlobal flags")[0].splitlines()
    lines = Runner()(check=0).out.splitlines()
    assert len(lines) <= 23 and max(map(len, lines)) <= 80, "with the shell's next prompt it is a screen of 80x24"
    alone = [word for line in lines if line.startswith(("tenants ", "other ")) for word in line.split(maxsplit=1)[1].split(", ")]
    rows = dict(re.findall(r"^.{10}(\S+) +(\S.*)$", "\n".join(lines[1:-1]), re.MULTILINE))
    shown = [*(word for word in rows if word.rstrip(",") not in alone), *alone]
    assert sorted(shown) == sorted(command_table.first_words())
    for word in command_table.first_words():
        assert word in alone or rows[word] == page(word).summary


@EACH_COMMAND
def test_the_help_says_what_the_table_says(found):
    command = command_table.command_of(found.path)
    assert found.summary == command.summary and found.alias == command.alias
    assert [(flag.names, flag.type) for flag in found.flags] == [(flag.names, flag.value) for flag in command.flags]
    shown = [(name.removesuffix("..."), text) for name, text in found.arguments]
    assert shown == [(argument.value, argument.description) for argument in command.arguments]


def test_every_flag_in_a_usage_and_text_exists():
    """Each flag that the manual text names exists: a flag of the command, a global one, or one of another command."""
    everywhere = {name for found in ALL for flag in (*found.flags, *globals_()) for name in flag.names}
    for found in ALL:
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", found.text.split("\nExamples:")[0]):
            assert word in everywhere, f"{' '.join(found.path)} speaks of {word}"
