"""metrics: numbers in Prometheus' text format, read by Prometheus' own parsers; and the alert rules and the dashboard that use them."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.agents import digest, key_id
from support.cards import card
from support.prepared import prepared
from support.promtool import promtool

EXAMPLES = Path(__file__).resolve().parents[2] / "cli/examples/prometheus"


def play(scene):
    assert scene.relay("metrics", check=0).out.startswith("# HELP relay_admin_info")
    scene.fail(2, "metrics", "--by", "agent")


@prepared
def acme(relay):
    for org in ("acme", "globex"):
        relay("org", "create", org, "--name", org, "--plan", "paid", check=0)
    return relay


def create(relay, agent, org="acme"):
    relay("agent", "create", agent, "--org", org, "--name", agent, "--secret-file", f"{agent}.key", check=0)


def families(text):
    """The metrics by name, each with its samples: {labels: value}."""
    return {family.name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples} for family in text_string_to_metric_families(text)}


def numbers(relay, *words):
    return families(relay("metrics", *words, check=0).out)


def of(found, name, **labels):
    return found[name][tuple(sorted(labels.items()))]


# --- the format


def test_every_metric_has_a_help_a_type_and_a_unit_and_names_no_agent(acme):
    create(acme, "bot")
    text = acme("metrics", "--by", "org", check=0).out
    assert text.endswith("\n") and "\n\n" not in text and "bot" not in text
    described = re.findall(r"^# HELP (\S+) \S.*\n# TYPE \1 gauge\n\1[ {]", text, re.M)
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    assert len(described) == len(set(described)) and set(described) == names
    assert not any(name.endswith("_total") for name in names)
    checked = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and checked.stdout + checked.stderr == "", checked


def test_an_empty_database_has_all_series(relay):
    found = numbers(relay)
    assert {labels[0][1]: value for labels, value in found["relay_keys"].items()} == dict.fromkeys(("staged", "active", "retiring", "expired", "retired", "revoked"), 0)
    assert of(found, "relay_keys_overdue") == of(found, "relay_oldest_active_key_age_seconds") == of(found, "relay_last_rotation_timestamp_seconds") == 0
    assert not any(name.startswith("relay_org_") for name in found)


def test_a_name_of_the_database_cannot_leave_its_label(relay):
    relay("config", "name", 'a"} 1\\', check=0)
    (labels,) = numbers(relay)["relay_admin_info"]
    assert dict(labels)["database"] == 'a"} 1\\'


def test_the_numbers_of_two_databases_are_different_series(acme):
    acme("config", "name", "eu", check=0)
    for name, series in numbers(acme, "--by", "org").items():
        assert all(dict(labels)["database"] == "eu" for labels in series), name


# --- the numbers


@prepared
def fleet(acme, database, tmp_path):
    """acme: an overdue key, a key due soon, a rotated one whose new key is unused, one used, a blocked and a revoked agent."""
    for agent in ("late", "soon", "rotated", "seen", "blocked", "gone"):
        create(acme, agent)
    create(acme, "other", org="globex")
    for agent, days in (("late", 100), ("soon", 80)):
        database.execute("UPDATE relay.agent_keys SET created_at = now() - %s * interval '1 day', due_at = now() + (90 - %s) * interval '1 day' WHERE agent_id = %s", days, days, agent)  # fmt: skip
    for agent in ("rotated", "seen"):
        acme("rotate-key", agent, "--secret-file", f"{agent}.2", check=0)
    key = (tmp_path / "seen.2").read_text()
    database.execute("SELECT relay_api.authenticate(%s, %s)", key_id(key), digest(key))
    acme("block", "blocked", check=0)
    acme("revoke", "gone", check=0)
    return acme


def test_the_numbers_are_those_of_the_lists(fleet, database):
    found = numbers(fleet)
    for table, name, label in (("agent_status", "relay_agents", "status"), ("key_status", "relay_keys", "status")):
        for row in database.rows(f"SELECT status, count(*) AS n FROM relay.{table} GROUP BY 1"):
            assert of(found, name, **{label: row["status"]}) == row["n"], (name, row)
        assert sum(found[name].values()) == database.value(f"SELECT count(*) FROM relay.{table}")
    assert of(found, "relay_keys_overdue") == len(fleet.json("key", "due", check=10)["items"]) == 1
    assert of(found, "relay_keys_due") == len(fleet.json("key", "due", "--within", "14d", check=10)["items"]) == 2
    assert of(numbers(fleet, "--within", "1d"), "relay_keys_due") == 1
    assert 100 * 86400 <= of(found, "relay_oldest_active_key_age_seconds") < 101 * 86400
    assert of(found, "relay_keys_unused_replacements") == 1
    clock = database.value("SELECT extract(epoch FROM now())")
    assert abs(of(found, "relay_last_rotation_timestamp_seconds") - float(clock)) < 600
    assert abs(of(found, "relay_admin_last_success_timestamp_seconds") - float(clock)) < 600


def test_unused_replacements_are_what_doctor_warns_of(fleet, database):
    """Not a revoked new key, a blocked agent, a longer grace, a used key; also a staged key that has settled."""
    def unused():
        item = next(item for item in fleet.json("doctor", check=None)["items"] if item["check"] == "keys.unused")
        count = of(numbers(fleet), "relay_keys_unused_replacements")
        assert item["status"] == ("warn" if count else "ok") and (not count or item["message"].startswith(f"{count:.0f} agent")), item
        return count

    for agent, grace in (("leaked", "24h"), ("stopped", "24h"), ("slow", "7d")):
        create(fleet, agent)
        new = fleet.json("rotate-key", agent, "--grace", grace, "--secret-file", f"{agent}.2")["data"]["key_id"]
        if agent == "leaked":
            assert unused() == 2
            fleet("revoke", "--key", new, check=0)
    fleet("block", "stopped", check=0)
    assert unused() == 1
    database.execute(
        "UPDATE relay.agent_keys SET state = 'staged', deliver_until = now() - interval '1 min', settle_until = now() - interval '1 min'"
        " WHERE agent_id = 'rotated' AND state = 'active'"
    )
    assert unused() == 1
    database.execute("UPDATE relay.agent_keys SET settle_until = now() + interval '1 min' WHERE agent_id = 'rotated' AND state = 'staged'")
    assert unused() == 0


def test_revocations_of_every_kind_count_as_in_the_list(fleet, database):
    """Of a key, of an organization, lifted, and of an agent whose key is newer than the lifting."""
    fleet("revoke", "--key", database.value("SELECT key_id FROM relay.agent_keys WHERE agent_id = 'soon'"), check=0)
    fleet("restore", "gone", "--secret-file", "gone.2", "--yes", check=0)
    fleet("revoke", "--org", "globex", "--confirm", "globex", check=0)
    database.execute("UPDATE relay.agent_keys SET expires_at = now() - interval '1 s' WHERE agent_id = 'late'")
    for lifted in (False, True):
        if lifted:
            fleet("restore", "--org", "globex", "--yes", "--confirm", "globex", check=0)
        found = numbers(fleet)
        wanted = {row["status"]: row["n"] for row in database.rows("SELECT status, count(*) AS n FROM relay.key_status GROUP BY 1")}
        assert {labels[0][1]: value for labels, value in found["relay_keys"].items() if value} == wanted
        agents = {row["status"]: row["n"] for row in database.rows("SELECT status, count(*) AS n FROM relay.agent_status GROUP BY 1")}
        assert {labels[0][1]: value for labels, value in found["relay_agents"].items() if value} == agents
    assert of(found, "relay_keys_overdue") == len(fleet.json("key", "due", check=10)["items"]) == 3, "late has expired, soon and other have no key"


def test_agents_that_run_and_those_that_are_late(fleet, database):
    for agent, late in (("late", True), ("soon", False), ("other", False)):
        database.execute("SELECT relay_api.register(%s, %s, lease => '10 minutes')", agent, json.dumps(card()))
        if late:
            database.execute("UPDATE relay.agent_leases SET beat_at = beat_at - interval '5 minutes', ends_at = ends_at - interval '5 minutes'")
    found = numbers(fleet, "--by", "org")
    assert (of(found, "relay_agents_running"), of(found, "relay_agents_late")) == (3, 1)
    counted = {org: (of(found, "relay_org_agents_running", org=org), of(found, "relay_org_agents_late", org=org)) for org in ("acme", "globex")}
    assert counted == {"acme": (2, 1), "globex": (1, 0)}
    database.execute("UPDATE relay.agent_leases SET ends_at = now()")
    assert of(numbers(fleet), "relay_agents_running") == 0


def test_by_org_adds_the_parts(fleet, database):
    database.execute("SELECT relay_api.register('soon', %s)", json.dumps(card()))
    found = numbers(fleet, "--by", "org")
    assert of(found, "relay_org_keys_overdue", org="acme") == 1 and of(found, "relay_org_keys_overdue", org="globex") == 0
    for name in ("agents", "keys", "keys_due", "keys_overdue", "keys_unused_replacements", "refused_calls_last_hour", "agents_running"):
        assert sum(found[f"relay_org_{name}"].values()) == sum(found[f"relay_{name}"].values()), name
    fleet("metrics", "--by", "agent", check=2)


def test_refused_calls_and_the_shared_secret(fleet, database, tmp_path):
    key = (tmp_path / "late.key").read_text()
    for _ in range(3):
        database.execute("SELECT relay_api.authenticate(%s, %s)", key_id(key), b"x" * 32)
    (tmp_path / "inventory.csv").write_text("agent_id,org_id,name\nold-1,acme,Old\nold-2,acme,Old\n")
    fleet("migrate-legacy", "import", "inventory.csv", check=0)
    fleet("migrate-legacy", "start", "--deadline", "14d", "--yes", check=0)
    found = numbers(fleet)
    assert of(found, "relay_refused_calls_last_hour") == 3
    assert of(found, "relay_legacy_agents", state="listed") == 2 and of(found, "relay_legacy_agents", state="proven") == 0


def test_an_auditor_may_read_them(fleet, database):
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE metrics_reader LOGIN IN ROLE relay_auditor")
    try:
        fleet.with_(dsn=database.dsn(user="metrics_reader"))("metrics", "--by", "org", check=0)
    finally:
        database.execute("DROP ROLE metrics_reader")


# --- the file


def test_the_file_is_replaced_in_one_step_and_readable_for_the_collector(fleet, tmp_path):
    result = fleet("metrics", "--textfile", "relay.prom", check=0)
    file = tmp_path / "relay.prom"
    assert result.out == "" and stat.S_IMODE(file.stat().st_mode) == 0o644
    first = file.stat().st_ino
    file.chmod(0o640)
    create(fleet, "more")
    fleet("metrics", "--textfile", str(file), "--by", "org", check=0)
    assert file.stat().st_ino != first and stat.S_IMODE(file.stat().st_mode) == 0o640
    assert of(families(file.read_text()), "relay_org_agents", org="acme", status="active") == 5
    assert [name for name in os.listdir(tmp_path) if "prom" in name] == ["relay.prom"], "no draft is left"


def test_a_failure_leaves_the_file_as_it_is(fleet, database, tmp_path):
    fleet("metrics", "--textfile", "relay.prom", check=0)
    before = (tmp_path / "relay.prom").read_bytes()
    fleet.with_(dsn="host=/nowhere-at-all dbname=none")("metrics", "--textfile", "relay.prom", check=8)
    assert (tmp_path / "relay.prom").read_bytes() == before
    (tmp_path / "mine.prom").write_text("my_own 1\n")
    assert "was not made by this command" in fleet("metrics", "--textfile", "mine.prom", check=5).err
    assert (tmp_path / "mine.prom").read_text() == "my_own 1\n"
    fleet("metrics", "--textfile", "nowhere/relay.prom", check=12)
    fleet("metrics", "--textfile", "/dev/null", check=5)


# --- rules and dashboard


@pytest.fixture(scope="module")
def printed():
    """The names that metrics prints: those of the source are compared with a real run in the tests above."""
    manual = subprocess.run([os.environ["RELAY_ADMIN"], "metrics", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  (relay_\w+) ", manual, re.M))


def metrics_in(expression):
    return set(re.findall(r"\brelay_\w+", expression))


def test_the_manual_names_every_metric(fleet, printed):
    assert printed == {name for name in numbers(fleet)}


def test_promtool_accepts_the_rules_and_their_test(tmp_path):
    for path in EXAMPLES.glob("*.yml"):
        shutil.copy(path, tmp_path)
    subprocess.run([promtool(), "check", "rules", "relay.rules.yml"], cwd=tmp_path, check=True)
    subprocess.run([promtool(), "test", "rules", "relay.rules.test.yml"], cwd=tmp_path, check=True)


def test_every_rule_is_tested_and_about_a_metric_that_is_printed(printed):
    rules = yaml.safe_load((EXAMPLES / "relay.rules.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((EXAMPLES / "relay.rules.test.yml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if "exp_alerts" in one}
    assert fired == {rule["alert"] for rule in rules}
    for rule in rules:
        assert metrics_in(rule["expr"]) and metrics_in(rule["expr"]) <= printed, rule["expr"]


def test_the_dashboard_shows_metrics_that_are_printed(printed):
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) and dashboard["uid"]
    by_org = {name.replace("relay_", "relay_org_", 1) for name in printed}
    shown = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert metrics_in(target["expr"]) and metrics_in(target["expr"]) <= printed | by_org, target["expr"]
            shown |= metrics_in(target["expr"])
    assert printed - shown <= {"relay_admin_info"}
