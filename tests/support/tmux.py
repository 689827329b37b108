"""A real terminal of a given size: tmux draws what a program prints, and reports what is on its screen."""

import contextlib
import os
import shlex
import subprocess
import tempfile
import time
from pathlib import Path


class Tmux:
    """A separate tmux server with one pane, in which a shell command runs."""

    def __init__(self, columns, lines, environment, folder):
        self.columns = columns
        self.lines = lines
        self._environment = {**environment, "PS1": "", "LC_ALL": "C.UTF-8"}
        self._folder = folder
        self._socket = Path(folder) / "tmux.socket"

    def _run(self, *words):
        command = ["tmux", "-u", "-S", self._socket, "-f", "/dev/null", *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, command, cwd):
        """Starts a shell command; the pane stays when it has ended, and its exit code is kept."""
        script = f"trap : INT; stty -echoctl; {command}; echo $? > {shlex.quote(str(self._code_file))}; sleep 600"
        self._run("new-session", "-d", "-x", str(self.columns), "-y", str(self.lines), "-c", str(cwd), "sh", "-c", script)

    @property
    def _code_file(self):
        return Path(self._folder) / "code"

    def press(self, *keys):
        self._run("send-keys", *keys)

    def screen(self, *options):
        """The lines on the screen as they are drawn, without those that are empty at its end."""
        return self._run("capture-pane", "-p", *options).rstrip("\n").split("\n")

    def everything(self):
        """The same with what has scrolled away above, lines that the terminal has wrapped joined."""
        return self._run("capture-pane", "-p", "-J", "-S", "-").rstrip().split("\n")

    def wait_for(self, wanted, seconds=60):
        """Waits until a text is on the screen."""
        end = time.monotonic() + seconds
        while wanted not in "\n".join(self.screen()):
            assert time.monotonic() < end, f"no {wanted!r} on the screen:\n" + "\n".join(self.screen())
            time.sleep(0.05)

    def finish(self, seconds=60):
        """Waits for the end of the command; returns its exit code."""
        end = time.monotonic() + seconds
        while not self._code_file.exists() or not self._code_file.read_text().endswith("\n"):
            assert time.monotonic() < end, "still running:\n" + "\n".join(self.screen())
            time.sleep(0.05)
        time.sleep(0.1)  # tmux draws what it was given before
        return int(self._code_file.read_text())

    def close(self):
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self._run("kill-server")


@contextlib.contextmanager
def terminal(runner, command, *, columns=80, lines=24, env=None):
    """Runs a shell command, in which `relay-admin` is the program under test, on a terminal; yields its Tmux."""
    with tempfile.TemporaryDirectory(prefix="rly-tmux-", dir="/tmp") as folder:
        environment = runner.environment({"TERM": "xterm-256color"})
        environment["PATH"] = f"{os.path.dirname(runner.argv([])[-1])}:{environment['PATH']}"
        settings = "".join(
            f"unset {name}; " if value is None else f"export {name}={shlex.quote(value)}; "
            for name, value in {"TERM": "screen", "PAGER": None, "LESS": None, **(env or {})}.items()
        )
        pane = Tmux(columns, lines, environment, folder)
        pane.start(settings + command, runner.cwd or folder)
        try:
            yield pane
        finally:
            pane.close()
