"""Reads the help pages of the program under test: for every command of its table, what the help says of it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from . import command_table
from . import relay as relay_support

GLOBAL_HEADINGS = ("Database", "Output", "Changes", "Help")

_FLAG_LINE = re.compile(r"^  (-{1,2}[a-zA-Z][^ ,]*(?:, -{1,2}[a-zA-Z][^ ,]*)*)(?: ([^ ]+))?(?:  +(.*))?$")


@dataclass(frozen=True)
class Flag:
    """One flag: all its names, the type of its value ('' for a bare one), and its description in the help."""

    names: tuple
    type: str
    text: str

    @property
    def takes_value(self):
        return bool(self.type)

    @property
    def may_repeat(self):
        return "(may be repeated)" in self.text


@dataclass(frozen=True)
class Page:
    """The help of one command: its path as words, usage, summary, alias, arguments, own flags, examples; or a group's."""

    path: tuple
    usage: str
    summary: str
    alias: tuple
    commands: tuple
    arguments: tuple
    flags: tuple
    examples: tuple
    text: str

    @property
    def is_group(self):
        return bool(self.commands)


def help_text(*path):
    """Returns what `help PATH...` prints."""
    runner = relay_support.Runner()
    try:
        return runner("help", *path, check=0).out
    finally:
        runner.close()


def sections(text):
    """{heading: lines below it} of the headings at a line's start that end in a colon."""
    found, lines = {}, None
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][A-Za-z ,]*:", line):
            lines = found.setdefault(line[:-1], [])
        elif lines is not None and (line.startswith("  ") or not line):
            lines.append(line)
        elif line and not line.startswith(" "):
            lines = None
    return found


def _flags(lines):
    flags = []
    for line in lines:
        match = _FLAG_LINE.match(line)
        if match:
            names, type_name, text = match.groups()
            flags.append([tuple(names.split(", ")), type_name or "", text or ""])
        elif flags and line.strip():
            flags[-1][2] = f"{flags[-1][2]} {line.strip()}".strip()
    return tuple(Flag(*flag) for flag in flags)


def _entries(lines):
    """(name, text) of the two columns of arguments and commands."""
    entries = []
    for line in lines:
        match = re.match(r"^  (\S+(?: \S+)*)(?:  +(\S.*))?$", line)
        if match:
            entries.append((match.group(1), match.group(2) or ""))
        elif entries and line.strip():
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {line.strip()}".strip())
    return tuple(entries)


def _examples(lines):
    return tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


@lru_cache(maxsize=None)
def page(*path):
    """The help of a command or group, read."""
    text = help_text(*path)
    found = sections(text)
    lines = text.splitlines()
    alias = re.search(r"^Same as: relay-admin (.*)$", text, re.MULTILINE)
    others = ("Arguments", "Commands", "Exit codes", "Examples")
    flags = [line for heading in found if heading not in others for line in found[heading]]
    return Page(
        path=path,
        usage=lines[0],
        summary=lines[2] if len(lines) > 2 else "",
        alias=tuple(alias.group(1).split()) if alias else (),
        commands=_entries(found.get("Commands", ())),
        arguments=_entries(found.get("Arguments", ())),
        flags=() if path and "Commands" in found else _flags(flags),
        examples=_examples(found.get("Examples", ())),
        text=text,
    )


@lru_cache(maxsize=None)
def globals_():
    """The global flags, from the help of the program."""
    found = sections(help_text())
    return _flags([line for heading in GLOBAL_HEADINGS for line in found[heading]])


def words():
    """The first words of all commands."""
    return command_table.first_words()


@lru_cache(maxsize=None)
def commands():
    """The pages of all commands that do something, in the order of the table; a command with two spellings comes once."""
    return tuple(page(*command.path) for command in command_table.commands())
