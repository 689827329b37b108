"""Looks at and ends processes by their id, those that the tests started and no others."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path


def children_of(pid):
    """The ids of the direct children of `pid`; empty when it is gone."""
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
    return found


def is_alive(pid):
    """True while `pid` runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def kill(pid, number=signal.SIGKILL):
    """Sends a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


LONG = 60.0
"""Seconds to wait for what must come: whatever else keeps the machine busy, it has come by then, or it never will."""


@contextmanager
def at_once(limit=9.0):
    """Checks that the block waits for nothing: it must end before a time-out of the program, 10 seconds, could.

    The exact seconds do not matter, and a busy machine takes a few to start a program. So the bound is the time that a
    wait would take."""
    begin = time.monotonic()
    yield
    took = time.monotonic() - begin
    assert took < limit, f"it took {took:.1f} s: something was waited for"


def wait_until(condition, *, timeout=LONG, step=0.01, what="the condition"):
    """Polls until `condition()` gives something true, and returns that; raises TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(step)


def watchdog(data, folder):
    """A small shell that outlives us: if we are killed, it ends the server of `data` and removes `folder`.

    Returns the Popen; `dismiss` it after an orderly stop.
    """
    script = (
        'read -r word && exit 0; pid=$(head -n 1 "$0/postmaster.pid" 2>/dev/null)\n'
        'if [ -n "$pid" ]; then kill -QUIT "$pid"; i=0\n'
        'while kill -0 "$pid" 2>/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done\n'
        'kill -KILL "$pid" 2>/dev/null; fi\n'
        'segment=$(sed -n 7p "$0/postmaster.pid" 2>/dev/null) && ipcrm -m "${segment##* }" 2>/dev/null\n'
        'rm -rf -- "$1"'
    )
    return subprocess.Popen(
        ["/bin/sh", "-c", script, os.fspath(data), os.fspath(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def let_bite(dog):
    """Makes a watchdog do its work now: it ends the server and removes the folder."""
    dog.stdin.close()
    dog.wait(timeout=LONG)


def dismiss(dog):
    """Ends a watchdog after an orderly stop."""
    try:
        dog.stdin.write(b"home\n")
        dog.stdin.close()
    except (BrokenPipeError, ValueError):
        pass
    dog.wait(timeout=LONG)


def peak_memory(process):
    """Waits for the end of a subprocess.Popen whose output goes to no pipe; returns the most memory that it had, in MiB.

    Not ru_maxrss, which counts the memory of the parent until exec. 0 if it ended before it was looked at."""
    peak = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        if "VmHWM:" in status:
            peak = max(peak, int(status.partition("VmHWM:")[2].split()[0]))
        time.sleep(0.002)
    process.wait()
    return peak / 1024
