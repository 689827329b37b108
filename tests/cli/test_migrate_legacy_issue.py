"""migrate-legacy issue: each agent gets one key, however the run ends, and every live key was delivered."""

import json
import random
import threading

import pytest

from support import sampling, strace
from support.agents import digest, key_id
from support.legacy_issue import enlist, issue, live_keys, on_disk
from support.strace import Tracer

LINES = ("--secret-file", "keys.jsonl", "--secret-format", "json")
FOLDER = ("--secrets-dir", "out")


def assert_all_held(database, folder):
    held = {key_id(key) for key in on_disk(folder)}
    lost = set(live_keys(database).values()) - held
    assert not lost, f"live keys that nobody holds: {lost}"


def assert_settled(database, folder, count):
    """Each of `count` agents has one key; it works; the files hold those and nothing else."""
    live = live_keys(database)
    keys = on_disk(folder)
    assert len(live) == count and {key_id(key) for key in keys} == set(live.values()) and len(keys) == count
    for key in random.Random(1).sample(sorted(keys), 5):
        assert database.value("SELECT (relay_api.authenticate(%s, %s)).reason", key_id(key), digest(key)) == "ok"
    assert not [path for path in folder.rglob("*") if path.suffix in (".new", ".batch")]
    for path in folder.rglob("*.jsonl"):
        lines = path.read_text().splitlines()
        assert len(set(lines)) == len(lines) and all(json.loads(line) for line in lines)
    noted = database.rows("SELECT agent_id, issued_key FROM relay.legacy_agents WHERE issued_key IS NOT NULL")
    assert {row["agent_id"]: row["issued_key"] for row in noted} == live
    told = database.rows("SELECT agent_id, key_id FROM relay.auth_events WHERE action = 'key_issued'")
    assert sorted((row["agent_id"], row["key_id"]) for row in told) == sorted(live.items())


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_every_agent_of_the_list_gets_one_key(relay, database, tmp_path, sink):
    enlist(relay, tmp_path, 320)
    done = issue(relay, "--next", "7", *sink)
    assert (done["issued"], done["batches"], done["waiting"]) == (7, 1, 313)
    done = issue(relay, "--all", "--batch", "100", *sink)
    assert (done["issued"], done["batches"], done["waiting"]) == (313, 4, 0)
    assert_settled(database, tmp_path, 320)
    again = relay.json("migrate-legacy", "issue", "--all", *sink)
    assert again["changed"] is False and again["data"]["issued"] == 0


def test_a_line_says_whose_key_it_is(relay, database, tmp_path):
    enlist(relay, tmp_path, 3)
    issue(relay, "--all", *LINES)
    lines = [json.loads(line) for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert (tmp_path / "keys.jsonl").stat().st_mode & 0o777 == 0o600
    live = live_keys(database)
    for line in lines:
        assert line.keys() == {"agent_id", "org_id", "key_id", "api_key"} and line["org_id"] == "o"
        assert key_id(line["api_key"]) == line["key_id"] == live[line["agent_id"]]


def test_named_agents(relay, database, tmp_path):
    enlist(relay, tmp_path, 6)
    relay("revoke", "Agent.0005", check=0)
    done = issue(relay, "Agent.0001", "Agent.0003", *FOLDER)
    assert done["issued"] == 2 and done["unchanged"] == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"Agent.0001.key", "Agent.0003.key"}
    done = issue(relay, "Agent.0001", "Agent.0002", "nobody", "Agent.0005", *FOLDER, check=7)
    assert (done["issued"], done["unchanged"]) == (1, ["Agent.0001"])
    assert {fault["agent_id"]: fault["reason"] for fault in done["faults"]} == {
        "nobody": "it was not imported", "Agent.0005": "it is revoked"}  # fmt: skip


