"""The shipped recipes of rotation, each run daily as its platform runs it, with a store behind it that can be at its worst.

A recipe runs the lines of its file in cli/examples word for word, except for paths that belong to root, and the agent's name.
Instead of gh, kubectl, vault and ssh it finds the programs of tests/support/stand_ins; sh, curl and relay-admin are real."""

import base64
import configparser
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nacl.public
import yaml

from . import crontab
from .binaries import relay_admin
from .relay import KEPT_VARIABLES
from .web_store import HANGING

EXAMPLES = Path(os.environ["RELAY_SOURCE_DIR"]) / "cli/examples"
STAND_INS = Path(__file__).parent / "stand_ins"
AGENT = "payment-processor"
"""The agent of the examples."""


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


class GitHub(Recipe):
    """The step of the workflow, on a runner."""

    programs = ("gh",)

    def prepare(self):
        (self.folder / "pgpass").touch(0o600)

    def place(self, agent):
        return "RELAY_API_KEY" if agent == AGENT else agent.upper().replace("-", "_")

    def steps(self):
        return workflow()["jobs"]["rotate"]["steps"]

    def job(self, agent):
        step = next(step for step in self.steps() if step["name"] == "Rotate if due")
        return step["run"], {
            "AGENT": agent, "SECRET": self.place(agent), "GITHUB_REPOSITORY": "acme/infra", "GITHUB_ACTIONS": "true",
            "RELAY_ADMIN_DSN": self.database.dsn(), "RUNNER_TEMP": str(self.folder), "GITHUB_ENV": str(self.folder / "environment"),
        }  # fmt: skip

    def put(self, agent, key):
        box = nacl.public.SealedBox(self.web.box.public_key).encrypt(key.encode())
        super().put(agent, base64.b64encode(box).decode())

    def held(self, agent):
        sealed = base64.b64decode(super().held(agent))
        return nacl.public.SealedBox(self.web.box).decrypt(sealed).decode()


class GitLab(Recipe):
    """The script of the job, on a runner."""

    def prepare(self):
        (self.folder / "pgpass").write_text("x\n")
        (self.folder / "token").write_text("PRIVATE-TOKEN: the-token\n")

    def place(self, agent):
        return "RELAY_API_KEY" if agent == AGENT else agent.upper().replace("-", "_")

    def job(self, agent):
        job = pipeline()["rotate-relay-key"]
        return "\n".join(job["script"]), {
            **job["variables"], "AGENT": agent, "VARIABLE": self.place(agent), "RELAY_PGPASS": str(self.folder / "pgpass"),
            "RELAY_VARIABLE_TOKEN": str(self.folder / "token"), "CI_API_V4_URL": self.web.url + "/api/v4", "CI_PROJECT_ID": "7",
            "GITLAB_CI": "true", "RELAY_ADMIN_DSN": self.database.dsn(),
        }  # fmt: skip


class Kubernetes(Recipe):
    """The command of the CronJob's container."""

    programs = ("kubectl",)
    shell = ("/bin/bash", "-ec")

    def place(self, agent):
        return f"relay-key-{agent}"

    def job(self, agent):
        pod = manifests()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        shell, flags, text = pod["containers"][0]["command"]
        assert (shell, flags) == self.shell
        variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        return text.replace("/etc/relay-admin", str(self.folder)), {**variables, "AGENT": agent}


class Systemd(Recipe):
    """ExecStart of relay-deliver-key@.service, with the credentials that systemd gives it."""

    programs = ("vault",)
    shell = ("bash", "-c")

    def prepare(self):
        (self.folder / "vault-token").write_text("the-token\n")

    def job(self, agent):
        service = unit(EXAMPLES / "systemd/relay-deliver-key@.service")["Service"]
        text = service["ExecStart"].replace("%i", agent).replace("%d", str(self.folder)).replace("/usr/bin/relay-admin", "relay-admin")
        words = [word.replace("$$", "$") for word in shlex.split(text.replace("\\\n", " "))]
        name, _, value = service["Environment"].partition("=")
        return f"exec {shlex.join(words)}", {name: value, "CREDENTIALS_DIRECTORY": str(self.folder)}


