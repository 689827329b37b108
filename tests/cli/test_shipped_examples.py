"""The examples that come with the program do what they say: units, pipelines and the smallest gateway are run for real.

Instead of the real `gh` and `curl`, there are small programs that keep what they get.
"""

import base64
import configparser
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import nacl.public
import pytest
import yaml
from support import agents, audit_months, gateways
from support.binaries import relay_admin, tool

EXAMPLES = Path(os.environ["RELAY_SOURCE_DIR"]) / "cli/examples"
UNITS = sorted((EXAMPLES / "systemd").iterdir())
AGENT = "payment-processor"


@pytest.fixture
def old_key(relay, database, tmp_path):
    """The agent of the examples, with a key that is 81 days old; returns the key."""
    key = agents.first_agent(relay, tmp_path / "old.key", org="acme-corp", agent=AGENT)
    make_old(database)
    return key


def make_old(database):
    """Ages the agent's active key to 81 days."""
    database.rows(
        "UPDATE relay.agent_keys SET created_at = created_at - interval '81 days', due_at = due_at - interval '81 days'"
        " WHERE state = 'active'"
    )


# ---- systemd


def unit(path):
    """A unit file as sections of the last value of each setting."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str
    parser.read(path)
    return parser


def test_systemd_has_nothing_against_the_units(tmp_path):
    for path in UNITS:
        # Looks like a machine where the program is installed; verify checks that it is there.
        text = path.read_text().replace("/usr/bin/relay-admin", str(relay_admin()))
        (tmp_path / path.name).write_text(text)
        (tmp_path / path.name.replace("@", f"@{AGENT}")).write_text(text)
    given = [tmp_path / path.name.replace("@", f"@{AGENT}") for path in UNITS]
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *given], capture_output=True, text=True, timeout=60,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    about_ours = [line for line in done.stderr.splitlines() if "relay-" in line]
    assert not about_ours and done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["relay-rotate-key@", "relay-audit-maintain"])
def test_the_timer_runs_every_day_and_catches_up(name):
    timer = unit(EXAMPLES / f"systemd/{name}.timer")["Timer"]
    shown = subprocess.run(
        [tool("systemd-analyze"), "calendar", "--iterations=2", timer["OnCalendar"]],
        capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"},
    ).stdout  # fmt: skip
    assert "Normalized form: *-*-* 00:00:00" in shown
    assert timer["Persistent"] == "yes"


def test_the_service_rotates_an_old_key_and_leaves_a_young_one(relay, database, old_key, tmp_path):
    service = unit(EXAMPLES / "systemd/relay-rotate-key@.service")["Service"]
    folder = tmp_path / "etc"
    folder.mkdir()
    command = service["ExecStart"].replace("%i", AGENT).replace("/etc/relay-agent", str(folder))
    program, *words = shlex.split(command)
    assert program == "/usr/bin/relay-admin"

    relay(*words, check=0)
    written = (folder / f"{AGENT}.env").read_text()
    new_key = re.search(r"^RELAY_API_KEY=(\S+)$", written, re.MULTILINE).group(1)
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    relay(*words, check=0)
    assert (folder / f"{AGENT}.env").read_text() == written
    # The unit watches the file that is written, and its service may write there.
    watched = unit(EXAMPLES / "systemd/relay-agent-restart@.path")["Path"]["PathChanged"]
    assert watched in service["ExecStart"] and watched.startswith(service["ReadWritePaths"] + "/")


def test_the_service_looks_after_the_audit_trail_by_a_login_of_its_own(relay, database):
    """Also with the flags that its comment proposes, for a member of relay_owner."""
    path = EXAMPLES / "systemd/relay-audit-maintain.service"
    program, *words = shlex.split(unit(path)["Service"]["ExecStart"])
    assert program == "/usr/bin/relay-admin"
    database.execute("INSERT INTO relay.operations (op_id, state, at) VALUES ('old', 'done', now() - interval '31 days')")
    as_provisioner = relay.with_(dsn=database.dsn(user=database.cluster.login("timer", member_of="relay_provisioner")))
    assert as_provisioner.json(*words)["data"]["pruned_operations"] == 1
    assert as_provisioner.json(*words)["changed"] is False
    more = re.search(r"add (--keep-months \d+ --yes)", path.read_text()).group(1).split()
    old = audit_months.make_old_month(database, 20, 3)
    as_provisioner.error(*words, *more, check=4)
    as_owner = relay.with_(dsn=database.dsn(user=database.cluster.login("owner_timer", member_of="relay_owner")))
    assert [row["month"] for row in as_owner.json(*words, *more)["data"]["months_dropped"]] == [old]


# ---- pipelines


def program(folder, name, text):
    """Puts a small shell program into `folder`."""
    path = folder / name
    path.write_text("#!/bin/bash\nset -eu\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Runs:
    """Runs the steps of a pipeline in bash, with relay-admin and stand-ins on the PATH."""

    def __init__(self, database, folder, variables):
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        (self.programs / "relay-admin").symlink_to(relay_admin())
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "RELAY_ADMIN_DSN": database.dsn(),
            **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ},
            **variables,
        }

    def __call__(self, script, check=0, **more):
        """Runs one step as the runner does: bash stops at the first error."""
        subprocess.run(["bash", "-n", "-c", script], check=True)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=self.folder, timeout=60,
            env={**self.environment, **more}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == check, done.stdout + done.stderr
        return done.stdout + done.stderr


def no_leak(text, *keys):
    """Checks that a job printed no key."""
    assert "relay_sk_" not in text
    for key in keys:
        assert key not in text


def test_the_github_workflow_stores_a_sealed_key_once(relay, database, old_key, tmp_path):
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    # YAML reads a bare `on` as true, GitHub does not.
    assert workflow[True]["schedule"][0]["cron"].split()[2:] == ["*", "*", "*"] and workflow["permissions"] == {}
    job = workflow["jobs"]["rotate"]
    place, rotate, clean = job["steps"]
    box = nacl.public.PrivateKey.generate()
    public = base64.b64encode(bytes(box.public_key)).decode()
    run = Runs(database, tmp_path / "runner", {
        "AGENT": job["env"]["AGENT"], "SECRET": job["env"]["SECRET"], "GITHUB_REPOSITORY": "acme/infra",
        "PGPASSFILE": str(tmp_path / "runner/pgpass"), "GITHUB_ACTIONS": "true",
    })  # fmt: skip
    program(run.programs, "gh", f"""
        case "$*" in
        "api repos/acme/infra/actions/secrets/public-key") echo '{{"key_id":"77","key":"{public}"}}' ;;
        "api -X PUT repos/acme/infra/actions/secrets/RELAY_API_KEY --input sealed.json") cp sealed.json "$HOME/stored" ;;
        *) echo "gh: what is $*" >&2; exit 1 ;;
        esac
    """)
    assert job["env"]["AGENT"] == AGENT

    run(place["run"], PGPASS="*:*:*:*:nothing")
    assert stat.S_IMODE((tmp_path / "runner/pgpass").stat().st_mode) == 0o600
    said = run(rotate["run"])
    stored = json.loads((tmp_path / "runner/stored").read_text())
    new_key = nacl.public.SealedBox(box).decrypt(base64.b64decode(stored["encrypted_value"])).decode()
    assert stored["key_id"] == "77"
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    (tmp_path / "runner/stored").unlink()
    no_leak(said + run(rotate["run"]), new_key, old_key)
    assert not (tmp_path / "runner/stored").exists()
    run(clean["run"])
    assert not (tmp_path / "runner/pgpass").exists()


def test_the_gitlab_job_stores_the_key_once_and_recovers_from_a_failed_upload(relay, database, old_key, tmp_path):
    job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["rotate-relay-key"]
    script = "\n".join(job["script"])
    folder = tmp_path / "runner"
    run = Runs(database, folder, {
        **job["variables"], "RELAY_PGPASS": str(folder / "pgpass"), "RELAY_VARIABLE_TOKEN": str(folder / "token"),
        "CI_API_V4_URL": "https://gitlab.invalid/api/v4", "CI_PROJECT_ID": "7", "GITLAB_CI": "true",
    })  # fmt: skip
    for name in ("pgpass", "token"):
        (folder / name).write_text("x\n")
    assert job["variables"]["AGENT"] == AGENT
    url = "https://gitlab.invalid/api/v4/projects/7/variables/RELAY_API_KEY"
    program(run.programs, "curl", f"""
        [ "${{BROKEN:-}}" = "" ] || exit 22
        [ "${{!#}}" = {url} ]
        for word; do case $word in value=\\<*) cp "${{word#value=<}}" "$HOME/stored" ;; esac; done
    """)

    run(script, check=22, BROKEN="1")
    assert agents.decide(database, old_key) == "ok", "the agent works on"
    relay("rotate-key", AGENT, "--revert", check=0)
    said = run(script)
    new_key = (folder / "stored").read_text()
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    (folder / "stored").unlink()
    no_leak(said + run(script), new_key, old_key)
    assert not (folder / "stored").exists()
    assert not list(folder.glob("tmp.*")), "nothing of it stays on the runner"


# ---- the gateway


def test_the_smallest_gateway_lets_in_whom_it_should(relay, database, old_key):
    python = shutil.which("python3", path="/usr/bin")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"} | gateways.connection_variables(
        database, user=database.gateway_login()
    )

    def ask(key, agent=AGENT):
        done = subprocess.run(
            [python, gateways.KIT / "check_key.py", agent], input=key + "\n", capture_output=True, text=True,
            env=environment, timeout=60, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.returncode, done.stdout.split()

    relay("agent", "update", AGENT, "--add-permission", "stripe:create_payment", check=0)
    assert ask(old_key) == (0, ["ok", "acme-corp", "stripe:create_payment"])
    assert ask(old_key, "somebody-else")[1][0] == "agent_mismatch"
    wrong = old_key[:30] + ("a" if old_key[30] != "a" else "b") + old_key[31:]
    assert ask(wrong) == (1, ["malformed", "-"])
    relay("block", AGENT, check=0)
    assert ask(old_key)[1][0] == "blocked"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") >= 1