def test_an_organization_among_the_agents_is_recognized(relay, database, tmp_path):
    enlist(relay, tmp_path, 2)
    document = relay.json("migrate-legacy", "issue", "Agent.0001", "o", "nobody", *FOLDER, check=7)
    assert document["data"]["issued"] == 1 and len(document["data"]["faults"]) == 2
    assert document["warnings"] == ["o: it was not imported; o is an organization: relay-admin org show o"]


def test_the_waves_go_one_after_the_other_and_an_organization_alone(relay, database, tmp_path):
    enlist(relay, tmp_path, 10, start=False)
    (tmp_path / "wave").write_text("Agent.0008\nAgent.0009\n")
    relay("migrate-legacy", "start", "--deadline", "14d", "--agents", tmp_path / "wave", check=0)
    (tmp_path / "b.csv").write_text("agent_id,org_id\nAAA,p\n")
    relay("migrate-legacy", "import", tmp_path / "b.csv", "--create-orgs", check=0)
    assert issue(relay, "Agent.0001", *FOLDER, check=7)["faults"][0]["reason"].startswith("it is not on the list")
    relay("migrate-legacy", "start", check=0)
    issue(relay, "--next", "2", *FOLDER)
    assert live_keys(database).keys() == {"Agent.0008", "Agent.0009"}
    assert issue(relay, "--all", "--org", "p", *FOLDER)["issued"] == 1
    assert issue(relay, "--all", *FOLDER)["issued"] == 8


def test_who_is_revoked_gets_none_and_who_is_blocked_does(relay, database, tmp_path):
    enlist(relay, tmp_path, 4)
    relay("revoke", "Agent.0001", check=0)
    relay("block", "Agent.0002", check=0)
    assert issue(relay, "--all", *LINES)["issued"] == 3
    assert live_keys(database).keys() == {"Agent.0000", "Agent.0002", "Agent.0003"}


def test_a_key_by_another_way_is_enough(relay, database, tmp_path):
    enlist(relay, tmp_path, 3)
    relay("rotate-key", "Agent.0001", "--secret-file", tmp_path / "k", check=0)
    assert issue(relay, "--all", *FOLDER)["issued"] == 2
    assert database.value("SELECT issued_key FROM relay.legacy_agents WHERE agent_id = 'Agent.0001'") == live_keys(database)["Agent.0001"]


def test_it_needs_an_open_window_and_a_sink_for_many(relay, database, tmp_path):
    enlist(relay, tmp_path, 3, start=False)
    relay.error("migrate-legacy", "issue", "--all", *FOLDER, check=5)
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    for sink in ((), ("--secret-stdout",), ("--secret-file", "k"), ("--secret-file", "k", "--secret-format", "env"),
                 ("--secret-file", "k.batch", "--secret-format", "json"), (*LINES, "--replace")):  # fmt: skip
        relay.error("migrate-legacy", "issue", "--all", *sink, check=2)
    for who in ((), ("--all", "--next", "1"), ("Agent.0001", "--all"), ("Agent.0001", "--org", "o")):
        relay.error("migrate-legacy", "issue", *who, *FOLDER, check=2)
    relay("migrate-legacy", "abort", check=0)
    relay.error("migrate-legacy", "issue", "--all", *FOLDER, check=5)
    assert live_keys(database) == {} and not (tmp_path / "out").exists()


def test_a_dry_run_makes_nothing(relay, database, tmp_path):
    enlist(relay, tmp_path, 30)
    done = relay.json("migrate-legacy", "issue", "--all", "--batch", "7", *LINES, "--dry-run")
    assert done["dry_run"] and done["data"]["issued"] == 30 and done["data"]["delivered_to"] is None
    assert live_keys(database) == {} and not (tmp_path / "keys.jsonl").exists()


