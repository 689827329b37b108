"""Kills a program, or fails its system calls, at every step: strace's fault injection.

A plain run under strace counts the calls; each call is then a point at which another run is killed (SIGKILL on entry:
the call itself does not happen; killed at the next call, it has). Points before `main` are left out: its start is known
by its first prctl(PR_SET_DUMPABLE), which strace shows also for a process that may not be read by others.
"""

import os
import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass

from . import binaries

# The calls that change files, terminals or the database, or wait for them. "?": not every architecture has it.
FILE_CALLS = (
    "openat,?open,?creat,write,?writev,?pwrite64,?sendfile,fsync,fdatasync,syncfs,fchmod,?fchmodat,?chmod,ftruncate,"
    "linkat,?link,renameat,?rename,?renameat2,unlinkat,?unlink,close,mkdirat,?mkdir,?fstat,?newfstatat,ioctl"
)
SOCKET_CALLS = "socket,connect,sendto,sendmsg,recvfrom,recvmsg,shutdown,poll,ppoll,?epoll_wait,?select,?pselect6"
STEP_CALLS = f"{FILE_CALLS},{SOCKET_CALLS}"
START_OF_MAIN = re.compile(r"^prctl\(PR_SET_DUMPABLE")

_LINE = re.compile(r"^(?P<tid>\d+) +(?P<call>[a-z0-9_]+)\((?P<rest>.*)$")
_RESULT = re.compile(r"\) += +(?P<result>.*)$")
# An ordinary user's strace cannot read the memory of a program that made itself undumpable, and shows an address; of what
# the program sends, a query of six letters alone is 12 bytes long, and 134 with the question whether the feed has a row.
_COMMIT = re.compile(r'^sendto\(\d+, (?:".*COMMIT\\0.*",|0x[0-9a-f]+, (?:12|134),)')


@dataclass(frozen=True)
class Call:
    """One system call of a traced run: the `number`th of its name in its thread, counted from 1."""

    thread: int
    name: str
    number: int
    text: str

    @property
    def result(self):
        """The text that strace shows after the equals sign."""
        found = _RESULT.search(self.text)
        return found["result"] if found else ""

    @property
    def failed(self):
        """True when the call gave an error."""
        return self.result.startswith("-1 ")

    @property
    def sends_commit(self):
        """True for the call that sends COMMIT. (BEGIN says READ COMMITTED.)"""
        return _COMMIT.match(self.text) is not None


@dataclass(frozen=True)
class Point:
    """A place for a fault: the `number`th call of `name` in the main thread."""

    name: str
    number: int
    text: str = ""

    @property
    def id(self):
        """A short name for test ids and reports."""
        return f"{self.name}-{self.number}"

    def kill(self):
        """The injection that kills the program as it enters this call."""
        return f"inject={self.name}:signal=SIGKILL:when={self.number}"

    def fail(self, error, *, for_good=False):
        """The injection that fails this call (and with `for_good` all later ones of its name) with an errno name."""
        return f"inject={self.name}:error={error}:when={self.number}{'+' if for_good else ''}"


def parse_log(lines, start=START_OF_MAIN):
    """The calls in a log of `strace -f -o`, from the first that matches `start` on; all of them when none does.

    Numbers count from the start of each thread, as `when=` of strace does.
    """
    counts = defaultdict(Counter)
    calls, begin = [], 0
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        thread, name = int(match["tid"]), match["call"]
        counts[thread][name] += 1
        text = f"{name}({match['rest']}"
        if begin == 0 and start and start.match(text):
            begin = len(calls) + 1
        calls.append(Call(thread, name, counts[thread][name], text))
    return calls[begin:]


class Tracer:
    """Runs a program under strace. A run is a callable `run(prefix)`: it gets the words to put before the command
    line, runs that, and returns its support.relay.Result."""

    def __init__(self, calls=STEP_CALLS, start=START_OF_MAIN):
        self.calls = calls
        self.start = start

    def record(self, run):
        """A plain run. Returns (its Result, the list of its Calls)."""
        with tempfile.TemporaryDirectory(prefix="rly-st-") as folder:
            log = os.path.join(folder, "log")
            result = run(self._prefix(log, [f"trace={self.calls},prctl"]))
            with open(log, encoding="utf-8", errors="replace") as lines:
                return result, parse_log(lines, self.start)

    def points(self, calls, *, names=None):
        """The places for faults in a recorded run: each call of the main thread, or only those named."""
        main = calls[0].thread if calls else None
        wanted = [call for call in calls if call.thread == main and call.name != "prctl"]
        return [
            Point(call.name, call.number, call.text.strip()) for call in wanted if names is None or call.name in names
        ]

    def inject(self, run, *injections):
        """A run with faults. Returns (its Result, True when at least one of them happened)."""
        names = sorted({re.match(r"inject=([^:]+):", injection)[1] for injection in injections})
        with tempfile.TemporaryDirectory(prefix="rly-st-") as folder:
            log = os.path.join(folder, "log")
            result = run(self._prefix(log, [f"trace={','.join(names)}", *injections]))
            with open(log, encoding="utf-8", errors="replace") as lines:
                text = lines.read()
        return result, "(INJECTED)" in text or "killed by SIGKILL" in text

    @staticmethod
    def _prefix(log, expressions):
        words = [binaries.tool("strace"), "-f", "-qq", "-s", "1000", "-o", log]
        for expression in expressions:
            words += ["-e", expression]
        return words
