"""A shipped recipe of rotation, run daily as its platform runs it, with a store behind it that can be at its worst."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .binaries import relay_admin
from .example_files import AGENT
from .relay import KEPT_VARIABLES
from .web_store import HANGING

STAND_INS = Path(__file__).parent / "stand_ins"


@dataclass(frozen=True)
class Ran:
    """How a daily run ended, and all that it printed. `met`: the store did its fault, because it was given a key."""

    code: int
    log: str
    met: bool


class Recipe:
    """A recipe that delivers into `web`, a WebStore, or into files below `folder`."""

    programs = ()
    graces_a_day = True
    """An agent that read its key a day ago may still use it."""
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")

    def __init__(self, database, folder, web):
        self.database, self.folder, self.web = database, folder, web
        self.change = lambda text: text
        """Changes the command line that is run: for a recipe that was edited badly."""
        bin_ = folder / "bin"
        bin_.mkdir(parents=True)
        for name in self.programs:
            (bin_ / name).symlink_to(STAND_INS / name)
        # A run may be killed.
        (bin_ / "relay-admin").write_text(f"#!/bin/sh\neval \"exec $PREFIX {relay_admin()}\" '\"$@\"'\n")
        (bin_ / "relay-admin").chmod(0o755)
        (folder / "dsn").write_text(f"{database.dsn()}\n")
        (folder / "dsn").chmod(0o600)
        self.environment = {
            "PATH": f"{bin_}:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8", "USER": "runner",
            "STORE_URL": web.url, **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ and name != "PATH"},
        }  # fmt: skip
        self.prepare()

    # What differs from recipe to recipe -----------------------------------------------------------------------------------

    def prepare(self):
        """Makes what the recipe needs."""

    def place(self, agent):
        """The name under which the web store keeps the agent's key."""
        return agent

    def job(self, agent):
        """Returns (the text that a shell runs, its further variables)."""
        raise NotImplementedError

    def put(self, agent, key):
        """The store holds `key`: a person put it there."""
        self.web.held[self.place(agent)] = key

    def remove(self, agent):
        """The store holds nothing: a person deleted it, or the agent is new."""
        self.web.held.pop(self.place(agent), None)

    def held(self, agent):
        """The key that the agent reads from its store."""
        return self.web.held[self.place(agent)]

    def fault(self, agent, fault):
        """The store does this with the next key of the agent; with None it works again."""
        self.web.faults.pop(self.place(agent), None)
        if fault:
            self.web.faults[self.place(agent)] = fault

    def has_fault(self, agent):
        """True until the store has done what `fault` said."""
        return self.place(agent) in self.web.faults

    def arrive(self, agent):
        """A key that is on its way arrives. Returns False if there is none."""
        return self.web.arrive(self.place(agent))

    # What does not ----------------------------------------------------------------------------------------------------------

    def run(self, agent=AGENT, *, fault=None, prefix=(), outside=(), timeout=120):
        """A daily run. `fault`: what the store does with a key; `prefix`: put before relay-admin; `outside`: put before all."""
        self.fault(agent, fault)
        text, variables = self.job(agent)
        if fault in HANGING and "--deliver" in text:  # for less time than the recipe allows
            text = text.replace("--deliver-timeout 2m", "").replace("--no-input", "--no-input --deliver-timeout 4s")
        environment = {**self.environment, **variables, "PREFIX": shlex.join(prefix)}
        done = subprocess.run(
            [*outside, *self.shell, self.change(text)], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False, start_new_session=True,
        )  # fmt: skip
        met = bool(fault) and not self.has_fault(agent)
        self.fault(agent, None)
        return Ran(done.returncode, done.stdout.decode("utf-8", "backslashreplace"), met)


class FileRecipe(Recipe):
    """Keeps each key in a file; what a fault needs is beside it."""

    def file(self, agent):
        raise NotImplementedError

    def beside(self, agent, name):
        raise NotImplementedError

    def put(self, agent, key):
        new = self.beside(agent, "put")
        new.write_text(key)
        new.rename(self.file(agent))

    def remove(self, agent):
        self.file(agent).unlink(missing_ok=True)

    def held(self, agent):
        return self.file(agent).read_text()

    def fault(self, agent, fault):
        self.beside(agent, "fault").unlink(missing_ok=True)
        if fault:
            self.beside(agent, "fault").write_text(fault)

    def has_fault(self, agent):
        return self.beside(agent, "fault").exists()

    def arrive(self, agent):
        arriving = self.beside(agent, "arriving")
        there = arriving.exists()
        if there:
            arriving.rename(self.file(agent))
        return there
