"""The examples that come with the program do what they say: units, pipelines and the smallest gateway are run for real.

Instead of the real `gh` and `curl`, there are small programs that keep what they get, and answer as the real services do:
GitLab's answer contains the value.
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
    program, *words = shlex.split(command.replace("%d", str(credentials(tmp_path, database.dsn()))))
    assert program == "/usr/bin/relay-admin"
    assert service["LoadCredential"].startswith("dsn:")

    relay = relay.with_(env={"CREDENTIALS_DIRECTORY": tmp_path / "credentials"})
    relay(*words, check=0)
    written = (folder / f"{AGENT}.env").read_text()
    new_key = re.search(r"^RELAY_API_KEY=(\S+)$", written, re.MULTILINE).group(1)
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    relay(*words, check=0)
    assert (folder / f"{AGENT}.env").read_text() == written
    # The unit watches the file that is written, and its service may write there.
    watched = unit(EXAMPLES / "systemd/relay-agent-restart@.path")["Path"]["PathChanged"]
    assert watched in service["ExecStart"] and watched.startswith(service["ReadWritePaths"] + "/")


def credentials(folder, dsn):
    """A folder as systemd makes it for LoadCredential=dsn: the file's mode shows the right that an ACL gives to User=."""
    made = folder / "credentials"
    made.mkdir(exist_ok=True)
    (made / "dsn").write_text(f"{dsn} password=not-needed\n")
    (made / "dsn").chmod(0o440)
    return made


def test_the_service_looks_after_the_audit_trail_by_a_login_of_its_own(relay, database, tmp_path):
    """Also with the flags that its comment proposes, for a member of relay_owner."""
    path = EXAMPLES / "systemd/relay-audit-maintain.service"
    program, *words = shlex.split(unit(path)["Service"]["ExecStart"])
    assert program == "/usr/bin/relay-admin" and words[:2] == ["--dsn-file", "%d/dsn"]
    words = words[2:]
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
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    assert contexts_in(workflow.get("env", {})) <= ALLOWED_CONTEXTS["workflow"]
    for job in workflow["jobs"].values():
        assert contexts_in({name: part for name, part in job.items() if name != "steps"}) <= ALLOWED_CONTEXTS["job"]
        for step in job["steps"]:
            assert contexts_in(step) <= ALLOWED_CONTEXTS["step"] and set(step) <= {"name", "id", "if", "env", "run", "uses", "with"}
    assert contexts_in({"a": "${{ runner.temp }}/x"}) == {"runner"}


@pytest.fixture
def github(database, tmp_path):
    """The workflow's job on a runner, and GitHub's key pair for sealed secrets. BROKEN: the number of uploads that fail."""
    job = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]["rotate"]
    box = nacl.public.PrivateKey.generate()
    public = base64.b64encode(bytes(box.public_key)).decode()
    runner = tmp_path / "runner"
    run = Runs(database, runner, {
        "AGENT": job["env"]["AGENT"], "SECRET": job["env"]["SECRET"], "GITHUB_REPOSITORY": "acme/infra",
        "RUNNER_TEMP": str(runner), "GITHUB_ENV": str(runner / "environment"), "GITHUB_ACTIONS": "true",
    })  # fmt: skip
    program(run.programs, "sleep", "")
    program(run.programs, "gh", f"""
        case "$*" in
        "api repos/acme/infra/actions/secrets/public-key") echo '{{"key_id":"77","key":"{public}"}}' ;;
        "api -X PUT repos/acme/infra/actions/secrets/RELAY_API_KEY --input sealed.json")
            echo x >> "$HOME/tries"
            [ "$(wc -l < "$HOME/tries")" -gt "${{BROKEN:-0}}" ] || {{ echo "gh: HTTP 502" >&2; exit 1; }}
            cp sealed.json "$HOME/stored" ;;
        *) echo "gh: what is $*" >&2; exit 1 ;;
        esac
    """)

    def stored():
        document = json.loads((runner / "stored").read_text())
        assert document["key_id"] == "77"
        return nacl.public.SealedBox(box).decrypt(base64.b64decode(document["encrypted_value"])).decode()

    run.stored = stored
    return run, job


