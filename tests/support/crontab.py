"""A crontab of /etc/cron.d, read by the rules of crontab(5) and cron(8) on Debian; what cron would refuse or read otherwise than it
looks is an error."""

import re
from typing import NamedTuple

FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""The lowest and highest value of minute, hour, day of month, month and day of week."""


class Job(NamedTuple):
    """A line: five fields of time, the user, the command for SHELL."""

    times: tuple
    user: str
    command: str


class Crontab(NamedTuple):
    """`variables`: as jobs see them; `jobs`: in order."""

    variables: dict
    jobs: list


def read(text, name="relay-rotate-key"):
    """Reads the file `name` of /etc/cron.d. Raises ValueError."""
    _require(re.fullmatch(r"[A-Za-z0-9_-]+", name), "cron ignores a file in cron.d whose name has other characters")
    _require(text.endswith("\n"), "cron ignores a file whose last line does not end")
    variables, jobs = {}, []
    for line in text.splitlines():
        assigned = re.fullmatch(r"\s*([A-Za-z_]+)\s*=\s*(.*)", line)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if assigned:
            _require("$" not in assigned[2], "cron expands no variables")
            variables[assigned[1]] = assigned[2]
        else:
            jobs.append(_job(line))
    return Crontab(variables, jobs)


def _job(line):
    parts = line.split(None, 6)
    _require(len(parts) == 7, "a line has five fields, a user and a command")
    for part, (low, high) in zip(parts, FIELDS):
        for item in part.split(","):
            found = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/\d+)?", item)
            _require(found, f"not a time: {item}")
            _require(all(low <= int(number) <= high for number in found.groups() if number), f"out of range: {item}")
    _require(re.fullmatch(r"[a-z_][a-z0-9_-]*", parts[5]), "not a user")
    _require(not re.search(r"(?<!\\)%", parts[6]), "% ends the command, and the rest is its stdin")
    _require(not parts[6].endswith("\\"), "cron knows no continued lines")
    _require(len(parts[6]) < 999, "cron cuts a command of 999 characters")
    return Job(tuple(parts[:5]), parts[5], parts[6])


def _require(condition, message):
    if not condition:
        raise ValueError(message)
