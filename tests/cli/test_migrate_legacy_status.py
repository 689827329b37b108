"""migrate-legacy status: the counts, the burn-down, the owners to call, the next steps; for people and for programs."""

import re
from datetime import datetime, timedelta

import pytest

from support.database import Database, make_template
from support.legacy_past import grow_old, import_agents, make_fleet, rewrite
from support.relay import Runner
from support.tmux import terminal

COMMAND = ("migrate-legacy", "status")
BRAILLE = re.compile("[\u2801-\u28ff]")


@pytest.fixture(scope="module")
def scene(cluster, tmp_path_factory):
    """(relay, database, fleet): 60 agents in the ninth of 14 days; nothing here changes it."""
    folder = tmp_path_factory.mktemp("scene")
    database = Database(cluster, template=make_template(cluster))
    relay = Runner(dsn=database.dsn(), cwd=folder)
    yield relay, database, make_fleet(relay, database, folder)
    relay.close()
    database.drop()


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def status(relay, *words, check=0):
    return relay.json(*COMMAND, *words, check=check)["data"]


def left_at(database, when):
    """How many were left at a time, by the tables themselves."""
    return database.value(
        "SELECT count(*) FILTER (WHERE listed_at <= %s) - count(*) FILTER (WHERE proven_at <= %s) "
        "FROM relay.legacy_agents LEFT JOIN relay.proven_agents USING (agent_id)",
        when, when,
    )  # fmt: skip


def test_the_figures_are_those_of_the_tables(scene):
    relay, database, fleet = scene
    data = status(relay)
    counts = data["counts"]
    assert (counts["total"], counts["proven"], counts["listed"]) == (fleet.size, fleet.proven, fleet.without_key)
    assert (counts["on_shared_secret"], counts["silent"], counts["never_seen"]) == (fleet.active, fleet.silent, fleet.never_seen)
    points = data["burn_down"]
    assert 50 < len(points) <= 182
    for point in points:
        assert point["left"] == left_at(database, at(point["at"]) + timedelta(milliseconds=1)), point  # it is rounded down
    assert points[-1] == {"at": points[-1]["at"], "total": fleet.size, "left": fleet.left}
    times = [at(point["at"]) for point in points]
    opened, now = at(data["opened_at"]), datetime.fromisoformat(points[-1]["at"][:-1] + "+00:00")
    assert (
        times == sorted(times)
        and times[0] == opened
        and abs(now - at(data["deadline"]) + timedelta(days=5)) < timedelta(minutes=5)
    )
    assert all(time.minute == time.second == 0 and time.hour % 3 == 0 for time in times[1:-1])


def test_the_end_is_estimated_by_the_pace_so_far(scene):
    relay, database, fleet = scene
    data = status(relay)
    pace, now = data["pace"], at(data["burn_down"][-1]["at"])
    proven = database.value("SELECT count(*) FROM relay.proven_agents WHERE proven_at > %s", at(pace["since"]))
    assert now - at(pace["since"]) == timedelta(days=7) and pace["proven"] == proven > 0
    expected = now + timedelta(days=7) * fleet.left / proven
    assert abs(at(data["estimated_end_at"]) - expected) < timedelta(seconds=2)
    assert data["late"] is (expected > at(data["deadline"])) is True


def test_stragglers_stand_by_what_they_do_and_owners_by_what_is_with_them(scene):
    relay, database, fleet = scene
    data = status(relay)
    kinds = [agent["activity"] for agent in data["stragglers"]]
    assert kinds == ["on_shared_secret"] * fleet.active + ["silent"] * fleet.silent + ["never_seen"] * fleet.never_seen
    seen = [agent["last_seen_at"] for agent in data["stragglers"] if agent["last_seen_at"]]
    assert seen == sorted(seen, reverse=True)
    for owner in data["owners"]:
        rows = database.one(
            "SELECT count(*) AS left, count(*) FILTER (WHERE issued_key IS NULL) AS listed FROM relay.legacy_agents "
            "LEFT JOIN relay.proven_agents AS p USING (agent_id) WHERE p.agent_id IS NULL AND "
            "(owner = %s OR (owner IS NULL AND legacy_agents.org_id = %s))",
            owner["owner"], owner["org_id"],
        )  # fmt: skip
        assert {key: owner[key] for key in rows} == rows and (owner["owner"] is None) is (owner["org_id"] is not None)
    on_secret = [owner["on_shared_secret"] for owner in data["owners"]]
    assert on_secret == sorted(on_secret, reverse=True) and sum(owner["left"] for owner in data["owners"]) == fleet.left


