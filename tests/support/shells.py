"""Interactive shells on a pseudo-terminal, with relay-admin on the PATH and its completion loaded: for pressing Tab."""

import os
import re
import subprocess
import time

import pexpect

from . import binaries
from .relay import clean_environment

PROMPT = "READY> "
TAB = "\t"
SHOW_LINE = "\x14"  # Ctrl-T: each shell is set up to print its line at this key, between these marks
LINE = re.compile(r"LINE<(.*?)>ENIL", re.DOTALL)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][A-B0-2]?|\x1b\][^\x07]*\x07|[\r\x07]")


def environment(home, **more):
    """The clean one, and the program under test as the `relay-admin` of the PATH."""
    made = clean_environment(home, {"TERM": "xterm", "COLUMNS": "200", **more})
    made["PATH"] = f"{os.path.dirname(binaries.relay_admin())}:{made['PATH']}"
    return made


def script(shell):
    """The completion script as the program prints it."""
    program = os.fspath(binaries.relay_admin())
    return subprocess.run([program, "completion", shell], check=True, capture_output=True, text=True).stdout


def start_of_program(home):
    """Returns how long the program takes right now to start and to answer without a database: on a busy machine, most
    of the time of a Tab."""
    began = time.monotonic()
    subprocess.run([binaries.relay_admin(), "__complete", "zzz"], env=environment(home), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


class Shell:
    """A shell at its prompt. `tab(text)` types and presses Tab; returns the line afterwards."""

    def __init__(self, argv, setup, home, **env):
        self.session = pexpect.spawn(
            argv[0],
            argv[1:],
            env=environment(home, **env),
            cwd=os.fspath(home),
            timeout=60,
            encoding="utf-8",
            dimensions=(100, 200),
        )
        self.shown = ""
        self.took = 0.0  # seconds from Tab to the line behind it
        self.session.sendline(f"{setup}; PS1='REA''DY> '; PROMPT_EOL_MARK=''")
        self.session.expect(PROMPT)

    def _line(self):
        self.session.send(SHOW_LINE)
        self.session.expect(LINE)
        self.shown += self.session.before
        return self.session.match.group(1)

    def tab(self, text, times=1):
        """Types `text` and presses Tab `times` times; returns the line, and clears it. `listing` has what was
        displayed."""
        self.shown = ""
        self.session.send(text)
        started = time.monotonic()
        self.session.send(TAB * times)
        line = self._line()
        self.took = time.monotonic() - started
        self.session.send("\x03")
        self.session.expect(PROMPT)
        return line

    @property
    def listing(self):
        """Returns what the shell displayed during the last `tab`, without escape sequences."""
        return ESCAPES.sub("", self.shown)

    def run(self, command):
        """Runs a command line; returns what it printed."""
        self.session.sendline(f"{command}; echo EN''D")
        self.session.expect("END\r\n")
        return self.session.before

    def close(self):
        self.session.close(force=True)


def bash(home, *, script_path, **env):
    """bash without start files and without the bash-completion package."""
    show = """bind -x '"\\C-t": printf "LINE<%s>ENIL\\n" "$READLINE_LINE"'"""
    quiet = "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; bind 'set page-completions off'"
    return Shell(["/bin/bash", "--norc", "--noprofile", "-i"], f"{quiet}; {show}; . {script_path}", home, **env)


def zsh(home, *, folder, **env):
    """zsh without start files; the script is loaded from a folder of $fpath, as when it is installed."""
    # By default, Tab first expands the word before it, for every command; the tests need only completion.
    bind = "bindkey -e; bindkey '^I' complete-word; bindkey '^T' show"
    show = "show() { print -rn -- \"LINE<$BUFFER>ENIL\" }; zle -N show"
    setup = f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; unsetopt beep; {show}; {bind}"
    return Shell(["/bin/zsh", "-f", "-i"], setup, home, **env)


def fish(home, line, *, folder, tries, **env):
    """{word: description} that fish offers for a line, its cursor at the end. Asks again if there is no answer: the
    machine may be busy."""
    command = "set -p fish_complete_path $argv[1]; complete -C $argv[2]"
    argv = ["fish", "--no-config", "-c", command, os.fspath(folder), line]
    for _ in range(tries):
        run = subprocess.run(argv, env=environment(home, **env), cwd=home, capture_output=True, text=True, timeout=60)
        assert run.stderr == "", run.stderr
        if run.stdout:
            break
    return dict((row.split("\t", 1) + [""])[:2] for row in run.stdout.splitlines())
