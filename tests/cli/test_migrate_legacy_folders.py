"""migrate-legacy issue --group-by and --manifest: a folder for each owner, and the list of what was issued."""

import csv
import re

import pytest

from support import sampling
from support.agents import key_id
from support.legacy_issue import KEY, enlist, issue, live_keys, on_disk
from support.strace import Tracer

# Folders ------------------------------------------------------------------------------------------------------------------

NAMES = {
    "Agent.0000": "Team A",
    "Agent.0001": "team a",
    "Agent.0002": "team-a",
    "Agent.0003": "../../../etc",
    "Agent.0004": "-rf",
    "Agent.0005": "=HYPERLINK(\"http://x\",\"y\")",
    "Agent.0006": "Zoë, \"ops\"",
    "Agent.0007": "ops@example.com",
    "Agent.0008": "ж" * 100,
    "Agent.0009": None,
}


def give_owners(database):
    for agent, owner in NAMES.items():
        database.execute("UPDATE relay.legacy_agents SET owner = %s WHERE agent_id = %s", owner, agent)


def held_in(folder):
    """{agent: key id} of the files in folders; fails if an agent has two."""
    found = {}
    for path in folder.rglob("*"):
        for key in KEY.findall(path.read_bytes()) if path.is_file() and path.suffix in (".key", ".env", ".json") else ():
            agent = path.name.rpartition(".")[0]
            assert agent not in found, f"two files of {agent}"
            found[agent] = key_id(key.decode())
    return found


def test_each_owner_has_a_folder_and_nobody_shares_one(relay, database, tmp_path):
    enlist(relay, tmp_path, 10)
    give_owners(database)
    issue(relay, "--all", "--secrets-dir", "out", "--group-by", "owner", "--secret-format", "env")
    folders = {path.name: sorted(file.name for file in path.iterdir()) for path in (tmp_path / "out").iterdir()}
    assert len(folders) == 10 and all(len(files) == 1 for files in folders.values())
    assert folders["team-a"] == ["Agent.0002.env"] and folders["ops@example.com"] == ["Agent.0007.env"]
    assert folders["_no-owner"] == ["Agent.0009.env"]
    assert len({name.lower() for name in folders}) == 10
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    assert held_in(tmp_path / "out") == live_keys(database)
    assert {path.name for path in tmp_path.iterdir()} == {"agents.csv", "home", "out"}


def test_each_organization_has_a_folder(relay, database, tmp_path):
    enlist(relay, tmp_path, 4)
    (tmp_path / "p.csv").write_text("agent_id,org_id\nother,p\n")
    relay("migrate-legacy", "import", "p.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", check=0)
    done = issue(relay, "other", "--secrets-dir", "out", "--group-by", "org")
    assert done["delivered_to"] == "file:out/p/other.key"
    issue(relay, "--all", "--secrets-dir", "out", "--group-by", "org")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"o", "p"}
    assert held_in(tmp_path / "out") == live_keys(database)


@pytest.mark.parametrize("found", ["a symbolic link", "a file", "writable for others"])
def test_a_folder_that_is_not_ours_alone_is_refused(relay, database, tmp_path, found):
    enlist(relay, tmp_path, 6)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    place = tmp_path / "out" / "team-1"
    if found == "a symbolic link":
        place.symlink_to(tmp_path / "elsewhere")
    elif found == "a file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o770)
    relay.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--group-by", "owner", check=12)
    assert live_keys(database) == {} and not list((tmp_path / "elsewhere").iterdir())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"team-1"}, "what was made is taken back"


def test_killed_in_folders_it_converges_and_recover_looks_into_them(relay, database, tmp_path):
    enlist(relay, tmp_path, 120)
    words = ("migrate-legacy", "issue", "--next", "4", "--batch", "4", "--secrets-dir", "out", "--group-by", "owner")
    words = (*words, "--manifest", "issued.csv")
    tracer = Tracer()
    _, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
    points = tracer.points(calls, names=("write", "fsync", "linkat", "unlinkat", "sendto", "mkdirat", "renameat"))
    chosen = sampling.sample("kill -9: issue in groups", points, lambda point: [point.name], times=2, full=False)  # the list must last
    reached = 0
    for number, point in enumerate(chosen):
        _, happened = tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*words), point.kill())
        reached += happened
        lost = set(live_keys(database).values()) - {key_id(key) for key in on_disk(tmp_path)}
        assert not lost, f"{point}: live keys that nobody holds: {lost}"
        if number % 2:
            relay("recover", "--dir", "out", check=0)
            assert not list((tmp_path / "out").rglob("*.new"))
    assert reached >= 0.75 * len(chosen)
    issue(relay, *words[2:-2], "--manifest", "issued.csv", check=0)
    issue(relay, "--all", *words[6:])
    assert held_in(tmp_path / "out") == live_keys(database) and len(live_keys(database)) == 120
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix == ".new"]
    rows = read_manifest(tmp_path / "issued.csv")
    assert {row["agent_id"]: row["key_id"] for row in rows} == live_keys(database) and len(rows) == 120