class _Files(Recipe):
    """Keeps each key in a file; what a fault needs is beside it."""

    def file(self, agent):
        raise NotImplementedError

    def beside(self, agent, name):
        raise NotImplementedError

    def put(self, agent, key):
        new = self.beside(agent, "put")
        new.write_text(key)
        new.rename(self.file(agent))

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


class Cron(_Files):
    """The line of the crontab: the key is on another machine, by ssh."""

    programs = ("ssh",)
    shell = ("/bin/sh", "-c")

    def prepare(self):
        (self.folder / "bin/relay-key-over-ssh").symlink_to(EXAMPLES / "cron/relay-key-over-ssh")
        self.environment["MACHINES"] = str(self.folder / "machines")

    def _home(self, agent):
        home = self.folder / "machines" / f"relay-agent@{agent}.example.com"
        home.mkdir(parents=True, exist_ok=True)
        return home

    def file(self, agent):
        return self._home(agent) / "relay.key"

    def beside(self, agent, name):
        return self._home(agent) / name

    def job(self, agent):
        found = crontab.read((EXAMPLES / "cron/relay-rotate-key").read_text())
        (job,) = found.jobs
        assert found.variables["SHELL"] == self.shell[0]
        text = job.command.replace("payments.example", f"{agent}.example").replace(AGENT, agent)
        return text.replace("/etc/relay-admin", str(self.folder)), {}


class Docker(_Files):
    """What Compose runs in the container: the key is in a folder that the agent's container reads."""

    programs = ("mv",)
    shell = ("/bin/sh", "-ec")

    def prepare(self):
        (self.folder / "key").mkdir()
        (self.folder / "faults").mkdir()

    def file(self, agent):
        return self.folder / "key" / agent

    def beside(self, agent, name):
        return self.folder / "faults" / f"{agent}.{name}"

    def job(self, agent):
        service = compose()["services"]["rotate"]
        (text,) = service["command"]
        assert tuple(service["entrypoint"]) == self.shell
        text = text.replace("$$", "$").replace("/run/secrets", str(self.folder)).replace("/key/", f"{self.folder}/key/")
        return text, {**service["environment"], "AGENT": agent}


class SystemdFile(_Files):
    """ExecStart of relay-rotate-key@.service: a file of the same machine, for which no store can be bad."""

    shell = ("bash", "-c")
    graces_a_day = False  # agents are restarted when the file changes

    def prepare(self):
        (self.folder / "etc").mkdir()

    def file(self, agent):
        return self.folder / "etc" / f"{agent}.env"

    def put(self, agent, key):
        self.file(agent).write_text(f"RELAY_AGENT_ID={agent}\nRELAY_ORG_ID=acme\nRELAY_API_KEY={key}\n")
        self.file(agent).chmod(0o600)

    def held(self, agent):
        return re.search(r"^RELAY_API_KEY=(.*)$", self.file(agent).read_text(), re.MULTILINE)[1]

    def fault(self, agent, fault):
        pass

    def has_fault(self, agent):
        return True

    def arrive(self, agent):
        return False

    def job(self, agent):
        service = unit(EXAMPLES / "systemd/relay-rotate-key@.service")["Service"]
        text = service["ExecStart"].replace("%i", agent).replace("%d", str(self.folder)).replace("/usr/bin/relay-admin", "relay-admin")
        return f"exec {text}".replace("/etc/relay-agent", str(self.folder / "etc")), {"CREDENTIALS_DIRECTORY": str(self.folder)}


RECIPES = {"github": GitHub, "gitlab": GitLab, "kubernetes": Kubernetes, "systemd": Systemd, "cron": Cron, "docker": Docker}
DRILLED = {**RECIPES, "systemd-file": SystemdFile}


def workflow():
    return yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())


def pipeline():
    return yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())


def manifests():
    """{kind: document} of the Kubernetes example."""
    return {each["kind"]: each for each in yaml.safe_load_all((EXAMPLES / "kubernetes-cronjob.yaml").read_text())}


def compose():
    return yaml.safe_load((EXAMPLES / "docker/compose.yaml").read_text())


def unit(path):
    """A unit file as sections of the last value of each setting; lines that end in a backslash continue."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str
    parser.read_string(re.sub(r"\\\n\s*", "", Path(path).read_text()))
    return parser