def test_people_are_told_the_days_that_are_left_and_what_is_next(scene):
    relay, _, fleet = scene
    shown = relay(*COMMAND, check=0)
    assert re.search(r"^Window: +open until \S+Z: 5 days left$", shown.out, re.M)
    assert re.search(rf"^On their own key: +{fleet.proven} \(60 %\)$", shown.out, re.M)
    assert re.search(r"^Done by: +\S+Z \(in \d days\), \d+ (hours|days?) after the deadline$", shown.out, re.M)
    assert not BRAILLE.search(shown.out), "the chart is for terminals"
    for heading in ("Whom to call:", "On the shared secret:", "Silent:", "Never seen:"):
        assert f"\n{heading}\n" in shown.out
    nexts = [line for line in shown.err.splitlines() if line.startswith("next: ")]
    assert nexts[0].startswith("next: relay-admin migrate-legacy issue --all --secrets-dir issued-keys  # 6 agents have no key")
    assert re.match(r"next: relay-admin migrate-legacy extend --deadline \d+d --reason 'more time to move'  # at the current pace", nexts[1])
    assert relay(*COMMAND, "-q", check=0).err == ""


def test_twenty_of_a_kind_unless_all_are_asked_for(relay, database, tmp_path):
    make_fleet(relay, database, tmp_path, size=60, proven=1, active=25, silent=2, without_key=59)
    few, everyone = status(relay), status(relay, "--all")
    assert [len(data["stragglers"]) for data in (few, everyone)] == [42, 59]
    assert [agent["activity"] for agent in few["stragglers"]].count("on_shared_secret") == 20
    assert "17 more not shown; use --all to show every agent" in relay(*COMMAND).err
    assert len(status(relay, "--html", tmp_path / "page.html")["stragglers"]) == 42, "the page alone has more"


@pytest.mark.parametrize("columns", [100, 60, 42])
def test_a_terminal_gets_a_chart_that_fits(scene, columns):
    relay, _, fleet = scene
    with terminal(relay, "relay-admin migrate-legacy status --no-pager", columns=columns, lines=36) as pane:
        assert pane.finish() == 0
        lines = pane.everything()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"Agents left: {fleet.left} of {fleet.size}."))
    end = next(i for i, line in enumerate(lines) if "┬" in line)
    chart = lines[begin : end + 2]
    assert len(chart) == 15 and max(map(len, chart[1:])) <= columns
    assert chart[1].startswith("60 ┤⠉") and chart[7].startswith("30 ┤") and chart[13].startswith(" 0 └┬")
    assert ("now" in chart[14] or columns < 50) and chart[14].endswith("deadline") and re.search(r"\d\d-\d\d", chart[14])
    # The fleet is above the even pace: the line comes down to where 24 of 60 are left, at nine fourteenths of the way.
    drawn = [(x, y) for y, line in enumerate(chart[1:13]) for x, sign in enumerate(line[4:]) if BRAILLE.match(sign)]
    now = (columns - 4) * 9 / 14
    assert any(abs(x - now) <= 2 and abs(y - 12 * (1 - 24 / 60)) <= 1 for x, y in drawn)


def test_a_terminal_without_utf_8_gets_it_in_ascii_and_a_narrow_one_none(scene):
    relay, _, _ = scene
    with terminal(relay, "relay-admin migrate-legacy status --no-pager", columns=80, lines=24, env={"LC_ALL": "C"}) as pane:
        assert pane.finish() == 0
        lines = pane.everything()
    chart = lines[next(i for i, line in enumerate(lines) if line.startswith("Agents left:")) :][:11]
    assert all(line.isascii() for line in chart) and chart[1].startswith("60 +***") and chart[9].startswith(" 0 ++---")
    assert "." in "".join(chart[1:9]) and "deadline" in chart[10]
    with terminal(relay, "relay-admin migrate-legacy status --no-pager", columns=38, lines=24) as pane:
        assert pane.finish() == 0
        assert "Agents left" not in "\n".join(pane.everything())


def test_a_fleet_that_nobody_leaves_has_no_end_in_sight(relay, database, tmp_path):
    make_fleet(relay, database, tmp_path, size=12, proven=0, active=2, silent=1, without_key=0, age="2 hours", length="1 day")
    data = status(relay)
    assert (data["estimated_end_at"], data["late"], data["pace"]["proven"]) == (None, None, 0)
    assert at(data["pace"]["since"]) == at(data["opened_at"])
    steps = [at(point["at"]) for point in data["burn_down"]]
    assert {b - a for a, b in zip(steps[1:-2], steps[2:-1])} == {timedelta(minutes=15)}
    shown = relay(*COMMAND, check=0)
    assert "unknown (no agent left the list lately)" in shown.out and ": 22 hours left" in shown.out
    assert "next: 2 agents still use the shared secret: call team-" in shown.err