def test_the_github_workflow_stores_a_sealed_key_once(database, old_key, github):
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    # YAML reads a bare `on` as true, GitHub does not.
    assert workflow[True]["schedule"][0]["cron"].split()[2:] == ["*", "*", "*"] and workflow["permissions"] == {}
    run, job = github
    place, rotate, clean = job["steps"]
    assert job["env"]["AGENT"] == AGENT

    run(place["run"], PGPASS="*:*:*:*:nothing")
    name, passfile = (run.folder / "environment").read_text().strip().split("=")
    assert name == "PGPASSFILE" and stat.S_IMODE(Path(passfile).stat().st_mode) == 0o600
    said = run(rotate["run"], PGPASSFILE=passfile)
    new_key = run.stored()
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    (run.folder / "stored").unlink()
    no_leak(said + run(rotate["run"]), new_key, old_key)
    assert not (run.folder / "stored").exists()
    run(clean["run"])
    assert not Path(passfile).exists()


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_the_github_workflow_takes_back_what_it_cannot_store(database, old_key, github, failures):
    run, job = github
    rotate = job["steps"][1]["run"]
    run(rotate, check=1 if failures == 3 else 0, BROKEN=str(failures))
    if failures == 3:
        assert agents.live_key_ids(database) == {agents.key_id(old_key)}, "nothing waits for the end of a grace period"
        run(rotate)  # the next day
    assert agents.decide(database, run.stored()) == "ok" and agents.decide(database, old_key) == "ok"


CURL = """#!/usr/bin/python3
import json, os, sys
# GitLab's API of project variables: PUT and GET answer with the variable, value included.
words, url = sys.argv[1:-1], sys.argv[-1]
if url != "https://gitlab.invalid/api/v4/projects/7/variables/RELAY_API_KEY":
    sys.exit(f"curl: what is {url}")
given = {words[i]: words[i + 1] for i in range(len(words) - 1) if words[i].startswith("-")}
put = given.get("-X") == "PUT"
kept = os.path.join(os.environ["HOME"], "stored")
fails = os.environ.get("BROKEN", "")
if fails == "all" or (fails == "put" and put):
    sys.exit(22)
if put:
    open(kept, "w").write(open(given["--form"].removeprefix("value=<")).read())
    if fails == "answer":
        sys.exit(28)
answer = json.dumps({"variable_type": "env_var", "key": "RELAY_API_KEY", "value": open(kept).read(), "masked": True})
print(answer, file=open(given["--output"], "w") if "--output" in given else sys.stdout)
"""


@pytest.fixture
def gitlab(database, tmp_path):
    """The job's script on a runner. BROKEN: put (refused), answer (stored, but no answer came), all (GitLab is down)."""
    job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["rotate-relay-key"]
    folder = tmp_path / "runner"
    run = Runs(database, folder, {
        **job["variables"], "RELAY_PGPASS": str(folder / "pgpass"), "RELAY_VARIABLE_TOKEN": str(folder / "token"),
        "CI_API_V4_URL": "https://gitlab.invalid/api/v4", "CI_PROJECT_ID": "7", "GITLAB_CI": "true",
    })  # fmt: skip
    for name in ("pgpass", "token"):
        (folder / name).write_text("x\n")
    assert job["variables"]["AGENT"] == AGENT
    (run.programs / "curl").write_text(CURL)
    (run.programs / "curl").chmod(0o755)
    return run, "\n".join(job["script"])


def test_the_gitlab_job_stores_the_key_once_and_prints_nothing_of_it(database, old_key, gitlab):
    run, script = gitlab
    said = run(script)
    new_key = (run.folder / "stored").read_text()
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    (run.folder / "stored").unlink()
    no_leak(said + run(script), new_key, old_key)
    assert not (run.folder / "stored").exists()
    assert not list(run.folder.glob("tmp.*")), "nothing of it stays on the runner"


@pytest.mark.parametrize("broken", ["put", "all"])
def test_the_gitlab_job_takes_back_what_it_cannot_store(database, old_key, gitlab, broken):
    run, script = gitlab
    (run.folder / "stored").write_text(old_key)
    no_leak(run(script, check=1, BROKEN=broken), old_key)
    assert agents.live_key_ids(database) == {agents.key_id(old_key)}, "nothing waits for the end of a grace period"
    run(script)  # the next day
    assert agents.decide(database, (run.folder / "stored").read_text()) == "ok"


def test_the_gitlab_job_keeps_a_key_that_arrived_although_no_answer_came(database, old_key, gitlab):
    run, script = gitlab
    no_leak(run(script, BROKEN="answer"))
    new_key = (run.folder / "stored").read_text()
    assert agents.decide(database, new_key) == "ok" and new_key != old_key