def test_an_agent_that_the_database_refuses_fails_alone(relay, database, tmp_path):
    enlist(relay, tmp_path, 40)
    database.execute("ALTER TABLE relay.agent_keys ADD CONSTRAINT not_these CHECK (agent_id NOT IN ('Agent.0013', 'Agent.0031'))")
    for sink in (LINES, FOLDER):
        done = issue(relay, "--next", "20", "--batch", "10", *sink, check=7)
        assert done["issued"] in (18, 20), done
    done = issue(relay, "--all", *LINES, check=7)
    assert sorted(fault["agent_id"] for fault in done["faults"]) == ["Agent.0013", "Agent.0031"] and done["waiting"] == 2
    database.execute("ALTER TABLE relay.agent_keys DROP CONSTRAINT not_these")
    assert issue(relay, "--all", *LINES)["issued"] == 2
    assert_settled(database, tmp_path, 40)


def test_a_file_that_is_not_of_earlier_batches_is_left_alone(relay, database, tmp_path):
    enlist(relay, tmp_path, 2)
    for name, content, mode in (("of somebody", "precious\n", 0o600), ("for others", '{"agent_id":"x"}\n', 0o644)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    for name in ("of somebody", "for others", "folder"):
        relay.error("migrate-legacy", "issue", "--all", "--secret-file", name, "--secret-format", "json", check=12)
    assert (tmp_path / "of somebody").read_text() == "precious\n" and live_keys(database) == {}


def test_a_file_in_the_way_stops_it_and_loses_nothing(relay, database, tmp_path):
    enlist(relay, tmp_path, 10)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "out" / "Agent.0007.key").write_text("in the way")
    error = relay.error("migrate-legacy", "issue", "--all", "--batch", "3", *FOLDER, check=12)
    assert "Agent.0007.key exists" in error["message"] and error["changed"] == "partly"
    assert len(live_keys(database)) == 6
    (tmp_path / "out" / "Agent.0007.key").unlink()
    assert issue(relay, "--all", "--batch", "3", *FOLDER)["issued"] == 4
    assert_settled(database, tmp_path, 10)


def test_operators_share_the_work(relay, database, tmp_path):
    enlist(relay, tmp_path, 900)
    results = []

    def run(number):
        sink = ("--secrets-dir", f"out{number}") if number == 0 else ("--secret-file", f"k{number}", "--secret-format", "json")
        results.append(issue(relay, "--all", "--batch", "20", *sink))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["issued"] for result in results) == 900
    assert_settled(database, tmp_path, 900)


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_killed_anywhere_it_goes_on_from_the_database_alone(relay, database, tmp_path, sink):
    """kill -9 at the entry of one system call after the other; each run settles what the run before it left."""
    enlist(relay, tmp_path, 300)
    words = ("migrate-legacy", "issue", "--next", "6", "--batch", "3", *sink)
    tracer = Tracer()
    result, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
    assert result.code == 0, result
    names = ("write", "fsync", "linkat", "unlinkat", "sendto", "openat", "fchmod")
    points = tracer.points(calls, names=names)
    # Each name twice, since the list must not run out of agents. All points: tests/fault/test_kill_issue.py
    chosen = sampling.sample(f"kill -9: issue {sink[0]}", points, lambda point: [point.name], times=2, full=False)
    reached = 0
    for point in chosen:
        result, happened = tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*words), point.kill())
        assert result.was_killed == happened, f"{point}\n{result}"
        reached += happened
        assert_all_held(database, tmp_path)
    assert reached >= 0.75 * len(chosen)
    issue(relay, "--all", *sink)
    assert_settled(database, tmp_path, 300)


