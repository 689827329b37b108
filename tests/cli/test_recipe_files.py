"""The files of the recipes fit together, and keep rules of their platforms that no linter knows; tests/contract/test_platform_rules.py
has those of the linters and schemas."""

import json
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from support import crontab
from support.binaries import tool
from support.example_files import AGENT, EXAMPLES, compose, manifests, pipeline, unit, workflow
from support.recipes import GitHub
from support.web_store import WebStore

# --- all


COMMANDS = {
    "github": (EXAMPLES / "github-actions.yml").read_text(),
    "gitlab": (EXAMPLES / "gitlab-ci.yml").read_text(),
    "kubernetes": (EXAMPLES / "kubernetes-cronjob.yaml").read_text(),
    "cron": (EXAMPLES / "cron/relay-rotate-key").read_text(),
    "docker": (EXAMPLES / "docker/compose.yaml").read_text(),
    "systemd": (EXAMPLES / "systemd/relay-deliver-key@.service").read_text(),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_recipe_acts_by_age_gives_a_grace_and_never_asks(name):
    text = COMMANDS[name]
    assert text.count(" rotate-key ") == 1 and AGENT in text
    for flags in ("--if-older-than 80d", "--grace 72h", "--no-input", "--deliver '"):
        assert text.count(flags) == 1, flags
    assert "--read-back '" in text or name == "github", "GitHub never shows a secret"
    assert "--grace 0" not in text and "--settle" not in text


def test_a_run_that_hangs_fails_before_the_next():
    """Where a run that does not end would prevent those of later days."""
    assert workflow()["jobs"]["rotate"]["timeout-minutes"] == 10 and pipeline()["rotate-relay-key"]["timeout"] == "10 minutes"
    for name in ("relay-deliver-key@", "relay-rotate-key@"):
        assert unit(EXAMPLES / f"systemd/{name}.service")["Service"]["TimeoutStartSec"] == "15min"
    job = manifests()["CronJob"]["spec"]
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 900 and job["startingDeadlineSeconds"] < 86400


# --- GitHub Actions

# The contexts that an expression may use, by where it is; GitHub's documentation, "Context availability".
ALLOWED_CONTEXTS = {
    "workflow": {"github", "secrets", "inputs", "vars"},
    "job": {"github", "needs", "strategy", "matrix", "vars", "secrets", "inputs"},
    "step": {"github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "secrets", "steps", "inputs"},
}


def contexts_in(value):
    """The contexts that the expressions in a part of a workflow use."""
    expressions = re.findall(r"\$\{\{(.*?)\}\}", json.dumps(value))
    return {name for text in expressions for name in re.findall(r"\b([a-z]+)\.", text)}


def test_github_loads_the_workflow():
    """A context that is not known at its place makes GitHub refuse the whole file."""
    whole = workflow()
    assert contexts_in(whole.get("env", {})) <= ALLOWED_CONTEXTS["workflow"]
    for job in whole["jobs"].values():
        assert contexts_in({name: part for name, part in job.items() if name != "steps"}) <= ALLOWED_CONTEXTS["job"]
        for step in job["steps"]:
            assert contexts_in(step) <= ALLOWED_CONTEXTS["step"] and set(step) <= {"name", "id", "if", "env", "run", "uses", "with"}
    assert contexts_in({"a": "${{ runner.temp }}/x"}) == {"runner"}
    # YAML reads a bare `on` as true, GitHub does not.
    assert whole[True]["schedule"][0]["cron"].split()[2:] == ["*", "*", "*"] and whole["permissions"] == {}
    assert whole["jobs"]["rotate"]["env"]["AGENT"] == AGENT


def test_the_password_is_on_the_runner_only_while_the_job_runs(database, tmp_path):
    """The steps before and after the rotation."""
    with WebStore() as web:
        runner = GitHub(database, tmp_path / "runner", web)
    place, _, clean = runner.steps()
    variables = {**runner.environment, **runner.job(AGENT)[1], "PGPASS": "*:*:*:*:nothing"}
    subprocess.run([*runner.shell, place["run"]], env=variables, check=True, capture_output=True)
    name, passfile = (runner.folder / "environment").read_text().strip().split("=")
    assert name == "PGPASSFILE" and stat.S_IMODE(Path(passfile).stat().st_mode) == 0o600
    assert Path(passfile).read_text() == "*:*:*:*:nothing\n" and clean["if"] == "always()"
    subprocess.run([*runner.shell, clean["run"]], env=variables, check=True, capture_output=True)
    assert not Path(passfile).exists()


# --- Kubernetes


def test_the_cron_job_is_whole():
    """What the API server checks, and what it does not: names that refer to each other."""
    documents = manifests()
    versions = {"CronJob": "batch/v1", "ServiceAccount": "v1", "Role": "rbac.authorization.k8s.io/v1",
                "RoleBinding": "rbac.authorization.k8s.io/v1"}  # fmt: skip
    assert {kind: one["apiVersion"] for kind, one in documents.items()} == versions
    spec = documents["CronJob"]["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid" and spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never" and pod["serviceAccountName"] == documents["ServiceAccount"]["metadata"]["name"]
    (volume,), (mount,) = pod["volumes"], pod["containers"][0]["volumeMounts"]
    assert volume["name"] == mount["name"] and mount["readOnly"] is True
    assert volume["secret"]["defaultMode"] == 0o440 and pod["securityContext"]["fsGroup"] == 10001
    assert documents["RoleBinding"]["roleRef"]["name"] == documents["Role"]["metadata"]["name"]
    assert documents["RoleBinding"]["subjects"][0]["name"] == pod["serviceAccountName"]
    # A server-side apply is a patch, and the first one also creates.
    named, any_name = documents["Role"]["rules"]
    assert named == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [f"relay-key-{AGENT}"], "verbs": ["get", "patch"]}
    assert any_name["verbs"] == ["create"]


# --- cron


def test_cron_reads_the_line_as_it_looks():
    path = EXAMPLES / "cron/relay-rotate-key"
    found = crontab.read(path.read_text(), path.name)
    (job,) = found.jobs
    assert found.variables["SHELL"] == "/bin/sh" and "/usr/bin" in found.variables["PATH"] and "@" in found.variables["MAILTO"]
    assert job.times[2:] == ("*", "*", "*") and job.user == "relay-rotate"
    assert shlex.split(job.command)[0] == "relay-admin"


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        ("17 3 * * *", "17 3 * *", "not a time"),
        ("17 3", "17 24", "out of range"),
        ("17 3", "17 3h", "not a time"),
        ("--no-input", "--reason %", "% ends the command"),
        ("PATH=", "PATH=$HOME:", "expands no variables"),
        ("--no-input ", "\\\n", "no continued lines"),
        ("/dev/null\n", "/dev/null", "last line"),
    ],
)
def test_what_cron_would_read_otherwise_is_noticed(right, wrong, says):
    text = (EXAMPLES / "cron/relay-rotate-key").read_text()
    assert right in text
    with pytest.raises(ValueError, match=re.escape(says)):
        crontab.read(text.replace(right, wrong))
    with pytest.raises(ValueError, match="other characters"):
        crontab.read(text, "relay.rotate")