# ---- Kubernetes

KUBECTL = """
    # As kubectl: `apply` prints what it did, `diff` prints the difference and exits 1 if there is one.
    verb=$1; file=$3
    [ "$2" = -f ] && [ -s "$file" ]
    case "$verb" in
    apply)
        [ "${BROKEN:-}" != refused ] && [ "${BROKEN:-}" != down ] || { echo "error: forbidden" >&2; exit 1; }
        cp "$file" "$HOME/stored"; echo "secret/x configured"
        [ "${BROKEN:-}" != answer ] || exit 1 ;;
    diff)
        [ "${BROKEN:-}" != down ] || { echo "error: no route" >&2; exit 2; }
        diff "$HOME/stored" "$file" ;;
    *) exit 64 ;;
    esac
"""


@pytest.fixture
def cron_job(database, tmp_path):
    """The documents of the example, the job's script on a node with a stand-in for kubectl, and the Secret in the cluster."""
    documents = {one["kind"]: one for one in yaml.safe_load_all((EXAMPLES / "kubernetes-cronjob.yaml").read_text())}
    pod = documents["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    shell, flags, script = pod["containers"][0]["command"]
    assert (shell, flags) == ("/bin/bash", "-ec")
    folder = tmp_path / "node"
    run = Runs(database, folder, {one["name"]: one["value"] for one in pod["containers"][0]["env"]})
    program(run.programs, "kubectl", KUBECTL)
    (folder / "dsn").write_text(database.dsn())
    (folder / "keys").mkdir()
    script = script.replace("/etc/relay-admin", str(folder)).replace("/keys/", f"{folder}/keys/")

    def new_pod(**more):
        shutil.rmtree(folder / "keys")
        (folder / "keys").mkdir()
        return run(script, **more)

    return documents, new_pod, folder


def test_the_cron_job_is_whole(cron_job):
    """What the API server checks, and what it does not: names that refer to each other."""
    documents, _, _ = cron_job
    versions = {"CronJob": "batch/v1", "ServiceAccount": "v1", "Role": "rbac.authorization.k8s.io/v1",
                "RoleBinding": "rbac.authorization.k8s.io/v1"}  # fmt: skip
    assert {kind: one["apiVersion"] for kind, one in documents.items()} == versions
    spec = documents["CronJob"]["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid" and spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never" and pod["serviceAccountName"] == documents["ServiceAccount"]["metadata"]["name"]
    assert {one["name"] for one in pod["volumes"]} == {one["name"] for one in pod["containers"][0]["volumeMounts"]}
    assert pod["volumes"][1]["secret"]["defaultMode"] == 0o440 and pod["securityContext"]["fsGroup"] == 10001
    assert documents["RoleBinding"]["roleRef"]["name"] == documents["Role"]["metadata"]["name"]
    assert documents["RoleBinding"]["subjects"][0]["name"] == pod["serviceAccountName"]


def key_in(manifest):
    data = yaml.safe_load(manifest.read_text())
    values = data.get("stringData") or {name: base64.b64decode(value).decode() for name, value in data["data"].items()}
    return data["metadata"]["name"], values["RELAY_API_KEY"]


def test_the_cron_job_stores_the_key_once(database, old_key, cron_job):
    documents, run, folder = cron_job
    said = run()
    name, new_key = key_in(folder / "stored")
    assert name in documents["Role"]["rules"][0]["resourceNames"]
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"
    (folder / "stored").unlink()
    no_leak(said + run(), new_key, old_key)
    assert not (folder / "stored").exists()


@pytest.mark.parametrize("broken", ["refused", "down"])
def test_the_cron_job_takes_back_what_it_cannot_store(database, old_key, cron_job, broken):
    _, run, folder = cron_job
    (folder / "stored").write_text("another version\n")
    no_leak(run(check=1, BROKEN=broken), old_key)
    assert agents.live_key_ids(database) == {agents.key_id(old_key)}
    run()
    assert agents.decide(database, key_in(folder / "stored")[1]) == "ok"


def test_the_cron_job_keeps_a_key_that_arrived_although_no_answer_came(database, old_key, cron_job):
    _, run, folder = cron_job
    no_leak(run(BROKEN="answer"), old_key)
    assert agents.decide(database, key_in(folder / "stored")[1]) == "ok"


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