def test_waves_count_from_when_they_were_listed_and_revoked_ones_are_not_left(relay, database, tmp_path):
    import_agents(relay, tmp_path, [(f"agent-{n}", "o", None) for n in range(10)])
    (tmp_path / "first").write_text("".join(f"agent-{n}\n" for n in range(4)))
    relay("migrate-legacy", "start", "--deadline", "10d", "--agents", tmp_path / "first", check=0)
    relay("migrate-legacy", "start", check=0)
    relay("revoke", "agent-1", check=0)
    rewrite(
        database,
        "UPDATE relay.legacy_migrations SET opened_at = now() - interval '4 days', deadline = now() + interval '6 days'",
        "UPDATE relay.legacy_agents SET listed_at = now() - make_interval(days => CASE wave WHEN 1 THEN 4 ELSE 2 END)",
        "UPDATE relay.revocations SET at = now() - interval '1 day'",
    )
    points = status(relay)["burn_down"]
    seen = [(point["total"], point["left"]) for point in points]
    assert list(dict.fromkeys(seen)) == [(4, 4), (10, 10), (10, 9)]
    assert seen[-1] == (10, 9) and status(relay)["counts"]["revoked"] == 1
    relay("revoke", "--org", "o", "--confirm", "o", check=0)
    assert status(relay, "--exit-code")["burn_down"][-1]["left"] == 0, "nobody is waited for who is revoked"


def next_commands(relay, check):
    data = status(relay, "--exit-code", check=check)
    return data["state"], [step["command"] or step["what"] for step in data["next_steps"]]


def test_every_state_has_its_exit_code_and_its_next_step(relay, database, tmp_path):
    start = "relay-admin migrate-legacy start"
    assert next_commands(relay, 0) == ("none", ["no agents imported yet: use migrate-legacy import FILE"])
    import_agents(relay, tmp_path, [(f"agent-{n}", "o", "team") for n in range(3)])
    assert next_commands(relay, 10) == ("none", [f"{start} --deadline 14d"])
    (tmp_path / "first").write_text("agent-0\n")
    relay("migrate-legacy", "start", "--deadline", "9d", "--agents", tmp_path / "first", check=0)
    issue = "relay-admin migrate-legacy issue --all --secrets-dir issued-keys"
    state, (gateways, *steps) = next_commands(relay, 10)
    assert (state, steps) == ("open", [issue, start]) and gateways.startswith("no gateway has asked this database")
    rewrite(
        database, "UPDATE relay.legacy_migrations SET opened_at = now() - interval '9 days', deadline = now() - interval '2 days'"
    )
    assert next_commands(relay, 10) == ("expired", ["relay-admin migrate-legacy extend --deadline 7d --reason 'more time to move'", issue])
    assert re.search(r"^Window: +expired 2 days ago, at \S+Z: the shared secret is closed$", relay(*COMMAND).out, re.M)
    relay("migrate-legacy", "abort", check=0)
    rewrite(database, "UPDATE relay.legacy_migrations SET deadline = now() + interval '9 days'")
    assert next_commands(relay, 10) == ("aborted", [f"{start} --deadline 14d"])
    relay("migrate-legacy", "abort", "--deny-all", "--confirm", "legacy-off", check=0)
    assert next_commands(relay, 10) == ("denied", [f"{start} --deadline 14d"])
    relay("migrate-legacy", "start", "--deadline", "5d", check=0)
    relay("migrate-legacy", "issue", "--all", "--secrets-dir", tmp_path, "-q", check=0)
    finish = "relay-admin migrate-legacy finish"
    grow_old(database)
    assert next_commands(relay, 10) == ("open", [f"{finish} --allow-never-seen 3"]), "none of them uses the shared secret"
    rewrite(
        database,
        "INSERT INTO relay.proven_agents (agent_id, org_id, key_id) SELECT agent_id, org_id, issued_key FROM relay.legacy_agents",
    )
    assert next_commands(relay, 0) == ("open", [finish])
    assert "no agents are left" in relay(*COMMAND).err
    done = relay("migrate-legacy", "finish", "--confirm", "legacy-off", check=0)
    assert re.search("^Set in the relay: +ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false$", done.out, re.M)
    state, steps = next_commands(relay, 0)
    assert state == "finished" and "ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false" in steps[0]
    assert status(relay)["estimated_end_at"] is None


def test_a_finished_window_waits_for_nobody(relay, database, tmp_path):
    make_fleet(relay, database, tmp_path, size=12, proven=4, active=3, silent=0, without_key=2)
    relay("migrate-legacy", "finish", "--allow-active", "3", "--allow-never-seen", "5", "--confirm", "legacy-off", check=0)
    data = status(relay, "--exit-code", check=0)
    assert data["counts"]["listed"] + data["counts"]["issued"] == 8 and data["left_seconds"] is None
    assert data["burn_down"][-1]["left"] == 8


def test_who_may_only_read_may_look(scene):
    relay, database, _ = scene
    auditor = relay.with_(dsn=database.dsn(user=database.cluster.login("legacy_auditor", member_of="relay_auditor")))
    assert auditor(*COMMAND, check=0).out.startswith("Window:")