@pytest.mark.parametrize("path", [EXAMPLES / "cron/relay-key-over-ssh"], ids=lambda path: path.name)
def test_shellcheck_has_nothing_against_the_scripts(path):
    done = subprocess.run([tool("shellcheck"), path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert path.stat().st_mode & stat.S_IXUSR


# --- Docker


def test_the_services_of_compose_share_the_folder_and_its_group():
    """What Compose does not check: names that refer to each other, and variables that it would expand itself."""
    document = compose()
    assert set(document) == {"name", "services", "secrets"}
    rotate, agent = document["services"]["rotate"], document["services"][AGENT]
    assert rotate["secrets"] == list(document["secrets"]) == ["dsn"] and rotate["profiles"] == ["rotate"]
    (ours,), (theirs,) = rotate["volumes"], agent["volumes"]
    assert theirs == f"{ours}:ro" and ours.endswith(":/key")
    assert agent["environment"]["RELAY_API_KEY_FILE"] == f"/key/{rotate['environment']['AGENT']}"
    user, group = rotate["user"].split(":")
    assert agent["user"].split(":")[1] == group and agent["user"].split(":")[0] != user
    for service in (rotate, agent):
        assert not re.search(r"\$(?!\$)", json.dumps(service).replace("$$", ""))


# --- systemd


def test_the_unit_runs_as_a_user_that_exists_only_then():
    """DynamicUser: it may write nowhere, and reads what it needs as credentials."""
    service = unit(EXAMPLES / "systemd/relay-deliver-key@.service")["Service"]
    text = (EXAMPLES / "systemd/relay-deliver-key@.service").read_text()
    assert service["DynamicUser"] == "yes" and "ReadWritePaths" not in service
    loaded = set(re.findall(r"^LoadCredential=([^:]+):/etc/relay-admin/\1$", text, re.MULTILINE))
    assert loaded == set(re.findall(r"%d/([a-z-]+)", service["ExecStart"])) == {"dsn", "vault-token"}
    assert not re.search(r"(?<!\$)\$(?!\$)", service["ExecStart"]), "systemd would expand it"
