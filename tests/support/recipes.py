"""The shipped recipes of rotation: what each runs, and where its key is.

A recipe runs the lines of its file in cli/examples word for word, except for paths that belong to root, and the agent's name.
Instead of gh, kubectl, vault and ssh it finds the programs of tests/support/stand_ins; sh, curl and relay-admin are real."""

import base64
import re
import shlex

import nacl.public

from . import crontab
from .example_files import AGENT, EXAMPLES, compose, manifests, pipeline, unit, workflow
from .recipe import FileRecipe, Recipe


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


class Cron(FileRecipe):
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
        return self._home(agent) / f"{agent}.key"

    def beside(self, agent, name):
        return self._home(agent) / name

    def job(self, agent):
        found = crontab.read((EXAMPLES / "cron/relay-rotate-key").read_text())
        (job,) = found.jobs
        assert found.variables["SHELL"] == self.shell[0]
        text = job.command.replace("payments.example", f"{agent}.example").replace(AGENT, agent)
        return text.replace("/etc/relay-admin", str(self.folder)), {}


class Docker(FileRecipe):
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
        text = re.sub(r"/key\b", f"{self.folder}/key", text.replace("$$", "$")).replace("/run/secrets", str(self.folder))
        return text, {**service["environment"], "AGENT": agent}


class SystemdFile(FileRecipe):
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
