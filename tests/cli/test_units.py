"""The systemd units that come with the program: systemd accepts them, and what they start is run for real."""

import os
import re
import shlex
import subprocess

import pytest
from support import agents, audit_months
from support.binaries import relay_admin, tool
from support.example_files import AGENT, EXAMPLES, unit
from support.prepared import prepared
from support.store import pass_time

FOLDER = EXAMPLES / "systemd"
UNITS = sorted(FOLDER.iterdir())
INSTALLED = "/usr/bin/relay-admin"


@prepared
def old_key(relay, database, tmp_path):
    """The agent of the examples, with a key that is 81 days old; returns the key."""
    key = agents.first_agent(relay, tmp_path / "old.key", org="acme-corp", agent=AGENT)
    pass_time(database, days=81)
    return key


def verify(folder, texts):
    """What `systemd-analyze verify` has against the units {name: text}, and its exit code."""
    folder.mkdir()
    for name, text in texts.items():
        # Looks like a machine where the program is installed; verify checks that it is there.
        (folder / name).write_text(text.replace(INSTALLED, str(relay_admin())))
        (folder / name.replace("@", f"@{AGENT}")).write_text((folder / name).read_text())
    given = [folder / name.replace("@", f"@{AGENT}") for name in texts]
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *given], capture_output=True, text=True, timeout=60,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if "relay-" in line], done.returncode


def test_systemd_has_nothing_against_the_units(tmp_path):
    assert verify(tmp_path / "units", {path.name: path.read_text() for path in UNITS}) == ([], 0)


@pytest.mark.parametrize(
    "right, wrong",
    [("Type=oneshot", "Type=onesht"), ("LoadCredential=dsn:", "LoadCredential="), ("ExecStart=/usr/bin/", "ExecStart="),
     ("DynamicUser=yes", "DynamicUser=perhaps"), ("--deliver 'VAULT", "--deliver 'VAULT'\"")],
)  # fmt: skip
def test_systemd_sees_what_is_wrong(tmp_path, right, wrong):
    text = (FOLDER / "relay-deliver-key@.service").read_text()
    assert right in text
    lines, code = verify(tmp_path / "units", {"relay-deliver-key@.service": text.replace(right, wrong)})
    assert lines or code


@pytest.mark.parametrize("name", ["relay-rotate-key@", "relay-deliver-key@", "relay-audit-maintain"])
def test_the_timer_runs_every_day_and_catches_up(name):
    timer = unit(FOLDER / f"{name}.timer")["Timer"]
    shown = subprocess.run(
        [tool("systemd-analyze"), "calendar", "--iterations=2", timer["OnCalendar"]],
        capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"},
    ).stdout  # fmt: skip
    assert "Normalized form: *-*-* 00:00:00" in shown
    assert timer["Persistent"] == "yes"


def credentials(folder, dsn):
    """A folder as systemd makes it for LoadCredential=dsn: the file's mode shows the right that an ACL gives to User=."""
    made = folder / "credentials"
    made.mkdir(exist_ok=True)
    (made / "dsn").write_text(f"{dsn} password=not-needed\n")
    (made / "dsn").chmod(0o440)
    return made


def words_of(service, folder, dsn):
    """The words of ExecStart after the program, for the instance of the agent, with credentials in `folder`."""
    program, *words = shlex.split(service["ExecStart"].replace("%i", AGENT).replace("%d", str(credentials(folder, dsn))))
    assert program == INSTALLED
    assert service["LoadCredential"].startswith("dsn:")
    return words


def test_the_service_rotates_an_old_key_and_leaves_a_young_one(relay, database, old_key, tmp_path):
    service = unit(FOLDER / "relay-rotate-key@.service")["Service"]
    folder = tmp_path / "etc"
    folder.mkdir()
    words = [word.replace("/etc/relay-agent", str(folder)) for word in words_of(service, tmp_path, database.dsn())]

    relay = relay.with_(env={"CREDENTIALS_DIRECTORY": tmp_path / "credentials"})
    relay(*words, check=0)
    written = (folder / f"{AGENT}.env").read_text()
    new_key = re.search(r"^RELAY_API_KEY=(\S+)$", written, re.MULTILINE).group(1)
    assert agents.decide(database, new_key) == "ok" and agents.decide(database, old_key) == "ok"

    relay(*words, check=0)
    assert (folder / f"{AGENT}.env").read_text() == written
    # The unit watches the file that is written, and its service may write there.
    watched = unit(FOLDER / "relay-agent-restart@.path")["Path"]["PathChanged"]
    assert watched in service["ExecStart"] and watched.startswith(service["ReadWritePaths"] + "/")


def test_the_service_looks_after_the_audit_trail_by_a_login_of_its_own(relay, database, tmp_path):
    """Also with the flags that its comment proposes, for a member of relay_owner."""
    path = FOLDER / "relay-audit-maintain.service"
    program, *words = shlex.split(unit(path)["Service"]["ExecStart"])
    assert program == INSTALLED and words[:2] == ["--dsn-file", "%d/dsn"]
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


def test_the_service_writes_numbers_for_prometheus_as_an_auditor(relay, database, old_key, tmp_path):
    """Its login reads only, and the collector's folder is the only one in which it may write."""
    service = unit(FOLDER / "relay-metrics.service")["Service"]
    words = words_of(service, tmp_path, database.dsn(user=database.cluster.login("metrics", member_of="relay_auditor")))
    textfile = words[words.index("--textfile") + 1]
    assert textfile.startswith(service["ReadWritePaths"] + "/") and textfile.endswith(".prom")
    folder = tmp_path / "collector"
    folder.mkdir()
    words = [word.replace(service["ReadWritePaths"], str(folder)) for word in words]
    relay = relay.with_(env={"CREDENTIALS_DIRECTORY": tmp_path / "credentials"}, dsn=None)
    for keys in (1, 2):  # the next run replaces the file
        relay(*words, check=0)
        (written,) = folder.iterdir()
        assert f'relay_keys{{status="active"}} {keys}\n' in written.read_text() and written.stat().st_mode & 0o444 == 0o444
        relay.with_(dsn=database.dsn())("agent", "create", f"more-{keys}", "--org", "acme-corp", "--name", "M", "--secret-file", f"k{keys}", check=0)
    assert unit(FOLDER / "relay-metrics.timer")["Timer"]["OnCalendar"] == "*:0/5"