# The manifest -------------------------------------------------------------------------------------------------------------


def read_manifest(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_manifest_lists_each_key_once_and_no_secret(relay, database, tmp_path):
    enlist(relay, tmp_path, 10)
    give_owners(database)
    relay("rotate-key", "Agent.0001", "--secret-file", "by-hand", check=0)
    sink = ("--secrets-dir", "out", "--group-by", "owner", "--manifest", "out/issued.csv")
    assert issue(relay, "--next", "4", *sink)["manifest"] == "out/issued.csv"
    assert len(read_manifest(tmp_path / "out/issued.csv")) == 5
    issue(relay, "--all", *sink)
    path = tmp_path / "out/issued.csv"
    assert path.stat().st_mode & 0o777 == 0o600 and not KEY.search(path.read_bytes())
    rows = {row["agent_id"]: row for row in read_manifest(path)}
    assert {agent: row["key_id"] for agent, row in rows.items()} == live_keys(database) and len(rows) == 10
    for agent, row in rows.items():
        defused = "'" if (NAMES[agent] or "").startswith(("=", "-")) else ""
        assert row["owner"] == defused + (NAMES[agent] or "") and (row["org_id"], row["wave"]) == ("o", "1")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["issued_at"])
        if agent == "Agent.0001":
            assert row["file"] == ""
        else:
            assert row["key_id"] in (tmp_path / "out" / row["file"]).read_text()
    before = path.read_bytes()
    path.unlink()
    again = relay.json("migrate-legacy", "issue", "--all", *sink)
    assert not again["changed"] and path.read_bytes() == before
    path.chmod(0o640)
    issue(relay, "--all", "--deliver", "false", "--manifest", "out/issued.csv")
    assert path.stat().st_mode & 0o777 == 0o640 and len(read_manifest(path)) == 10


def test_the_manifest_of_an_organization(relay, database, tmp_path):
    enlist(relay, tmp_path, 3)
    (tmp_path / "p.csv").write_text("agent_id,org_id\nother,p\n")
    relay("migrate-legacy", "import", "p.csv", "--create-orgs", check=0)
    relay("migrate-legacy", "start", check=0)
    issue(relay, "--all", "--secret-file", "keys", "--secret-format", "json")
    issue(relay, "--all", "--org", "p", "--deliver", "false", "--manifest", "p-issued.csv")
    assert [row["agent_id"] for row in read_manifest(tmp_path / "p-issued.csv")] == ["other"]


@pytest.mark.parametrize("found", ["somebody's file", "a folder", "a symbolic link"])
def test_what_is_no_manifest_is_left_alone(relay, database, tmp_path, found):
    enlist(relay, tmp_path, 2)
    path = tmp_path / "issued.csv"
    if found == "a folder":
        path.mkdir()
    elif found == "a symbolic link":
        (tmp_path / "target").write_text("agent_id,org_id,owner,wave,key_id,issued_at,file\n")
        path.symlink_to("target")
    else:
        path.write_text("agent_id,precious\n")
    relay.error("migrate-legacy", "issue", "--all", "--secrets-dir", "out", "--manifest", "issued.csv", check=12)
    assert live_keys(database) == {} and not (tmp_path / "out").exists()


def test_keys_whose_manifest_cannot_be_written_are_issued_all_the_same(relay, database, tmp_path):
    enlist(relay, tmp_path, 2)
    (tmp_path / "m").mkdir()
    words = ("--all", "--manifest", "m/issued.csv", "--deliver", "cat > got; rm -rf m; touch m")
    done = relay.json("migrate-legacy", "issue", *words, check=7)
    assert done["data"]["issued"] == 2 and done["data"]["manifest"] is None
    assert "the manifest was not written" in done["warnings"][0]


def test_a_run_that_fails_half_way_leaves_the_manifest_of_what_is_done(relay, database, tmp_path):
    enlist(relay, tmp_path, 9)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "out" / "Agent.0005.key").write_text("in the way")
    relay.error("migrate-legacy", "issue", "--all", "--batch", "3", "--secrets-dir", "out", "--manifest", "m.csv", check=12)
    rows = read_manifest(tmp_path / "m.csv")
    assert {row["agent_id"]: row["key_id"] for row in rows} == live_keys(database) and len(rows) == 3
    relay.json("migrate-legacy", "issue", "--all", "--secrets-dir", "other", "--manifest", "m.csv", "--dry-run")
    assert len(read_manifest(tmp_path / "m.csv")) == 3