def test_a_large_batch_is_flushed_once_and_every_call_of_it_may_fail(relay, database, tmp_path):
    """Forty files share one syncfs, and are named after it. If syncfs is refused, each file is flushed separately."""
    enlist(relay, tmp_path, 400)
    words = ("migrate-legacy", "issue", "--next", "40", *FOLDER)
    tracer = Tracer()

    def run(prefix):
        return relay.with_(prefix=prefix)(*words)

    result, calls = tracer.record(run)
    assert result.code == 0, result
    names = [call.name for call in calls]
    first_link = names.index("linkat")
    assert names.count("syncfs") == 1 and names.index("syncfs") < first_link and names.count("linkat") == 40
    last_link = len(names) - 1 - names[::-1].index("linkat")
    commit = next(place for place, call in enumerate(calls) if place > last_link and call.sends_commit)
    assert names[last_link:commit].count("fsync") == 1 and names.count("fsync") <= 3  # around the new folder, before and after the commit
    for injection, code in (
        ("inject=syncfs:error=EIO:when=1", 0),
        ("inject=syncfs:error=EIO:when=1 inject=fsync:error=EIO:when=30", 12),
        ("inject=fsync:error=EIO:when=1", 12),
        ("inject=linkat:error=ENOSPC:when=20", 12),
        ("inject=write:error=ENOSPC:when=30", 12),
        ("inject=openat:error=EMFILE:when=60", 12),
    ):
        before = live_keys(database)
        result, happened = tracer.inject(run, *injection.split())
        assert happened and result.code == code, f"{injection}\n{result}"
        assert len(live_keys(database)) == len(before) + (40 if code == 0 else 0), injection
        assert_settled(database, tmp_path, len(live_keys(database)))
    for name, number in (("syncfs", 1), ("linkat", 1), ("linkat", 25), ("unlinkat", 1), ("unlinkat", 25), ("fsync", 2)):
        tracer.inject(run, f"inject={name}:signal=SIGKILL:when={number}")
        assert_all_held(database, tmp_path)
    issue(relay, "--all", *FOLDER)
    assert_settled(database, tmp_path, 400)


def test_a_batch_takes_no_more_open_files_than_it_is_given(relay, database, tmp_path):
    enlist(relay, tmp_path, 300)
    result = relay.with_(prefix=("prlimit", "--nofile=100:100"))("migrate-legacy", "issue", "--all", *FOLDER, "--json", check=0)
    assert json.loads(result.out)["data"]["batches"] == 9
    assert_settled(database, tmp_path, 300)


def test_recover_settles_a_batch_that_was_left(relay, database, empty_database, tmp_path):
    enlist(relay, tmp_path, 20)
    words = ("migrate-legacy", "issue", "--next", "5", *LINES)
    relay(*words, check=0)
    tracer = Tracer()
    _, calls = tracer.record(lambda prefix: relay.with_(prefix=prefix)(*words))
    commits = [call for call in calls if call.sends_commit]
    after = [call for call in calls[calls.index(commits[-1]):] if call.name in ("write", "pwrite64")][:1] or commits[-1:]
    point = strace.Point(after[0].name, after[0].number)
    tracer.inject(lambda prefix: relay.with_(prefix=prefix)(*words), point.kill())
    elsewhere = relay.with_(dsn=empty_database.dsn()).json("recover", "--dir", ".", check=7)
    assert "keys.jsonl.batch of an earlier run belongs to another database" in elsewhere["items"][0]["error"]["message"]
    relay("recover", "--dir", ".", check=0)
    assert_settled(database, tmp_path, len(live_keys(database)))


@pytest.mark.parametrize("sink", [LINES, FOLDER], ids=["lines", "folder"])
def test_a_batch_that_must_run_again_begins_with_new_keys(relay, database, tmp_path, sink):
    """A serialization failure at COMMIT, when the batch has already been delivered: those keys are dead, and no agent
    keeps one."""
    enlist(relay, tmp_path, 9)
    database.execute(
        "CREATE SEQUENCE public.tries; GRANT ALL ON public.tries TO PUBLIC;"
        "CREATE FUNCTION public.fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF nextval('public.tries') IN (1, 2) THEN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END IF;"
        "  RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER fail_at_first AFTER INSERT ON relay.agent_keys DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.fail_at_first()"
    )
    assert issue(relay, "--all", *sink)["issued"] == 9
    assert database.value("SELECT last_value FROM public.tries") >= 3
    assert_settled(database, tmp_path, 9)
