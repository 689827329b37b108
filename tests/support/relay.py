"""Runs the built relay-admin the way a shell, a cron job or a terminal does."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field

import pexpect
import psycopg2

from . import binaries, contract, processes, surroundings

# The variables that a build with coverage or sanitizers needs; we choose everything else.
KEPT_VARIABLES = (
    "PATH",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
    "GCOV_PREFIX",
    "GCOV_PREFIX_STRIP",
    "LD_LIBRARY_PATH",
)

JSON_SCHEMA_NAME = "relay-admin/v1"


@dataclass(frozen=True)
class Result:
    """How a run ended. `code` is the exit code, or minus the number of the signal that killed it."""

    argv: tuple
    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)

    @property
    def was_killed(self):
        """True if the run ended by SIGKILL; a tracer dies of the same signal as the program it ran."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)

    @property
    def out(self):
        """stdout as text."""
        return self.stdout.decode("utf-8")

    @property
    def err(self):
        """stderr as text."""
        return self.stderr.decode("utf-8", "backslashreplace")

    def json(self):
        """The one JSON document on stdout."""
        document = json.loads(self.out)
        assert document["schema"] == JSON_SCHEMA_NAME, document
        return document

    def jsonl(self):
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    def data(self):
        """The `data` of the one JSON document on stdout."""
        return self.json()["data"]

    def error(self):
        """The error object of JSON mode: the last line of stderr, with stdout empty."""
        assert self.out == "", f"stdout is not empty: {self.out!r}"
        document = json.loads(self.err.strip().splitlines()[-1])
        assert document["schema"] == JSON_SCHEMA_NAME and document["kind"] == "Error", document
        assert document["error"]["exit"] == self.code, f"exit code {self.code}, but {document}"
        return document["error"]

    def __str__(self):
        shown = " ".join(self.argv)
        return f"$ {shown}\nexit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def clean_environment(home, more=None):
    """An environment without the caller's settings that could change a run: no PG*, RELAY_* or CI, a separate home and
    sandbox."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    chosen = {
        **kept,
        "HOME": os.fspath(home),
        "XDG_STATE_HOME": os.fspath(surroundings.state_home()),
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "USER": "tester",
        "LOGNAME": "tester",
    }
    chosen.setdefault("PATH", "/usr/bin:/bin")
    for name, value in (more or {}).items():
        if value is None:
            chosen.pop(name, None)
        else:
            chosen[name] = os.fspath(value)
    return chosen


def _close_before_exec(closed):
    def run():
        for descriptor in closed:
            os.close(descriptor)

    return run if closed else None


class Runner:
    """Runs the program against one database. Call it with the words of a command line; it returns a Result.

    `dsn` goes into RELAY_ADMIN_DSN; `env` adds variables (None removes one); `prefix` is put before the program's path
    (a tracer); `program` is another program than the one under test.
    """

    def __init__(self, *, dsn=None, env=None, home=None, cwd=None, prefix=(), program=None):
        self.dsn = dsn
        self.env = dict(env or {})
        self._own_home = home is None
        self.home = tempfile.mkdtemp(prefix="rly-home-") if home is None else home
        self.cwd = cwd
        self.prefix = tuple(prefix)
        self.program = program

    def close(self):
        """Removes the home folder that was made for this runner."""
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def __del__(self):
        self.close()

    def with_(self, **changes):
        """Returns the same runner with changes: `dsn`, `env` (added to the present one), `cwd`, `prefix`."""
        made = Runner(
            dsn=changes.get("dsn", self.dsn),
            env={**self.env, **changes.get("env", {})},
            home=self.home,
            cwd=changes.get("cwd", self.cwd),
            prefix=changes.get("prefix", self.prefix),
            program=self.program,
        )
        made.parent = self  # keeps the shared home folder alive
        return made

    def argv(self, words):
        """The whole command line for the words of a command."""
        program = self.program or binaries.relay_admin()
        return [*map(os.fspath, self.prefix), os.fspath(program), *map(os.fspath, words)]

    def environment(self, env=None):
        """The environment of a run."""
        dsn = {} if self.dsn is None else {"RELAY_ADMIN_DSN": self.dsn}
        return clean_environment(self.home, {**dsn, **self.env, **(env or {})})

    def start(
        self,
        *words,
        env=None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        closed=(),
        **more,
    ):
        """Starts the program and returns its Popen; the caller waits for it. `closed`: descriptors shut before exec.

        It is the leader of a session without a controlling terminal, as under cron.
        """
        return subprocess.Popen(
            self.argv(words),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=self.environment(env),
            cwd=more.pop("cwd", self.cwd),
            preexec_fn=more.pop("preexec_fn", None) or _close_before_exec(closed),
            start_new_session=True,
            **more,
        )

    def __call__(self, *words, stdin=None, timeout=60, check=None, stdout=None, **more):
        """Runs a command to its end. `stdin`: bytes or text. `stdout`: a file or path instead of a pipe ("/dev/full").

        `check`: the exit code that is expected; another one fails with everything that was printed. A run that takes
        longer than `timeout` seconds is killed, and fails.
        """
        opened = None
        if isinstance(stdout, (str, os.PathLike)):
            stdout = opened = open(stdout, "wb")
        data = stdin.encode("utf-8") if isinstance(stdin, str) else stdin
        source = subprocess.DEVNULL if data is None else subprocess.PIPE
        if 0 in more.get("closed", ()):
            source = None
        try:
            process = self.start(*words, stdin=source, stdout=subprocess.PIPE if stdout is None else stdout, **more)
            result = self._finish(process, data, timeout)
        finally:
            if opened:
                opened.close()
        if result.was_killed:
            self._wait_for_its_session()
        if check is not None:
            assert result.code == check, f"expected exit code {check}\n{result}"
        if self.program is None and 2 not in more.get("closed", ()):
            self._check_contract(words, result)
        return result

    def _wait_for_its_session(self):
        """The server still does what a program sent before it was killed: what came of it is known once that session has ended."""
        if not self.dsn:
            return
        try:
            connection = psycopg2.connect(self.dsn, application_name="after a kill", connect_timeout=5)
        except psycopg2.Error:
            return  # no server, or no way to it
        with contextlib.closing(connection), connection.cursor() as cursor:
            connection.autocommit = True

            def has_ended():
                cursor.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'relay-admin'"
                )
                return cursor.rowcount == 0

            processes.wait_until(has_ended, what="the session of a killed program to end")

    def _check_contract(self, words, result):
        """Every run in JSON mode is a test of the JSON contract."""
        try:
            contract.check_run(words, result.code, result.out, result.err)
        except (AssertionError, ValueError) as fault:
            raise AssertionError(f"{fault}\n{result}") from None

    def _finish(self, process, data, timeout):
        try:
            out, err = process.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and its children: the program of a tracer, the other end of a pipe
            out, err = process.communicate()
            result = Result(tuple(process.args), -signal.SIGKILL, out or b"", err or b"")
            raise AssertionError(f"still running after {timeout} s\n{result}") from None
        return Result(tuple(process.args), process.returncode, out or b"", err or b"")

    def json(self, *words, check=0, **options):
        """Runs a command with `-o json` and returns its one document."""
        return self(*words, "-o", "json", check=check, **options).json()

    def error(self, *words, check, **options):
        """Runs a command with `-o json` that must fail with exit code `check`; returns the error object."""
        return self(*words, "-o", "json", check=check, **options).error()

    def terminal(self, *words, env=None, timeout=60, columns=100, **options):
        """Runs a command on a pseudo-terminal; returns the pexpect.spawn, of text. Its end: `finish_terminal`."""
        program, *arguments = self.argv(words)
        return pexpect.spawn(
            program,
            arguments,
            env=self.environment({"TERM": "xterm", **(env or {})}),
            cwd=self.cwd,
            timeout=timeout,
            encoding="utf-8",
            dimensions=(40, columns),
            **options,
        )


def finish_terminal(session):
    """Waits for the end of a program on a pseudo-terminal; returns (exit code, what it still printed)."""
    session.expect(pexpect.EOF)
    session.close()
    return (session.exitstatus if session.signalstatus is None else -session.signalstatus), session.before
