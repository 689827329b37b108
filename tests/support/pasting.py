"""A `next:` line in the hands of a person: read from what was printed, pasted into a shell at a terminal."""

import os
import re
import shlex
import subprocess

import pexpect

from . import binaries


def next_lines(text):
    """Returns the texts after `next:` in the lines of an error or of doctor, in order."""
    return re.findall(r"^ *next: (.*)$", text, re.MULTILINE)


def is_command(line):
    return line.split(" ")[0] == "relay-admin"


def words_of(line):
    """Returns the words that a shell reads in a line; `#` begins a comment. The line must be one complete, simple
    command."""
    subprocess.run(["/bin/sh", "-n", "-c", line], check=True)
    return shlex.split(line, comments=True)


def folder_on_path(folder):
    """Makes a folder in which the program under test has its own name; returns a PATH that begins with it."""
    folder.mkdir(exist_ok=True)
    link = folder / "relay-admin"
    if not link.exists():
        link.symlink_to(binaries.relay_admin())
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


QUESTIONS = [r"\[y/N\] ", r"to continue: ", r"Organization id[^:]*: "]


def paste(line, env, cwd):
    """Runs a line in sh at a terminal, and answers each question with the end of input; returns (exit code, what was shown)."""
    session = pexpect.spawn("/bin/sh", ["-c", line], env=env, cwd=str(cwd), timeout=60, encoding="utf-8", dimensions=(60, 200))
    shown = ""
    while session.expect([pexpect.EOF, *QUESTIONS]) != 0:
        shown += session.before + session.after
        session.sendeof()
    shown += session.before
    session.wait()
    return (session.exitstatus if session.signalstatus is None else -session.signalstatus), shown
