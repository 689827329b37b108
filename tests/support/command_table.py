"""The table of commands of this build, as relay-admin-docgen prints it: tests get all they need to know of commands
here."""

import json
import os
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import binaries


@dataclass(frozen=True)
class Option:
    """A flag, or without names an argument."""

    names: tuple
    value: str
    type: str
    choices: tuple
    required: bool
    repeatable: bool
    description: str


@dataclass(frozen=True)
class Command:
    """A command or a group, as its file in cli/commands declares it."""

    path: tuple
    alias: tuple
    is_group: bool
    effect: str
    prints: str
    summary: str
    options: tuple

    @property
    def paths(self):
        """The ways to spell it."""
        return tuple(path for path in (self.path, self.alias) if path)

    @property
    def flags(self):
        return tuple(option for option in self.options if option.names)

    @property
    def arguments(self):
        return tuple(option for option in self.options if not option.names)


def _options(found):
    return tuple(Option(**{**each, "names": tuple(each["names"]), "choices": tuple(each["choices"])}) for each in found)


@lru_cache(maxsize=None)
def _table():
    folder = os.environ.get("RELAY_BUILD_DIR") or binaries.relay_admin().parent
    printed = subprocess.run([Path(folder) / "relay-admin-docgen", "table"], check=True, capture_output=True, text=True)
    return json.loads(printed.stdout)


@lru_cache(maxsize=None)
def all_of_them():
    """Commands and groups, in the order of the table."""
    made = []
    for each in _table()["commands"]:
        words = {"path": tuple(each["path"].split()), "alias": tuple(each["alias"].split())}
        made.append(Command(**{**each, **words, "options": _options(each["options"])}))
    return tuple(made)


def commands():
    """The commands that do something: no groups."""
    return tuple(command for command in all_of_them() if not command.is_group)


def groups():
    return tuple(command for command in all_of_them() if command.is_group)


def globals_():
    """The global flags."""
    return _options(_table()["globals"])


@lru_cache(maxsize=None)
def first_words():
    """The first words of all commands, each once."""
    return tuple(dict.fromkeys(path[0] for command in all_of_them() for path in command.paths))


def _without_flags(words):
    """Returns the words of a line that are neither flags nor values of global flags: they begin with the command's
    name."""
    valued = {name for option in globals_() if option.value for name in option.names}
    bare, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in valued
        else:
            bare.append(word)
    return tuple(bare)


def command_of(words):
    """The command that a line names, global flags before or between its words included; None if it names none."""
    bare = _without_flags(word for word in words if isinstance(word, str))
    return next((command for command in commands() if any(bare[: len(path)] == path for path in command.paths)), None)
